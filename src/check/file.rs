//! `file`: a node's file, parsed, held against an expression, what it was like when the lesson began, and before that.

use serde_json::Value;

use super::manifest::Manifest;
use super::{Facts, Found, Ground};
use crate::error::{Error, Result};
use crate::lesson::schema::FileCheck;
use crate::text::tr;

/// Reads it. Facts are those of [`Manifest::facts`], the original's with `original_` before, those from before the
/// lesson's setup with `before_`, `text`, `exists`.
pub async fn look(check: &FileCheck, ground: &Ground<'_>) -> Result<Found> {
    let node = ground.cluster.node(&check.node);
    let node = node.ok_or_else(|| Error::new(tr!(ground.language(), check_no_node { node: check.node })))?;
    let content = node.read_file(&check.path).await?;
    let shown = node.shown_path(&check.path);
    let manifest = Manifest::parse(content.as_deref().unwrap_or_default());
    let observed = match (&content, &manifest.error, manifest.line) {
        (None, ..) => tr!(ground.language(), check_there_is_no_file { shown }),
        (_, Some(error), Some(line)) => tr!(ground.language(), check_no_yaml_line { shown, line, error }),
        (_, Some(error), None) => tr!(ground.language(), check_no_yaml { shown, error }),
        _ => tr!(ground.language(), check_file_not_as_asked { shown }),
    };
    let original = ground.originals.original(&check.node, &check.path);
    let mut facts = Facts::new();
    facts.insert("exists".into(), Value::Bool(content.is_some()));
    facts.insert("has_original".into(), Value::Bool(original.is_some()));
    let text = |content: &Option<Vec<u8>>| {
        Value::String(content.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned())
    };
    facts.insert("text".into(), text(&content));
    facts.insert("original_text".into(), text(&original));
    let before = ground.originals.before(&check.node, &check.path);
    facts.insert("before_text".into(), text(&before));
    for (name, content) in [("original", &original), ("before", &before)] {
        let then = Manifest::parse(content.as_deref().unwrap_or_default());
        facts.extend(then.facts().into_iter().map(|(key, value)| (format!("{name}_{key}"), value)));
    }
    facts.extend(manifest.facts());
    facts.insert("file".into(), Value::String(shown.clone()));
    let mut found = Found::by_expr(&check.expr, facts, observed);
    if found.verdict == super::Verdict::Pass {
        found.observed = tr!(ground.language(), check_file_as_asked { shown });
    }
    Ok(found)
}
