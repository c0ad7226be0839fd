//! YAML read as Go's `sigs.k8s.io/yaml` reads it, with its error texts.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::json::Node;

/// Parses the first document of a YAML text; the error is Go's sentence (`yaml: line 17: did not find expected key`).
pub fn parse(bytes: &[u8]) -> Result<Node, String> {
    if let Some(first) = bytes.iter().find(|b| !b.is_ascii_whitespace())
        && *first == b'{'
        && let Ok(node) = super::json::parse(bytes)
    {
        return Ok(node);
    }
    if flow_depth(bytes) > DEEPEST {
        return Err("yaml: exceeded max depth of 10000".to_owned());
    }
    let Some(document) = serde_yaml::Deserializer::from_slice(bytes).next() else {
        return Ok(Node::Null);
    };
    Node::deserialize(document)
        .map_err(|e| unknown_anchor(&e, bytes).unwrap_or_else(|| go_error(&e.to_string())))
}

/// go-yaml names the anchor that is not there.
fn unknown_anchor(error: &serde_yaml::Error, bytes: &[u8]) -> Option<String> {
    if !error.to_string().contains("unknown anchor") {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let rest = text.get(error.location()?.index()..)?.trim_start_matches('*');
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect();
    Some(format!("yaml: unknown anchor '{name}' referenced"))
}

/// How deep brackets may be nested: the scanner's work grows with the square of it. Go's limit is 10000; typed objects are never that deep.
const DEEPEST: usize = 1000;

/// How deep brackets are nested, those in quotes and comments left out.
fn flow_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quote) = (0usize, 0, None);
    let mut bytes = bytes.iter();
    while let Some(&byte) = bytes.next() {
        match (quote, byte) {
            (Some(b'"'), b'\\') => {
                bytes.next();
            }
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (None, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The lines of an error, each a warning of its own (`parseYAMLWarnings`).
pub fn warnings(error: &str) -> Vec<String> {
    let lines = error.strip_prefix("yaml: unmarshal errors:\n").unwrap_or(error);
    lines.split('\n').map(|line| line.trim().to_owned()).collect()
}

/// go-yaml's sentence for the first duplicate key (`duplicate field "a.b"` as [`Node::duplicates`] names it).
pub fn duplicate_error(found: &str, text: &[u8]) -> String {
    let key = found.trim_start_matches("duplicate field ").trim_matches('"');
    let key = key.rsplit('.').next().unwrap_or(key);
    let mut seen = 0;
    let mut line = 1;
    for (number, content) in String::from_utf8_lossy(text).lines().enumerate() {
        let plain = content.replace(['"', '\''], "");
        seen += plain.matches(&format!("{key}:")).count();
        if seen >= 2 {
            line = number + 1;
            break;
        }
    }
    format!("yaml: unmarshal errors:\n  line {line}: key {key:?} already set in map")
}

/// Turns libyaml's sentence into go-yaml's.
fn go_error(text: &str) -> String {
    let (head, context) = text.split_once(", while ").unwrap_or((text, ""));
    let Some((problem, place)) = head.rsplit_once(" at line ") else {
        return format!("yaml: {head}");
    };
    let line: usize = place.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let from_parser = context.starts_with("parsing") || problem.contains("<document start>");
    let line = if from_parser { line.saturating_sub(1) } else { line };
    let problem = problem.rsplit(": ").next().unwrap_or(problem);
    if line == 0 || (line == 1 && !from_parser) {
        format!("yaml: {problem}")
    } else {
        format!("yaml: line {line}: {problem}")
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
        Ok(Node::Number(v.to_string()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::String(v.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Node, D::Error> {
        Node::deserialize(d)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            let key = match key {
                Node::String(s) | Node::Number(s) => s,
                Node::Bool(b) => b.to_string(),
                Node::Null => "null".to_owned(),
                Node::Array(_) | Node::Object(_) => {
                    return Err(serde::de::Error::custom("invalid map key"));
                }
            };
            entries.push((key, value));
        }
        Ok(Node::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn errors_are_go_yamls() {
        for (text, error) in [
            ("a: [", "yaml: line 1: did not find expected node content"),
            ("a: b\nc: d: e\n", "yaml: line 2: mapping values are not allowed in this context"),
            ("a:\n  b: 1\n c: 2\n", "yaml: line 2: did not find expected key"),
            ("a: \"x", "yaml: found unexpected end of stream"),
            ("a: \"x\nb: c\n", "yaml: line 3: found unexpected end of stream"),
            ("x: 1\ny: {a\n", "yaml: line 2: did not find expected ',' or '}'"),
            ("a: b: c", "yaml: mapping values are not allowed in this context"),
            ("a:\n\tb: 1\n", "yaml: line 2: found character that cannot start any token"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), error, "{text}");
        }
        assert_eq!(parse(b"").unwrap(), Node::Null);
        assert_eq!(parse(b"a: 1\n---\nb: 2\n").unwrap(), super::super::json::parse(br#"{"a":1}"#).unwrap());
        assert_eq!(
            parse(b"a: 1\na: {b: [x, null]}\n").unwrap(),
            super::super::json::parse(br#"{"a":1,"a":{"b":["x",null]}}"#).unwrap()
        );
    }
}
