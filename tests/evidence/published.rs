//! The published schemas of what `--json` writes: `docs/schemas/`.

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// The schemas of this version, each without room for what it does not name.
pub(crate) struct Published {
    schemas: Schemas,
    compiler: Compiler,
}

impl Published {
    /// Those below the folder of the project.
    pub(crate) fn of(project: &Path) -> Self {
        let mut compiler = Compiler::new();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(project.join("docs/schemas")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let mut schema: Value = serde_json::from_str(&text).unwrap();
            close(&mut schema);
            let name = schema["$id"].as_str().unwrap().to_owned();
            schema.as_object_mut().unwrap().remove("$id");
            compiler.add_resource(&address(&name), schema).unwrap();
            names.push(name);
        }
        assert_eq!(names.len(), 6, "{names:?}");
        Self {
            schemas: Schemas::new(),
            compiler,
        }
    }

    /// Holds what a command wrote against the schema that it names.
    pub(crate) fn hold(&mut self, told: &Value) {
        let name = told["schema"].as_str().unwrap().to_owned();
        self.hold_by(&name, told);
    }

    /// Holds it against that schema.
    pub(crate) fn hold_by(&mut self, name: &str, told: &Value) {
        let index: SchemaIndex = self
            .compiler
            .compile(&address(name), &mut self.schemas)
            .unwrap();
        if let Err(error) = self.schemas.validate(told, index) {
            panic!("not by {name}: {error:#}\n{told:#}");
        }
    }
}

fn address(name: &str) -> String {
    format!("file:///{name}")
}

/// Readers pass over what they do not know; here it would be what the schema does not say.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
