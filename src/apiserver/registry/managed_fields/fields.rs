//! A manager's fields, read only where somebody looks closer.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::fieldset::{Path, Set};

/// A manager's fields: as they were written, until they are changed.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    written: Option<Value>,
    set: OnceCell<Set>,
}

impl From<Set> for Fields {
    fn from(set: Set) -> Self {
        Self { written: None, set: OnceCell::from(set) }
    }
}

impl Fields {
    /// Takes the `FieldsV1` form.
    pub fn written(fields: &Value) -> Self {
        if is_canonical(fields) {
            return Self { written: Some(fields.clone()), set: OnceCell::new() };
        }
        Set::from_fields(fields).into()
    }

    /// The fields as a set.
    pub fn set(&self) -> &Set {
        self.set.get_or_init(|| self.written.as_ref().map(Set::from_fields).unwrap_or_default())
    }

    /// The fields as a set of one's own.
    pub fn into_set(self) -> Set {
        self.set();
        self.set.into_inner().unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match &self.written {
            Some(fields) => fields.as_object().is_none_or(Map::is_empty),
            None => self.set().0.is_empty(),
        }
    }

    /// Whether one of the paths is among them.
    pub fn has_any(&self, paths: &Set) -> bool {
        match &self.written {
            Some(fields) => paths.0.iter().any(|path| has(fields, path)),
            None => paths.0.iter().any(|path| self.set().has(path)),
        }
    }

    /// The `FieldsV1` form.
    pub fn to_fields(&self) -> Value {
        self.written.clone().unwrap_or_else(|| self.set().to_fields())
    }
}

/// Whether a path is a member of a set in its `FieldsV1` form.
fn has(fields: &Value, path: &Path) -> bool {
    let found = path.0.iter().try_fold(fields, |at, part| at.get(part));
    let map = found.and_then(Value::as_object);
    map.is_some_and(|below| below.is_empty() || below.contains_key(".")) && !path.0.is_empty()
}

/// Whether a set that is read from these fields is written in the same way again.
fn is_canonical(fields: &Value) -> bool {
    fn below(fields: &Value) -> bool {
        let Some(map) = fields.as_object() else { return false };
        let only_itself = map.len() == 1 && map.contains_key(".");
        !only_itself
            && map.iter().all(|(name, value)| match name.as_str() {
                "." => value.as_object().is_some_and(Map::is_empty),
                _ => below(value),
            })
    }
    fields.get(".").is_none() && below(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(paths: &[&[&str]]) -> Set {
        Set(paths.iter().map(|path| Path(path.iter().map(|part| (*part).to_owned()).collect())).collect())
    }

    #[test]
    fn what_is_among_them_is_the_same_read_or_not() {
        let written = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:b": {}}});
        let fields = Fields::written(&written);
        let read = Fields::from(Set::from_fields(&written));
        let all: [&[&str]; 6] = [
            &["f:metadata"],
            &["f:metadata", "f:labels"],
            &["f:metadata", "f:labels", "f:a"],
            &["f:spec", "f:b"],
            &["f:spec", "f:c"],
            &["f:metadata", "f:labels", "f:a", "f:below"],
        ];
        for (path, is) in all.iter().zip([false, true, true, true, false, false]) {
            let paths = set(&[path]);
            assert_eq!((fields.has_any(&paths), read.has_any(&paths)), (is, is), "{path:?}");
        }
        assert!(fields.written.is_some() && !fields.is_empty());
        assert_eq!(fields.to_fields(), read.to_fields());
        assert_eq!(fields.into_set(), read.into_set());
    }

    #[test]
    fn what_would_be_written_otherwise_is_read_at_once() {
        for odd in [
            json!(null),
            json!({".": {}}),
            json!({"f:a": {".": {}}}),
            json!({"f:a": 1}),
            json!({"f:a": {".": {"f:b": {}}}}),
        ] {
            let fields = Fields::written(&odd);
            assert!(fields.written.is_none(), "{odd}");
            assert_eq!(fields.to_fields(), Set::from_fields(&odd).to_fields());
        }
    }
}
