//! `kubectl get`.

use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::kubectl::client::media;
use crate::kubectl::discovery::Resource;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::jsonpath::{Template, relaxed};
use crate::kubectl::printer::{self, Format};
use crate::kubectl::select::{self, Narrow, Selection, selections};
use crate::kubectl::table::{self, Look};
use crate::kubectl::{Session, out, tabs, with_query};

const NO_TYPE: &str = "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n";

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    if let Some(raw) = session.args.text("raw").map(str::to_owned) {
        let bytes = session.client()?.bytes(Method::GET, &raw, "application/json, */*", None).await?;
        out::say_bytes(&bytes);
        return Ok(());
    }
    let format = Format::read(&session.args)?;
    let narrow = Narrow::read(session);
    let words = session.args.rest.clone();
    let chosen = if session.args.given("filename") {
        let infos = select::from_files(session).await?;
        infos.into_iter().map(|i| Selection::Named(i.resource, i.name)).collect()
    } else if words.is_empty() {
        out::say_err(NO_TYPE);
        return plain(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples",
        );
    } else {
        selections(session, &words, &narrow).await?
    };
    if narrow.all_namespaces && chosen.iter().any(|s| matches!(s, Selection::Named(r, _) if r.namespaced)) {
        return plain("a resource cannot be retrieved by name across all namespaces");
    }
    if session.args.is("watch") || session.args.is("watch-only") {
        return watch(session, &chosen, &format, &narrow).await;
    }
    match format {
        Format::Human { wide } => human(session, &chosen, &narrow, wide).await,
        format => objects(session, &chosen, &narrow, &format).await,
    }
}

fn resource_of(selection: &Selection) -> &Resource {
    match selection {
        Selection::Named(resource, _) | Selection::Listed(resource) => resource,
    }
}

/// Where a selection is read from.
fn place(session: &Session, selection: &Selection, narrow: &Narrow) -> (String, Vec<(&'static str, String)>) {
    let resource = resource_of(selection);
    let namespace = if narrow.all_namespaces { None } else { session.namespace_for(resource) };
    let (mut path, query) = match selection {
        Selection::Named(_, name) => (resource.path(namespace.as_deref(), Some(name)), Vec::new()),
        Selection::Listed(_) => {
            let mut query = narrow.query();
            query.push(("limit", session.args.text("chunk-size").unwrap_or("500").to_owned()));
            (resource.path(namespace.as_deref(), None), query)
        }
    };
    if let Some(sub) = session.args.text("subresource") {
        path += &format!("/{sub}");
    }
    (path, query)
}

/// Reads a selection page by page.
async fn pages(
    session: &Session,
    selection: &Selection,
    narrow: &Narrow,
    tables: bool,
) -> Result<Vec<Value>> {
    let (path, query) = place(session, selection, narrow);
    let accept = if tables { format!("{},{}", media::TABLE, media::JSON) } else { media::JSON.to_owned() };
    let (mut pages, mut next) = (Vec::new(), String::new());
    loop {
        let mut query = query.clone();
        if tables && session.args.given("sort-by") {
            query.push(("includeObject", "Object".into()));
        }
        if !next.is_empty() {
            query.push(("continue", next));
        }
        let page = session.client()?.json(Method::GET, &with_query(&path, &query), &accept, None).await?;
        next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        pages.push(if tables { as_table(page) } else { page });
        if next.is_empty() {
            return Ok(pages);
        }
    }
}

/// Makes a table of an answer that the server gave as an object: name and age.
fn as_table(answer: Value) -> Value {
    if answer["kind"] == "Table" {
        return answer;
    }
    let items = match answer["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![answer],
    };
    let rows: Vec<Value> = items
        .into_iter()
        .map(|item| {
            let age = item["metadata"]["creationTimestamp"]
                .as_str()
                .map_or("<unknown>".into(), crate::kubectl::age);
            json!({"cells": [item["metadata"]["name"], age], "object": item})
        })
        .collect();
    json!({"kind": "Table", "columnDefinitions": [{"name": "Name", "format": "name"}, {"name": "Age"}], "rows": rows})
}

fn look(session: &Session, narrow: &Narrow, wide: bool, resource: &Resource, with_kind: bool) -> Look {
    Look {
        wide,
        no_headers: session.args.is("no-headers"),
        namespaces: narrow.all_namespaces && resource.namespaced,
        labels: session.args.is("show-labels"),
        label_columns: session.args.list("label-columns"),
        prefix: (with_kind || session.args.is("show-kind")).then(|| resource.shown()),
    }
}

async fn human(session: &mut Session, chosen: &[Selection], narrow: &Narrow, wide: bool) -> Result<()> {
    let mut kinds: Vec<&Resource> = Vec::new();
    for selection in chosen {
        if !kinds.contains(&resource_of(selection)) {
            kinds.push(resource_of(selection));
        }
    }
    let with_kind = kinds.len() > 1;
    let ignore = session.args.is("ignore-not-found");
    let (mut groups, mut fails): (Vec<(Resource, Vec<Value>)>, Vec<Fail>) = (Vec::new(), Vec::new());
    for selection in chosen {
        match pages(session, selection, narrow, true).await {
            Ok(tables) => {
                let resource = resource_of(selection);
                let tables =
                    tables.into_iter().filter(|t| t["rows"].as_array().is_some_and(|r| !r.is_empty()));
                match groups.last_mut() {
                    Some((last, all)) if last == resource => all.extend(tables),
                    _ => groups.push((resource.clone(), tables.collect())),
                }
            }
            Err(fail) if ignore && fail.is_not_found() => {}
            Err(fail) => fails.push(fail),
        }
    }
    groups.retain(|(_, tables)| !tables.is_empty());
    if groups.is_empty() && fails.is_empty() && !ignore {
        let namespaced = !narrow.all_namespaces && chosen.iter().any(|s| resource_of(s).namespaced);
        let place = match session.namespace()? {
            (namespace, _) if namespaced => format!(" in {namespace} namespace."),
            _ => String::new(),
        };
        out::say_err(&format!("No resources found{place}\n"));
    }
    for (i, (resource, mut tables)) in groups.into_iter().enumerate() {
        if i > 0 && !session.args.is("no-headers") {
            out::say("\n");
        }
        if let Some(path) = session.args.text("sort-by") {
            sort_rows(&mut tables, path)?;
        }
        out::say(&table::text(&tables, &look(session, narrow, wide, &resource, with_kind), &mut Vec::new()));
    }
    Fail::collect(fails)
}

fn sort_path(path: &str) -> Result<Template> {
    Template::parse(&relaxed(path)?)
}

/// Puts the rows of several tables into one order.
fn sort_rows(tables: &mut Vec<Value>, path: &str) -> Result<()> {
    let template = sort_path(path)?;
    let mut rows: Vec<Value> = Vec::new();
    for table in tables.iter_mut() {
        rows.extend(table["rows"].as_array_mut().map(std::mem::take).unwrap_or_default());
    }
    sort_by(&mut rows, |row| &row["object"], &template)?;
    tables.truncate(1);
    if let Some(first) = tables.first_mut() {
        first["rows"] = Value::Array(rows);
    }
    Ok(())
}

/// Sorts by what a path finds; without it come first.
fn sort_by(values: &mut [Value], object: impl Fn(&Value) -> &Value, template: &Template) -> Result<()> {
    let key = |value: &Value| {
        template.values(object(value)).ok().and_then(|found| found.first().map(|v| (*v).clone()))
    };
    if !values.is_empty() && values.iter().all(|v| key(v).is_none()) {
        return plain("couldn't find any field with path in the list of objects".to_owned());
    }
    values.sort_by(|a, b| match (key(a), key(b)) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(&b),
        (Some(a), Some(b)) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(std::cmp::Ordering::Equal),
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    Ok(())
}

async fn objects(
    session: &mut Session,
    chosen: &[Selection],
    narrow: &Narrow,
    format: &Format,
) -> Result<()> {
    let ignore = session.args.is("ignore-not-found");
    let managed = session.args.is("show-managed-fields");
    let (mut items, mut fails): (Vec<Value>, Vec<Fail>) = (Vec::new(), Vec::new());
    let single = matches!(chosen, [Selection::Named(..)]);
    for selection in chosen {
        let resource = resource_of(selection);
        match pages(session, selection, narrow, false).await {
            Ok(pages) => {
                for mut page in pages {
                    if single {
                        out::say(&format.object(Some(resource), &page, managed)?);
                        return Ok(());
                    }
                    match page["items"].as_array_mut().map(std::mem::take) {
                        None => items.push(page),
                        Some(more) => items.extend(more.into_iter().map(|mut item| {
                            item["apiVersion"] = resource.group_version().into();
                            item["kind"] = resource.kind.clone().into();
                            item
                        })),
                    }
                }
            }
            Err(fail) if ignore && fail.is_not_found() => {}
            Err(fail) => fails.push(fail),
        }
    }
    if let Some(path) = session.args.text("sort-by") {
        sort_by(&mut items, |item| item, &sort_path(path)?)?;
    }
    let nothing = items.is_empty() && (!fails.is_empty() || (ignore && single));
    if !nothing {
        let list =
            json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}});
        match format {
            Format::Columns(columns) if session.args.is("no-headers") => {
                let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
                out::say(&tabs::layout(&printer::column_lines(columns, items)?, 6, 3));
            }
            format => out::say(&format.object(None, &list, managed)?),
        }
    }
    Fail::collect(fails)
}

/// Shows what is there, then each change as it comes.
async fn watch(session: &mut Session, chosen: &[Selection], format: &Format, narrow: &Narrow) -> Result<()> {
    let [selection] = chosen else {
        return plain(
            "watch is only supported on individual resources and resource collections - more than 1 resource was found",
        );
    };
    let resource = resource_of(selection).clone();
    let mut narrow = narrow.clone();
    if let Selection::Named(_, name) = selection {
        narrow.fields = Some(format!("metadata.name={name}"));
    }
    let listed = Selection::Listed(resource.clone());
    let human = format.is_human();
    let mut widths = Vec::new();
    let mut look = look(session, &narrow, *format == Format::Human { wide: true }, &resource, false);
    let events_too = session.args.is("output-watch-events");
    if let Selection::Named(..) = selection {
        // The name must be there before there is anything to watch.
        pages(session, selection, &narrow, human).await?;
    }
    let found = pages(session, &listed, &narrow, human).await?;
    let version =
        found.first().and_then(|p| p["metadata"]["resourceVersion"].as_str()).unwrap_or_default().to_owned();
    if !session.args.is("watch-only") {
        for page in &found {
            if human {
                if page["rows"].as_array().is_some_and(|r| !r.is_empty()) {
                    show_rows(page, &mut look, &mut widths, events_too.then_some("ADDED"));
                }
            } else {
                for item in page["items"].as_array().into_iter().flatten() {
                    show_object(session, &resource, item, format)?;
                }
            }
        }
    }
    let (path, mut query) = place(session, &listed, &narrow);
    query.retain(|(key, _)| *key != "limit");
    query.push(("resourceVersion", version));
    query.push(("watch", "true".into()));
    let accept = if human { format!("{},{}", media::TABLE, media::JSON) } else { media::JSON.to_owned() };
    let client = session.client()?;
    let follow = async {
        let mut body = client.open(Method::GET, &with_query(&path, &query), &accept, None).await?.into_body();
        let mut buffer: Vec<u8> = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            buffer.extend(frame.into_data().unwrap_or_default());
            while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
                match event["type"].as_str() {
                    Some("BOOKMARK") => {}
                    Some("ERROR") => return Err(Fail::Status(Box::new(event["object"].clone()))),
                    kind if human => {
                        let table = as_table(event["object"].clone());
                        show_rows(&table, &mut look, &mut widths, if events_too { kind } else { None });
                    }
                    _ => show_object(session, &resource, &event["object"], format)?,
                }
            }
        }
        Ok(())
    };
    match session.args.timeout()? {
        Some(limit) => tokio::time::timeout(limit, follow).await.unwrap_or(Ok(())),
        None => follow.await,
    }
}

/// Shows a table's rows; the first time under a header.
fn show_rows(page: &Value, look: &mut Look, widths: &mut Vec<usize>, event: Option<&str>) {
    let mut lines = String::new();
    if !look.no_headers && page["columnDefinitions"].is_array() {
        lines =
            if event.is_some() { "EVENT\t".to_owned() } else { String::new() } + &table::header(page, look);
        look.no_headers = true;
    }
    for row in page["rows"].as_array().into_iter().flatten() {
        let start = event.map_or(String::new(), |e| format!("{e}\t"));
        lines += &(start + &table::row(page, row, look));
    }
    out::say(&tabs::layout_remembering(&lines, 6, 3, widths));
}

fn show_object(session: &Session, resource: &Resource, item: &Value, format: &Format) -> Result<()> {
    let mut item = item.clone();
    item["apiVersion"] = resource.group_version().into();
    item["kind"] = resource.kind.clone().into();
    let text = match format {
        Format::Yaml => {
            "---\n".to_owned()
                + &format.object(Some(resource), &item, session.args.is("show-managed-fields"))?
        }
        format => format.object(Some(resource), &item, session.args.is("show-managed-fields"))?,
    };
    out::say(&text);
    Ok(())
}
