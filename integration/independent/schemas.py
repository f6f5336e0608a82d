#!/usr/bin/env python3
"""Writes docs/schemas/ from the shapes of docs/json.md and docs/log-format.md, as JSON Schema 2020-12.

python3 schemas.py           # writes them
python3 schemas.py --check   # says which are not as they would be written
"""

import json
import os
import re
import sys

from shapes import Grammar
from verify import contents

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOLDER = os.path.join(ROOT, "docs", "schemas")
TIME = r"^-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
BUILT_IN = {
    "number": {"type": "integer", "minimum": 0},
    "integer": {"type": "integer"},
    "text": {"type": "string"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time", "pattern": TIME},
}


class JsonGrammar(Grammar):
    """Shapes with what JSON has besides: alternatives of objects, texts that are given, fields of another shape."""

    def alternatives(self):
        if self.peek() != "{":
            return super().alternatives()
        objects = [self.type()]
        while self.peek() == "|":
            self.next()
            objects.append(self.type())
        return objects[0] if len(objects) == 1 else ("one of", objects)

    def fields(self):
        kind, fields = super().fields()
        # A field that is called as the type of texts stands for keys of any name.
        return ("any keys", fields[0][2]) if [name for name, *_ in fields] == ["text"] else (kind, fields)

    def field(self):
        if self.peek() != "...":
            return super().field()
        self.next()
        return (self.next(),)


class Schema:
    """The schema of one shape, with the definitions that it needs."""

    def __init__(self, shapes):
        self.shapes, self.definitions = shapes, {}

    def whole(self, name, title):
        schema = self.of(self.shapes[name])
        definitions = {key: self.definitions[key] for key in sorted(self.definitions)}
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"broker-courier.{name}.1",
                "title": title}
        return {**head, **schema, **({"$defs": definitions} if definitions else {})}

    def of(self, shape):
        kind, inner = shape
        if kind == "name":
            return self.named(inner)
        if kind == "or nil":
            return {"anyOf": [self.of(inner), {"type": "null"}]}
        if kind == "list":
            return {"type": "array", "items": self.of(inner)}
        if kind == "tuple":
            return {"type": "array", "prefixItems": [self.of(part) for part in inner], "minItems": len(inner),
                    "maxItems": len(inner)}
        if kind == "any keys":
            return {"type": "object", "additionalProperties": self.of(inner)}
        if kind == "one of":
            return {"oneOf": [self.of(part) for part in inner]}
        if kind == "fields":
            return self.object(self.spread(inner))
        return self.variants(inner)

    def spread(self, fields):
        """The fields with those of the shapes that they name."""
        for name, *field in fields:
            if field:
                yield name, *field
            else:
                yield from self.spread(self.shapes[name][1])

    def object(self, fields):
        fields = list(fields)
        return {"type": "object", "properties": {name: self.of(part) for name, _, part in fields},
                "required": [name for name, absent, _ in fields if not absent]}

    def variants(self, variants):
        bare = [name for name, body in variants.items() if body is None]
        schemas = [{"enum": bare}] if bare else []
        for name, body in variants.items():
            if body is not None:
                kind, inner = body
                body = inner[0] if kind == "tuple" and len(inner) == 1 else body
                schemas.append({"type": "object", "properties": {name: self.of(body)}, "required": [name],
                                "additionalProperties": False})
        return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}

    def named(self, name):
        if name.startswith('"'):
            return {"const": name.strip('"')}
        if name in BUILT_IN:
            return BUILT_IN[name]
        if re.fullmatch(r"bytes\d+", name):
            return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * int(name[5:])}}}$"}
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.of(self.shapes[name])
        return {"$ref": f"#/$defs/{name}"}


def schemas():
    """The text of each schema, by the command whose output it describes."""
    page = contents(os.path.join(ROOT, "docs", "json.md")).decode()
    shapes = JsonGrammar(contents(os.path.join(ROOT, "docs", "log-format.md")).decode()).shapes
    own = JsonGrammar(page).shapes
    assert not set(shapes) & set(own), f"twice: {set(shapes) & set(own)}"
    shapes.update(own)
    for name in re.findall(r"\(schemas/(\w+)\.schema\.json\)", page):
        title = f"What `broker-courier {name} --json` writes"
        yield name, json.dumps(Schema(shapes).whole(name, title), indent=2) + "\n"


def main():
    os.makedirs(FOLDER, exist_ok=True)
    other = []
    for name, text in schemas():
        path = os.path.join(FOLDER, f"{name}.schema.json")
        if "--check" not in sys.argv:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        elif not os.path.exists(path) or contents(path).decode() != text:
            other.append(os.path.relpath(path, ROOT))
    if other:
        sys.exit(f"not as docs/json.md has it, python3 integration/independent/schemas.py writes it: {', '.join(other)}")


if __name__ == "__main__":
    main()
