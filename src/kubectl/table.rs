//! Tables that the server made, as `kubectl get` shows them.

use serde_json::Value;

use super::tabs;

/// What is shown of a table.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// With the columns of lower priority.
    pub wide: bool,
    /// Without a header line.
    pub no_headers: bool,
    /// With a first column of namespaces.
    pub namespaces: bool,
    /// With a last column of all labels.
    pub labels: bool,
    /// With a column for each of these labels.
    pub label_columns: Vec<String>,
    /// What names are preceded by: `pod/`.
    pub prefix: Option<String>,
}

/// The indexes of the columns that are shown.
fn shown(table: &Value, wide: bool) -> Vec<usize> {
    let columns = table["columnDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
    (0..columns.len()).filter(|&i| wide || columns[i]["priority"].as_i64().unwrap_or(0) == 0).collect()
}

/// The header line, cells ended by tabs.
pub fn header(table: &Value, look: &Look) -> String {
    let mut cells: Vec<String> = Vec::new();
    if look.namespaces {
        cells.push("NAMESPACE".into());
    }
    for i in shown(table, look.wide) {
        cells.push(table["columnDefinitions"][i]["name"].as_str().unwrap_or_default().to_uppercase());
    }
    for label in &look.label_columns {
        cells.push(label.rsplit('/').next().unwrap_or(label).to_uppercase());
    }
    if look.labels {
        cells.push("LABELS".into());
    }
    cells.join("\t") + "\n"
}

/// One row, cells ended by tabs.
pub fn row(table: &Value, row: &Value, look: &Look) -> String {
    let metadata = &row["object"]["metadata"];
    let mut cells: Vec<String> = Vec::new();
    if look.namespaces {
        cells.push(metadata["namespace"].as_str().unwrap_or_default().into());
    }
    for i in shown(table, look.wide) {
        let mut text = cell(&row["cells"][i]);
        let column = &table["columnDefinitions"][i];
        if let (true, Some(prefix)) = (column["format"] == "name" || i == 0, &look.prefix) {
            text = format!("{prefix}/{text}");
        }
        cells.push(text);
    }
    for label in &look.label_columns {
        cells.push(metadata["labels"][label].as_str().unwrap_or_default().into());
    }
    if look.labels {
        cells.push(labels(&metadata["labels"]));
    }
    cells.join("\t") + "\n"
}

/// A cell's text; no more than its first line.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        other => super::printer::go_value(other),
    };
    match text.find(['\u{c}', '\n', '\r']) {
        Some(end) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// `a=1,b=2`, or `<none>`.
pub fn labels(map: &Value) -> String {
    let mut pairs: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    if pairs.is_empty() { "<none>".into() } else { pairs.join(",") }
}

/// The text of some tables' rows under one header, laid out.
pub fn text(tables: &[Value], look: &Look, widths: &mut Vec<usize>) -> String {
    let mut lines = String::new();
    for (i, table) in tables.iter().enumerate() {
        if i == 0 && !look.no_headers {
            lines += &header(table, look);
        }
        for r in table["rows"].as_array().into_iter().flatten() {
            lines += &row(table, r, look);
        }
    }
    tabs::layout_remembering(&lines, 6, 3, widths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn looks() {
        let table = json!({"columnDefinitions": [{"name": "Name", "format": "name"}, {"name": "Age"}, {"name": "IP", "priority": 1}],
            "rows": [{"cells": ["n", "3s", "1.2.3.4"], "object": {"metadata": {"namespace": "d", "labels": {"b": "2", "a/x": "1"}}}}]});
        let text = |look: Look| text(std::slice::from_ref(&table), &look, &mut Vec::new());
        assert_eq!(text(Look::default()), "NAME   AGE\nn      3s\n");
        assert_eq!(text(Look { wide: true, no_headers: true, ..Look::default() }), "n     3s    1.2.3.4\n");
        assert_eq!(
            text(Look { labels: true, namespaces: true, ..Look::default() }),
            "NAMESPACE   NAME   AGE   LABELS\nd           n      3s    a/x=1,b=2\n"
        );
        assert_eq!(
            text(Look { label_columns: vec!["a/x".into()], prefix: Some("node".into()), ..Look::default() }),
            "NAME     AGE   X\nnode/n   3s    1\n"
        );
    }
}
