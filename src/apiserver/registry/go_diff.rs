//! The difference of two Go values, as messages quote it.
//!
//! Upstream until 1.33: `cmp.Diff` of `github.com/google/go-cmp`; since then `Diff` of `k8s.io/apimachinery/pkg/util/diff`, a
//! unified difference of the values as JSON.

use serde_json::Value;

use super::go_types::Types;
use crate::release::{Differences, Release};

mod compare;
mod edits;
mod json;
mod quote;
mod report;
mod slices;
mod source;
mod text;
mod unified;
mod values;

/// Which way go-cmp goes. It takes one when the program starts, by the second of its clock, so that nobody relies on what it
/// prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Slices are compared from their beginning; plain blanks.
    #[cfg_attr(not(test), allow(dead_code))]
    Forward,
    /// Slices are compared from their end; blanks that do not break.
    Backward,
}

/// The difference of two objects that are values of a Go type (`core.PodSpec`).
pub(crate) fn difference(release: &Release, name: &str, old: &Value, new: &Value) -> String {
    let types = Types::of(release);
    let Some(place) = types.place(name) else { return String::new() };
    let (old, new) = (types.data(place, old, &Value::Null), types.data(place, new, &Value::Null));
    match release.wording.differences {
        Differences::Cmp => {
            let root = compare::compare(types, Habit::Backward, place, &old, &new);
            report::told(types, Habit::Backward, &root)
        }
        Differences::Unified => {
            unified::difference(&json::pretty(types, place, &old), &json::pretty(types, place, &new))
        }
    }
}

/// An object that is a value of a Go type, as Go prints it and as JSON.
pub(crate) fn shown(release: &Release, name: &str, value: &Value) -> (String, String) {
    let types = Types::of(release);
    let Some(place) = types.place(name) else { return (String::new(), value.to_string()) };
    let data = types.data(place, value, &Value::Null);
    (source::source(types, place, &data), json::compact(types, place, &data))
}

#[cfg(test)]
mod tests;
