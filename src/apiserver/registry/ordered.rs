//! Objects with their fields in the order in which the real server writes them: that of the Go declarations.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::meta_types::{self, Kind, Message};
use super::schema::{Schema, Shape, Struct};
use crate::release::Release;

/// The fields of `TypeMeta` and the metadata, which come first in every object.
const FIRST: [&str; 3] = ["kind", "apiVersion", "metadata"];

/// What is known of a value's fields.
#[derive(Clone, Copy)]
enum Known {
    /// As the schema has it.
    Shape(Shape),
    /// As [`meta_types`] has it.
    Meta(&'static Message),
}

/// A value in the order of its type.
pub struct InOrder<'v> {
    schema: &'static Schema,
    known: Known,
    value: &'v Value,
    /// Whether the kind is left out, as it is in a list.
    bare: bool,
}

impl<'v> InOrder<'v> {
    /// An object that says what it is.
    pub fn object(release: &'static Release, value: &'v Value) -> Self {
        let schema = Schema::of(release);
        Self { schema, known: known(schema, value), value, bare: false }
    }

    /// An object in a list, where its kind is the list's business.
    pub fn item(release: &'static Release, value: &'v Value) -> Self {
        Self { bare: true, ..Self::object(release, value) }
    }

    fn inner(&self, known_as: Known, value: &'v Value) -> Self {
        let known = if matches!(known_as, Known::Shape(Shape::Raw)) && value.is_object() {
            known(self.schema, value)
        } else {
            known_as
        };
        InOrder { schema: self.schema, known, value, bare: false }
    }

    fn of(&self, kind: Kind) -> Known {
        match kind {
            Kind::One(message) | Kind::Maybe(message) | Kind::Many(message) => Known::Meta(message),
            Kind::ObjectMeta => Known::Shape(self.schema.object_meta().unwrap_or(Shape::Raw)),
            _ => Known::Shape(Shape::Raw),
        }
    }

    fn skips(&self, key: &str) -> bool {
        self.bare && matches!(key, "kind" | "apiVersion")
    }

    fn entries<S: SerializeMap>(&self, map: &mut S, object: &'v Map<String, Value>) -> Result<(), S::Error> {
        match self.known {
            Known::Meta(message) => self.meta(map, object, message),
            Known::Shape(Shape::Struct(index)) => self.fields(map, object, self.schema.get(index)),
            Known::Shape(Shape::Map(shape)) => self.rest(map, object, &[], Known::Shape(*shape)),
            Known::Shape(_) => self.rest(map, object, &FIRST, Known::Shape(Shape::Raw)),
        }
    }

    fn fields<S: SerializeMap>(
        &self,
        map: &mut S,
        object: &'v Map<String, Value>,
        strukt: &'static Struct,
    ) -> Result<(), S::Error> {
        // Only whole objects have their type first; references have it where Go declares it.
        let whole = strukt.field("metadata").is_some() || strukt.name.ends_with("Options");
        let first: &[&str] = if whole { &FIRST } else { &[] };
        let mut written = 0;
        for key in first {
            let shape = strukt.field(key).map_or(Shape::Raw, |field| field.shape);
            if let Some(value) = object.get(*key) {
                written += 1;
                if !self.skips(key) {
                    map.serialize_entry(key, &self.inner(Known::Shape(shape), value))?;
                }
            }
        }
        for field in strukt.fields.iter().filter(|field| !first.contains(&field.name)) {
            if let Some(value) = object.get(field.name) {
                written += 1;
                map.serialize_entry(field.name, &self.inner(Known::Shape(field.shape), value))?;
            }
        }
        if written == object.len() {
            return Ok(());
        }
        for (key, value) in object {
            if !first.contains(&key.as_str()) && strukt.field(key).is_none() {
                map.serialize_entry(key, value)?;
            }
        }
        Ok(())
    }

    fn meta<S: SerializeMap>(
        &self,
        map: &mut S,
        object: &'v Map<String, Value>,
        message: &'static Message,
    ) -> Result<(), S::Error> {
        let first = FIRST[..2].iter().filter(|key| message.field(key).is_none() && !self.skips(key));
        for key in first {
            if let Some(value) = object.get(*key) {
                map.serialize_entry(key, value)?;
            }
        }
        for (name, _, kind) in message.fields {
            if let Some(value) = object.get(*name) {
                map.serialize_entry(name, &self.inner(self.of(*kind), value))?;
            }
        }
        for (key, value) in object {
            if !FIRST[..2].contains(&key.as_str()) && message.field(key).is_none() {
                map.serialize_entry(key, value)?;
            }
        }
        Ok(())
    }

    /// The keys that come first, then the others by name.
    fn rest<S: SerializeMap>(
        &self,
        map: &mut S,
        object: &'v Map<String, Value>,
        first: &[&str],
        inner: Known,
    ) -> Result<(), S::Error> {
        for key in first.iter().filter(|key| !self.skips(key)) {
            if let Some(value) = object.get(*key) {
                map.serialize_entry(key, &self.inner(inner, value))?;
            }
        }
        for (key, value) in object.iter().filter(|(key, _)| !first.contains(&key.as_str())) {
            map.serialize_entry(key, &self.inner(inner, value))?;
        }
        Ok(())
    }
}

fn known(schema: &Schema, value: &Value) -> Known {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let kind = text("kind");
    if kind.is_empty() {
        return Known::Shape(Shape::Raw);
    }
    // Options are the same whatever group they are of.
    let options = || schema.kind("", "v1", "DeleteOptions").filter(|_| kind == "DeleteOptions");
    match schema.kind(group, version, kind).or_else(options) {
        Some(index) => Known::Shape(Shape::Struct(index)),
        None => meta_types::of(kind).map_or(Known::Shape(Shape::Raw), Known::Meta),
    }
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
                let known = match self.known {
                    Known::Shape(Shape::List(item)) => Known::Shape(*item),
                    Known::Meta(message) => Known::Meta(message),
                    Known::Shape(_) => Known::Shape(Shape::Raw),
                };
                serializer.collect_seq(items.iter().map(|item| self.inner(known, item)))
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
