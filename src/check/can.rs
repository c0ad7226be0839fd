//! `can`: what somebody may do and may not, as the cluster's authorizers answer it (SubjectAccessReview).
//!
//! The questions are worded as for `kubectl auth can-i`. Upstream: `authorization.k8s.io/v1`; the groups of a service
//! account: `k8s.io/apiserver/pkg/authentication/serviceaccount` (`MakeGroupNames`).

use serde_json::{Value, json};

use super::{Facts, Found, Ground, Verdict, http};
use crate::cluster::Identity;
use crate::error::Result;
use crate::lesson::schema::CanCheck;
use crate::text::tr;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// What is asked of the authorizers, as a SubjectAccessReview has it; `None` where the words are no question.
pub fn attributes(question: &str) -> Option<Value> {
    let mut words = Vec::new();
    let mut namespace = "";
    let mut all = question.split_whitespace();
    while let Some(word) = all.next() {
        match word {
            "-n" => namespace = all.next()?,
            "-A" => namespace = "",
            word if word.starts_with('-') => return None,
            word => words.push(word),
        }
    }
    match words.as_slice() {
        [verb, path] if path.starts_with('/') => {
            Some(json!({"nonResourceAttributes": {"verb": verb, "path": path}}))
        }
        [verb, resource, name @ ..] if name.len() <= 1 => {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
            let group = if resource == "*" && group.is_empty() { "*" } else { group };
            Some(json!({"resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": subresource,
                "namespace": namespace, "name": name.first().copied().unwrap_or(""),
            }}))
        }
        _ => None,
    }
}

/// The groups of a user: those that are given, and what every service account is in.
fn groups(check: &CanCheck) -> Vec<String> {
    let mut groups = check.groups.clone();
    if let Some((namespace, _)) =
        check.user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
    {
        groups.push("system:serviceaccounts".into());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups.push("system:authenticated".into());
    groups
}

/// Asks each question. Facts: `missing`, what should be allowed and is not; `too_much`, what is allowed and should not be.
pub async fn look(check: &CanCheck, ground: &Ground<'_>) -> Result<Found> {
    let client = ground.cluster.client(&Identity::Admin)?;
    let (mut missing, mut too_much) = (Vec::new(), Vec::new());
    let wanted = check.allowed.iter().map(|q| (q, true)).chain(check.denied.iter().map(|q| (q, false)));
    for (question, allowed) in wanted {
        let Some(mut spec) = attributes(question) else {
            return Ok(Found::new(Verdict::Error, tr!(ground.language(), check_no_question { question })));
        };
        spec["user"] = json!(check.user);
        spec["groups"] = json!(groups(check));
        let body =
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
        let answer = match http::post(&client, REVIEWS, &body).await {
            Ok(answer) => answer,
            Err(unreachable) => return Ok(unreachable.into()),
        };
        let Some(is) = answer.body.pointer("/status/allowed").and_then(Value::as_bool) else {
            let observed = tr!(ground.language(), check_cannot_be_asked { message: answer.message() });
            return Ok(Found { unreachable: answer.code >= 500, ..Found::new(Verdict::Error, observed) });
        };
        match (allowed, is) {
            (true, false) => missing.push(question.clone()),
            (false, true) => too_much.push(question.clone()),
            _ => {}
        }
    }
    let mut observed = Vec::new();
    let user = &check.user;
    if !missing.is_empty() {
        observed.push(tr!(ground.language(), check_may_not { user, what: missing.join(", ") }));
    }
    if !too_much.is_empty() {
        observed.push(tr!(ground.language(), check_may { user, what: too_much.join(", ") }));
    }
    let passed = observed.is_empty();
    let observed =
        if passed { tr!(ground.language(), check_may_as_asked { user }) } else { observed.join("; ") };
    let facts = json!({"missing": missing, "too_much": too_much, "user": check.user});
    Ok(Found::decided(passed, observed, facts.as_object().cloned().unwrap_or_else(Facts::new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_those_of_can_i() {
        let of = |verb, group, resource, sub, namespace, name| {
            Some(json!({"resourceAttributes": {"verb": verb, "group": group, "resource": resource,
                "subresource": sub, "namespace": namespace, "name": name}}))
        };
        for (question, expected) in [
            ("get pods/log web -n shop", of("get", "", "pods", "log", "shop", "web")),
            ("create deployments.apps -n shop", of("create", "apps", "deployments", "", "shop", "")),
            ("list secrets -A", of("list", "", "secrets", "", "", "")),
            ("* *", of("*", "*", "*", "", "", "")),
            (
                "get roles.rbac.authorization.k8s.io -n a",
                of("get", "rbac.authorization.k8s.io", "roles", "", "a", ""),
            ),
            ("get /metrics", Some(json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}))),
            ("get", None),
            ("", None),
            ("get pods -n", None),
            ("get pods a b", None),
            ("get pods --all", None),
        ] {
            assert_eq!(attributes(question), expected, "{question}");
        }
    }

    #[test]
    fn a_service_account_is_in_its_groups() {
        let check = |user: &str| CanCheck {
            user: user.into(),
            groups: vec!["g".into()],
            allowed: vec![],
            denied: vec![],
        };
        assert_eq!(
            groups(&check("system:serviceaccount:shop:ci")),
            ["g", "system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"]
        );
        assert_eq!(groups(&check("jane")), ["g", "system:authenticated"]);
    }
}
