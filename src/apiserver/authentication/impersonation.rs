//! Impersonation: acting as somebody else, where that is allowed.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`.

use http::HeaderMap;

use super::UserInfo;
use crate::apiserver::authorization::{self, Attributes, Chain, Decision};
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::status::Status;

const EXTRA: &str = "impersonate-extra-";

/// The user that the headers ask to be; `None` where they ask for nobody.
pub fn impersonated(
    headers: &HeaderMap,
    requestor: &UserInfo,
    chain: &Chain,
) -> Result<Option<UserInfo>, Status> {
    let all = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let name = all("impersonate-user").into_iter().next().unwrap_or_default();
    let groups = all("impersonate-group");
    let uid = all("impersonate-uid").into_iter().next().unwrap_or_default();
    let mut extras = Vec::new();
    for (header, value) in headers {
        if let Some(key) = header.as_str().strip_prefix(EXTRA) {
            extras.push((unescape(key), value.to_str().unwrap_or("").to_owned()));
        }
    }
    if name.is_empty() {
        if !groups.is_empty() || !extras.is_empty() || !uid.is_empty() {
            return Err(Status::internal(format!(
                "requested [{}] without impersonating a user",
                wanted(&groups, &extras, &uid)
            )));
        }
        return Ok(None);
    }
    let ask = |group: &str, version: &str, resource: &str, subresource: &str, namespace: &str, name: &str| {
        let request = RequestInfo {
            is_resource_request: true,
            verb: "impersonate".into(),
            api_group: group.into(),
            api_version: version.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.into(),
            name: name.into(),
            ..RequestInfo::default()
        };
        let attributes = Attributes { user: requestor.clone(), request };
        let outcome = chain.authorize(&attributes);
        match outcome.decision {
            Decision::Allow => Ok(()),
            _ => Err(authorization::forbidden(&attributes, &outcome.reason)),
        }
    };
    let mut user =
        UserInfo { name: name.clone(), groups: groups.clone(), uid: uid.clone(), ..UserInfo::default() };
    match service_account(&name) {
        Some((namespace, account)) => {
            ask("", "v1", "serviceaccounts", "", namespace, account)?;
            if groups.is_empty() {
                user.groups =
                    vec!["system:serviceaccounts".into(), format!("system:serviceaccounts:{namespace}")];
            }
        }
        None => ask("", "v1", "users", "", "", &name)?,
    }
    for group in &groups {
        ask("", "v1", "groups", "", "", group)?;
    }
    for (key, value) in extras {
        ask("authentication.k8s.io", "v1", "userextras", &key, "", &value)?;
        user.extra.entry(key).or_default().push(value);
    }
    if !uid.is_empty() {
        ask("authentication.k8s.io", "v1", "uids", "", "", &uid)?;
    }
    let (own, other) = ("system:authenticated", "system:unauthenticated");
    let in_either = user.in_group(own) || user.in_group(other);
    if name == "system:anonymous" {
        if !user.in_group(other) {
            user.groups.push(other.into());
        }
    } else if !in_either {
        user.groups.push(own.into());
    }
    Ok(Some(user))
}

/// What was asked for, as upstream prints its list.
fn wanted(groups: &[String], extras: &[(String, String)], uid: &str) -> String {
    let mut all = Vec::new();
    all.extend(groups.iter().map(|group| format!("{{Group  {group}     }}")));
    all.extend(
        extras.iter().map(|(key, value)| format!("{{UserExtra  {value}  authentication.k8s.io/v1  {key}}}")),
    );
    if !uid.is_empty() {
        all.push(format!("{{UID  {uid}  authentication.k8s.io/v1  }}"));
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
