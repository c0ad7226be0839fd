//! Request bodies in Protocol Buffers, as kubectl has sent them since 1.32: read into JSON, which the rest is made for; and
//! answers in them.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go`; the field numbers are those of each
//! package's `generated.proto`, see [`super::schema`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value, json};

use super::schema::{Field, Schema, Shape, Struct};
use crate::release::Release;

mod encode;

pub use self::encode::{answer, list, stored, watch_event};

/// What begins every message.
const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may be inside each other.
const DEEPEST: usize = 64;

/// One field of a message as it is on the wire.
#[derive(Debug, Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn bytes(self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("proto: wrong wireType".into()),
        }
    }

    fn text(self) -> Result<String, String> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| "proto: invalid UTF-8".to_owned())?;
        Ok(text.to_owned())
    }

    /// A 64-bit number; negative ones are in two's complement.
    fn signed(self) -> Result<i64, String> {
        match self {
            Self::Number(number) => Ok(i64::from_ne_bytes(number.to_ne_bytes())),
            Self::Bytes(_) => Err("proto: wrong wireType".into()),
        }
    }
}

/// Reads a body into JSON with `apiVersion` and `kind`.
pub fn to_json(release: &'static Release, body: &[u8]) -> Result<Value, String> {
    let unknown = body.strip_prefix(MAGIC).ok_or("provided data does not appear to be a protobuf message")?;
    let (mut version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, wire) in fields(unknown)? {
        match number {
            1 => {
                for (number, wire) in fields(wire.bytes()?)? {
                    match number {
                        1 => version = wire.text()?,
                        2 => kind = wire.text()?,
                        _ => {}
                    }
                }
            }
            2 => raw = wire.bytes()?,
            _ => {}
        }
    }
    let (group, short) = version.split_once('/').unwrap_or(("", &version));
    let schema = Schema::of(release);
    let unregistered = || format!("no kind \"{kind}\" is registered for version \"{version}\"");
    let root = schema.kind(group, short, &kind).ok_or_else(unregistered)?;
    let mut object = message(schema, schema.get(root), raw, 0)?;
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    Ok(object)
}

/// Numbers and contents of a message's fields.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, String> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let number = u32::try_from(key >> 3).map_err(|_| "proto: illegal tag".to_owned())?;
        let wire = match key & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            1 => Wire::Number(u64::from_le_bytes(fixed(&mut bytes)?)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).unwrap_or(usize::MAX);
                Wire::Bytes(take(&mut bytes, length)?)
            }
            5 => Wire::Number(u64::from(u32::from_le_bytes(fixed(&mut bytes)?))),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        found.push((number, wire));
    }
    Ok(found)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or("unexpected EOF")?;
    *bytes = rest;
    Ok(taken)
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], String> {
    take(bytes, N)?.try_into().map_err(|_| "unexpected EOF".to_owned())
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = fixed::<1>(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("proto: integer overflow".into())
}

/// Reads a message of a type.
fn message(
    schema: &'static Schema,
    kind: &'static Struct,
    bytes: &[u8],
    depth: usize,
) -> Result<Value, String> {
    let mut object = Map::new();
    embedded(schema, kind, bytes, &[], &mut object, depth)?;
    Ok(Value::Object(object))
}

/// Reads a message whose fields belong to `object`; `path` is where it is in the type's message.
fn embedded(
    schema: &'static Schema,
    kind: &'static Struct,
    bytes: &[u8],
    path: &[u32],
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("proto: too deep".into());
    }
    for (number, wire) in fields(bytes)? {
        let here: Vec<u32> = path.iter().copied().chain([number]).collect();
        if let Some(field) = kind.fields.iter().find(|field| field.numbers == here) {
            set(schema, field, wire, object, depth + 1)?;
        } else if kind.fields.iter().any(|field| field.numbers.starts_with(&here)) {
            embedded(schema, kind, wire.bytes()?, &here, object, depth + 1)?;
        }
    }
    Ok(())
}

/// Puts a field into its object; lists and maps come item by item.
fn set(
    schema: &'static Schema,
    field: &'static Field,
    wire: Wire<'_>,
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), String> {
    match field.shape {
        Shape::List(item) => {
            let item = value(schema, *item, wire, depth)?;
            let list = object.entry(field.name).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(item.clone()));
        }
        Shape::Map(item) => {
            let (mut key, mut content) = (String::new(), empty(*item));
            for (number, wire) in fields(wire.bytes()?)? {
                match number {
                    1 => key = wire.text()?,
                    2 => content = map_value(schema, *item, wire, depth)?,
                    _ => {}
                }
            }
            object.entry(field.name).or_insert_with(|| json!({}))[key] = content;
        }
        shape => {
            let content = value(schema, shape, wire, depth)?;
            // the wire has what Go has, and Go has every field; JSON leaves out what is empty
            let zero = content == json!("") || content == json!(0) || content == json!(false);
            if !content.is_null() && (field.pointer || !zero) {
                object.insert(field.name.to_owned(), content);
            }
        }
    }
    Ok(())
}

fn empty(shape: Shape) -> Value {
    match shape {
        Shape::List(_) => json!([]),
        Shape::Struct(_) | Shape::Map(_) => json!({}),
        Shape::Bool => json!(false),
        Shape::Int32 | Shape::Int64 | Shape::Float => json!(0),
        _ => json!(""),
    }
}

/// A map's value; a list is in a message of its own (`ExtraValue`).
fn map_value(schema: &'static Schema, shape: Shape, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    let Shape::List(item) = shape else { return value(schema, shape, wire, depth) };
    let items = fields(wire.bytes()?)?.into_iter().filter(|(number, _)| *number == 1);
    items.map(|(_, wire)| value(schema, *item, wire, depth)).collect()
}

fn value(schema: &'static Schema, shape: Shape, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    Ok(match shape {
        Shape::Str => json!(wire.text()?),
        Shape::Bool => json!(wire.signed()? != 0),
        Shape::Int32 | Shape::Int64 => json!(wire.signed()?),
        Shape::Float => match wire {
            Wire::Number(bits) => Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number),
            Wire::Bytes(_) => return Err("proto: wrong wireType".into()),
        },
        Shape::Bytes => json!(STANDARD.encode(wire.bytes()?)),
        Shape::Quantity => {
            first(wire, 1)?.map_or(Ok(json!("0")), |wire| wire.text().map(|text| json!(text)))?
        }
        Shape::IntOrString => match first(wire, 1)? {
            Some(Wire::Number(1)) => json!(first(wire, 3)?.map_or(Ok(String::new()), Wire::text)?),
            _ => json!(first(wire, 2)?.map_or(Ok(0), Wire::signed)?),
        },
        Shape::Time => time(wire, "%Y-%m-%dT%H:%M:%SZ")?,
        Shape::MicroTime => time(wire, "%Y-%m-%dT%H:%M:%S%.6fZ")?,
        Shape::Raw => match first(wire, 1)? {
            Some(raw) => serde_json::from_slice(raw.bytes()?).map_err(|error| error.to_string())?,
            None => Value::Null,
        },
        Shape::Struct(index) => message(schema, schema.get(index), wire.bytes()?, depth)?,
        Shape::List(_) | Shape::Map(_) => return Err("proto: lists in lists do not exist".into()),
    })
}

/// The field of that number in a small message.
fn first(wire: Wire<'_>, number: u32) -> Result<Option<Wire<'_>>, String> {
    Ok(fields(wire.bytes()?)?.into_iter().find(|(found, _)| *found == number).map(|(_, wire)| wire))
}

/// A time; no seconds are no time.
fn time(wire: Wire<'_>, format: &str) -> Result<Value, String> {
    let seconds = first(wire, 1)?.map_or(Ok(0), Wire::signed)?;
    let nanos = first(wire, 2)?.map_or(Ok(0), Wire::signed)?;
    if wire.bytes()?.is_empty() {
        return Ok(Value::Null);
    }
    let nanos = i32::try_from(nanos).map_err(|_| "proto: integer overflow".to_owned())?;
    let time = jiff::Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    Ok(json!(time.strftime(format).to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::release::default_release;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        out.extend(content);
        out
    }

    fn body(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn objects_lists_maps_and_embedded_structs_are_read() {
        let label = [field(1, b"a"), field(2, b"b")].concat();
        let meta = [field(1, b"p"), field(2, b""), field(8, &[]), field(11, &label)].concat();
        let empty_dir = field(2, &[]);
        let volume = [field(1, b"v"), field(2, &empty_dir)].concat();
        let spec = [field(1, &volume), vec![4 << 3, 30], field(10, b"n1")].concat();
        let json =
            to_json(default_release(), &body("v1", "Pod", &[field(1, &meta), field(2, &spec)].concat()));
        let want = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {"volumes": [{"name": "v", "emptyDir": {}}], "terminationGracePeriodSeconds": 30, "nodeName": "n1"}});
        assert_eq!(json.unwrap(), want);
    }

    #[test]
    fn what_is_broken_is_refused() {
        let release = default_release();
        for bytes in
            [&b"{}"[..], b"k8s\0\x0a\xff", b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"k8s\0"]
        {
            assert!(to_json(release, bytes).is_err(), "{bytes:?}");
        }
        assert!(to_json(release, &body("v1", "Nothing", &[])).unwrap_err().contains("no kind \"Nothing\""));
        let mut deep = Vec::new();
        for _ in 0..200 {
            deep = [vec![2 << 3 | 2], vec![u8::try_from(deep.len().min(127)).unwrap()], deep].concat();
        }
        let _ = to_json(release, &body("v1", "Pod", &deep[..100]));
    }
}
