//! The JSON Schema of the file, for editors that complete keys and mark mistakes while somebody types.
//!
//! What always holds: it is made of the definitions that the file is read by; what it refuses, the program
//! refuses. Deliberately absent: what needs more than the file, such as whether a path leads somewhere.

use serde_json::{Map, Value, json};

use super::keys::{self, AnyKey, Key};
use super::kind::{LocalPath, Secret};

/// The schema (draft 7, which editors know).
pub(crate) fn json_schema() -> Value {
    let mut properties = Map::new();
    for key in keys::KEYS.iter().filter(|key| key.name().table.is_empty()) {
        properties.insert(key.name().key.to_owned(), described(*key));
    }
    let mut required = Vec::new();
    for table in keys::tables() {
        let schema = table_schema(table);
        if schema.get("required").is_some() || schema.get("anyOf").is_some() {
            required.push(table);
        }
        properties.insert(table.to_owned(), schema);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Configuration of broker-courier",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn table_schema(table: &str) -> Value {
    let keys = || keys::KEYS.iter().filter(|key| key.name().table == table);
    let properties: Map<String, Value> = keys()
        .map(|key| (key.name().key.to_owned(), described(*key)))
        .collect();
    let required: Vec<&str> = keys()
        .filter(|key| key.kind().is_required())
        .map(|key| key.name().key)
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let mut once = Vec::new();
    for (secret, file) in SECRETS {
        if secret.name.table == table {
            once.push(json!({ "not": { "required": [secret.name.key, file.name.key] } }));
        }
    }
    if !once.is_empty() {
        schema["allOf"] = json!(once);
    }
    let proofs: Vec<Value> = PROOFS
        .iter()
        .filter(|key| key.name().table == table)
        .map(|key| {
            let mut proof = json!({ "required": [key.name().key] });
            if key.name() == keys::AGENT.name {
                proof["properties"] = json!({ key.name().key: { "const": true } });
            }
            proof
        })
        .collect();
    if !proofs.is_empty() {
        schema["anyOf"] = json!(proofs);
    }
    schema
}

/// Secrets, and the files that may hold them instead: one of the two.
static SECRETS: [(&Key<Secret>, &Key<LocalPath>); 7] = [
    (&keys::API_KEY, &keys::API_KEY_FILE),
    (&keys::PROXY_PASSWORD, &keys::PROXY_PASSWORD_FILE),
    (&keys::SFTP_PROXY_PASSWORD, &keys::SFTP_PROXY_PASSWORD_FILE),
    (&keys::NOTIFY_URL, &keys::NOTIFY_URL_FILE),
    (&keys::PASSWORD, &keys::PASSWORD_FILE),
    (&keys::KEY_PASSPHRASE, &keys::KEY_PASSPHRASE_FILE),
    (&keys::EVIDENCE_PASSPHRASE, &keys::EVIDENCE_PASSPHRASE_FILE),
];

/// What proves who asks: of each table at least one.
static PROOFS: [&dyn AnyKey; 6] = [
    &keys::API_KEY,
    &keys::API_KEY_FILE,
    &keys::PASSWORD,
    &keys::PASSWORD_FILE,
    &keys::KEY_FILE,
    &keys::AGENT,
];

fn described(key: &dyn AnyKey) -> Value {
    let mut schema = key.kind().schema();
    schema["description"] = json!(key.about());
    schema
}
