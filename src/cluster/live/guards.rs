//! What is looked at before anything is changed: rights, how much is at stake, who else is at it.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::connect::Connection;
use crate::apiserver::requestinfo::{Query, RequestInfo};
use crate::error::{Error, Result};
use crate::text::tr;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
/// The Lease's name.
pub const LEASE: &str = "cks-lab";

/// One thing that one must be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    verb: &'static str,
    group: Cow<'static, str>,
    resource: Cow<'static, str>,
    subresource: &'static str,
    namespace: Cow<'static, str>,
    name: String,
}

impl Right {
    fn new(verb: &'static str, group: &'static str, resource: &'static str, namespace: &'static str) -> Self {
        let (group, resource, namespace) = (group.into(), resource.into(), namespace.into());
        Self { verb, group, resource, subresource: "", namespace, name: String::new() }
    }

    fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// As a person says it.
    pub fn shown(&self) -> String {
        let mut text = format!("{} {}", self.verb, self.resource);
        if !self.subresource.is_empty() {
            text += &format!("/{}", self.subresource);
        }
        if !self.name.is_empty() {
            text += &format!(" {}", self.name);
        }
        if !self.namespace.is_empty() {
            text += &format!(" in {}", self.namespace);
        }
        text
    }
}

/// What is needed to find out what the cluster is like: reading, before all rights are asked for.
pub fn rights_to_look(read_only: bool) -> Vec<Right> {
    let reads = |right: &Right| {
        matches!(right.verb, "get" | "list") && right.subresource.is_empty() && right.group.is_empty()
    };
    rights("", read_only).into_iter().filter(reads).collect()
}

/// What the undo needs for objects that a lesson makes.
pub fn rights_for(creates: &[String]) -> Vec<Right> {
    let of = |path: &String| {
        let info = RequestInfo::parse("GET", path, &Query::parse(""));
        ["get", "delete"].map(|verb| Right {
            verb,
            group: info.api_group.clone().into(),
            resource: info.resource.clone().into(),
            subresource: "",
            namespace: info.namespace.clone().into(),
            name: info.name.clone(),
        })
    };
    creates.iter().flat_map(of).collect()
}

/// What the lab needs. Grading alone needs no writes.
pub fn rights(worker: &str, read_only: bool) -> Vec<Right> {
    let mut all = vec![
        Right::new("get", "", "namespaces", "").named("kube-system"),
        Right::new("get", "", "nodes", ""),
        Right::new("list", "", "nodes", ""),
        Right::new("list", "", "pods", "kube-system"),
        Right::new("get", "", "pods", "kube-system"),
        Right { subresource: "log", ..Right::new("get", "", "pods", "kube-system") },
        Right::new("impersonate", "", "users", "").named(format!("system:node:{worker}")),
        Right::new("impersonate", "", "groups", "").named("system:nodes"),
    ];
    if !read_only {
        all.push(Right::new("patch", "", "nodes", ""));
        for verb in ["get", "create", "delete"] {
            all.push(Right::new(verb, "coordination.k8s.io", "leases", "kube-system"));
        }
    }
    all
}

/// Asks the API server for each right; what is missing comes back in one error.
pub async fn check_rights(connection: &Connection, rights: &[Right]) -> Result<()> {
    let mut missing = Vec::new();
    for right in rights {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": right.verb, "group": right.group, "resource": right.resource,
                "subresource": right.subresource, "namespace": right.namespace, "name": right.name,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = connection.send("POST", path, Some(("application/json", &review))).await?;
        if answer.pointer("/status/allowed") != Some(&Value::Bool(true)) {
            missing.push(right.shown());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(tr!(live_lacks_rights { context: connection.context }))
        .why(tr!(live_not_allowed { missing: missing.join(", ") }))
        .hint(tr!(live_use_rights))
        .hint(tr!(live_nothing_changed)))
}

/// Why one should think twice; empty where nothing speaks against it.
pub fn doubts(context: &str, server: &str, nodes: usize, max_nodes: usize) -> Vec<String> {
    let mut doubts = Vec::new();
    if nodes > max_nodes {
        doubts.push(tr!(live_many_nodes { nodes, max_nodes }));
    }
    for (what, text) in [(tr!(live_word_context), context), (tr!(live_word_server), server)] {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase);
        let telling = |w: &String| {
            let stem = w.trim_end_matches(|c: char| c.is_ascii_digit());
            matches!(stem, "prod" | "prd" | "production" | "produktion" | "live")
        };
        if let Some(word) = words.into_iter().find(telling) {
            doubts.push(tr!(live_name_has_word { what, text, word }));
        }
    }
    doubts
}

/// Takes the Lease that tells others, or says who has it.
pub async fn take_lease(connection: &Connection, holder: &str) -> Result<()> {
    if let Some(other) = held_by_another(connection, holder).await? {
        return Err(other);
    }
    if lease(connection).await?.is_object() {
        return Ok(());
    }
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".into());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let now = jiff::Timestamp::now().to_string();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": LEASE, "namespace": "kube-system", "annotations": {
            "cks-lab/who": format!("{user} on {host}"), "cks-lab/since": now,
            "cks-lab/undo": "cks-lab restore",
        }},
        "spec": {"holderIdentity": holder},
    });
    let made = connection.send("POST", LEASES, Some(("application/json", &lease))).await;
    match (made, held_by_another(connection, holder).await) {
        // Two at once: the API server lets one of them have it.
        (Err(_), Ok(Some(other))) => Err(other),
        (made, _) => made.map(|_| ()),
    }
}

async fn lease(connection: &Connection) -> Result<Value> {
    connection.get(&format!("{LEASES}/{LEASE}")).await
}

/// The error that somebody else has the cluster; `None` where nobody has, or `holder` itself.
pub async fn held_by_another(connection: &Connection, holder: &str) -> Result<Option<Error>> {
    let lease = lease(connection).await?;
    if !lease.is_object() || lease["spec"]["holderIdentity"] == holder {
        return Ok(None);
    }
    // Whoever may write the Lease may write anything there: a terminal is shown none of its commands.
    let note = |key: &str| {
        let text = lease["metadata"]["annotations"][key].as_str().unwrap_or("unknown");
        text.chars().filter(|c| !c.is_control()).take(120).collect::<String>()
    };
    Ok(Some(
        Error::new(tr!(live_another_lab))
            .why(tr!(live_since { who: note("cks-lab/who"), since: note("cks-lab/since") }))
            .hint(tr!(live_ends_with_restore))
            .hint(tr!(live_delete_lease)),
    ))
}

/// Gives the Lease back if it is `holder`'s.
pub async fn drop_lease(connection: &Connection, holder: &str) -> Result<()> {
    let lease = lease(connection).await?;
    if lease["spec"]["holderIdentity"] == holder {
        connection.send("DELETE", &format!("{LEASES}/{LEASE}"), None).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_production_is_asked_about() {
        for (context, server, nodes, count) in [
            ("kind-kind", "https://127.0.0.1:1", 2, 0),
            ("eu-prod", "https://10.0.0.1:6443", 2, 1),
            ("PROD2", "https://k8s.production.example.com", 2, 2),
            ("product-team", "https://reproducer:6443", 2, 0),
            ("kind", "https://127.0.0.1:1", 7, 1),
        ] {
            assert_eq!(doubts(context, server, nodes, 6).len(), count, "{context} {server}");
        }
    }

    #[test]
    fn what_a_lesson_makes_must_be_the_undos_to_remove() {
        let creates = ["/api/v1/namespaces/shop", "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/r"];
        let shown: Vec<String> = rights_for(&creates.map(str::to_owned)).iter().map(Right::shown).collect();
        assert_eq!(shown[1], "delete namespaces shop in shop");
        assert_eq!(shown[3], "delete roles r in a");
    }

    #[test]
    fn rights_are_named_as_a_person_would() {
        let shown: Vec<String> = rights("w1", false).iter().map(Right::shown).collect();
        assert!(shown.contains(&"impersonate users system:node:w1".to_owned()), "{shown:?}");
        assert!(shown.contains(&"get pods/log in kube-system".to_owned()), "{shown:?}");
        assert!(rights("w1", true).iter().all(|r| !["patch", "create", "delete"].contains(&r.verb)));
    }
}
