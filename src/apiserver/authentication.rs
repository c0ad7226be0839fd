//! Who makes a request: client certificates, bearer tokens, anonymous, impersonation.
//!
//! Upstream: `k8s.io/apiserver/pkg/authentication`, `.../endpoints/filters/{authentication,impersonation}.go`.

use std::collections::BTreeMap;

pub mod impersonation;
pub mod keys;
pub mod token;
pub mod x509;

/// The user a request is made as (`user.Info`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserInfo {
    /// `kubernetes-admin`, `system:node:node01`, ...
    pub name: String,
    /// The user's uid; empty for certificates.
    pub uid: String,
    /// The groups, `system:authenticated` included.
    pub groups: Vec<String>,
    /// Extra values.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// A user with groups and nothing else.
    pub fn new(name: &str, groups: &[&str]) -> Self {
        Self {
            name: name.into(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Whether the user is in `group`.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The node's name if this is a kubelet (`NodeIdentifier`): `system:node:NAME` in `system:nodes`.
    ///
    /// `Some("")` never comes back; a user in the group without a node name is `None`.
    pub fn node_name(&self) -> Option<&str> {
        self.name.strip_prefix("system:node:").filter(|n| !n.is_empty() && self.in_group("system:nodes"))
    }
}
