//! Objects with their fields in the order in which the real server writes them: that of the Go declarations.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::schema::{Schema, Shape};
use crate::release::Release;

/// The fields of `TypeMeta` and the metadata, which come first in every object.
const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];
/// The order in kinds that are not in the schema: tables, discovery.
const OTHERS: [&str; 14] = [
    "name",
    "groupVersion",
    "groups",
    "versions",
    "preferredVersion",
    "serverAddressByClientCIDRs",
    "resources",
    "columnDefinitions",
    "rows",
    "type",
    "format",
    "description",
    "priority",
    "items",
];

/// A value in the order of its type.
pub struct InOrder<'v> {
    schema: &'static Schema,
    shape: Shape,
    value: &'v Value,
}

impl<'v> InOrder<'v> {
    /// An object that says what it is.
    pub fn object(release: &'static Release, value: &'v Value) -> Self {
        let schema = Schema::of(release);
        Self { schema, shape: shape_of(schema, value), value }
    }

    fn inner(&self, shape: Shape, value: &'v Value) -> Self {
        let shape = if matches!(shape, Shape::Raw) { shape_of(self.schema, value) } else { shape };
        InOrder { schema: self.schema, shape, value }
    }

    fn entries<S: SerializeMap>(&self, map: &mut S, object: &'v Map<String, Value>) -> Result<(), S::Error> {
        let Shape::Struct(index) = self.shape else { return self.unknown(map, object) };
        let strukt = self.schema.get(index);
        // Only whole objects have their type first; references have it where Go declares it.
        let whole = strukt.field("metadata").is_some() || strukt.name.ends_with("Options");
        let first: &[&str] = if whole { &FIRST } else { &[] };
        let field = |name: &str| strukt.field(name).map_or(Shape::Raw, |field| field.shape);
        for key in first {
            if let Some(value) = object.get(*key) {
                map.serialize_entry(key, &self.inner(field(key), value))?;
            }
        }
        for known in strukt.fields.iter().filter(|known| !first.contains(&known.name)) {
            if let Some(value) = object.get(known.name) {
                map.serialize_entry(known.name, &self.inner(known.shape, value))?;
            }
        }
        for (key, value) in object {
            if !first.contains(&key.as_str()) && strukt.field(key).is_none() {
                map.serialize_entry(key, value)?;
            }
        }
        Ok(())
    }

    fn unknown<S: SerializeMap>(&self, map: &mut S, object: &'v Map<String, Value>) -> Result<(), S::Error> {
        let inner = match self.shape {
            Shape::Map(shape) => *shape,
            _ => Shape::Raw,
        };
        let (first, rest): (&[&str], &[&str]) =
            if matches!(self.shape, Shape::Map(_)) { (&[], &[]) } else { (&FIRST, &OTHERS) };
        for key in first.iter().chain(rest) {
            if let Some(value) = object.get(*key) {
                let shape = if *key == "metadata" { self.metadata() } else { inner };
                map.serialize_entry(key, &self.inner(shape, value))?;
            }
        }
        for (key, value) in object {
            if !first.contains(&key.as_str()) && !rest.contains(&key.as_str()) {
                map.serialize_entry(key, &self.inner(inner, value))?;
            }
        }
        Ok(())
    }

    fn metadata(&self) -> Shape {
        let pod = self.schema.kind("", "v1", "Pod").and_then(|pod| self.schema.get(pod).field("metadata"));
        pod.map_or(Shape::Raw, |field| field.shape)
    }
}

fn shape_of(schema: &Schema, value: &Value) -> Shape {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let kind = text("kind");
    let own = schema.kind(group, version, kind);
    // Options are the same whatever group they are of.
    own.or_else(|| schema.kind("", "v1", "DeleteOptions").filter(|_| kind == "DeleteOptions"))
        .map_or(Shape::Raw, Shape::Struct)
}

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Object(object) => {
                let mut map = serializer.serialize_map(None)?;
                self.entries(&mut map, object)?;
                map.end()
            }
            Value::Array(items) => {
                let shape = match self.shape {
                    Shape::List(item) => *item,
                    _ => Shape::Raw,
                };
                serializer.collect_seq(items.iter().map(|item| self.inner(shape, item)))
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::release::default_release;

    #[test]
    fn the_order_is_that_of_the_go_declarations() {
        let text = |value: Value| serde_json::to_string(&InOrder::object(default_release(), &value)).unwrap();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {}, "spec": {"restartPolicy": "Always",
            "containers": [{"image": "i", "args": ["a"], "name": "c"}]}, "metadata": {"labels": {"b": "1", "a": "2"},
            "name": "p", "ownerReferences": [{"uid": "u", "name": "n", "kind": "K", "apiVersion": "v1"}]}});
        assert_eq!(
            text(pod),
            "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"2\",\"b\":\"1\"},\
             \"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"n\",\"uid\":\"u\"}]},\
             \"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"args\":[\"a\"]}],\"restartPolicy\":\"Always\"},\"status\":{}}"
        );
        let status = json!({"apiVersion": "v1", "kind": "Status", "code": 404, "details": {"kind": "pods", "name": "p"},
            "message": "m", "metadata": {}, "reason": "NotFound", "status": "Failure"});
        assert_eq!(
            text(status),
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"m\",\
             \"reason\":\"NotFound\",\"details\":{\"name\":\"p\",\"kind\":\"pods\"},\"code\":404}"
        );
        let options = json!({"apiVersion": "meta.k8s.io/__internal", "kind": "DeleteOptions", "propagationPolicy": "Orphan",
            "gracePeriodSeconds": 1});
        assert_eq!(
            text(options),
            "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"meta.k8s.io/__internal\",\"gracePeriodSeconds\":1,\
             \"propagationPolicy\":\"Orphan\"}"
        );
    }
}
