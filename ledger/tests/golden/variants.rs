//! Which variants of nested types an event can hold, and which of them were seen.
//!
//! The variants are asked of the types themselves: deserializing names every one that it would take.

use std::collections::{BTreeMap, BTreeSet};

use courier_ledger::{
    Command, Drift, Event, Evidence, FailureClass, Found, Phase, Placement, PublishedSeen,
    RemoteAfterFailure, Removal, Replaces, Unseen, UploadReason,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Words by the field that held them.
#[derive(Default)]
pub(crate) struct Seen(BTreeMap<String, BTreeSet<String>>);

impl Seen {
    /// Takes in an event as JSON.
    pub(crate) fn take_in(&mut self, event: &Value) {
        self.value("event", event);
    }

    fn value(&mut self, field: &str, value: &Value) {
        let mut word = |word: &str| {
            let words = self.0.entry(field.to_owned()).or_default();
            words.insert(word.to_owned());
        };
        match value {
            Value::Null => word("(none)"),
            Value::String(text) => word(text),
            Value::Object(fields) => {
                fields.keys().for_each(|name| word(name));
                fields
                    .iter()
                    .for_each(|(name, value)| self.value(name, value));
            }
            Value::Array(values) => {
                if values.is_empty() {
                    word("(empty)");
                }
                values.iter().for_each(|value| self.value(field, value));
            }
            Value::Bool(_) | Value::Number(_) => word("(some)"),
        }
    }

    /// What no event held.
    pub(crate) fn missing(&self) -> Vec<String> {
        // `event` and its like hold variants with fields as one-entry objects.
        let fields = [
            ("event", of::<Event>()),
            ("command", of::<Command>()),
            ("reason", of::<UploadReason>()),
            ("replaces", of::<Replaces>()),
            ("evidence", of::<Evidence>()),
            ("removal", of::<Removal>()),
            ("placement", of::<Placement>()),
            ("found", of::<Found>()),
            ("unseen", of::<Unseen>()),
            ("phase", of::<Phase>()),
            ("class", of::<FailureClass>()),
            ("remote", of::<RemoteAfterFailure>()),
            ("drift", of::<Drift>()),
            ("seen", of::<PublishedSeen>()),
        ];
        let options = [
            "temporary",
            "published",
            "last_update",
            "deleted",
            // The second half of a node's pair.
            "nodes",
        ];
        let lists = ["nodes", "changed", "gone", "unreadable", "settled"];
        let words = |field: &str| self.0.get(field).cloned().unwrap_or_default();
        let mut missing: Vec<String> = fields
            .iter()
            .flat_map(|(field, variants)| variants - &words(field))
            .collect();
        let mut demand = |held: bool, what: String| {
            if !held {
                missing.push(what);
            }
        };
        for field in options {
            let words = words(field);
            demand(words.contains("(none)"), format!("{field}: none"));
            demand(words.len() > 1, format!("{field}: some"));
        }
        for field in lists {
            let words = words(field);
            demand(words.contains("(empty)"), format!("{field}: empty"));
            demand(words.len() > 1, format!("{field}: something"));
        }
        missing
    }
}

/// The names of a type's variants, out of what it says of a name that is none.
fn of<T: DeserializeOwned>() -> BTreeSet<String> {
    let said = match serde_json::from_str::<T>(r#""?""#) {
        Ok(_) => panic!("no variant is called ?"),
        Err(error) => error.to_string(),
    };
    let (_, variants) = said.split_once("expected").expect("names what it expects");
    let variants = variants.split('`').skip(1).step_by(2).map(str::to_owned);
    let variants: BTreeSet<_> = variants.collect();
    assert!(variants.len() > 1, "{said}");
    variants
}
