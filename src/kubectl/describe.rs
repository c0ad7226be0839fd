//! `kubectl describe`.
//!
//! Layouts after `k8s.io/kubectl/pkg/describe`.

use serde_json::Value;

use super::fail::{Fail, Result, plain};
use super::select::{self, Info, Narrow, Selection, selections};
use super::{Session, age, out, tabs, with_query};

mod generic;
mod node;
mod objects;
mod pod;

/// Writes lines at levels of indentation; cells are ended by tabs and laid out at the end.
#[derive(Default)]
pub(super) struct Writer(String);

impl Writer {
    /// Writes a line.
    pub fn line(&mut self, level: usize, text: impl AsRef<str>) {
        self.0.extend(std::iter::repeat_n(' ', level * 2));
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    /// The text with its columns laid out.
    pub fn finish(self) -> String {
        tabs::layout(&self.0, 0, 2)
    }
}

/// The text of a value, or what stands for none.
pub(super) fn or<'a>(value: &'a Value, none: &'a str) -> &'a str {
    value.as_str().filter(|v| !v.is_empty()).unwrap_or(none)
}

/// The items of a list.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Runs the command.
pub(super) async fn run(session: &mut Session) -> Result<()> {
    let narrow = Narrow::read(session);
    let words = session.args.rest.clone();
    let (mut infos, mut fails): (Vec<Info>, Vec<Fail>) = (Vec::new(), Vec::new());
    if session.args.given("filename") {
        (infos, fails) = super::commands::fetched(session).await?;
    } else if words.is_empty() {
        return plain(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        );
    } else {
        for selection in selections(session, &words, &narrow).await? {
            match selection {
                Selection::Named(resource, name) => {
                    let namespace = session.namespace_for(&resource);
                    match session.client()?.get(&resource.path(namespace.as_deref(), Some(&name))).await {
                        Ok(object) => infos.push(Info { resource, namespace, name, object, source: None }),
                        Err(fail) if fail.is_not_found() => {
                            // A name may be the beginning of names.
                            let all = select::list(session, &resource, &narrow).await.unwrap_or_default();
                            let before = infos.len();
                            infos.extend(
                                all.into_iter()
                                    .map(|o| select::info_of(resource.clone(), o, None))
                                    .filter(|i| i.name.starts_with(&name)),
                            );
                            if infos.len() == before {
                                fails.push(fail);
                            }
                        }
                        Err(fail) => fails.push(fail),
                    }
                }
                Selection::Listed(resource) => match select::list(session, &resource, &narrow).await {
                    Ok(all) => {
                        infos.extend(all.into_iter().map(|o| select::info_of(resource.clone(), o, None)))
                    }
                    Err(fail) => fails.push(fail),
                },
            }
        }
    }
    if infos.is_empty() && fails.is_empty() {
        let (namespace, _) = session.namespace()?;
        let place = if narrow.all_namespaces { String::new() } else { format!(" in {namespace} namespace.") };
        out::say_err(&format!("No resources found{place}\n"));
    }
    for (i, info) in infos.iter().enumerate() {
        if i > 0 {
            out::say("\n\n");
        }
        out::say(&one(session, info).await?);
    }
    Fail::collect(fails)
}

async fn one(session: &Session, info: &Info) -> Result<String> {
    let mut w = Writer::default();
    let object = &info.object;
    match (info.resource.group.as_str(), info.resource.name.as_str()) {
        ("", "nodes") => return node::describe(session, info).await,
        ("", "pods") => pod::describe(&mut w, object),
        ("", "secrets") => {
            objects::secret(&mut w, object);
            return Ok(w.finish());
        }
        ("", "configmaps") => objects::config_map(&mut w, object),
        ("", "serviceaccounts") => objects::service_account(&mut w, object),
        ("", "services") => objects::service(&mut w, object),
        ("", "namespaces") => {
            objects::namespace(session, &mut w, object).await;
            return Ok(w.finish());
        }
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => {
            objects::role(&mut w, object);
            return Ok(w.finish());
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            objects::binding(&mut w, object);
            return Ok(w.finish());
        }
        _ => {
            generic::describe(&mut w, object, info);
        }
    }
    if session.args.unless_off("show-events") {
        let found = events(session, info).await;
        write_events(&mut w, &found);
    }
    Ok(w.finish())
}

/// The events about an object.
pub(super) async fn events(session: &Session, info: &Info) -> Vec<Value> {
    let mut fields = format!("involvedObject.name={}", info.name);
    if let Some(namespace) = &info.namespace {
        fields += &format!(",involvedObject.namespace={namespace}");
    }
    let annotations = &info.object["metadata"]["annotations"];
    let mirror = annotations["kubernetes.io/config.mirror"].as_str();
    let own = mirror.or(info.object["metadata"]["uid"].as_str()).unwrap_or_default();
    // Controllers refer to a node by its uid, kubelets by its name.
    let uids = if info.resource.name == "nodes" { vec![own, info.name.as_str()] } else { vec![own] };
    let path = match &info.namespace {
        Some(namespace) => format!("/api/v1/namespaces/{namespace}/events"),
        None => "/api/v1/events".to_owned(),
    };
    let Ok(client) = session.client() else { return Vec::new() };
    let mut all = Vec::new();
    for uid in uids {
        let fields = format!("{fields},involvedObject.uid={uid}");
        let query = [("fieldSelector", fields), ("limit", "500".to_owned())];
        let list = client.get(&with_query(&path, &query)).await.unwrap_or(Value::Null);
        all.extend(list["items"].as_array().cloned().unwrap_or_default());
    }
    all
}

/// Writes the table of events.
pub(super) fn write_events(w: &mut Writer, events: &[Value]) {
    if events.is_empty() {
        w.line(0, "Events:\t<none>");
        return;
    }
    let mut events: Vec<&Value> = events.iter().collect();
    events.sort_by_key(|e| or(&e["lastTimestamp"], or(&e["eventTime"], "")).to_owned());
    w.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    w.line(1, "----\t------\t----\t----\t-------");
    for event in events {
        let first = or(&event["firstTimestamp"], or(&event["eventTime"], ""));
        let count = event["count"].as_i64().or(event["series"]["count"].as_i64()).unwrap_or(1);
        let last = or(&event["series"]["lastObservedTime"], or(&event["lastTimestamp"], first));
        let interval =
            if count > 1 { format!("{} (x{count} over {})", age(last), age(first)) } else { age(first) };
        let from = or(&event["source"]["component"], or(&event["reportingComponent"], ""));
        w.line(
            1,
            format!(
                "{}\t{}\t{interval}\t{from}\t{}",
                or(&event["type"], ""),
                or(&event["reason"], ""),
                or(&event["message"], "").trim()
            ),
        );
    }
}

/// Writes labels or annotations: the first beside the title, the others below.
pub(super) fn write_map(w: &mut Writer, title: &str, map: &Value, separator: &str) {
    const HIDDEN: &[&str] = &["kubectl.kubernetes.io/last-applied-configuration"];
    let mut pairs: Vec<(&String, &str)> = map
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, _)| !HIDDEN.contains(&k.as_str()))
        .map(|(k, v)| (k, v.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    if pairs.is_empty() {
        w.line(0, format!("{title}:\t<none>"));
        return;
    }
    for (i, (key, value)) in pairs.into_iter().enumerate() {
        let head = if i == 0 { format!("{title}:") } else { String::new() };
        let value = value.trim_end_matches('\n');
        if separator == ": " && (value.len() + key.len() + 2 > 140 || value.contains('\n')) {
            w.line(0, format!("{head}\t{key}:"));
            for line in value.split('\n') {
                let short: String = line.chars().take(140).collect();
                let dots = if short.len() < line.len() { "..." } else { "" };
                w.line(0, format!("\t  {short}{dots}"));
            }
        } else {
            w.line(0, format!("{head}\t{key}{separator}{value}"));
        }
    }
}

/// Name, namespace where there is one, labels and annotations.
pub(super) fn write_head(w: &mut Writer, object: &Value) {
    let metadata = &object["metadata"];
    w.line(0, format!("Name:\t{}", or(&metadata["name"], "")));
    if let Some(namespace) = metadata["namespace"].as_str() {
        w.line(0, format!("Namespace:\t{namespace}"));
    }
    write_map(w, "Labels", &metadata["labels"], "=");
    write_map(w, "Annotations", &metadata["annotations"], ": ");
}

/// A time as describe shows it: RFC 1123 with a numeric zone.
pub(super) fn time(value: &Value) -> String {
    match value.as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok()) {
        Some(time) => {
            time.to_zoned(jiff::tz::TimeZone::system()).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
        }
        None => "<unset>".into(),
    }
}
