//! The verbs: get, list, watch, create, update, patch, delete, deletecollection, connect.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/{installer,handlers/*}.go`, `.../registry/generic/registry/store.go`.

use std::cell::RefCell;

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::admission::{Attributes, Chain, Environment, Notes, Operation, Trace};
use super::audit::trail::{Said, Trail};
use super::authentication::UserInfo;
use super::authorization::rbac::{self, escalation};
use super::registry::{self, Context, ResourceType};
use super::requestinfo::{Query, RequestInfo};
use super::server::core::Core;
use super::serving::{self, Body};
use super::status::Status;
use super::storage::Key;

mod components;
mod connect;
mod create;
mod delete;
mod list;
mod negotiate;
mod options;
mod paging;
mod pods;
mod reviews;
mod scale;
mod tokens;
mod update;
mod watch;

pub(super) use negotiate::{
    Produces, accepts, accepts_status, aggregated, check_route as check_accept, discovery_reply, reply_of,
};

/// A request that may be served.
pub struct Call<'a> {
    /// The server.
    pub core: &'a std::sync::Arc<Core>,
    /// What is asked.
    pub info: &'a RequestInfo,
    /// Who asks.
    pub user: &'a UserInfo,
    /// The query.
    pub query: &'a Query,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What the plugins did.
    pub traces: Vec<Trace>,
    /// Sentences for the `Warning` header.
    pub warnings: Vec<String>,
    /// The resource version of what was written.
    pub written: Option<String>,
    /// The audit event, where there is one.
    pub trail: Option<&'a mut Trail>,
}

/// An answer.
pub struct Reply {
    /// The HTTP status.
    pub code: u16,
    /// What the body is.
    pub content_type: String,
    /// The body.
    pub body: Body,
    /// Other headers.
    pub headers: Vec<(&'static str, String)>,
    /// What an audit event shows of it.
    pub said: Option<Said>,
}

impl Reply {
    /// An answer in one piece.
    pub fn new(code: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            code,
            content_type: content_type.into(),
            body: serving::whole(body),
            headers: Vec::new(),
            said: None,
        }
    }

    /// A plain text.
    pub fn text(code: u16, text: impl Into<String>) -> Self {
        let mut reply = Self::new(code, "text/plain; charset=utf-8", text.into());
        reply.headers.push(("x-content-type-options", "nosniff".into()));
        reply
    }
}

/// `404 page not found`, for paths that nothing is served at.
pub fn page_not_found() -> Reply {
    Reply::text(404, "404 page not found\n")
}

/// The answer at a path that nothing is served at: below a group's path a Status, elsewhere a text.
pub fn not_served(release: &'static crate::release::Release, path: &str) -> Result<Reply, Status> {
    let mut parts = path.split('/').skip(1);
    let known = match (parts.next(), parts.next()) {
        (Some("api"), Some(_)) => true,
        (Some("apis"), Some(group)) => {
            !group.is_empty() && registry::all(release).iter().any(|rt| rt.group == group)
        }
        _ => false,
    };
    if known { Err(no_such_resource()) } else { Ok(page_not_found()) }
}

fn no_such_resource() -> Status {
    Status::generic(404, "NotFound", "the server could not find the requested resource")
}

/// The path is served, but not with this method.
pub fn no_such_method() -> Status {
    Status::generic(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )
}

/// Answers a request for a resource.
pub async fn serve(call: &mut Call<'_>, method: &str) -> Result<Reply, Status> {
    let info = call.info;
    let release = call.core.dependencies.release;
    let Some(rt) = registry::find(release, &info.api_group, &info.api_version, &info.resource) else {
        return not_served(release, &info.path);
    };
    check_route(rt, info, method)?;
    let lists = matches!(info.verb.as_str(), "list" | "watch");
    if !matches!(info.subresource.as_str(), "log" | "exec" | "attach" | "portforward" | "proxy") {
        check_accept(call.headers, if lists { Produces::Lists } else { Produces::Objects })?;
        negotiate::accepted(call.headers)?;
    }
    if rt.plural == components::RESOURCE {
        return components::serve(call, rt);
    }
    if rt.plural == "endpoints" && release.gates.endpoints_deprecated {
        call.warnings
            .push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into());
        call.annotate("k8s.io/deprecated", "true");
    }
    match (info.subresource.as_str(), info.verb.as_str()) {
        ("", "create") => create::create(call, rt),
        ("", "get") | ("status", "get") => list::get(call, rt),
        ("", "list") => list::list(call, rt),
        (_, "watch") => watch::watch(call, rt),
        ("", "delete") => delete::delete(call, rt),
        ("", "deletecollection") => delete::collection(call, rt),
        ("log", "get") => pods::log(call, rt).await,
        ("binding", "create") => pods::bind(call, rt),
        ("eviction", "create") => pods::evict(call, rt),
        ("token", "create") => tokens::create(call, rt),
        ("scale", _) => scale::serve(call, rt),
        ("exec" | "attach" | "portforward" | "proxy", _) => connect::connect(call, rt),
        ("approval" | "ephemeralcontainers", "get") => list::get(call, rt),
        ("" | "status" | "finalize" | "approval" | "ephemeralcontainers", "update") => {
            update::update(call, rt)
        }
        ("" | "status" | "approval" | "ephemeralcontainers", "patch") => update::patch(call, rt),
        _ => Err(connect::not_made()),
    }
}

/// Whether there is such a path, and whether it takes the method.
fn check_route(rt: &ResourceType, info: &RequestInfo, method: &str) -> Result<(), Status> {
    let named = info.parts.len() > 1;
    // A namespace without a name is a namespace to the routes.
    let nameless = info.namespace.is_empty() && info.path.contains("/namespaces//") && rt.namespaced;
    let in_namespace = (!info.namespace.is_empty() || nameless) && rt.plural != "namespaces";
    if !rt.stored() && rt.verbs.contains(&"create") && (named || rt.namespaced && !in_namespace) {
        return Err(no_such_resource());
    }
    if in_namespace && !rt.namespaced
        || named && rt.namespaced && !in_namespace
        || info.parts.len() > 3 && info.subresource != "proxy"
    {
        return Err(no_such_resource());
    }
    if info.subresource.is_empty() {
        let fits = match info.verb.as_str() {
            "create" => !named && (in_namespace || !rt.namespaced),
            "get" | "update" | "patch" | "delete" => named,
            "list" | "deletecollection" => !named && (info.verb == "list" || in_namespace || !rt.namespaced),
            "watch" if matches!(method, "GET" | "HEAD") => true,
            "proxy" => return Err(no_such_resource()),
            _ => false,
        };
        if !fits || !rt.verbs.contains(&info.verb.as_str()) || method == "HEAD" {
            return Err(no_such_method());
        }
    } else {
        let Some(sub) = rt.subresource(&info.subresource) else { return Err(no_such_resource()) };
        if info.name.is_empty() {
            return Err(Status::bad_request("name must be provided"));
        }
        if !sub.verbs.contains(&info.verb.as_str()) || method == "HEAD" {
            return Err(no_such_method());
        }
    }
    let whole = info.subresource.is_empty() && matches!(info.verb.as_str(), "list" | "watch" | "create");
    if nameless && !whole {
        return Err(Status::bad_request("Namespace parameter required."));
    }
    Ok(())
}

impl<'a> Call<'a> {
    fn now(&self) -> Timestamp {
        self.core.dependencies.clock.now()
    }

    fn store(&self) -> &'a super::storage::Store {
        &self.core.dependencies.store
    }

    /// The namespace that the request's objects are in.
    fn namespace(&self, rt: &ResourceType) -> &'a str {
        if rt.namespaced { &self.info.namespace } else { "" }
    }

    fn key(&self, rt: &ResourceType, name: &str) -> Key {
        Key::new(rt.group, rt.plural, self.namespace(rt), name)
    }

    fn find(&self, rt: &ResourceType) -> Result<std::sync::Arc<Value>, Status> {
        let name = &self.info.name;
        let found = self.store().get(&self.key(rt, name));
        found.ok_or_else(|| Status::not_found(rt.group_resource(), name))
    }

    fn context<'b>(&'b self, rt: &ResourceType) -> Context<'b> {
        Context {
            user: self.user,
            namespace: self.namespace(rt),
            subresource: &self.info.subresource,
            release: self.core.dependencies.release,
            clock: &self.core.dependencies.clock,
            dry_run: self.dry_run(),
        }
    }

    /// The content type of the body, without parameters.
    fn content_type(&self) -> &'a str {
        let value = self.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        value.unwrap_or("").split(';').next().unwrap_or("").trim()
    }

    /// Who manages the fields that are written.
    fn manager(&self) -> String {
        if let Some(manager) = self.query.get("fieldManager").filter(|manager| !manager.is_empty()) {
            return manager.to_owned();
        }
        let agent = self.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let name = agent.unwrap_or("").split('/').next().unwrap_or("");
        let printable: String = name.chars().filter(|c| !c.is_control()).take(128).collect();
        if printable.is_empty() { "unknown".into() } else { printable }
    }

    fn dry_run(&self) -> bool {
        self.query.get("dryRun") == Some("All")
    }

    /// Runs the mutating plugins.
    fn admit(
        &mut self,
        rt: &'static ResourceType,
        operation: Operation,
        name: &str,
        object: Option<&mut Value>,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        self.in_admission(rt, operation, name, object, old, |chain, attributes, environment, traces| {
            chain.admit(attributes, environment, traces)
        })
    }

    /// Runs the validating plugins.
    fn validate(
        &mut self,
        rt: &'static ResourceType,
        operation: Operation,
        name: &str,
        object: Option<&mut Value>,
        old: Option<&Value>,
    ) -> Result<(), Status> {
        self.in_admission(rt, operation, name, object, old, |chain, attributes, environment, traces| {
            chain.validate(attributes, environment, traces)
        })
    }

    fn in_admission(
        &mut self,
        rt: &'static ResourceType,
        operation: Operation,
        name: &str,
        object: Option<&mut Value>,
        old: Option<&Value>,
        plugins: impl FnOnce(&Chain, &mut Attributes<'_>, &Environment, &mut Vec<Trace>) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let core = self.core;
        let mut attributes = Attributes {
            user: self.user,
            operation,
            resource: rt,
            subresource: &self.info.subresource,
            namespace: if rt.plural == "namespaces" { name } else { self.namespace(rt) },
            name,
            object,
            old_object: old,
            dry_run: self.dry_run(),
            notes: RefCell::default(),
        };
        let result = plugins(&core.admission, &mut attributes, &core.environment, &mut self.traces);
        let notes = attributes.notes.into_inner();
        self.take_notes(notes);
        result
    }

    /// Takes what the plugins have to say besides yes or no.
    fn take_notes(&mut self, notes: Notes) {
        self.warnings.extend(notes.warnings);
        for (key, value) in &notes.annotations {
            self.annotate(key, value);
        }
    }

    /// Nobody grants what they do not hold; objects of other groups pass.
    fn check_escalation(&self, rt: &ResourceType, object: &Value, old: Option<&Value>) -> Result<(), Status> {
        if rt.group != rbac::GROUP {
            return Ok(());
        }
        let write = escalation::Write {
            user: self.user,
            resource: rt.plural,
            namespace: self.namespace(rt),
            name: &self.info.name,
            object,
            old,
            named_as_asked: rt.release.gates.missing_roles_named_as_asked,
        };
        escalation::check(&write, &self.core.environment.authorizers, self.store())
    }

    /// Takes away owners that are there twice, with a warning (`dedupOwnerReferencesAndAddWarning`).
    fn single_owners(&mut self, object: &mut Value, after_admission: bool) {
        let Some(owners) = object["metadata"].get_mut("ownerReferences").and_then(Value::as_array_mut) else {
            return;
        };
        let mut twice: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        owners.retain(|owner| {
            let new = seen.insert(owner.to_string());
            if !new {
                twice.push(text(owner, "uid").to_owned());
            }
            new
        });
        if twice.is_empty() {
            return;
        }
        let when = if after_admission { " after mutating admission happens" } else { "" };
        self.warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and \
             may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            twice.join(", ")
        ));
    }

    /// Notes the object in the request's body for the audit event.
    fn log_request(&mut self, rt: &ResourceType, object: &Value) {
        if self.trail.is_none() {
            return;
        }
        // The event shows it with its defaults.
        let mut object = object.clone();
        if rt.stored() && self.info.subresource.is_empty() {
            rt.strategy.set_defaults(&self.context(rt), &mut object);
        }
        if let Some(trail) = &mut self.trail {
            trail.request_object(&object, (rt.group, rt.version));
        }
    }

    /// Notes the options in a deletion's body for the audit event; upstream shows them in their internal version.
    fn log_delete_options(&mut self, options: &Value) {
        // Those of an eviction are a part of it.
        let Some(trail) = self.trail.as_mut().filter(|_| self.info.subresource.is_empty()) else { return };
        let mut shown = options.clone();
        shown["kind"] = "DeleteOptions".into();
        shown["apiVersion"] = "meta.k8s.io/__internal".into();
        trail.request_object(&shown, ("", ""));
    }

    /// Adds to the audit event what a part of the server has to say.
    fn annotate(&mut self, key: &str, value: &str) {
        if let Some(trail) = &mut self.trail {
            trail.annotate(key, value);
        }
    }

    fn note_written(&mut self, object: &Value) {
        self.written = object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    }

    /// The format of the body, where it is one that is read here (`NegotiateInputSerializer`).
    fn decodable(&self) -> Result<&'static str, Status> {
        match self.content_type().to_ascii_lowercase().as_str() {
            "" | "application/json" => Ok("application/json"),
            "application/yaml" => Ok("application/yaml"),
            "application/vnd.kubernetes.yaml" => Ok("application/vnd.kubernetes.yaml"),
            _ => Err(options::unsupported_media_type()),
        }
    }

    /// The body decoded as what the path takes; warnings are noted.
    fn decode(&mut self, rt: &ResourceType) -> Result<Value, Status> {
        let content_type = self.decodable()?;
        let validation = options::field_validation(self.query)?;
        let (object, warnings) =
            registry::decode::decode(rt, &self.info.subresource, &self.body, content_type, validation)?;
        self.warnings.extend(warnings);
        Ok(object)
    }
}

/// A time as objects have it.
fn time_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn storage_failed(rt: &ResourceType, name: &str, error: super::storage::StorageError) -> Status {
    use super::storage::StorageError;
    match error {
        StorageError::Exists => Status::already_exists(rt.group_resource(), name),
        StorageError::NotFound => Status::not_found(rt.group_resource(), name),
        StorageError::Conflict => modified(rt, name),
        StorageError::TooOld { .. } => Status::new(410, "Expired", error.to_string()),
        StorageError::Disk(error) => {
            Status::new(500, "", format!("etcdserver: the store cannot be written: {error}"))
        }
    }
}

/// The object was changed by somebody else meanwhile.
fn modified(rt: &ResourceType, name: &str) -> Status {
    Status::conflict(
        rt.group_resource(),
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )
}
