//! get and list.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/get.go`, `.../storage/etcd3/store.go` (`GetList`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::options;
use super::paging::Token;
use super::{Call, Reply};
use crate::apiserver::audit::trail::Said;
use crate::apiserver::registry::ResourceType;
use crate::apiserver::selectors::{self, FieldSelector, LabelSelector};
use crate::apiserver::status::{Cause, Status};
use crate::apiserver::storage::{Key, StorageError};
use crate::go_quote::quote;

/// Which objects are asked for.
#[derive(Clone)]
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
    rt: &'static ResourceType,
}

impl Selection {
    /// Reads the selectors of a request.
    pub(super) fn of(call: &Call<'_>, rt: &'static ResourceType) -> Result<Self, Status> {
        let labels = LabelSelector::parse(call.query.get("labelSelector").unwrap_or(""))
            .map_err(|why| Status::bad_request(rt.release.wording.of(&why)))?;
        let fields = FieldSelector::parse(call.query.get("fieldSelector").unwrap_or(""))
            .map_err(Status::bad_request)?;
        let known = selectors::selectable(rt.group, rt.plural);
        let own: Vec<(&str, &str)> =
            rt.strategy.selectable_fields(&Value::Null).iter().map(|(name, _)| (*name, "")).collect();
        for term in fields.terms() {
            let field = term.field.as_str();
            // Kinds without fields of their own take both, wherever they live (`DefaultMetaV1FieldSelectorConversion`).
            let plain = known.is_empty() && own.is_empty();
            let common =
                field == "metadata.name" || (rt.namespaced || plain) && field == "metadata.namespace";
            if !common && !known.iter().chain(&own).any(|(name, _)| *name == field) {
                return Err(Status::bad_request(if !plain {
                    format!("field label not supported: {field}")
                } else {
                    format!(
                        "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                        quote(field)
                    )
                }));
            }
        }
        Ok(Self { labels, fields, rt })
    }

    /// Whether everything is asked for.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.terms().is_empty()
    }

    /// Whether an object is asked for.
    pub(super) fn takes(&self, object: &Value) -> bool {
        if !self.labels.is_empty() && !self.labels.matches(object) {
            return false;
        }
        if self.fields.terms().is_empty() {
            return true;
        }
        let own = self.rt.strategy.selectable_fields(object);
        let known = selectors::selectable(self.rt.group, self.rt.plural);
        self.fields.matches(|field| {
            let metadata = |key: &str| object["metadata"][key].as_str().unwrap_or("").to_owned();
            match field {
                "metadata.name" => metadata("name"),
                "metadata.namespace" => metadata("namespace"),
                _ => match own.iter().find(|(name, _)| *name == field) {
                    Some((_, value)) => value.clone(),
                    None => {
                        let unset =
                            known.iter().find(|(name, _)| *name == field).map_or("", |(_, unset)| unset);
                        selectors::field_value(object, field, unset)
                    }
                },
            }
        })
    }
}

/// Answers with one object.
pub(super) fn get(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    if let Some(wanted) = options::resource_version(call.query, false)? {
        check_reached(call, wanted)?;
    }
    let object = call.find(rt)?;
    call.object(200, rt, &object)
}

/// Refuses a version that there is not yet.
pub(super) fn check_reached(call: &Call<'_>, wanted: u64) -> Result<(), Status> {
    let current = call.store().resource_version();
    if wanted <= current {
        return Ok(());
    }
    let why = format!("Timeout: Too large resource version: {wanted}, current: {current}");
    let mut status = Status::new(504, "Timeout", why);
    status.causes.push(Cause {
        reason: "ResourceVersionTooLarge".into(),
        message: "Too large resource version".into(),
        field: String::new(),
    });
    status.retry_after_seconds = 1;
    Err(status)
}

/// Objects that were asked for, with the metadata of their list.
pub(super) struct Page {
    /// The list's metadata.
    pub(super) metadata: Value,
    /// The objects.
    pub(super) objects: Vec<Arc<Value>>,
}

/// Answers with many.
pub(super) fn list(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    options::check_list(call.query, false, call.core.dependencies.release)?;
    let limit = limit(call)?;
    let selection = Selection::of(call, rt)?;
    match page(call, rt, &selection, limit)? {
        Ok(Page { metadata, objects }) => call.objects(rt, metadata, &objects),
        Err(expired) => Ok(expired),
    }
}

/// How many objects a page has at most; 0 where all are asked for.
pub(super) fn limit(call: &Call<'_>) -> Result<usize, Status> {
    let limit = options::number(call.query, "limit")?.unwrap_or(0);
    Ok(usize::try_from(limit).unwrap_or(0))
}

/// Finds what a page consists of, or answers that its token is too old.
pub(super) fn page(
    call: &Call<'_>,
    rt: &'static ResourceType,
    selection: &Selection,
    limit: usize,
) -> Result<Result<Page, Reply>, Status> {
    // The watch cache answers as a whole.
    let limit = if call.query.get("resourceVersion") == Some("0") { 0 } else { limit };
    let token = call.query.get("continue").unwrap_or("");
    let exact = call.query.get("resourceVersionMatch") == Some("Exact");
    let snapshots = call.core.dependencies.release.gates.lists_from_snapshots;
    let from_store = limit > 0 || !token.is_empty() || exact;
    let wanted = options::resource_version(call.query, from_store || snapshots)?;
    if exact && !snapshots && wanted.is_some_and(|version| version > call.store().resource_version()) {
        return Err(Status::new(500, "", "etcdserver: mvcc: required revision is a future revision"));
    }
    if let Some(wanted) = wanted {
        check_reached(call, wanted)?;
    }
    if !from_store {
        let (version, mut objects) = call.store().list(rt.group, rt.plural, call.namespace(rt));
        if !selection.is_everything() {
            objects.retain(|object| selection.takes(object));
        }
        return Ok(Ok(Page { metadata: json!({"resourceVersion": version.to_string()}), objects }));
    }
    let token = if token.is_empty() { None } else { Some(Token::decode(token, rt.namespaced)?) };
    if token.is_some() && wanted.is_some_and(|version| version > 0) {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let version = match &token {
        Some(token) => u64::try_from(token.version).unwrap_or_else(|_| call.store().resource_version()),
        None if exact => wanted.unwrap_or(0),
        None => call.store().resource_version(),
    };
    let all = match call.store().list_at(rt.group, rt.plural, call.namespace(rt), version) {
        Ok(all) => all,
        Err(StorageError::TooOld { .. }) if token.is_some() => {
            return Ok(Err(expired(call, token.as_ref(), rt)));
        }
        Err(StorageError::TooOld { .. }) => {
            return Err(Status::new(410, "Expired", "The resourceVersion for the provided list is too old."));
        }
        Err(error) => return Err(super::storage_failed(rt, "", error)),
    };
    let after = |key: &Key| {
        token.as_ref().is_none_or(|token| (&key.namespace, &key.name) > (&token.after.0, &token.after.1))
    };
    // What is left counts whether it is selected or not, as where the store reads on from a key.
    let mut rest = all.into_iter().filter(|(key, _)| after(key));
    let mut page: Vec<(Arc<Key>, Arc<Value>)> = Vec::new();
    while limit == 0 || page.len() < limit {
        match rest.next() {
            Some(one) if selection.is_everything() || selection.takes(&one.1) => page.push(one),
            Some(_) => {}
            None => break,
        }
    }
    let remaining = rest.count();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if remaining > 0
        && let Some((last, _)) = page.last()
    {
        metadata["continue"] = json!(Token::encode(i64::try_from(version).unwrap_or(i64::MAX), last));
        if selection.is_everything() {
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    let objects: Vec<Arc<Value>> = page.into_iter().map(|(_, object)| object).collect();
    Ok(Ok(Page { metadata, objects }))
}

/// A token from too long ago; the answer has one that goes on in what is there now.
fn expired(call: &Call<'_>, token: Option<&Token>, rt: &ResourceType) -> Reply {
    let mut status = Status::new(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    )
    .to_value();
    if let Some(token) = token {
        let last = Key::new(rt.group, rt.plural, &token.after.0, &token.after.1);
        status["metadata"]["continue"] = json!(Token::encode(-1, &last));
    }
    let reply = super::reply_of(call.core.dependencies.release, 410, &status, call.headers, call.query);
    Reply { said: Some(Said::status(status)), ..reply }
}
