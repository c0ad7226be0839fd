//! Sets of field paths, and their `FieldsV1` form.
//!
//! Upstream: `sigs.k8s.io/structured-merge-diff/fieldpath`. A path's elements are kept as they are serialized: `f:name`,
//! `k:{"name":"x"}`, `v:"x"`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::apiserver::registry::schema::{Schema, Shape};

/// The path of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<String>);

impl Path {
    /// The path one element further.
    pub fn with(&self, element: String) -> Self {
        let mut parts = self.0.clone();
        parts.push(element);
        Self(parts)
    }
}

/// The order in which upstream walks a set: a level's members before what is below it.
impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        for i in 0.. {
            let (a, b) = (self.0.get(i), other.0.get(i));
            let (Some(a), Some(b)) = (a, b) else {
                return self.0.len().cmp(&other.0.len());
            };
            let (last_a, last_b) = (i + 1 == self.0.len(), i + 1 == other.0.len());
            if last_a != last_b {
                return if last_a { Ordering::Less } else { Ordering::Greater };
            }
            match a.cmp(b) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.0 {
            let (kind, rest) = part.split_at_checked(2).unwrap_or(("", part));
            match kind {
                "f:" => write!(f, ".{rest}")?,
                "k:" => {
                    let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
                    let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
                "v:" => write!(f, "[={rest}]")?,
                _ => write!(f, "[{rest}]")?,
            }
        }
        Ok(())
    }
}

/// A set of fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set(pub BTreeSet<Path>);

impl Set {
    /// Reads the `FieldsV1` form; malformed parts are left out.
    pub fn from_fields(fields: &Value) -> Self {
        fn walk(fields: &Value, path: &Path, out: &mut BTreeSet<Path>) {
            let Some(map) = fields.as_object() else { return };
            for (key, below) in map {
                if key == "." {
                    if !path.0.is_empty() {
                        out.insert(path.clone());
                    }
                    continue;
                }
                let next = path.with(key.clone());
                if below.as_object().is_none_or(Map::is_empty) {
                    out.insert(next);
                } else {
                    walk(below, &next, out);
                }
            }
        }
        let mut out = BTreeSet::new();
        walk(fields, &Path::default(), &mut out);
        Self(out)
    }

    /// Writes the `FieldsV1` form.
    pub fn to_fields(&self) -> Value {
        let mut root = Map::new();
        for path in &self.0 {
            let mut at = &mut root;
            for part in &path.0 {
                at = match at.entry(part.clone()).or_insert_with(|| Value::Object(Map::new())) {
                    Value::Object(map) => map,
                    _ => return Value::Null,
                };
            }
            at.insert(".".into(), Value::Object(Map::new()));
        }
        fn tidy(map: &mut Map<String, Value>) {
            if map.len() == 1 && map.contains_key(".") {
                map.clear();
            }
            for value in map.values_mut() {
                if let Value::Object(below) = value {
                    tidy(below);
                }
            }
        }
        tidy(&mut root);
        Value::Object(root)
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What is here and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What is not below one of the prefixes.
    #[must_use]
    pub fn without_prefixes(&self, prefixes: &[Path]) -> Self {
        Self(self.0.iter().filter(|p| !prefixes.iter().any(|x| p.0.starts_with(&x.0))).cloned().collect())
    }

    /// Whether a path is in the set.
    pub fn has(&self, path: &Path) -> bool {
        self.0.contains(path)
    }

    /// Whether something below a path is in the set.
    pub fn has_below(&self, path: &Path) -> bool {
        // All that is below a path comes together, and nothing comes before the empty name.
        let first = path.with(String::new());
        let next = self.0.range(first..).next();
        next.is_some_and(|p| p.0.len() > path.0.len() && p.0.starts_with(&path.0))
    }

    /// The set with the declared fields on the way to its members (`EnsureNamedFieldsAreMembers`).
    #[must_use]
    pub fn with_named_fields(&self, schema: &Schema, root: u16) -> Self {
        let mut out = self.0.clone();
        for path in &self.0 {
            let mut shape = Shape::Struct(root);
            for (i, part) in path.0.iter().enumerate() {
                let field = match shape {
                    Shape::Struct(index) => part
                        .strip_prefix("f:")
                        .and_then(|name| schema.get(index).field(name))
                        .map(|f| f.shape),
                    _ => None,
                };
                if field.is_some() {
                    out.insert(Path(path.0[..=i].to_vec()));
                }
                shape = match (field, shape) {
                    (Some(shape), _) => shape,
                    (None, Shape::List(item) | Shape::Map(item)) => *item,
                    _ => Shape::Raw,
                };
            }
        }
        Self(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_v1_and_back() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:a/b": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"x\"}": {".": {}, "f:image": {}}}}});
        let set = Set::from_fields(&fields);
        assert_eq!(set.to_fields(), fields);
        for (path, below) in [
            (&["f:metadata"][..], true),
            (&["f:metadata", "f:labels"], true),
            (&["f:metadata", "f:labels", "f:a/b"], false),
            (&["f:meta"], false),
            (&["f:spec", "f:containers", "k:{\"name\":\"x\"}"], true),
            (&["f:status"], false),
            (&[], true),
        ] {
            let path = Path(path.iter().map(|part| (*part).to_owned()).collect());
            assert_eq!(set.has_below(&path), below, "{path}");
        }
        let shown: Vec<String> = set.0.iter().map(Path::to_string).collect();
        assert_eq!(
            shown,
            [
                ".metadata.labels",
                ".metadata.labels.a/b",
                ".spec.containers[name=\"x\"]",
                ".spec.containers[name=\"x\"].image"
            ]
        );
    }
}
