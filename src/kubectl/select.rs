//! Which objects a command is about: arguments (`TYPE NAME`, `TYPE/NAME`, `TYPE -l`), and files.
//!
//! Behaviour after `k8s.io/cli-runtime/pkg/resource/builder.go`.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

use super::Session;
use super::discovery::Resource;
use super::fail::{Fail, Result, plain};

/// One thing that a command line names.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// An object by name.
    Named(Resource, String),
    /// All objects of a type that the selectors let through.
    Listed(Resource),
}

/// An object that a command works on.
#[derive(Debug, Clone)]
pub struct Info {
    /// Its resource.
    pub resource: Resource,
    /// Its namespace, where it has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The object: as the file or the server has it.
    pub object: Value,
    /// The file it came from.
    pub source: Option<String>,
}

impl Info {
    /// The object's path.
    pub fn path(&self) -> String {
        self.resource.path(self.namespace.as_deref(), Some(&self.name))
    }

    /// `node/controlplane`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.resource.shown(), self.name)
    }
}

/// What narrows a selection.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    /// `-l`.
    pub labels: Option<String>,
    /// `--field-selector`.
    pub fields: Option<String>,
    /// `-A`.
    pub all_namespaces: bool,
    /// `--all`.
    pub all: bool,
}

impl Narrow {
    /// Reads the flags.
    pub fn read(session: &Session) -> Self {
        let args = &session.args;
        Self {
            labels: args.text("selector").map(str::to_owned),
            fields: args.text("field-selector").map(str::to_owned),
            all_namespaces: args.is("all-namespaces"),
            all: args.is("all"),
        }
    }

    /// The query of a list request.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        if let Some(labels) = &self.labels {
            query.push(("labelSelector", labels.clone()));
        }
        if let Some(fields) = &self.fields {
            query.push(("fieldSelector", fields.clone()));
        }
        query
    }
}

/// Reads the arguments of a command that works on existing objects.
pub async fn selections(session: &mut Session, words: &[String], narrow: &Narrow) -> Result<Vec<Selection>> {
    let selected = narrow.labels.is_some() || narrow.fields.is_some();
    if words.iter().any(|w| w.contains('/')) {
        let mut found = Vec::new();
        for (i, word) in words.iter().enumerate() {
            match word.split('/').collect::<Vec<_>>().as_slice() {
                [kind, name] if !kind.is_empty() && !name.is_empty() => {
                    if kind.contains(',') {
                        return plain(
                            "arguments in resource/name form may not have more than one resource type"
                                .to_owned(),
                        );
                    }
                    found.push(Selection::Named(session.resolve(kind).await?, (*name).to_owned()));
                }
                [_, _] => {
                    return plain("arguments in resource/name form must have a single resource and name");
                }
                [_] if i == 0 && words.len() > 1 => {
                    return plain(
                        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                    );
                }
                [_] => {
                    return plain(
                        "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                    );
                }
                _ => return plain("arguments in resource/name form may not have more than one slash"),
            }
        }
        if selected {
            return plain("name cannot be provided when a selector is specified");
        }
        return Ok(found);
    }
    let Some((types, names)) = words.split_first() else { return Ok(Vec::new()) };
    let mut resources: Vec<Resource> = Vec::new();
    for word in types.split(',').filter(|w| !w.is_empty()) {
        let category = session.discovery().await?.category(word);
        let more = if category.is_empty() { vec![session.resolve(word).await?] } else { category };
        for resource in more {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
    }
    if names.is_empty() {
        return Ok(resources.into_iter().map(Selection::Listed).collect());
    }
    if selected {
        return plain("name cannot be provided when a selector is specified");
    }
    if narrow.all {
        return plain("name cannot be provided when --all is specified");
    }
    let mut found = Vec::new();
    for resource in &resources {
        for name in names {
            found.push(Selection::Named(resource.clone(), name.clone()));
        }
    }
    Ok(found)
}

/// Reads the arguments and gets the objects from the server; what fails is collected behind what was found.
pub async fn infos(
    session: &mut Session,
    words: &[String],
    narrow: &Narrow,
) -> Result<(Vec<Info>, Vec<Fail>)> {
    let selections = selections(session, words, narrow).await?;
    let needs_more = selections.iter().any(|s| matches!(s, Selection::Listed(_)));
    if needs_more && narrow.labels.is_none() && narrow.fields.is_none() && !narrow.all {
        return plain("resource(s) were provided, but no name was specified");
    }
    let (mut found, mut fails) = (Vec::new(), Vec::new());
    for selection in selections {
        match selection {
            Selection::Named(resource, name) => {
                if narrow.all_namespaces && resource.namespaced {
                    return plain("a resource cannot be retrieved by name across all namespaces");
                }
                let namespace = session.namespace_for(&resource);
                let path = resource.path(namespace.as_deref(), Some(&name));
                match session.client()?.get(&path).await {
                    Ok(object) => found.push(Info { namespace, name, object, source: None, resource }),
                    Err(fail) => fails.push(fail),
                }
            }
            Selection::Listed(resource) => match list(session, &resource, narrow).await {
                Ok(items) => {
                    for object in items {
                        found.push(info_of(resource.clone(), object, None));
                    }
                }
                Err(fail) => fails.push(fail),
            },
        }
    }
    Ok((found, fails))
}

/// Makes an [`Info`] of an object that the server gave.
pub fn info_of(resource: Resource, object: Value, source: Option<String>) -> Info {
    Info {
        namespace: object["metadata"]["namespace"]
            .as_str()
            .map(str::to_owned)
            .filter(|_| resource.namespaced),
        name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        object,
        source,
        resource,
    }
}

/// All objects of a type that the selectors let through, in chunks.
pub async fn list(session: &Session, resource: &Resource, narrow: &Narrow) -> Result<Vec<Value>> {
    let namespace = if narrow.all_namespaces { None } else { session.namespace_for(resource) };
    let path = resource.path(namespace.as_deref(), None);
    let (mut items, mut next) = (Vec::new(), String::new());
    loop {
        let mut query = narrow.query();
        query.push(("limit", "500".into()));
        if !next.is_empty() {
            query.push(("continue", next));
        }
        let mut page = session.client()?.get(&super::with_query(&path, &query)).await?;
        next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        let (version, kind) = (resource.group_version(), resource.kind.clone());
        for mut item in page["items"].as_array_mut().map(std::mem::take).unwrap_or_default() {
            item["apiVersion"] = version.clone().into();
            item["kind"] = kind.clone().into();
            items.push(item);
        }
        if next.is_empty() {
            return Ok(items);
        }
    }
}

/// Reads the objects of `-f` (files, directories, `-`), one after another.
pub async fn from_files(session: &mut Session) -> Result<Vec<Info>> {
    let mut found = Vec::new();
    for (source, object) in read_objects(&session.args.list("filename"), session.args.is("recursive"))? {
        found.push(mapped(session, source, object).await?);
    }
    Ok(found)
}

/// Gives an object of a file its resource and namespace.
async fn mapped(session: &mut Session, source: String, mut object: Value) -> Result<Info> {
    let (version, kind) = (
        object["apiVersion"].as_str().unwrap_or_default().to_owned(),
        object["kind"].as_str().unwrap_or_default().to_owned(),
    );
    let shown = if source == "STDIN" { "STDIN".to_owned() } else { source.clone() };
    if kind.is_empty() {
        let text = super::printer::compact(&object);
        return plain(format!("unable to decode \"{shown}\": Object 'Kind' is missing in '{text}'"));
    }
    if version.is_empty() {
        let text = super::printer::compact(&object);
        return plain(format!("error validating \"{shown}\": error validating data: apiVersion not set; if you choose to ignore these errors, turn validation off with --validate=false").replace("{text}", &text));
    }
    let client = session.client()?;
    let Some(resource) = session.discovery().await?.of_kind(&client, &version, &kind).await? else {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        return plain(format!(
            "resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" from \"{shown}\": no matches for kind \"{kind}\" in version \"{version}\"\nensure CRDs are installed first"
        ));
    };
    if resource.namespaced {
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let (ours, given) = session.namespace()?;
        if own.is_empty() {
            object["metadata"]["namespace"] = ours.into();
        } else if given && own != ours {
            return plain(format!(
                "the namespace from the provided object \"{own}\" does not match the namespace \"{ours}\". You must pass '--namespace={own}' to perform this operation."
            ));
        }
    }
    Ok(info_of(resource, object, Some(shown)))
}

/// Reads every document of every file; lists are taken apart.
pub fn read_objects(files: &[String], recursive: bool) -> Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    for file in files {
        if file == "-" {
            let mut bytes = Vec::new();
            let read = std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes);
            read.map_err(|e| Fail::Plain(format!("error reading STDIN: {e}")))?;
            let before = found.len();
            documents("STDIN", &bytes, &mut found)?;
            if found.len() == before {
                return plain("no objects passed to apply")
                    .map_err(|_| Fail::Plain("no objects passed to apply".into()));
            }
            continue;
        }
        let path = Path::new(file);
        let metadata = std::fs::metadata(path);
        if let Err(e) = &metadata {
            return match e.kind() {
                std::io::ErrorKind::NotFound => plain(format!("the path \"{file}\" does not exist")),
                _ => plain(format!(
                    "the path \"{file}\" cannot be accessed: stat {file}: {}",
                    super::kubeconfig::go_io(e)
                )),
            };
        }
        let mut paths = vec![path.to_owned()];
        if metadata.is_ok_and(|m| m.is_dir()) {
            paths = directory(path, recursive);
            if paths.is_empty() {
                return plain(format!(
                    "error reading [{file}]: recognized file extensions are [.json .yaml .yml]"
                ));
            }
        }
        for path in paths {
            let shown = path.display().to_string();
            let bytes = std::fs::read(&path)
                .map_err(|e| Fail::Plain(format!("open {shown}: {}", super::kubeconfig::go_io(&e))))?;
            documents(&shown, &bytes, &mut found)?;
        }
    }
    Ok(found)
}

fn directory(path: &Path, recursive: bool) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            if recursive {
                files.extend(directory(&entry, true));
            }
        } else if entry.extension().is_some_and(|e| ["json", "yaml", "yml"].iter().any(|w| e == *w)) {
            files.push(entry);
        }
    }
    files
}

fn documents(source: &str, bytes: &[u8], into: &mut Vec<(String, Value)>) -> Result<()> {
    let text = String::from_utf8_lossy(bytes);
    if text.trim_start().starts_with('{') {
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let value =
                value.map_err(|e| Fail::Plain(format!("error parsing {source}: json parse error: {e}")))?;
            flatten(source, value, into);
        }
        return Ok(());
    }
    for document in serde_yaml::Deserializer::from_str(&text) {
        let value = Value::deserialize(document).map_err(|e| {
            Fail::Plain(format!(
                "error parsing {source}: error converting YAML to JSON: yaml: {}",
                yaml_words(&e)
            ))
        })?;
        flatten(source, value, into);
    }
    Ok(())
}

/// A YAML error in the words that go-yaml uses.
fn yaml_words(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    match error.location() {
        Some(at) => {
            let what = text.split(" at line ").next().unwrap_or(&text);
            format!("line {}: {what}", at.line())
        }
        None => text,
    }
}

fn flatten(source: &str, value: Value, into: &mut Vec<(String, Value)>) {
    let is_list = value["kind"].as_str().is_some_and(|k| k.ends_with("List")) && value["items"].is_array();
    if is_list {
        for item in value["items"].as_array().into_iter().flatten() {
            flatten(source, item.clone(), into);
        }
    } else if !value.is_null() {
        into.push((source.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_hold_documents_and_lists() {
        let mut found = Vec::new();
        documents("x", b"a: 1\n---\n# nothing\n---\nkind: List\nitems:\n- {b: 2}\n- {c: 3}\n", &mut found)
            .unwrap();
        assert_eq!(
            found.iter().map(|(_, v)| v.to_string()).collect::<Vec<_>>(),
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
        );
        found.clear();
        documents("x", b"{\"a\":1}\n{\"a\":2}", &mut found).unwrap();
        assert_eq!(found.len(), 2);
        assert!(documents("x", b"a: [", &mut found).is_err());
    }

    #[test]
    fn missing_files_are_named() {
        let text = read_objects(&["/nope.yaml".into()], false).unwrap_err().render().0;
        assert_eq!(text, "error: the path \"/nope.yaml\" does not exist\n");
    }
}
