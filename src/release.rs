//! The Kubernetes releases that the sandbox emulates, as data.
//!
//! What differs between releases is a field here, so that a third release is a new table and not a scatter of ifs.

/// One emulated Kubernetes release.
#[derive(Debug)]
pub struct Release {
    /// The minor version: 31 for 1.31.
    pub minor: u32,
    /// What `/version` calls `gitVersion`, e.g. `v1.31.0`.
    pub git_version: &'static str,
    /// What `/version` calls `gitCommit`.
    pub git_commit: &'static str,
    /// What `/version` calls `buildDate`.
    pub build_date: &'static str,
    /// What `/version` calls `goVersion`.
    pub go_version: &'static str,
    /// Feature gates whose state the lab's field of view shows.
    pub gates: FeatureGates,
    /// Mutating admission plugins that are on by default, in the order in which they run and are logged.
    pub mutating_plugins: &'static [&'static str],
    /// Validating admission plugins that are on by default, in the order in which they run and are logged.
    pub validating_plugins: &'static [&'static str],
}

/// The state of the feature gates that change what a learner can see.
#[derive(Debug, Clone, Copy)]
pub struct FeatureGates {
    /// `AuthorizeNodeWithSelectors` (KEP-4601): a kubelet reads only its own Node and its own pods.
    pub authorize_node_with_selectors: bool,
    /// `ServiceAccountTokenNodeBinding`/X.509 credential ids: `authentication.kubernetes.io/credential-id` in extra.
    pub credential_id: bool,
    /// Whether NodeRestriction keeps a kubelet from changing its Node's owner references (since v1.31.12, v1.32.8,
    /// v1.33.4; CVE-2025-5187).
    pub node_owner_references_restricted: bool,
}

impl Release {
    /// Returns the release whose `major.minor` is `version` (`1.31`, `v1.31` and `1.31.0` all name the same one).
    pub fn find(version: &str) -> Option<&'static Release> {
        let minor: u32 = version.trim_start_matches('v').split('.').nth(1)?.parse().ok()?;
        RELEASES.iter().find(|r| r.minor == minor)
    }

    /// Returns `1.31` for v1.31.0.
    pub fn short(&self) -> String {
        format!("1.{}", self.minor)
    }
}

/// The release that a lab runs when none is named.
pub fn default_release() -> &'static Release {
    &RELEASES[0]
}

/// All emulated releases, the default first.
pub static RELEASES: [Release; 1] = [Release {
    minor: 31,
    git_version: "v1.31.0",
    git_commit: "9edcffcde5595e8a5b1a35f88c421764e575afce",
    build_date: "2024-08-13T07:28:49Z",
    go_version: "go1.22.5",
    gates: FeatureGates {
        authorize_node_with_selectors: false,
        credential_id: false,
        node_owner_references_restricted: false,
    },
    mutating_plugins: &[
        "NamespaceLifecycle",
        "LimitRanger",
        "ServiceAccount",
        "TaintNodesByCondition",
        "Priority",
        "DefaultTolerationSeconds",
        "DefaultStorageClass",
        "StorageObjectInUseProtection",
        "RuntimeClass",
        "DefaultIngressClass",
        "MutatingAdmissionWebhook",
    ],
    validating_plugins: &[
        "LimitRanger",
        "ServiceAccount",
        "PodSecurity",
        "Priority",
        "PersistentVolumeClaimResize",
        "RuntimeClass",
        "CertificateApproval",
        "CertificateSigning",
        "ClusterTrustBundleAttest",
        "CertificateSubjectRestriction",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionWebhook",
        "ResourceQuota",
    ],
}];
