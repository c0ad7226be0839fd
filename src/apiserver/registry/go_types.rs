//! The Go types that the API server's messages show, and objects as values of them.
//!
//! Read from `assets/go-types-RELEASE.txt` (`hack/update-go-types.sh`) when first needed. They are the internal types of
//! `kubernetes/pkg/apis/core`, which differ from what is on the wire: embedded structs, fields elsewhere, quantities as numbers.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::quantity::{self, Amount};
use crate::release::{OfRelease, Release};

/// Types that no table of a release has, as they are read from one value, or out of it.
const WHOLE: &str = "\
resource.Quantity struct P
 i resource.int64Amount .
 d resource.infDecAmount .
 s string .
 Format resource.Format .
resource.int64Amount struct
 value int64 .
 scale resource.Scale .
resource.infDecAmount string S
resource.Scale int32
resource.Format string
intstr.IntOrString struct P
 Type intstr.Type .
 IntVal int32 .
 StrVal string .
intstr.Type int64
v1.Time struct S
 +Time time.Time .
time.Time string S
";

/// Which types have a String method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stringer {
    /// None.
    No,
    /// Values.
    Value,
    /// Pointers to them.
    Pointer,
}

/// What a type is made of; numbers are places in [`Types`].
#[derive(Debug)]
pub(super) enum Kind {
    /// `bool`
    Bool,
    /// Any integer, with its name.
    Int,
    /// `string`
    Text,
    /// A struct.
    Struct(Vec<Field>),
    /// A slice.
    List(usize),
    /// A map whose keys are this and whose values are that.
    Map(usize, usize),
    /// A pointer.
    Pointer(usize),
}

/// A field of a struct.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name in Go.
    pub name: &'static str,
    /// Whether it is embedded.
    pub embedded: bool,
    /// Its type.
    pub of: usize,
    from: &'static str,
    /// Its tag for JSON.
    pub tag: &'static str,
}

/// A type.
#[derive(Debug)]
pub(super) struct Type {
    /// As Go prints it.
    pub name: &'static str,
    /// What it is made of.
    pub kind: Kind,
    /// Whether it has a name of its own, unlike `[]string`.
    pub named: bool,
    /// Whether it says itself how it is shown.
    pub stringer: Stringer,
}

impl Type {
    /// Whether it is compared by its own method (`Equal`).
    pub fn compares_itself(&self) -> bool {
        matches!(self.name, "resource.Quantity" | "time.Time")
    }
}

/// A value of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    /// `bool`
    Bool(bool),
    /// Any integer.
    Int(i64),
    /// `string`
    Text(String),
    /// The fields, in order.
    Struct(Vec<Data>),
    /// A slice, if it is not nil.
    List(Option<Vec<Data>>),
    /// A map, if it is not nil.
    Map(Option<BTreeMap<String, Data>>),
    /// What is pointed to.
    Pointer(Option<Box<Data>>),
}

impl Data {
    /// Whether it is the zero value of its type.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Bool(truth) => !truth,
            Self::Int(number) => *number == 0,
            Self::Text(text) => text.is_empty(),
            Self::Struct(fields) => fields.iter().all(Self::is_zero),
            Self::List(list) => list.is_none(),
            Self::Map(map) => map.is_none(),
            Self::Pointer(to) => to.is_none(),
        }
    }
}

/// All types of a release.
#[derive(Debug)]
pub(super) struct Types {
    all: Vec<Type>,
    known: HashMap<&'static str, usize>,
}

static TYPES: OfRelease<Types> = OfRelease::new();

impl Types {
    /// Those of a release.
    pub fn of(release: &Release) -> &'static Self {
        TYPES.get(release, || Self::read(release.assets.go_types))
    }

    fn read(table: &'static str) -> Self {
        let mut types = Self { all: Vec::new(), known: HashMap::new() };
        let mut current = None;
        for line in table.lines().chain(WHOLE.lines()) {
            let words: Vec<&'static str> = line.split_whitespace().collect();
            match (line.starts_with(' '), words.as_slice(), current) {
                (true, [name, of, from, tag @ ..], Some(at)) => {
                    let of = types.find(of);
                    let (bare, embedded) = match name.strip_prefix('+') {
                        Some(bare) => (bare, true),
                        None => (*name, false),
                    };
                    let tag = tag.first().copied().unwrap_or("");
                    if let Some(Type { kind: Kind::Struct(fields), .. }) = types.all.get_mut(at) {
                        fields.push(Field { name: bare, embedded, of, from, tag });
                    }
                }
                (false, [name, made, more @ ..], _) => {
                    let kind = if *made == "struct" { Kind::Struct(Vec::new()) } else { types.made(made) };
                    let at = types.find(name);
                    let stringer = match more.first().copied() {
                        Some("S") => Stringer::Value,
                        Some("P") => Stringer::Pointer,
                        _ => Stringer::No,
                    };
                    types.all[at] = Type { name, kind, named: true, stringer };
                    current = Some(at);
                }
                _ => {}
            }
        }
        types
    }

    /// What an unnamed type is made of.
    fn made(&mut self, text: &'static str) -> Kind {
        if let Some(item) = text.strip_prefix("[]") {
            Kind::List(self.find(item))
        } else if let Some(to) = text.strip_prefix('*') {
            Kind::Pointer(self.find(to))
        } else if let Some((key, value)) = text.strip_prefix("map[").and_then(|map| map.split_once(']')) {
            Kind::Map(self.find(key), self.find(value))
        } else {
            match text {
                "bool" => Kind::Bool,
                "int" | "int32" | "int64" | "uint8" | "uint32" => Kind::Int,
                _ => Kind::Text,
            }
        }
    }

    /// The place of a type by what Go calls it, made where it is new.
    fn find(&mut self, name: &'static str) -> usize {
        if let Some(at) = self.known.get(name) {
            return *at;
        }
        let kind = self.made(name);
        let named = name.contains('.') && !name.starts_with(['[', '*']) && !name.starts_with("map[");
        self.all.push(Type { name, kind, named, stringer: Stringer::No });
        self.known.insert(name, self.all.len() - 1);
        self.all.len() - 1
    }

    /// A type by its place.
    pub fn at(&self, place: usize) -> &Type {
        &self.all[place]
    }

    /// The place of a type by its name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// An object on the wire as a value; `around` is the object that it is a field of.
    pub fn data(&self, place: usize, value: &Value, around: &Value) -> Data {
        let of = self.at(place);
        match (&of.kind, of.name) {
            (_, "resource.Quantity") => amount(value),
            (_, "intstr.IntOrString") => int_or_string(value),
            (_, "v1.Time") => Data::Struct(vec![text(value)]),
            (Kind::Bool, _) => Data::Bool(value == true),
            (Kind::Int, _) => Data::Int(value.as_i64().unwrap_or(0)),
            (Kind::Text, _) => text(value),
            (Kind::Struct(fields), _) => Data::Struct(
                fields
                    .iter()
                    .map(|field| match (field.from, field.from.strip_prefix('^')) {
                        (".", _) => self.data(field.of, value, around),
                        (_, Some(outer)) => self.data(field.of, &around[outer], &Value::Null),
                        (from, None) => self.data(field.of, &value[from], value),
                    })
                    .collect(),
            ),
            (Kind::List(item), _) => Data::List(
                value
                    .as_array()
                    .map(|items| items.iter().map(|one| self.data(*item, one, &Value::Null)).collect()),
            ),
            (Kind::Map(_, item), _) => Data::Map(value.as_object().map(|map| {
                map.iter().map(|(key, one)| (key.clone(), self.data(*item, one, &Value::Null))).collect()
            })),
            (Kind::Pointer(to), _) => {
                let there = !value.is_null() || self.reads_around(*to);
                Data::Pointer(there.then(|| Box::new(self.data(*to, value, around))))
            }
        }
    }

    /// Whether a struct has fields out of the object around its own, and so is always there.
    fn reads_around(&self, place: usize) -> bool {
        matches!(&self.at(place).kind, Kind::Struct(fields) if fields.iter().any(|f| f.from.starts_with('^')))
    }
}

fn text(value: &Value) -> Data {
    Data::Text(value.as_str().unwrap_or("").to_owned())
}

fn amount(value: &Value) -> Data {
    let Amount { value, scale, decimal, kept, format } = quantity::amount(value.as_str().unwrap_or(""));
    let number = Data::Struct(vec![Data::Int(value), Data::Int(scale)]);
    Data::Struct(vec![number, Data::Text(decimal), Data::Text(kept), Data::Text(format.to_owned())])
}

fn int_or_string(value: &Value) -> Data {
    Data::Struct(match value.as_str() {
        Some(name) => vec![Data::Int(1), Data::Int(0), Data::Text(name.to_owned())],
        None => vec![Data::Int(0), Data::Int(value.as_i64().unwrap_or(0)), Data::Text(String::new())],
    })
}
