//! Every plugin by name, in the order in which they run.
//!
//! Upstream: `pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

use super::{Attributes, Environment, Operation, Plugin};
use super::{
    certificates, limit_ranger, namespaces, node_restriction, nodes, pod_security, pods, resource_quota,
    service_account, volumes,
};
use crate::apiserver::status::Status;
use crate::release::{OfRelease, Release};

/// A plugin that can be switched on.
pub(super) struct Entry {
    /// The name in flags.
    pub(super) name: &'static str,
    /// The first minor version that has it; 0 where all have.
    since: u32,
    /// Whether it takes part in the mutating phase.
    pub(super) mutating: bool,
    /// Whether it takes part in the validating phase.
    pub(super) validating: bool,
    /// Makes it.
    pub(super) make: fn(&'static str) -> Box<dyn Plugin>,
}

const fn entry(
    name: &'static str,
    phases: &str,
    since: u32,
    make: fn(&'static str) -> Box<dyn Plugin>,
) -> Entry {
    let phases = phases.as_bytes();
    let mutating = phases[0] == b'm';
    let validating = phases[phases.len() - 1] == b'v';
    Entry { name, since, mutating, validating, make }
}

/// All plugins in order; `m` mutating, `v` validating.
static PLUGINS: [Entry; 41] = [
    entry("AlwaysAdmit", "mv", 0, idle),
    entry("NamespaceAutoProvision", "m", 0, |_| Box::new(namespaces::AutoProvision)),
    entry("NamespaceLifecycle", "m", 0, |_| Box::new(namespaces::Lifecycle)),
    entry("NamespaceExists", "v", 0, |_| Box::new(namespaces::Exists)),
    entry("LimitPodHardAntiAffinityTopology", "v", 0, |_| Box::new(pods::AntiAffinity)),
    entry("LimitRanger", "mv", 0, |_| Box::new(limit_ranger::LimitRanger)),
    entry("ServiceAccount", "mv", 0, |_| Box::new(service_account::ServiceAccount)),
    entry("NodeRestriction", "m", 0, |_| Box::new(node_restriction::NodeRestriction)),
    entry("TaintNodesByCondition", "m", 0, |_| Box::new(nodes::TaintNodesByCondition)),
    entry("AlwaysPullImages", "mv", 0, |_| Box::new(pods::AlwaysPullImages)),
    entry("ImagePolicyWebhook", "v", 0, idle),
    entry("PodSecurity", "v", 0, |_| Box::new(pod_security::PodSecurity)),
    entry("PodNodeSelector", "mv", 0, idle),
    entry("Priority", "mv", 0, |_| Box::new(pods::Priority)),
    entry("DefaultTolerationSeconds", "m", 0, |_| Box::new(pods::DefaultTolerationSeconds)),
    entry("PodTolerationRestriction", "mv", 0, idle),
    entry("EventRateLimit", "v", 0, idle),
    entry("ExtendedResourceToleration", "m", 0, idle),
    entry("DefaultStorageClass", "m", 0, |_| Box::new(volumes::DefaultStorageClass)),
    entry("StorageObjectInUseProtection", "m", 0, |_| Box::new(volumes::InUseProtection)),
    entry("PodGroupProtection", "m", 36, idle),
    entry("OwnerReferencesPermissionEnforcement", "v", 0, idle),
    entry("PersistentVolumeClaimResize", "v", 0, |_| Box::new(volumes::ClaimResize)),
    entry("RuntimeClass", "mv", 0, |_| Box::new(pods::RuntimeClass)),
    entry("CertificateApproval", "v", 0, |_| Box::new(certificates::Approval)),
    entry("CertificateSigning", "v", 0, |_| Box::new(certificates::Signing)),
    entry("ClusterTrustBundleAttest", "v", 0, idle),
    entry("CertificateSubjectRestriction", "v", 0, |_| Box::new(certificates::SubjectRestriction)),
    entry("DefaultIngressClass", "m", 0, idle),
    entry("DenyServiceExternalIPs", "v", 0, idle),
    entry("PodTopologyLabels", "m", 33, idle),
    entry("MutatingAdmissionPolicy", "m", 32, idle),
    entry("MutatingAdmissionWebhook", "m", 0, idle),
    entry("PodGroupWorkloadExists", "v", 36, idle),
    entry("NodeDeclaredFeatureValidator", "v", 35, idle),
    entry("JobValidation", "v", 36, idle),
    entry("PodResizeValidator", "v", 36, idle),
    entry("ValidatingAdmissionPolicy", "v", 0, idle),
    entry("ValidatingAdmissionWebhook", "v", 0, idle),
    entry("ResourceQuota", "v", 0, |_| Box::new(resource_quota::ResourceQuota)),
    entry("AlwaysDeny", "mv", 0, |_| Box::new(AlwaysDeny)),
];

/// The plugins that a release has, in order.
pub(super) fn of_release(release: &Release) -> impl Iterator<Item = &'static Entry> {
    let minor = release.minor;
    PLUGINS.iter().filter(move |entry| entry.since <= minor)
}

/// All plugin names that a release knows, for `unknown plugin` and for `--help`.
pub fn known_plugins(release: &'static Release) -> &'static [&'static str] {
    static NAMES: OfRelease<Vec<&'static str>> = OfRelease::new();
    NAMES.get(release, || of_release(release).map(|entry| entry.name).collect())
}

/// A plugin that does nothing here. Most have nothing to do: no webhook or policy can be registered, and no object of
/// the kinds that they look at is served. The others (`PodNodeSelector`, `PodTolerationRestriction`, `EventRateLimit`,
/// `ImagePolicyWebhook`, `OwnerReferencesPermissionEnforcement`, `ExtendedResourceToleration`,
/// `DenyServiceExternalIPs`), which are off by default, are known by name only.
struct Idle(&'static str);

fn idle(name: &'static str) -> Box<dyn Plugin> {
    Box::new(Idle(name))
}

impl Plugin for Idle {
    fn name(&self) -> &'static str {
        self.0
    }
}

/// `AlwaysDeny`
struct AlwaysDeny;

impl AlwaysDeny {
    const REASON: &str = "admission control is denying all modifications";
}

impl Plugin for AlwaysDeny {
    fn name(&self) -> &'static str {
        "AlwaysDeny"
    }

    fn handles(&self, _operation: Operation) -> bool {
        true
    }

    fn admit(&self, attributes: &mut Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        Err(attributes.forbid(Self::REASON))
    }

    fn validate(&self, attributes: &Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        Err(attributes.forbid(Self::REASON))
    }
}
