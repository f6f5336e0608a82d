//! The schema for editors: it takes what the program takes, and refuses nothing else. The validator here knows
//! what our schema uses, and fails over anything that it does not know.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

use super::*;
use crate::config::kind::{DIGITS, DIGITS_OR_SHARE, FINGERPRINT, VISIBLE};

fn matches(pattern: &str, text: &str) -> bool {
    let trimmed = text.trim();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    match pattern {
        DIGITS => is_number(trimmed),
        DIGITS_OR_SHARE => is_number(trimmed.strip_suffix('%').map_or(trimmed, str::trim_end)),
        FINGERPRINT => trimmed.strip_prefix("SHA256:").is_some_and(|rest| {
            let rest = rest.trim_end_matches('=');
            let is_base64 = |it: u8| it.is_ascii_alphanumeric() || it == b'+' || it == b'/';
            rest.len() == 43 && rest.bytes().all(is_base64)
        }),
        VISIBLE => !text.is_empty() && !text.chars().any(char::is_control),
        other => panic!("{other} is not known here"),
    }
}

/// Whether a value is one of those that a schema describes.
fn takes(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(word, rule)| {
        let all = |rule: &Value| rule.as_array().unwrap().clone();
        match word.as_str() {
            "$schema" | "title" | "description" | "default" => true,
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                other => panic!("{other}"),
            },
            "properties" => value.as_object().is_none_or(|object| {
                let known = rule.as_object().unwrap();
                object
                    .iter()
                    .all(|(key, value)| known.get(key).is_none_or(|it| takes(it, value)))
            }),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                object.keys().all(|key| known.contains_key(key))
            }),
            "required" => value.as_object().is_none_or(|object| {
                all(rule)
                    .iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "enum" => all(rule).contains(value),
            "const" => rule == value,
            "anyOf" => all(rule).iter().any(|it| takes(it, value)),
            "allOf" => all(rule).iter().all(|it| takes(it, value)),
            "not" => !takes(rule, value),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(rule.as_str().unwrap(), text)),
            "minimum" => value.as_i64().is_none_or(|it| it >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|it| it <= rule.as_i64().unwrap()),
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|it| takes(rule, it))),
            "minItems" => value
                .as_array()
                .is_none_or(|it| it.len() as u64 >= rule.as_u64().unwrap()),
            other => panic!("{other} is not known here"),
        }
    })
}

fn schema_takes(text: &str) -> bool {
    let value: Value = toml::from_str(text).unwrap();
    takes(&json_schema(), &value)
}

#[test]
fn every_key_is_in_the_schema_with_what_it_is_for() {
    let schema = json_schema();
    for key in keys::KEYS {
        let name = key.name();
        let described = match name.table {
            "" => &schema["properties"][name.key],
            table => &schema["properties"][table]["properties"][name.key],
        };
        assert_eq!(described["description"], key.about(), "{name}");
    }
}

#[test]
fn every_documented_example_is_valid() {
    let document = include_str!("../../../docs/configuration.md");
    let (_, after) = document.split_once("```toml\n").unwrap();
    let (documented, _) = after.split_once("```").unwrap();
    let uncommented = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    });
    let readme = include_str!("../../../README.md");
    let mut examples = vec![LEGACY.to_owned(), EXAMPLE.to_owned(), documented.to_owned()];
    examples.push(uncommented.collect());
    let in_readme = readme.split("```toml\n").skip(1);
    examples.extend(in_readme.map(|it| it.split("```").next().unwrap().to_owned()));
    for example in examples {
        assert!(schema_takes(&example), "{example}");
    }
}

#[test]
fn what_the_schema_refuses_the_program_refuses_and_the_other_way_round() {
    let agree = |text: &str| {
        let loaded = Scene::new(text).load().is_ok();
        assert_eq!(schema_takes(text), loaded, "{text}");
        loaded
    };
    for (table, line, is_right) in [
        ("SFTP", "PORT = 22", true),
        ("SFTP", "PORT = \" 22 \"", true),
        ("SFTP", "PORT = 0", false),
        ("SFTP", "PORT = 65536", false),
        ("SFTP", "PORT = \"many\"", false),
        ("SFTP", "PROT = 22", false),
        ("SFTP", "AGENT = true", true),
        ("SFTP", "AGENT = \"true\"", false),
        ("SFTP", "UPLOAD = \"direct\"", true),
        ("SFTP", "UPLOAD = \"Direct\"", false),
        ("SFTP", "PASSWORD_FILE = \"password\"", false),
        ("SFTP", "HOST_KEY = []", false),
        ("SFTP", "HOST_KEY = \"SHA256:short\"", false),
        ("SFTP", "KNOWN_HOSTS = \"\"", false),
        ("SECURITY", "OLD_KEYS = []", true),
        ("SECURITY", "OLD_KEYS = [\"a\", 7]", false),
        ("GUARDS", "MAX_DELETIONS = \"20 %\"", true),
        ("GUARDS", "MAX_DELETIONS = 3", true),
        ("GUARDS", "MAX_DELETIONS = \"a few\"", false),
        ("RUN", "DEADLINE = 604801", false),
        ("REMOTE", "CHECK = \"repair\"", true),
        ("OTHER", "KEY = 1", false),
        ("", "REQUESTS_CA_BUNDLE = \"ca.pem\"", true),
        ("", "REQUESTS_CA_BUNDLE = 7", false),
        ("", "UNKNOWN = 7", false),
    ] {
        assert_eq!(agree(&with(table, line)), is_right, "{table} {line}");
    }
    for key in [
        "URL",
        "API_KEY",
        "TAG",
        "HOST",
        "USERNAME",
        "PASSWORD",
        "FOLDERNAME",
        "WORKING_DIR",
    ] {
        assert!(!agree(&without(key)), "{key}");
    }
}

#[test]
fn the_published_schema_is_the_codes() {
    let published = include_str!("../../../docs/broker-courier.schema.json");
    let schema = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    assert!(
        published == schema,
        "docs/broker-courier.schema.json must be what `broker-courier config schema` writes"
    );
}
