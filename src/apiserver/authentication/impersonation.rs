//! Impersonation: acting as somebody else, where that is allowed.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`, and since 1.36
//! `.../filters/impersonation/{constrained_impersonation,mode}.go` (KEP-5284).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::HeaderMap;

use super::UserInfo;
use crate::apiserver::authorization::{self, Attributes, Chain, Decision};
use crate::apiserver::registry::validation::names;
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::status::Status;
use crate::release::Release;

const GROUP: &str = "authentication.k8s.io";
const MASTERS: &str = "system:masters";
const EXTRA: &str = "impersonate-extra-";

/// Who is asked to be.
#[derive(Debug, Clone, Default)]
struct Wanted {
    name: String,
    groups: Vec<String>,
    uid: String,
    /// Keys with values, in the order of the headers.
    extras: Vec<(String, String)>,
}

impl Wanted {
    fn read(headers: &HeaderMap) -> Self {
        let all = |name: &str| -> Vec<String> {
            headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
        };
        let first = |name: &str| all(name).into_iter().next().unwrap_or_default();
        let extra = |(header, value): (&http::HeaderName, &http::HeaderValue)| {
            let key = header.as_str().strip_prefix(EXTRA)?;
            Some((unescape(key), value.to_str().unwrap_or("").to_owned()))
        };
        Self {
            name: first("impersonate-user"),
            groups: all("impersonate-group"),
            uid: first("impersonate-uid"),
            extras: headers.iter().filter_map(extra).collect(),
        }
    }

    fn only_name(&self) -> bool {
        self.groups.is_empty() && self.uid.is_empty() && self.extras.is_empty()
    }
}

/// A way of impersonating: whom it is for, and its word in verbs (KEP-5284).
struct Mode {
    name: &'static str,
    takes: fn(&Wanted, &UserInfo) -> bool,
}

/// The constrained modes, in the order in which they are tried; the legacy one comes after them.
const CONSTRAINED: [Mode; 4] = [
    Mode {
        name: "associated-node",
        takes: |wanted, requestor| wanted.only_name() && runs_on(requestor, &wanted.name),
    },
    Mode { name: "arbitrary-node", takes: |wanted, _| wanted.only_name() && node(&wanted.name).is_some() },
    Mode {
        name: "serviceaccount",
        takes: |wanted, _| wanted.only_name() && service_account(&wanted.name).is_some(),
    },
    Mode {
        name: "user-info",
        takes: |wanted, _| node(&wanted.name).is_none() && service_account(&wanted.name).is_none(),
    },
];

/// How many requestors' modes are remembered.
const MOST: usize = 10_000;

/// From how many groups or extras on a wildcard is asked for first.
const MANY: usize = 4;

/// Decides who may act as whom.
pub struct Impersonation {
    release: &'static Release,
    chain: Arc<Chain>,
    /// The mode that was allowed last, by the requestor's name: it is tried first.
    last: Mutex<HashMap<String, usize>>,
}

impl Impersonation {
    /// Remembers no mode.
    pub fn new(release: &'static Release, chain: Arc<Chain>) -> Self {
        Self { release, chain, last: Mutex::default() }
    }

    /// The user that the headers ask to be; `None` where they ask for nobody. `request` is what is asked under that name.
    pub fn user(
        &self,
        headers: &HeaderMap,
        requestor: &UserInfo,
        request: &RequestInfo,
    ) -> Result<Option<UserInfo>, Status> {
        let wanted = Wanted::read(headers);
        let constrained = self.release.gates.constrained_impersonation;
        if wanted.name.is_empty() {
            return match (wanted.only_name(), constrained) {
                (true, _) => Ok(None),
                (false, false) => {
                    let list = list(&wanted);
                    let why = format!("requested [{list}] without impersonating a user");
                    Err(Status { plain: true, ..Status::new(500, "", why) })
                }
                (false, true) => {
                    let user = go_user(&wanted);
                    Err(Status::bad_request(format!("requested {user} without impersonating a user name")))
                }
            };
        }
        let asks = Asks { requestor, chain: &self.chain, mode: None, uid_first: constrained };
        if !constrained {
            return asks.user(&wanted).map(Some);
        }
        let last = self.last.lock().ok().and_then(|last| last.get(&requestor.name).copied());
        let legacy = CONSTRAINED.len();
        let order = last.into_iter().chain((0..=legacy).filter(|index| Some(*index) != last));
        let mut first = None;
        for index in order {
            let mode = CONSTRAINED.get(index);
            let asks = Asks { mode, ..asks };
            match asks.all(&wanted, request) {
                Ok(None) => {}
                Ok(user) => {
                    if let Ok(mut last) = self.last.lock() {
                        if last.len() >= MOST {
                            last.clear();
                        }
                        last.insert(requestor.name.clone(), index);
                    }
                    return Ok(user);
                }
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        Err(first.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
    }
}

/// Asks whether the requestor may be somebody in one mode.
#[derive(Clone, Copy)]
struct Asks<'a> {
    requestor: &'a UserInfo,
    chain: &'a Chain,
    /// `None` is the legacy mode.
    mode: Option<&'static Mode>,
    /// Whether the release asks for the uid before groups and extras.
    uid_first: bool,
}

impl Asks<'_> {
    /// The user, if the mode is for such users and allows it.
    fn all(&self, wanted: &Wanted, request: &RequestInfo) -> Result<Option<UserInfo>, Status> {
        if let Some(mode) = self.mode {
            if !(mode.takes)(wanted, self.requestor) {
                return Ok(None);
            }
            let verb = format!("impersonate-on:{}:{}", mode.name, request.verb);
            self.authorize(RequestInfo { verb, ..request.clone() })?;
        }
        self.user(wanted).map(Some)
    }

    fn verb(&self) -> String {
        self.mode.map_or_else(|| "impersonate".into(), |mode| format!("impersonate:{}", mode.name))
    }

    /// Whether the mode is the one for the requestor's own node.
    fn own_node(&self) -> bool {
        self.mode.is_some_and(|mode| mode.name == "associated-node")
    }

    fn authorize(&self, request: RequestInfo) -> Result<(), Status> {
        let attributes = Attributes { user: self.known_as(), request };
        let outcome = self.chain.authorize(&attributes);
        match outcome.decision {
            Decision::Allow => Ok(()),
            _ => Err(authorization::forbidden(&attributes, &outcome.reason)),
        }
    }

    /// The requestor; in the mode for the own node without what tells its pods apart.
    fn known_as(&self) -> UserInfo {
        let mut user = self.requestor.clone();
        if self.own_node() {
            let keys = user.extra.keys().cloned().collect();
            user.extra = [("authentication.kubernetes.io/associated-node-keys".to_owned(), keys)].into();
        }
        user
    }

    fn attributes(&self, group: &str, version: &str, resource: &str, name: &str) -> RequestInfo {
        RequestInfo {
            is_resource_request: true,
            verb: self.verb(),
            api_group: group.into(),
            api_version: version.into(),
            resource: resource.into(),
            name: name.into(),
            ..RequestInfo::default()
        }
    }

    /// The attributes for names and groups, which the constrained modes have in another group.
    fn about(&self, resource: &str, name: &str) -> RequestInfo {
        let group = if self.mode.is_some() { GROUP } else { "" };
        self.attributes(group, "v1", resource, name)
    }

    fn refuse(&self, request: RequestInfo, why: &str) -> Status {
        authorization::forbidden(&Attributes { user: self.requestor.clone(), request }, why)
    }

    /// Makes the user, if all of it is allowed.
    fn user(&self, wanted: &Wanted) -> Result<UserInfo, Status> {
        let mut user = UserInfo {
            name: wanted.name.clone(),
            groups: wanted.groups.clone(),
            uid: wanted.uid.clone(),
            ..UserInfo::default()
        };
        self.name(wanted, &mut user)?;
        let uid = || match wanted.uid.as_str() {
            "" => Ok(()),
            uid => self.authorize(self.attributes(GROUP, "v1", "uids", uid)),
        };
        if self.uid_first {
            uid()?;
        }
        self.groups(&wanted.groups)?;
        self.extras(wanted, &mut user)?;
        if !self.uid_first {
            uid()?;
        }
        let (own, other) = ("system:authenticated", "system:unauthenticated");
        if user.name == "system:anonymous" {
            if !user.in_group(other) {
                user.groups.push(other.into());
            }
        } else if !user.in_group(own) && !user.in_group(other) {
            user.groups.push(own.into());
        }
        Ok(user)
    }

    fn name(&self, wanted: &Wanted, user: &mut UserInfo) -> Result<(), Status> {
        if let Some((namespace, account)) = service_account(&wanted.name) {
            if wanted.groups.is_empty() {
                user.groups =
                    vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
            }
            let about = self.about("serviceaccounts", account);
            return self.authorize(RequestInfo { namespace: namespace.into(), ..about });
        }
        match node(&wanted.name).filter(|_| self.mode.is_some()) {
            Some(node) => {
                user.groups = vec!["system:nodes".into()];
                let any = self.own_node();
                self.authorize(self.about("nodes", if any { "*" } else { node }))
            }
            None => self.authorize(self.about("users", &wanted.name)),
        }
    }

    fn groups(&self, groups: &[String]) -> Result<(), Status> {
        if self.mode.is_some() {
            if groups.iter().any(String::is_empty) {
                let why = "impersonating the empty string group is not allowed";
                return Err(self.refuse(self.about("groups", ""), why));
            }
            if groups.iter().any(|group| group == MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return Err(self.refuse(self.about("groups", MASTERS), why));
            }
            if groups.len() >= MANY && self.authorize(self.about("groups", "*")).is_ok() {
                return Ok(());
            }
        }
        groups.iter().try_for_each(|group| self.authorize(self.about("groups", group)))
    }

    fn extras(&self, wanted: &Wanted, user: &mut UserInfo) -> Result<(), Status> {
        let about = |key: &str, value: &str| {
            let attributes = self.attributes(GROUP, "v1", "userextras", value);
            RequestInfo { subresource: key.into(), ..attributes }
        };
        if let Some(why) = wanted.extras.iter().find_map(bad_extra).filter(|_| self.mode.is_some()) {
            return Err(self.refuse(about("", ""), &why));
        }
        let many = self.mode.is_some() && wanted.extras.len() >= MANY;
        let all = many && self.authorize(about("*", "*")).is_ok();
        for (key, value) in &wanted.extras {
            if !all {
                self.authorize(about(key, value))?;
            }
            user.extra.entry(key.clone()).or_default().push(value.clone());
        }
        Ok(())
    }
}

/// What is wrong with an extra, for the constrained modes.
fn bad_extra((key, value): &(String, String)) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".into());
    }
    if let Some(why) = domain_prefixed_path(key) {
        return Some(format!("impersonating an invalid key in extra is not allowed: {why}"));
    }
    value.is_empty().then(|| "impersonating the empty string value in extra is not allowed".into())
}

/// What is wrong with a path such as `acme.io/foo` (`validation.IsDomainPrefixedPath`).
fn domain_prefixed_path(key: &str) -> Option<String> {
    let wrong = |value: &str, why: &str| {
        format!("extra.key: Invalid value: {}: {why}", crate::go_quote::quote(value))
    };
    let Some((domain, path)) =
        key.split_once('/').filter(|(domain, path)| !domain.is_empty() && !path.is_empty())
    else {
        return Some(wrong(key, "must be a domain-prefixed path (such as \"acme.io/foo\")"));
    };
    if let Some(why) = names::subdomain(domain).first() {
        return Some(wrong(domain, why));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    (!path.chars().all(plain)).then(|| {
        wrong(path, "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')")
    })
}

/// The name in a kubelet's user name, if it can be a node's.
fn node(user: &str) -> Option<&str> {
    user.strip_prefix("system:node:").filter(|name| names::subdomain(name).is_empty())
}

/// Whether a service account's token says that its pod runs on the node of this user name.
fn runs_on(requestor: &UserInfo, user: &str) -> bool {
    let bound = requestor.extra.get("authentication.kubernetes.io/node-name").map(Vec::as_slice);
    match (node(user), service_account(&requestor.name), bound) {
        (Some(node), Some(_), Some([bound])) => bound == node,
        _ => false,
    }
}

/// A user as Go prints it (`%#v` of `*user.DefaultInfo`).
fn go_user(wanted: &Wanted) -> String {
    let quote = crate::go_quote::quote;
    let list = |all: &[String]| all.iter().map(|one| quote(one)).collect::<Vec<_>>().join(", ");
    let groups = match wanted.groups.as_slice() {
        [] => "[]string(nil)".to_owned(),
        all => format!("[]string{{{}}}", list(all)),
    };
    let mut extras: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for (key, value) in &wanted.extras {
        extras.entry(key).or_default().push(value.clone());
    }
    let entries: Vec<String> =
        extras.iter().map(|(key, all)| format!("{}:[]string{{{}}}", quote(key), list(all))).collect();
    let extra = if entries.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        format!("map[string][]string{{{}}}", entries.join(", "))
    };
    format!("&user.DefaultInfo{{Name:\"\", UID:{}, Groups:{groups}, Extra:{extra}}}", quote(&wanted.uid))
}

/// What was asked for, as upstream prints its list.
fn list(wanted: &Wanted) -> String {
    let mut all = Vec::new();
    all.extend(wanted.groups.iter().map(|group| format!("{{Group  {group}    }}")));
    let extra =
        |(key, value): &(String, String)| format!("{{UserExtra  {value}  authentication.k8s.io/v1  {key}}}");
    all.extend(wanted.extras.iter().map(extra));
    if !wanted.uid.is_empty() {
        all.push(format!("{{UID  {}  authentication.k8s.io/v1  }}", wanted.uid));
    }
    all.join(" ")
}

/// Namespace and name of a service account's user name (`serviceaccount.SplitUsername`).
fn service_account(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let label = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    };
    (label(namespace) && label(name)).then_some((namespace, name))
}

fn unescape(text: &str) -> String {
    crate::apiserver::requestinfo::unescape_path(text)
}
