//! Objects printed as `-o` asks: json, yaml, name, jsonpath, custom columns.

use serde_json::{Value, json};

use super::args::Args;
use super::discovery::Resource;
use super::fail::{Fail, Result, plain};
use super::jsonpath::{self, Template};
use super::{tabs, yaml};
use crate::go_value::escape_html;
pub use crate::go_value::go_value;

/// How objects are printed.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// A table, or a line that says what was done.
    Human {
        /// With the columns of lower priority.
        wide: bool,
    },
    /// `-o json`.
    Json,
    /// `-o yaml`.
    Yaml,
    /// `-o name`.
    Name,
    /// `-o jsonpath=...`.
    JsonPath(Template),
    /// `-o jsonpath-as-json=...`.
    JsonPathAsJson(Template),
    /// `-o custom-columns=...`: headers and paths.
    Columns(Vec<(String, Template)>),
}

/// What commands that change things can print.
const CHANGED: &str = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,yaml";
/// What `get` can print.
const GOT: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml";

impl Format {
    /// Reads `-o`; `get` knows tables, other commands do not.
    pub fn read(args: &Args) -> Result<Format> {
        let tables = args.command == "get";
        let Some(given) = args.text("output").or(args.text("template").map(|_| "template")) else {
            return Ok(Format::Human { wide: false });
        };
        let (name, value) = given.split_once('=').map_or((given, None), |(n, v)| (n, Some(v)));
        let value_or =
            |what: &str| {
                value.or(args.text("template")).map(str::to_owned).filter(|v| !v.is_empty()).ok_or_else(
                    || Fail::Plain(format!("template format specified but no template given{what}")),
                )
            };
        let file = |path: String| {
            std::fs::read_to_string(&path).map_err(|e| {
                Fail::Plain(format!(
                    "error reading --template {path}, open {path}: {}\n",
                    super::kubeconfig::go_io(&e)
                ))
            })
        };
        Ok(match name {
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            "name" => Format::Name,
            "wide" if tables => Format::Human { wide: true },
            "jsonpath" => Format::JsonPath(Template::parse(&value_or("")?)?),
            "jsonpath-file" => Format::JsonPath(Template::parse(&file(value_or("")?)?)?),
            "jsonpath-as-json" => Format::JsonPathAsJson(Template::parse(&value_or("")?)?),
            "custom-columns" if tables => match value.filter(|v| !v.is_empty()) {
                Some(spec) => Format::Columns(columns(spec)?),
                None => return plain("custom-columns format specified but no custom columns given"),
            },
            "custom-columns-file" if tables => {
                let text = file(value.unwrap_or_default().to_owned())?;
                let mut lines = text.lines();
                let (heads, paths) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
                let spec: Vec<_> = heads
                    .split_whitespace()
                    .zip(paths.split_whitespace())
                    .map(|(h, p)| format!("{h}:{p}"))
                    .collect();
                Format::Columns(columns(&spec.join(","))?)
            }
            _ => {
                let allowed = if tables { GOT } else { CHANGED };
                return plain(format!(
                    "unable to match a printer suitable for the output format \"{given}\", allowed formats are: {allowed}"
                ));
            }
        })
    }

    /// Says whether a table, or a line of words, is wanted.
    pub fn is_human(&self) -> bool {
        matches!(self, Format::Human { .. })
    }

    /// Prints an object (or a `List`); `Human` prints nothing.
    pub fn object(&self, resource: Option<&Resource>, value: &Value, managed_fields: bool) -> Result<String> {
        let mut value = value.clone();
        if !managed_fields {
            hide_managed_fields(&mut value);
        }
        Ok(match self {
            Format::Human { .. } => String::new(),
            Format::Json => pretty(&value),
            Format::Yaml => yaml::to_string(&value),
            Format::Name => names(resource, &value),
            Format::JsonPath(template) => template.render(&value)?,
            Format::JsonPathAsJson(template) => {
                let found = template.values(&value)?;
                pretty(&json!(found))
            }
            Format::Columns(columns) => {
                let items = match value["items"].as_array() {
                    Some(items) if value["kind"].as_str().is_some_and(|k| k.ends_with("List")) => {
                        items.clone()
                    }
                    _ => vec![value],
                };
                return rows(columns, &items).map(|text| tabs::layout(&text, 6, 3));
            }
        })
    }
}

/// The lines of custom columns under their header, cells ended by tabs.
fn rows(columns: &[(String, Template)], items: &[Value]) -> Result<String> {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| head.as_str()).collect();
    Ok(heads.join("\t") + "\n" + &column_lines(columns, items)?)
}

/// The lines of custom columns, cells ended by tabs.
pub fn column_lines(columns: &[(String, Template)], items: &[Value]) -> Result<String> {
    let mut text = String::new();
    for item in items {
        let cells: Result<Vec<String>> = columns
            .iter()
            .map(|(_, path)| {
                let found = path.values(item)?;
                let texts: Vec<String> = found.into_iter().map(go_value).collect();
                Ok(if texts.is_empty() { "<none>".into() } else { texts.join(",") })
            })
            .collect();
        text += &(cells?.join("\t") + "\n");
    }
    Ok(text)
}

/// Reads `HEAD:.path,HEAD:.path`.
fn columns(spec: &str) -> Result<Vec<(String, Template)>> {
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0;
    for piece in spec.split(',') {
        match parts.last_mut() {
            Some(last) if depth > 0 => *last = format!("{last},{piece}"),
            _ => parts.push(piece.to_owned()),
        }
        depth += piece.matches(['[', '(']).count() as i32 - piece.matches([']', ')']).count() as i32;
    }
    parts
        .iter()
        .map(|part| match part.split_once(':') {
            Some((head, path)) => Ok((head.to_owned(), Template::parse(&jsonpath::relaxed(path)?)?)),
            None => {
                plain(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))
            }
        })
        .collect()
}

fn hide_managed_fields(value: &mut Value) {
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().filter(|i| i.is_object()).for_each(hide_managed_fields);
    }
}

/// `node/controlplane`, a line for each item of a list.
fn names(resource: Option<&Resource>, value: &Value) -> String {
    if let Some(items) = value["items"].as_array() {
        return items.iter().map(|item| names(resource, item)).collect();
    }
    format!("{}\n", object_name(resource, value))
}

/// `node/controlplane`, `deployment.apps/web`.
pub fn object_name(resource: Option<&Resource>, value: &Value) -> String {
    let kind = value["kind"].as_str().unwrap_or_default().to_lowercase();
    let group = value["apiVersion"].as_str().and_then(|v| v.split_once('/')).map_or("", |(g, _)| g);
    let shown = match resource {
        Some(resource) if kind.is_empty() => resource.shown(),
        _ if group.is_empty() => kind,
        _ => format!("{kind}.{group}"),
    };
    format!("{shown}/{}", value["metadata"]["name"].as_str().unwrap_or_default())
}

/// JSON on one line, keys sorted, as Go writes it.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, 0, &mut out);
    out
}

/// JSON with an indent of four, keys sorted, as Go writes it, with a last newline.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(4), 0, &mut out);
    out.push('\n');
    out
}

/// JSON with an indent of two, as `kubectl version -o json` has it, with a last newline.
pub fn pretty_two(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(2), 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, indent: Option<usize>, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (i, (key, inner)) in pairs.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                out.push_str(&escape_html(&json!(key).to_string()));
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(inner, indent, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('[');
            for (i, inner) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write(inner, indent, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        text @ Value::String(_) => out.push_str(&escape_html(&text.to_string())),
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn format(o: &str) -> Result<Format> {
        Format::read(&Args::parse("get", "output/o= template=", &[format!("-o={o}")]).unwrap())
    }

    #[test]
    fn formats() {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "managedFields": [], "labels": {"x": "1"}}, "spec": {"a": "<&>"}});
        let print = |o: &str| format(o).unwrap().object(None, &node, false).unwrap();
        assert_eq!(print("name"), "node/n\n");
        assert_eq!(
            print("custom-columns=N:.metadata.name,X:.metadata.labels.x,Z:.no"),
            "N     X     Z\nn     1     <none>\n"
        );
        assert_eq!(print("jsonpath={.spec}"), "{\"a\":\"\\u003c\\u0026\\u003e\"}");
        assert!(print("json").starts_with("{\n    \"apiVersion\": \"v1\",\n    \"kind\""));
        assert!(!print("yaml").contains("managedFields"));
        let text = format("foo").unwrap_err().render().0;
        assert_eq!(
            text,
            "error: unable to match a printer suitable for the output format \"foo\", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,template,templatefile,wide,yaml\n"
        );
    }
}
