"""The shapes of docs/log-format.md, to hold payloads against, as verify.py reads them, and those of docs/json.md."""

import re

from verify import Map, require

TOKEN = re.compile(r"\s*([A-Za-z][\w-]*|\"[\w.-]+\"|\.\.\.|[={}()\[\],:?|])")


class Grammar:
    """The shapes of a document."""

    def __init__(self, document):
        text = re.search(r"```shapes\n(.*?)```", document, re.S)[1]
        self.tokens, self.shapes = TOKEN.findall(text), {}
        while self.tokens:
            name = self.next()
            self.expect("=")
            self.shapes[name] = self.alternatives()

    def next(self):
        return self.tokens.pop(0)

    def peek(self, ahead=0):
        return self.tokens[ahead] if len(self.tokens) > ahead else None

    def expect(self, token):
        found = self.next()
        assert found == token, f"{found} where {token} is due"

    def alternatives(self):
        """One type, or variants: a name each, alone, with fields or with values."""
        if self.peek() == "{" or self.peek() in ("[", "("):
            return self.type()
        variants = {}
        while True:
            name = self.next()
            body = {"{": self.fields, "(": self.tuple}.get(self.peek(), lambda: None)()
            variants[name] = body
            if self.peek() != "|":
                return ("variants", variants)
            self.next()

    def type(self):
        made = {"{": self.fields, "(": self.tuple, "[": self.list}.get(self.peek(), lambda: ("name", self.next()))()
        if self.peek() == "?":
            self.next()
            return ("or nil", made)
        return made

    def fields(self):
        self.expect("{")
        fields = []
        while self.peek() != "}":
            fields.append(self.field())
            if self.peek() == ",":
                self.next()
        self.next()
        return ("fields", fields)

    def field(self):
        name, absent = self.next(), self.peek() == "?"
        if absent:
            self.next()
        self.expect(":")
        return name, absent, self.type()

    def tuple(self):
        self.expect("(")
        types = [self.type()]
        while self.next() == ",":
            types.append(self.type())
        return ("tuple", types)

    def list(self):
        self.expect("[")
        inner = self.type()
        self.expect("]")
        return ("list", inner)

    def payload(self, value):
        """Refuses what is no payload."""
        self.named("Payload", value, "payload")

    def check(self, shape, value, place):
        kind, inner = shape
        if kind == "name":
            self.named(inner, value, place)
        elif kind == "or nil":
            if value is not None:
                self.check(inner, value, place)
        elif kind == "list":
            require(isinstance(value, list) and not isinstance(value, Map), f"{place}: no list")
            for item in value:
                self.check(inner, item, place)
        elif kind == "tuple":
            require(isinstance(value, list) and len(value) == len(inner), f"{place}: no {len(inner)} values")
            for part, item in zip(inner, value):
                self.check(part, item, place)
        elif kind == "fields":
            require(isinstance(value, Map), f"{place}: no map")
            left = list(value)
            for name, absent, part in inner:
                there = bool(left) and left[0][0] == name
                require(there or absent, f"{place}: {name} is not where it belongs")
                if there:
                    self.check(part, left.pop(0)[1], f"{place}.{name}")
            require(not left, f"{place}: {left[:1]} is not described")
        else:
            self.variant(inner, value, place)

    def variant(self, variants, value, place):
        bare = isinstance(value, str)
        require(bare or isinstance(value, Map) and len(value) == 1, f"{place}: {value!r} is no alternative")
        name, rest = (value, None) if bare else value[0]
        require(name in variants and (variants[name] is None) == bare, f"{place}: {name} is not described")
        if not bare:
            kind, inner = variants[name]
            # One value stands by itself, several in an array.
            body = inner[0] if kind == "tuple" and len(inner) == 1 else variants[name]
            self.check(body, rest, name)

    def named(self, name, value, place):
        if name in self.shapes:
            self.check(self.shapes[name], value, name)
        elif name.startswith("bytes"):
            require(isinstance(value, bytes) and len(value) == int(name[5:]), f"{place}: no {name}")
        else:
            kind, least = {"number": (int, 0), "time": (int, -1 << 63), "text": (str, None)}[name]
            require(isinstance(value, kind) and (least is None or value >= least), f"{place}: no {name}")
