//! The Kubernetes releases that the sandbox emulates, as data.
//!
//! What differs between releases is a field or an asset here, so that a third release is a new row with its assets and not
//! a scatter of ifs.

use std::sync::OnceLock;

#[macro_use]
mod assets;
mod v1_31;
mod v1_36;

/// One emulated Kubernetes release.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    /// The minor version: 31 for 1.31.
    pub minor: u32,
    /// What `/version` calls `gitVersion`, e.g. `v1.31.0`.
    pub git_version: &'static str,
    /// What `/version` says besides `major`, `minor`, `gitVersion`, `compiler` and `platform`.
    pub version_fields: &'static [(&'static str, &'static str)],
    /// Feature gates whose state the lab's field of view shows.
    pub gates: FeatureGates,
    /// Mutating admission plugins that are on by default, in the order in which they run and are logged.
    pub mutating_plugins: &'static [&'static str],
    /// Validating admission plugins that are on by default, in the order in which they run and are logged.
    pub validating_plugins: &'static [&'static str],
    /// How the API server words what is wrong.
    pub wording: Wording,
    /// What kube-apiserver makes of its flags.
    pub flags: FlagRules,
    /// What the nodes of such a cluster have.
    pub node: NodeTools,
    /// Tables and documents, derived from the real programs of the release.
    pub assets: Assets,
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
    /// `KubeletServiceAccountTokenForCredentialProviders`: a kubelet may read its pods' service accounts (KEP-4412).
    pub kubelet_reads_service_accounts: bool,
    /// `ServiceAccountNodeAudienceRestriction`: a kubelet asks only for tokens of audiences that the pod names.
    pub node_audience_restriction: bool,
    /// `ConstrainedImpersonation` (KEP-5284): impersonation by mode and by what is done.
    pub constrained_impersonation: bool,
    /// `WatchList` (KEP-3157): a watch may begin with all objects.
    pub watch_list: bool,
    /// Whether NodeRestriction lists more kinds that a mirror pod may not refer to (since v1.33).
    pub mirror_pods_refer_to_nothing: bool,
    /// Whether a shortened deletion still ends in the future (since v1.33).
    pub deletions_end_in_the_future: bool,
    /// Whether a time that is not set is written as `null` (until 1.33).
    pub shows_unset_times: bool,
    /// Whether lists at an exact version are answered from the watch cache (`ListFromCacheSnapshot`, KEP-4988), which words
    /// wrong versions in its own way.
    pub lists_from_snapshots: bool,
    /// Whether options of a deletion that cannot be read are a bad request (since 1.32).
    pub bad_delete_options_are_bad_requests: bool,
    /// `AuthorizeWithSelectors` (KEP-4601): access reviews keep selectors.
    pub reviews_have_selectors: bool,
    /// `TokenRequestServiceAccountUIDValidation`: a token request has its service account's uid, and may ask for it.
    pub token_requests_have_uids: bool,
    /// Whether an update of what is not there says so before it looks at the uid that was asked for.
    pub updates_find_first: bool,
    /// Whether a changed role or binding is validated once, not twice.
    pub role_changes_validated_once: bool,
    /// Whether a binding whose role is not there is told so as if the binding were missing.
    pub missing_roles_named_as_asked: bool,
    /// Whether nothing more is said of a CSI driver without a name (since 1.34).
    pub empty_driver_names_end_there: bool,
    /// Whether pods have a generation (`PodObservedGenerationTracking`, KEP-5067).
    pub pods_have_generation: bool,
    /// Whether a patch of no known content type is looked at further where no length of its body is told (until go-restful 3.12).
    pub patches_without_length_go_on: bool,
    /// Whether an update of a pod may not change its class of service (until 1.32).
    pub pods_keep_their_class: bool,
    /// The versions of `apidiscovery.k8s.io` (KEP-3352).
    pub discovery_versions: &'static [&'static str],
    /// Whether a component without a status is not found, rather than an error of the server.
    pub missing_components_not_found: bool,
    /// Whether a scale that is not there is named as such (until 1.32).
    pub scales_have_names: bool,
    /// Whether tables of service accounts count their secrets.
    pub accounts_count_secrets: bool,
    /// Whether tables of priority classes show how they preempt.
    pub classes_show_preemption: bool,
    /// Whether tables of quotas show the age last.
    pub quotas_age_last: bool,
    /// Whether writers are warned of more: overlapping files in volumes, ports of one name, addresses that are not canonical,
    /// what is deprecated since 1.32.
    pub newer_warnings: bool,
    /// Whether the field for AppArmor is also written as the annotation that it replaced (until 1.33).
    pub apparmor_annotations: bool,
    /// Whether a server's own Lease ends with it.
    pub identity_leases_end: bool,
    /// Whether a server's own Lease tells its peers where it is (`UnknownVersionInteroperabilityProxy`, KEP-4020).
    pub peers_are_told: bool,
    /// Whether a claim may ask for less again where its volume was not made larger (`RecoverVolumeExpansionFailure`).
    pub claims_recover: bool,
    /// Whether a service's name may begin with a digit (`RelaxedServiceNameValidation`).
    pub relaxed_service_names: bool,
    /// Whether Endpoints are deprecated, and writers and readers told so (since 1.33).
    pub endpoints_deprecated: bool,
    /// Whether address ranges are read strictly (`StrictIPCIDRValidation`, KEP-4858).
    pub strict_addresses: bool,
    /// `RelaxedEnvironmentVariableValidation`: almost any text names a variable.
    pub relaxed_variable_names: bool,
    /// `RelaxedDNSSearchValidation`: search domains may have underscores.
    pub relaxed_searches: bool,
}

/// How the difference of two Go values is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differences {
    /// As go-cmp tells it (until 1.33).
    Cmp,
    /// As lines of JSON.
    Unified,
}

/// How validation errors are worded.
#[derive(Debug, Clone, Copy)]
pub struct Wording {
    /// Whether values that are neither text nor number are shown as JSON, rather than as Go prints them (since 1.34).
    pub values_as_json: bool,
    /// How a message tells the difference of two values.
    pub differences: Differences,
    /// What is said of a text that is too long; `{}` is the limit in bytes.
    pub too_long: &'static str,
    /// Where the Go source says that a kind is not registered.
    pub scheme: &'static str,
    /// How names are escaped in `/metrics`, as its content type says.
    pub metrics_escaping: &'static str,
    /// What a variable may come from, as a message lists it.
    pub variable_sources: &'static str,
    /// The restart policies of an init container.
    pub init_restart_policies: &'static [&'static str],
    /// Phrases of the oldest release, with what this one says instead.
    pub phrases: &'static [(&'static str, &'static str)],
}

impl Wording {
    /// Words a text as the release does.
    pub fn of(&self, text: &str) -> String {
        self.phrases.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
    }
}

/// Flags that all releases tell to go when they are given, and what is said of them.
const DEPRECATED: &[(&str, &str)] = &[
    (
        "admission-control",
        "Use --enable-admission-plugins or --disable-admission-plugins instead. Will be removed in a future version.",
    ),
    ("apiserver-count", "apiserver-count is deprecated and will be removed in a future version."),
    ("audit-webhook-batch-initial-backoff", "Deprecated, use --audit-webhook-initial-backoff instead."),
    (
        "default-watch-cache-size",
        "watch caches are sized automatically and this flag will be removed in a future version",
    ),
    ("kubelet-port", "kubelet-port is deprecated and will be removed."),
    ("kubelet-read-only-port", "kubelet-read-only-port is deprecated and will be removed."),
];

/// What differs in how kube-apiserver reads its command line.
#[derive(Debug, Clone, Copy)]
pub struct FlagRules {
    /// Flags that this release tells to go besides [`DEPRECATED`], and what is said of them.
    deprecated: &'static [(&'static str, &'static str)],
    /// Whether the two flags of admission say no more than `parse error` (until 1.31).
    pub terse_tolerations: bool,
    /// Whether an address may be empty (pflag 1.0.6 and later).
    pub addresses_may_be_empty: bool,
    /// Whether a range of services may have no more than 20 bits.
    pub service_ranges_are_small: bool,
    /// What is said where no key of service accounts is given.
    pub no_service_account_key: &'static str,
    /// Whether the longest life of tokens is looked at before the key that signs them.
    pub bounds_tokens_first: bool,
    /// What `api/all=false` alone is called.
    pub runtime_config: &'static str,
    /// Whether unknown groups are shown with their versions.
    pub unknown_groups_have_versions: bool,
    /// Whether mistakes about metrics are worded as those of fields.
    pub metrics_are_fields: bool,
    /// Whether flags about peers need a feature gate.
    pub peers_need_a_gate: bool,
    /// The oldest minor version that can be emulated.
    pub oldest_emulated: u32,
    /// Whether only the program's own version can be emulated all the same.
    pub emulates_itself_alone: bool,
    /// Whether `--log-flush-frequency` is looked at.
    pub flushes_are_checked: bool,
    /// What comes before the reason where `--authentication-config` cannot be read; `PATH` is the file.
    pub authentication_config: &'static str,
    /// What comes before mistakes in the configuration of authentication.
    pub authentication_prefix: &'static str,
    /// Whether the files for etcd are read before it is looked for.
    pub reads_etcd_files: bool,
    /// Whether user headers of front proxies must be the standard ones, or be none.
    pub uid_headers_are_checked: bool,
    /// Whether `--admission-control-config-file` is read before etcd is.
    pub reads_admission_config: bool,
}

impl FlagRules {
    /// What is said of a flag that is to go.
    pub fn deprecation(&self, flag: &str) -> Option<&'static str> {
        let mut all = DEPRECATED.iter().chain(self.deprecated);
        all.find(|(old, _)| *old == flag).map(|(_, why)| *why)
    }
}

/// What differs on a node.
#[derive(Debug, Clone, Copy)]
pub struct NodeTools {
    /// How a static pod's uid is made of its manifest.
    pub static_pod_hash: StaticPodHash,
    /// What `crictl --version` says.
    pub crictl: &'static str,
    /// The help of crictl and of its commands, in sections; which flags there are is read of it.
    pub crictl_help: &'static str,
    /// Whether `crictl ps` has a column NAMESPACE (since 1.32), and `crictl stats` one of SWAP.
    pub crictl_shows_namespace: bool,
    /// Where crictl's client library logs that a call failed, by the beginning of the line; none where `log.go` does it for all.
    pub crictl_calls: &'static [(&'static str, &'static str)],
    /// What the Node's status calls `containerRuntimeVersion`.
    pub container_runtime: &'static str,
    /// What the event of an image that is there says, with `IMAGE` for its name in quotes.
    pub pulled: &'static str,
    /// What the event of a container that was made says, with `NAME` for its name.
    pub created: &'static str,
    /// The same of one that was started.
    pub started: &'static str,
    /// Where the kubelet writes that its runtime does not answer.
    pub runtime_lines: RuntimeLines,
    /// Tags of kubeadm's images that do not follow the release: the name in the images' table, the tag.
    pub image_tags: &'static [(&'static str, &'static str)],
}

/// Source positions of what a kubelet writes while its runtime does not answer.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeLines {
    /// `Status from runtime service failed` (`k8s.io/cri-client/pkg/remote_runtime.go`)
    pub status: &'static str,
    /// `Container runtime sanity check failed` (`kubelet.go`)
    pub sanity: &'static str,
    /// `ListPodSandbox with filter from runtime service failed`
    pub sandboxes: &'static str,
    /// `Failed to list pod sandboxes` (`kuberuntime_sandbox.go`)
    pub kuberuntime: &'static str,
    /// `GenericPLEG: Unable to retrieve pods` (`pleg/generic.go`)
    pub pleg: &'static str,
    /// `Skipping pod synchronization` (`kubelet.go`)
    pub skipping: &'static str,
}

/// The hash in static pods' uids (`pkg/kubelet/config/common.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticPodHash {
    /// MD5, until 1.34.
    Md5,
    /// FNV-1a of 128 bits, since 1.35.
    Fnv128a,
}

/// Tables and documents of a release; `hack/update-openapi.py` and `hack/update-tables.py` derive most of them.
#[derive(Debug, Clone, Copy)]
pub struct Assets {
    /// The flags of kube-apiserver: name, type and shorthand of each.
    pub flags: &'static str,
    /// The feature gates, each with the value that it is locked to, if it is.
    pub feature_gates: &'static str,
    /// What kube-apiserver writes when it starts, in sections.
    pub start_log: &'static str,
    /// The RBAC bootstrap policy, one object a line.
    pub rbac_policy: &'static str,
    /// The Go types that messages show.
    pub go_types: &'static str,
    /// The types, compressed.
    pub schema: &'static [u8],
    /// The columns of tables, compressed JSON.
    pub columns: &'static [u8],
    /// The kubelet's settings, as kubeadm writes them.
    pub kubelet: KubeletFiles,
    /// File name and content of the static pod manifests that kubeadm writes, without the lesson's plugin.
    pub manifests: [(&'static str, &'static str); 4],
}

/// The kubelet's settings.
#[derive(Debug, Clone, Copy)]
pub struct KubeletFiles {
    /// `/var/lib/kubelet/config.yaml`
    pub config: &'static str,
    /// `/var/lib/kubelet/kubeadm-flags.env`, with `ADDRESS` for the node's
    pub flags: &'static str,
}

impl Release {
    /// Returns the release whose `major.minor` is `version` (`1.31`, `v1.31` and `1.31.0` all name the same one).
    pub fn find(version: &str) -> Option<&'static Release> {
        let minor: u32 = version.trim_start_matches('v').split('.').nth(1)?.parse().ok()?;
        RELEASES.iter().find(|r| r.minor == minor)
    }

    /// Puts the release's versions into the tag of an image: `VERSION`, and the names of [`NodeTools::image_tags`].
    pub fn image_tag(&self, tag: &str) -> String {
        let fill = |text: String, (name, tag): &(&str, &str)| text.replace(name, tag);
        self.node.image_tags.iter().fold(tag.replace("VERSION", self.git_version), fill)
    }

    /// Returns `1.31` for v1.31.0.
    pub fn short(&self) -> String {
        format!("1.{}", self.minor)
    }
}

/// Something that is made once for each release, when it is first needed.
#[derive(Debug)]
pub struct OfRelease<T>([OnceLock<T>; RELEASES.len()]);

impl<T> OfRelease<T> {
    /// Nothing is made yet.
    pub const fn new() -> Self {
        Self([const { OnceLock::new() }; RELEASES.len()])
    }

    /// The release's own; `make` makes it.
    pub fn get(&self, release: &Release, make: impl FnOnce() -> T) -> &T {
        let index = RELEASES.iter().position(|known| known.minor == release.minor).unwrap_or(0);
        self.0[index].get_or_init(make)
    }
}

impl<T> Default for OfRelease<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a kubelet of a version (`v1.31.0`) may read Nodes other than its own: `AuthorizeNodeWithSelectors` (KEP-4601)
/// is on since 1.32. Also for clusters whose release is not emulated.
pub fn kubelets_read_nodes(version: &str) -> bool {
    let minor = version.trim_start_matches('v').split('.').nth(1).map(|text| {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..digits].parse::<u32>().unwrap_or(0)
    });
    match Release::find(version) {
        Some(release) => !release.gates.authorize_node_with_selectors,
        None => minor.is_none_or(|minor| minor < 32),
    }
}

/// The release that a lab runs when none is named.
pub fn default_release() -> &'static Release {
    &RELEASES[0]
}

/// All emulated releases, the default first.
pub static RELEASES: [Release; 2] = [v1_31::RELEASE, v1_36::RELEASE];
