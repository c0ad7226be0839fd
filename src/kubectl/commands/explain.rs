//! `kubectl explain`, from the server's OpenAPI v3 documents.

use serde_json::Value;

use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::{Session, out};

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    let words = session.args.rest.clone();
    let [word] = words.as_slice() else {
        if words.is_empty() {
            return plain(
                "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.",
            );
        }
        return plain("We accept only this format: explain RESOURCE\n");
    };
    let (head, fields) =
        word.split_once('.').map_or((word.as_str(), Vec::new()), |(h, f)| (h, f.split('.').collect()));
    let resource = session.resolve(head).await?;
    let path = if resource.group.is_empty() {
        format!("/openapi/v3/api/{}", resource.version)
    } else {
        format!("/openapi/v3/apis/{}/{}", resource.group, resource.version)
    };
    let document = session.client()?.get(&path).await?;
    let schemas = &document["components"]["schemas"];
    let Some(mut schema) = schemas.as_object().into_iter().flatten().map(|(_, s)| s).find(|s| {
        s["x-kubernetes-group-version-kind"].as_array().into_iter().flatten().any(|g| {
            g["kind"] == resource.kind.as_str()
                && g["version"] == resource.version.as_str()
                && g["group"].as_str().unwrap_or_default() == resource.group
        })
    }) else {
        return Err(Fail::Plain(format!(
            "couldn't find resource for \"{}, Kind={}\"",
            resource.group_version(),
            resource.kind
        )));
    };
    let mut text = String::new();
    if !resource.group.is_empty() {
        text += &format!("GROUP:      {}\n", resource.group);
    }
    text += &format!("KIND:       {}\nVERSION:    {}\n\n", resource.kind, resource.version);
    let mut about = String::new();
    for (i, field) in fields.iter().enumerate() {
        let (inner, _) = resolve(schemas, schema);
        let Some(property) = inner["properties"].get(*field) else {
            out::say(&text);
            return plain(format!("field \"{field}\" does not exist"));
        };
        let (target, kind) = resolve(schemas, property);
        about = property["description"]
            .as_str()
            .or(target["description"].as_str())
            .unwrap_or("<empty>")
            .to_owned();
        if i + 1 == fields.len() {
            text += &format!("FIELD: {field} <{kind}>\n\n");
        }
        schema = target;
    }
    if about.is_empty() {
        about = schema["description"].as_str().unwrap_or("<empty>").to_owned();
    }
    text += &format!("DESCRIPTION:\n{}\n", wrapped(&about, 4));
    let (target, _) = resolve(schemas, schema);
    if target["properties"].is_object() {
        text += "FIELDS:\n";
        list(schemas, target, 2, session.args.is("recursive"), &mut Vec::new(), &mut text);
    }
    text.push('\n');
    out::say(&text);
    Ok(())
}

/// Follows a reference, through arrays and maps, and names the type.
fn resolve<'a>(schemas: &'a Value, schema: &'a Value) -> (&'a Value, String) {
    let target = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str())
        .and_then(|r| r.rsplit('/').next())
        .map(|name| (&schemas[name], name.rsplit('.').next().unwrap_or(name).to_owned()));
    if let Some((target, name)) = target {
        let scalar = target["type"].as_str().filter(|t| *t != "object");
        return (target, scalar.map_or(name.clone(), |_| name));
    }
    match schema["type"].as_str() {
        Some("array") => {
            let (target, kind) = resolve(schemas, &schema["items"]);
            (target, format!("[]{kind}"))
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            let (target, kind) = resolve(schemas, &schema["additionalProperties"]);
            (target, format!("map[string]{kind}"))
        }
        Some(kind) => (schema, kind.to_owned()),
        None => (schema, "Object".to_owned()),
    }
}

fn list(
    schemas: &Value,
    schema: &Value,
    indent: usize,
    recursive: bool,
    seen: &mut Vec<String>,
    text: &mut String,
) {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let (target, kind) = resolve(schemas, property);
        let pad = " ".repeat(indent);
        let needed = if required.contains(&name.as_str()) { " -required-" } else { "" };
        *text += &format!("{pad}{name}\t<{kind}>{needed}\n");
        if recursive {
            if target["properties"].is_object() && !seen.contains(&kind) {
                seen.push(kind);
                list(schemas, target, indent + 2, true, seen, text);
                seen.pop();
            }
        } else {
            let about = property["description"]
                .as_str()
                .or(target["description"].as_str())
                .unwrap_or("<no description>");
            *text += &format!("{}\n", wrapped(about, indent + 2));
        }
    }
}

/// Wraps text at 80 columns.
fn wrapped(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut out = String::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.len() + 1 + word.len() > 76 {
                out += &format!("{pad}{line}\n");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        out += format!("{pad}{line}").trim_end();
        out.push('\n');
    }
    out
}
