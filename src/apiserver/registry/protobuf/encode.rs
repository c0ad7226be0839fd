//! Objects as etcd holds them and as answers have them: Protocol Buffers behind `k8s\0`, JSON where a kind has no such form in etcd.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go`, gogo-protobuf's generated code: fields in the order
//! of their numbers, those that are no pointer also when they are empty.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::meta_types::{self, Kind, Message};
use super::super::schema::{Field, Schema, Shape, Struct};
use super::MAGIC;
use crate::release::Release;

/// The bytes that a server of this release stores for an object.
pub fn stored(release: &'static Release, object: &Value) -> Vec<u8> {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let (group, short) = version.split_once('/').unwrap_or(("", version));
    let schema = Schema::of(release);
    let Some(root) = schema.kind(group, short, kind) else {
        return format!("{object}\n").into_bytes();
    };
    unknown(version, kind, &message(schema, schema.get(root), object))
}

/// The bytes of an answer: an object, a Status, a document of discovery; `None` where the kind has no such form.
pub fn answer(release: &'static Release, value: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if let Some(known) = meta_types::of(kind) {
        return known
            .has_protobuf()
            .then(|| unknown(version, kind, &meta_message(Schema::of(release), known, value)));
    }
    let (group, short) = version.split_once('/').unwrap_or(("", version));
    Schema::of(release).kind(group, short, kind).map(|_| stored(release, value))
}

/// The bytes of a list of objects of one kind.
pub fn list<'v>(
    release: &'static Release,
    (version, kind): (&str, &str),
    metadata: &Value,
    items: impl Iterator<Item = &'v Value>,
) -> Option<Vec<u8>> {
    let schema = Schema::of(release);
    let (group, short) = version.split_once('/').unwrap_or(("", version));
    let item = schema.get(schema.kind(group, short, kind)?);
    let mut raw = bytes(1, &meta_message(schema, &meta_types::LIST_META, metadata));
    for object in items {
        raw.extend(bytes(2, &message(schema, item, object)));
    }
    Some(unknown(version, &format!("{kind}List"), &raw))
}

/// A watch's event with its length before it (`framer.NewFrameWriter`), around an object's bytes.
pub fn watch_event(kind: &str, object: &[u8]) -> Vec<u8> {
    let event = [bytes(1, kind.as_bytes()), bytes(2, &bytes(1, object))].concat();
    [&u32::try_from(event.len()).unwrap_or(u32::MAX).to_be_bytes()[..], &event].concat()
}

/// `runtime.Unknown`: what it is, and its bytes.
fn unknown(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [bytes(1, version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [MAGIC, &bytes(1, &meta), &bytes(2, raw), &bytes(3, b""), &bytes(4, b"")].concat()
}

/// A message of one of the types of [`meta_types`].
fn meta_message(schema: &'static Schema, kind: &'static Message, object: &Value) -> Vec<u8> {
    let mut fields: Vec<_> = kind.fields.iter().collect();
    fields.sort_by_key(|(_, number, _)| *number);
    let mut out = Vec::new();
    for (name, number, kind) in fields {
        let (number, value) = (*number, &object[*name]);
        let items = || value.as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().as_bytes().to_vec();
        match *kind {
            Kind::Text => out.extend(bytes(number, &text(value))),
            Kind::Pointer if value.is_null() => {}
            Kind::Number | Kind::Pointer => out.extend(signed(number, value.as_i64().unwrap_or(0))),
            Kind::Flag => out.extend(signed(number, i64::from(value.as_bool().unwrap_or(false)))),
            Kind::Texts => items().for_each(|item| out.extend(bytes(number, &text(item)))),
            Kind::Verbs => {
                let all: Vec<u8> = items().flat_map(|item| bytes(1, &text(item))).collect();
                out.extend(bytes(number, &all));
            }
            Kind::Maybe(_) if value.is_null() => {}
            Kind::One(inner) | Kind::Maybe(inner) => {
                out.extend(bytes(number, &meta_message(schema, inner, value)));
            }
            Kind::Many(inner) => {
                items().for_each(|item| out.extend(bytes(number, &meta_message(schema, inner, item))));
            }
            Kind::ObjectMeta => {
                if let Some(Shape::Struct(index)) = schema.object_meta() {
                    out.extend(bytes(number, &message(schema, schema.get(index), value)));
                }
            }
            Kind::Any => {}
        }
    }
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 4);
    varint(&mut out, u64::from(number) << 3 | 2);
    varint(&mut out, content.len() as u64);
    out.extend_from_slice(content);
    out
}

fn signed(number: u32, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3);
    varint(&mut out, u64::from_ne_bytes(value.to_ne_bytes()));
    out
}

/// A message of a type: its fields by their numbers, those of embedded structs in messages of their own.
fn message(schema: &'static Schema, kind: &'static Struct, object: &Value) -> Vec<u8> {
    level(schema, kind, object, &[])
}

fn level(schema: &'static Schema, kind: &'static Struct, object: &Value, path: &[u32]) -> Vec<u8> {
    let mut numbers: Vec<u32> = kind
        .fields
        .iter()
        .filter(|field| field.numbers.len() > path.len() && field.numbers.starts_with(path))
        .map(|field| field.numbers[path.len()])
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut out = Vec::new();
    for number in numbers {
        let here: Vec<u32> = path.iter().copied().chain([number]).collect();
        match kind.fields.iter().find(|field| field.numbers == here) {
            Some(field) => out.extend(one(schema, field, number, &object[field.name])),
            None => {
                let inner = level(schema, kind, object, &here);
                if !inner.is_empty() {
                    out.extend(bytes(number, &inner));
                }
            }
        }
    }
    out
}

/// A field with all of its items.
fn one(schema: &'static Schema, field: &'static Field, number: u32, value: &Value) -> Vec<u8> {
    match field.shape {
        Shape::List(item) => {
            let items = value.as_array().into_iter().flatten();
            items.flat_map(|value| single(schema, *item, number, value)).collect()
        }
        Shape::Map(item) => {
            let pairs = value.as_object().into_iter().flatten();
            pairs
                .flat_map(|(key, value)| {
                    let mut pair = bytes(1, key.as_bytes());
                    match *item {
                        Shape::List(inner) => {
                            let items = value.as_array().into_iter().flatten();
                            let list: Vec<u8> =
                                items.flat_map(|value| single(schema, *inner, 1, value)).collect();
                            pair.extend(bytes(2, &list));
                        }
                        shape => pair.extend(single(schema, shape, 2, value)),
                    }
                    bytes(number, &pair)
                })
                .collect()
        }
        // What Go has no pointer for is always there.
        shape if value.is_null() => {
            if field.pointer || matches!(shape, Shape::Bytes | Shape::Raw | Shape::Time | Shape::MicroTime) {
                Vec::new()
            } else {
                single(schema, shape, number, value)
            }
        }
        shape => single(schema, shape, number, value),
    }
}

fn single(schema: &'static Schema, shape: Shape, number: u32, value: &Value) -> Vec<u8> {
    let text = || value.as_str().unwrap_or_default();
    match shape {
        Shape::Str => bytes(number, text().as_bytes()),
        Shape::Bool => signed(number, i64::from(value.as_bool().unwrap_or(false))),
        Shape::Int32 | Shape::Int64 => signed(number, value.as_i64().unwrap_or(0)),
        Shape::Float => {
            let mut out = Vec::new();
            varint(&mut out, u64::from(number) << 3 | 1);
            out.extend(value.as_f64().unwrap_or(0.0).to_bits().to_le_bytes());
            out
        }
        Shape::Bytes => bytes(number, &STANDARD.decode(text()).unwrap_or_default()),
        Shape::Quantity => bytes(number, &bytes(1, text().as_bytes())),
        Shape::IntOrString => {
            let (kind, int) = (i64::from(value.is_string()), value.as_i64().unwrap_or(0));
            bytes(number, &[signed(1, kind), signed(2, int), bytes(3, text().as_bytes())].concat())
        }
        Shape::Time | Shape::MicroTime => {
            let at: Option<jiff::Timestamp> = text().parse().ok();
            let inner = at.map(|at| {
                let nanos = i64::from(at.subsec_nanosecond());
                [signed(1, at.as_second()), signed(2, nanos)].concat()
            });
            bytes(number, &inner.unwrap_or_default())
        }
        Shape::Raw => bytes(number, &bytes(1, value.to_string().as_bytes())),
        Shape::Struct(index) => bytes(number, &message(schema, schema.get(index), value)),
        Shape::List(_) | Shape::Map(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::super::to_json;
    use super::*;
    use crate::release::default_release;

    #[test]
    fn what_is_stored_is_read_again() {
        let release = default_release();
        for object in [
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "default",
                "creationTimestamp": "2026-11-24T08:00:00Z", "labels": {"a": "b"}}, "type": "Opaque",
                "data": {"password": STANDARD.encode("s3cret")}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [
                {"port": 80, "protocol": "TCP", "targetPort": "http"}, {"port": 81, "protocol": "UDP", "targetPort": 8081}]}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 0,
                "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [{"name": "c", "image": "i",
                "resources": {"requests": {"cpu": "250m"}}}]}}}}),
        ] {
            let bytes = stored(release, &object);
            assert!(bytes.starts_with(b"k8s\0"), "{object}");
            let read = to_json(release, &bytes).unwrap();
            assert!(contains(&read, &object), "{read}\n{object}");
        }
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"password": STANDARD.encode("s3cret")}});
        let bytes = stored(release, &secret);
        assert!(bytes.windows(6).any(|w| w == b"s3cret"), "a secret is there for everybody to read");
        assert_eq!(stored(release, &json!({"kind": "X"})), b"{\"kind\":\"X\"}\n");
    }

    #[test]
    fn answers_are_as_the_real_server_writes_them() {
        let release = default_release();
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message":
            "nodes \"nope\" not found", "reason": "NotFound", "details": {"name": "nope", "kind": "nodes"}, "code": 404});
        let expected = b"k8s\0\n\x0c\n\x02v1\x12\x06Status\x12K\n\x06\n\0\x12\0\x1a\0\x12\x07Failure\x1a\x16nodes \"nope\" not found\
            \"\x08NotFound*\x13\n\x04nope\x12\0\x1a\x05nodes(\x002\x000\x94\x03\x1a\0\"\0";
        assert_eq!(answer(release, &status).unwrap(), expected);
        assert_eq!(answer(release, &json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1"})), None);
        let versions = json!({"kind": "APIVersions", "versions": ["v1"]});
        assert_eq!(
            answer(release, &versions).unwrap(),
            b"k8s\0\n\x0f\n\x00\x12\x0bAPIVersions\x12\x04\n\x02v1\x1a\x00\"\x00"
        );
        let node = json!({"metadata": {"name": "a"}});
        let all =
            list(release, ("v1", "Node"), &json!({"resourceVersion": "5"}), [&node].into_iter()).unwrap();
        assert!(all.starts_with(b"k8s\0\n\x0e\n\x02v1\x12\x08NodeList\x12"));
        assert!(all.windows(9).any(|w| w == b"\n\x07\n\0\x12\x015\x1a\0"), "{all:?}");
    }

    fn contains(all: &Value, part: &Value) -> bool {
        match (all, part) {
            (Value::Object(all), Value::Object(part)) => {
                part.iter().all(|(key, value)| all.get(key).is_some_and(|found| contains(found, value)))
            }
            (Value::Array(all), Value::Array(part)) => {
                all.len() == part.len() && all.iter().zip(part).all(|(all, part)| contains(all, part))
            }
            (all, part) => all == part,
        }
    }
}
