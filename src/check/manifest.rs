//! A manifest as checks see it: parsed, with the flags of its first container.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Facts;
use crate::text::tr;

/// How large a manifest may be.
pub const LIMIT: usize = 1 << 20;

/// A parsed manifest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Manifest {
    /// The first YAML document; null where it cannot be parsed.
    pub doc: Value,
    /// Why it cannot be parsed.
    pub error: Option<String>,
    /// In which line.
    pub line: Option<usize>,
}

impl Manifest {
    /// Parses a file's content as a kubelet does: the first document counts.
    pub fn parse(content: &[u8]) -> Self {
        if content.len() > LIMIT {
            let error = Some(tr!(check_larger_than { size: LIMIT >> 10 }));
            return Self { error, ..Self::default() };
        }
        let Ok(text) = std::str::from_utf8(content) else {
            return Self { error: Some(tr!(check_not_utf8).into()), ..Self::default() };
        };
        let Some(first) = serde_yaml::Deserializer::from_str(text).next() else {
            return Self { error: Some(tr!(check_empty).into()), ..Self::default() };
        };
        match Value::deserialize(first) {
            Ok(doc) if doc.is_object() => Self { doc, error: None, line: None },
            Ok(_) => Self { error: Some(tr!(check_no_object).into()), ..Self::default() },
            Err(e) => {
                let line = e.location().map(|at| at.line());
                // The place is told beside it.
                let sentence = e.to_string();
                let what = sentence.split(" at line ").next().unwrap_or(&sentence);
                Self { error: Some(what.to_owned()), line, ..Self::default() }
            }
        }
    }

    /// `namespace/name` of the pod; `None` where it is none.
    pub fn pod(&self) -> Option<String> {
        let name = self.doc.pointer("/metadata/name")?.as_str()?;
        let namespace = self.doc.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default");
        (self.doc["kind"] == "Pod").then(|| format!("{namespace}/{name}"))
    }

    /// The flags of the first container with their values, in order.
    pub fn flags(&self) -> BTreeMap<String, Vec<String>> {
        let mut flags: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut words = self.words().peekable();
        while let Some(word) = words.next() {
            if let Some(flag) = word.strip_prefix("--") {
                // The value may be a word of its own.
                let own = |next: &&str| !next.starts_with('-');
                let (name, value) = match flag.split_once('=') {
                    Some(both) => both,
                    None => (flag, words.next_if(own).unwrap_or("")),
                };
                flags.entry(name.to_owned()).or_default().push(value.to_owned());
            }
        }
        flags
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        let words = ["command", "args"].map(|key| self.doc.pointer(&format!("/spec/containers/0/{key}")));
        words.into_iter().flatten().filter_map(Value::as_array).flatten().filter_map(Value::as_str)
    }

    /// All values of a flag whose values are lists.
    pub fn list(&self, flag: &str) -> Vec<String> {
        let values = self.flags().remove(flag).unwrap_or_default();
        values
            .iter()
            .flat_map(|v| v.split(','))
            .map(str::trim)
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Everything but the flags.
    fn rest(&self) -> Value {
        let mut rest = self.doc.clone();
        let mut open = false;
        for key in ["command", "args"] {
            let words = rest.pointer_mut(&format!("/spec/containers/0/{key}"));
            if let Some(words) = words.and_then(Value::as_array_mut) {
                words.retain(|word| {
                    let word = word.as_str().unwrap_or("");
                    let flag = word.starts_with("--");
                    // The value of the flag before it, as `flags` has it.
                    let value = open && !word.starts_with('-');
                    open = flag && !word.contains('=');
                    !flag && !value
                });
            }
        }
        rest
    }

    /// What expressions see: `doc`, `error`, `line`, `pod`, `flags`, `enabled`, `disabled`, `rest`.
    pub fn facts(&self) -> Facts {
        let facts = json!({
            "doc": self.doc, "error": self.error.clone().unwrap_or_default(), "line": self.line.unwrap_or(0),
            "pod": self.pod().unwrap_or_default(), "flags": self.flags(),
            "enabled": self.list("enable-admission-plugins"), "disabled": self.list("disable-admission-plugins"),
            "rest": self.rest(),
        });
        facts.as_object().cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const POD: &str = "kind: Pod\nmetadata: {name: a, namespace: n}\nspec:\n  containers:\n  - command:\n    - prog\n    - --x=1\n    - --enable-admission-plugins=A, B\n    - --enable-admission-plugins=C\n    - --on\n";

    #[test]
    fn flags_and_the_rest() {
        let manifest = Manifest::parse(POD.as_bytes());
        assert_eq!(manifest.pod().as_deref(), Some("n/a"));
        assert_eq!(manifest.list("enable-admission-plugins"), ["A", "B", "C"]);
        assert_eq!(manifest.flags()["on"], [""]);
        let apart = POD.replace("--enable-admission-plugins=C", "--enable-admission-plugins\n    - C,D");
        let apart = Manifest::parse(apart.as_bytes());
        assert_eq!(apart.list("enable-admission-plugins"), ["A", "B", "C", "D"]);
        assert_eq!(apart.rest(), manifest.rest());
        assert_eq!(manifest.rest().pointer("/spec/containers/0/command").unwrap(), &json!(["prog"]));
    }

    #[test]
    fn what_cannot_be_parsed_has_a_line() {
        let broken = POD.replace("    - --x=1", "   --x=1: [");
        let manifest = Manifest::parse(broken.as_bytes());
        assert!(manifest.error.is_some(), "{manifest:?}");
        assert!(manifest.line.is_some_and(|l| (5..=8).contains(&l)), "{manifest:?}");
        for content in [&b""[..], b"\xff", b"[1]", b"text"] {
            assert!(Manifest::parse(content).error.is_some());
        }
        assert_eq!(Manifest::parse(b"a: 1\n---\n{{{").doc, json!({"a": 1}));
    }
}
