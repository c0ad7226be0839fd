//! What each type consists of: fields, their types, how lists and maps merge.
//!
//! Derived from the real server's OpenAPI and the Go declarations by `hack/update-openapi.py`; read when first needed.
//! One line starts a type (`type io.k8s.api.core.v1.Node`, `A` where it is atomic), ` kind GROUP VERSION KIND` names what it is
//! on the wire, and each further line is a field: name, shape, flags (`p` pointer, `o` left out when empty, `r` required),
//! then `N=` its numbers in Protocol Buffers, `G=` its Go type, `A` atomic, `L=TYPE:KEYS` the list type, `M=STRATEGY:KEY` the strategic merge.

use std::collections::HashMap;
use std::io::Read;

use crate::release::{OfRelease, Release};

/// The type of a value.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string.
    Str,
    /// true or false.
    Bool,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `float64`
    Float,
    /// `resource.Quantity`
    Quantity,
    /// `intstr.IntOrString`
    IntOrString,
    /// `metav1.Time`
    Time,
    /// `metav1.MicroTime`
    MicroTime,
    /// Base64.
    Bytes,
    /// Anything.
    Raw,
    /// An index into [`Schema::types`].
    Struct(u16),
    /// A list of items.
    List(&'static Shape),
    /// A map from strings.
    Map(&'static Shape),
}

/// How a list merges under server-side apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// As a whole.
    Atomic,
    /// Item by item; items are scalars.
    Set,
    /// Item by item; items are told apart by these keys.
    Map(&'static [&'static str]),
}

/// A field of a type.
#[derive(Debug)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// Whether Go has a pointer there, so that an empty value is not the same as none.
    pub pointer: bool,
    /// Whether an empty value is left out.
    pub omit_empty: bool,
    /// Whether a struct without a value is left out too (`omitzero`).
    pub omit_zero: bool,
    /// The named Go type of a scalar (`PullPolicy`); empty where it is the plain one.
    pub go: &'static str,
    /// Whether the value is owned as a whole.
    pub atomic: bool,
    /// Its numbers in Protocol Buffers, outermost first: one, or several where JSON has no object for an embedded struct.
    pub numbers: &'static [u32],
    /// How the list merges.
    pub list: ListType,
    /// Whether a strategic merge patch merges the list.
    pub merge: bool,
    /// Whether `$retainKeys` is understood.
    pub retain_keys: bool,
    /// What tells the items of a strategically merged list apart; empty for scalars.
    pub merge_key: &'static str,
    /// The default for server-side apply's associative keys (`protocol`: `TCP`), as JSON; empty where there is none.
    pub default: &'static str,
}

/// A type.
#[derive(Debug)]
pub struct Struct {
    /// `NodeSpec`
    pub name: &'static str,
    /// Whether it is owned as a whole.
    pub atomic: bool,
    /// The fields in the order of the Go declaration.
    pub fields: Box<[Field]>,
}

impl Struct {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// All types of a release.
#[derive(Debug)]
pub struct Schema {
    /// The types.
    pub types: Box<[Struct]>,
    kinds: HashMap<(&'static str, &'static str, &'static str), u16>,
}

impl Schema {
    /// The schema of a release; read once.
    pub fn of(release: &'static Release) -> &'static Self {
        static SCHEMAS: OfRelease<Schema> = OfRelease::new();
        SCHEMAS.get(release, || Self::read(release.assets.schema))
    }

    /// A type.
    pub fn get(&self, index: u16) -> &Struct {
        &self.types[usize::from(index)]
    }

    /// The type of a kind (the core group is empty).
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<u16> {
        self.kinds.get(&(group, version, kind)).copied()
    }

    /// The shape of every object's metadata.
    pub fn object_meta(&self) -> Option<Shape> {
        let pod = self.kind("", "v1", "Pod")?;
        self.get(pod).field("metadata").map(|field| field.shape)
    }

    fn read(packed: &[u8]) -> Self {
        let mut text = String::new();
        if flate2::read::GzDecoder::new(packed).read_to_string(&mut text).is_err() {
            return Self { types: Box::new([]), kinds: HashMap::new() };
        }
        Self::parse(Box::leak(text.into_boxed_str()))
    }

    /// Reads types in the notation of the assets.
    pub fn parse(text: &'static str) -> Self {
        let mut index: HashMap<&str, u16> = HashMap::new();
        let names = text.lines().filter_map(|l| l.strip_prefix("type ")).filter_map(|l| l.split(' ').next());
        for (i, name) in names.enumerate() {
            index.insert(name, u16::try_from(i).unwrap_or(u16::MAX));
        }
        let mut interned: HashMap<&'static str, &'static Shape> = HashMap::new();
        let mut types: Vec<(&'static str, bool, Vec<Field>)> = Vec::new();
        let mut kinds = HashMap::new();
        for line in text.lines() {
            let mut words = line.trim_start().split(' ');
            let first = words.next().unwrap_or("");
            if line.starts_with("type ") {
                let full = words.next().unwrap_or("");
                let name = full.rsplit('.').next().unwrap_or(full);
                types.push((name, words.next() == Some("A"), Vec::new()));
            } else if first == "kind" && words.clone().count() == 3 && !line.contains(" s ") {
                let mut next = || words.next().unwrap_or("");
                let (group, version, kind) = (next(), next(), next());
                let at = u16::try_from(types.len().saturating_sub(1)).unwrap_or(0);
                kinds.insert((if group == "-" { "" } else { group }, version, kind), at);
            } else if let Some((_, _, fields)) = types.last_mut() {
                let shape = parse_shape(words.next().unwrap_or("r"), &index, &mut interned);
                fields.push(parse_field(first, shape, words));
            }
        }
        let types = types
            .into_iter()
            .map(|(name, atomic, fields)| Struct {
                name,
                atomic,
                fields: declared(fields).into_boxed_slice(),
            })
            .collect();
        Self { types, kinds }
    }
}

/// The fields in the order of the Go declaration: those of an embedded struct are where it is embedded.
fn declared(fields: Vec<Field>) -> Vec<Field> {
    let (embedded, mut plain): (Vec<_>, Vec<_>) =
        fields.into_iter().partition(|field| field.numbers.len() > 1);
    for field in embedded {
        let outer = field.numbers.first().copied().unwrap_or(0);
        let after = |other: &Field| {
            let number = other.numbers.first().copied();
            number.is_none_or(|number| number > outer) && other.numbers.len() < 2
        };
        let at = plain.iter().position(after).unwrap_or(plain.len());
        plain.insert(at, field);
    }
    plain
}

fn parse_field(name: &'static str, shape: Shape, words: std::str::Split<'static, char>) -> Field {
    let mut field = Field {
        name,
        shape,
        pointer: false,
        omit_empty: false,
        omit_zero: false,
        go: "",
        atomic: false,
        numbers: &[],
        list: ListType::Atomic,
        merge: false,
        retain_keys: false,
        merge_key: "",
        default: "",
    };
    for (i, word) in words.enumerate() {
        if i == 0 {
            field.pointer = word.contains('p');
            field.omit_empty = word.contains('o');
            field.omit_zero = word.contains('z');
        } else if word == "A" {
            field.atomic = true;
        } else if let Some(numbers) = word.strip_prefix("N=") {
            field.numbers = Box::leak(numbers.split('.').filter_map(|n| n.parse().ok()).collect());
        } else if let Some(go) = word.strip_prefix("G=") {
            field.go = go;
        } else if let Some(keys) = word.strip_prefix("L=map:") {
            field.list = ListType::Map(Box::leak(keys.split(',').collect()));
        } else if word.starts_with("L=set") {
            field.list = ListType::Set;
        } else if let Some(merge) = word.strip_prefix("M=") {
            let (strategy, key) = merge.split_once(':').unwrap_or((merge, ""));
            field.merge = strategy.contains("merge");
            field.retain_keys = strategy.contains("retainKeys");
            field.merge_key = key;
        } else if let Some(default) = word.strip_prefix("D=") {
            field.default = default;
        }
    }
    field
}

fn parse_shape(
    text: &'static str,
    index: &HashMap<&str, u16>,
    interned: &mut HashMap<&'static str, &'static Shape>,
) -> Shape {
    let mut inner = |rest: &'static str| -> &'static Shape {
        if let Some(known) = interned.get(rest) {
            return known;
        }
        let shape: &'static Shape = Box::leak(Box::new(parse_shape(rest, index, interned)));
        interned.insert(rest, shape);
        shape
    };
    match text.as_bytes().first() {
        Some(b'[') => Shape::List(inner(&text[1..])),
        Some(b'{') => Shape::Map(inner(&text[1..])),
        Some(b'@') => index.get(&text[1..]).map_or(Shape::Raw, |i| Shape::Struct(*i)),
        Some(b's') => Shape::Str,
        Some(b'b') => Shape::Bool,
        Some(b'i') => Shape::Int32,
        Some(b'l') => Shape::Int64,
        Some(b'n') => Shape::Float,
        Some(b'q') => Shape::Quantity,
        Some(b'x') => Shape::IntOrString,
        Some(b't') => Shape::Time,
        Some(b'u') => Shape::MicroTime,
        Some(b'y') => Shape::Bytes,
        _ => Shape::Raw,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn nodes_and_containers_are_known() {
        let schema = Schema::of(crate::release::default_release());
        let node = schema.get(schema.kind("", "v1", "Node").unwrap());
        assert_eq!(node.name, "Node");
        assert!(node.field("kind").is_some() && node.field("spec").is_some());
        let Shape::Struct(spec) = node.field("spec").unwrap().shape else { panic!() };
        let taints = schema.get(spec).field("taints").unwrap();
        assert_eq!(taints.list, ListType::Atomic);
        let container = schema.types.iter().find(|t| t.name == "Container").unwrap();
        let env = container.field("env").unwrap();
        assert_eq!(env.list, ListType::Map(&["name"]));
        assert!(env.merge && env.merge_key == "name");
        assert_eq!(container.fields[0].name, "name");
    }
}
