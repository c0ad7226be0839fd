use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::lesson::jsonschema::problems;
use crate::lesson::source;

fn schema() -> Value {
    serde_json::from_str(JSON_SCHEMA).unwrap()
}

/// The fields of a struct that refuses others, as its refusal lists them.
fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_value::<T>(json!({"no-such-field": 1})) else {
        panic!("it takes any field")
    };
    let text = error.to_string();
    let (_, list) = text.split_once("expected").unwrap_or_else(|| panic!("{text}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn properties(pointer: &str) -> BTreeSet<String> {
    let schema = schema();
    let object = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    assert_eq!(object["additionalProperties"], false, "{pointer}");
    object["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn editors_know_exactly_the_fields_that_the_program_reads() {
    for (pointer, read) in [
        ("", fields::<Spec>()),
        ("/properties/cluster", fields::<Needs>()),
        ("/properties/setup", fields::<Setup>()),
        ("/properties/track", fields::<Track>()),
        ("/properties/track/properties/directories/items", fields::<NodePath>()),
        ("/$defs/script", fields::<Script>()),
        ("/$defs/step", fields::<StepSpec>()),
        ("/$defs/check", fields::<CheckSpec>()),
        ("/$defs/finding", fields::<Finding>()),
        ("/$defs/wrong", fields::<Wrong>()),
        ("/$defs/check/properties/api", fields::<ApiCheck>()),
        ("/$defs/check/properties/access", fields::<AccessCheck>()),
        ("/$defs/check/properties/file", fields::<FileCheck>()),
        ("/$defs/check/properties/command", fields::<CommandCheck>()),
        ("/$defs/check/properties/log", fields::<LogCheck>()),
        ("/$defs/check/properties/audit", fields::<AuditCheck>()),
        ("/$defs/check/properties/manifests", fields::<ManifestsCheck>()),
        ("/$defs/check/properties/can", fields::<CanCheck>()),
    ] {
        assert_eq!(properties(pointer), read, "{pointer}");
    }
}

fn without(value: &Value, key: &str) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove(key);
    value
}

#[test]
fn the_schema_and_the_program_agree_on_lessons_and_on_what_is_missing() {
    let schema = schema();
    for source in source::embedded() {
        let text = source.require("lesson.yaml").unwrap();
        let lesson: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(problems(&schema, &lesson), Vec::<String>::new(), "{source:?}");
        for key in lesson.as_object().unwrap().keys() {
            let less = without(&lesson, key);
            let read = serde_json::from_value::<Spec>(less.clone()).is_ok();
            assert_eq!(problems(&schema, &less).is_empty(), read, "without {key}");
        }
        let check = lesson["steps"][0]["checks"][0].clone();
        for key in check.as_object().unwrap().keys() {
            let mut less = lesson.clone();
            less["steps"][0]["checks"][0] = without(&check, key);
            let read = serde_json::from_value::<Spec>(less.clone()).is_ok();
            assert_eq!(problems(&schema, &less).is_empty(), read, "a check without {key}");
        }
    }
}
