//! Limits, storage, admission, what is served, metrics.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/{server_run_options,etcd,admission,api_enablement}.go`,
//! `k8s.io/component-base/metrics/options.go`, `pkg/controlplane/apiserver/options/validation.go`.

use std::collections::BTreeMap;

use regex::Regex;

use super::{Flags, Read, aggregate, is_negative};
use crate::apiserver::admission as plugins;
use crate::go_quote::quote;
use crate::release::Release;

const CORS_HELP: &str = "List of allowed origins for CORS, comma separated. An allowed origin can be a regular expression to support \
                         subdomain matching. If this list is empty CORS will not be enabled. Please ensure each expression matches \
                         the entire hostname by anchoring to the start with '^' or including the '//' prefix, and by anchoring to \
                         the end with '$' or including the ':' port separator suffix. Examples of valid expressions are \
                         '//example\\.com(:|$)' and '^https://example\\.com(:|$)'";
const STORAGE_MEDIA: &str = "application/json, application/vnd.kubernetes.protobuf, application/yaml";
const OVERRIDES: &str = "--etcd-servers-overrides invalid, must be of format: group/resource#servers, where servers are URLs, \
                         semicolon separated";
const HSTS: &str = "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, \
                    preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information";

/// The groups that the program knows, served or not.
const GROUPS: [&str; 26] = [
    "abac.authorization.kubernetes.io",
    "admission.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// `ServerRunOptions.Validate`
pub(super) fn run_options(flags: &Flags, errors: &mut Vec<String>) {
    let number = |name: &str| flags.int(name, 0) < 0;
    let negative = |name: &str| is_negative(flags, name);
    let chance = flags.get("goaway-chance").and_then(|text| super::super::numbers::float(text, 64).ok());
    let checks = [
        (negative("livez-grace-period"), "--livez-grace-period can not be a negative value"),
        (number("max-requests-inflight"), "--max-requests-inflight can not be negative value"),
        (
            number("max-mutating-requests-inflight"),
            "--max-mutating-requests-inflight can not be negative value",
        ),
        (negative("request-timeout"), "--request-timeout can not be negative value"),
        (
            chance.is_some_and(|chance| !(0.0..=0.02).contains(&chance) && !chance.is_nan()),
            "--goaway-chance can not be less than 0 or greater than 0.02",
        ),
        (number("min-request-timeout"), "--min-request-timeout can not be negative value"),
        (
            negative("storage-initialization-timeout"),
            "--storage-initialization-timeout can not be negative value",
        ),
        (negative("shutdown-delay-duration"), "--shutdown-delay-duration can not be negative value"),
        (
            negative("shutdown-watch-termination-grace-period"),
            "shutdown-watch-termination-grace-period, if provided, can not be a negative value",
        ),
    ];
    errors.extend(checks.iter().filter(|(wrong, _)| *wrong).map(|(_, why)| (*why).to_owned()));
    let directives = flags.list("strict-transport-security-directives");
    errors.extend(aggregate(directives.iter().filter_map(|one| directive(one)).collect()));
    let origins = flags.list("cors-allowed-origins");
    errors.extend(aggregate(origins.iter().filter_map(|one| origin(one)).collect()));
}

fn directive(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("empty value in strict-transport-security-directives".into());
    }
    let parts: Vec<&str> = text.split('=').collect();
    let right = matches!(text, "includeSubDomains" | "preload") || matches!(parts.as_slice(), ["max-age", _]);
    (!right).then(|| HSTS.to_owned())
}

fn origin(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(format!("empty value in --cors-allowed-origins, help: {CORS_HELP}"));
    }
    let why = match Regex::new(text) {
        Err(_) if text.matches('(').count() > text.matches(')').count() => {
            format!("error parsing regexp: missing closing ): `{text}`")
        }
        Err(_) => format!("error parsing regexp: `{text}`"),
        Ok(_) => {
            let start = text.contains('^') || text.contains("//");
            let end = text.contains('$') || text.contains(':');
            if start && end {
                return None;
            }
            "regular expression does not pin to start/end of host in the origin header".to_owned()
        }
    };
    Some(format!("--cors-allowed-origins has an invalid regular expression: {why}, help: {CORS_HELP}"))
}

/// `EtcdOptions.Validate`
pub(super) fn etcd(flags: &Flags, errors: &mut Vec<String>) {
    if flags.list("etcd-servers").is_empty() {
        errors.push("--etcd-servers must be specified".into());
    }
    if flags.text("storage-backend").is_some_and(|backend| backend != "etcd3") {
        let why =
            "--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'";
        errors.push(why.into());
    }
    for one in flags.list("etcd-servers-overrides") {
        let parts: Vec<&str> = one.split('#').collect();
        let right = matches!(parts.as_slice(), [resource, _] if resource.split('/').count() == 2);
        if !right {
            errors.push(OVERRIDES.into());
        }
    }
    if flags.text("encryption-provider-config").is_none()
        && flags.is_true("encryption-provider-config-automatic-reload")
    {
        let why =
            "--encryption-provider-config-automatic-reload must be set with --encryption-provider-config";
        errors.push(why.into());
    }
    if let Some(media) = flags.text("storage-media-type")
        && !STORAGE_MEDIA.split(", ").any(|known| known == media)
    {
        errors
            .push(format!("--storage-media-type {} invalid, allowed values: {STORAGE_MEDIA}", quote(media)));
    }
}

/// `ParseWatchCacheSizes`
pub(super) fn watch_cache_sizes(flags: &Flags) -> Result<(), String> {
    if flags.get("watch-cache").is_some_and(|value| !super::values::is_true(value)) {
        return Ok(());
    }
    for one in flags.list("watch-cache-sizes") {
        let parts: Vec<&str> = one.split('#').collect();
        let [_, size] = parts.as_slice() else {
            return Err(format!("invalid value of watch cache size: {one}"));
        };
        match super::super::numbers::atoi(size) {
            Err(_) => return Err(format!("invalid size of watch cache size: {one}")),
            Ok(size) if size < 0 => return Err(format!("watch cache size cannot be negative: {one}")),
            Ok(_) => {}
        }
    }
    Ok(())
}

/// What is switched on and off: keys and values in order, the last of a key's counts.
pub(in crate::apiserver::flags) fn switched(flags: &Flags) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let parts = flags.each("runtime-config").iter().flat_map(|value| value.split(','));
    for part in parts.filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (key.trim(), value.trim());
        let core = key == "v1" || key == "api/v1" || key.starts_with("v1/") || key.starts_with("api/v1/");
        if key == "api/legacy" {
            continue;
        }
        let key = if core { "/v1" } else { key };
        all.retain(|(known, _)| known != key);
        all.push((key.to_owned(), value.to_owned()));
    }
    all.sort();
    all
}

/// `validateAPIPriorityAndFairness`
pub(super) fn fairness(flags: &Flags, errors: &mut Vec<String>) {
    if flags.get("enable-priority-and-fairness").is_some_and(|value| !super::values::is_true(value)) {
        return;
    }
    let all = switched(flags);
    let is = |key: &str, wanted: &str| all.iter().any(|(k, v)| k.ends_with(key) && v.starts_with(wanted));
    for key in ["flowcontrol.apiserver.k8s.io/v1", "api/ga", "api/all"] {
        if is(key, "false") {
            errors.push(format!(
                "--runtime-config={key}=false conflicts with --enable-priority-and-fairness=true"
            ));
            return;
        }
        if is(key, "true") {
            return;
        }
    }
}

/// `APIEnablementOptions.Validate`
pub(super) fn runtime_config(flags: &Flags, release: &Release, errors: &mut Vec<String>) {
    let all = switched(flags);
    if matches!(all.as_slice(), [(key, value)] if key == "api/all" && value == "false") {
        errors.push(format!("invalid {} with only api/all=false", release.flags.runtime_config));
        return;
    }
    let mut unknown: Vec<String> = Vec::new();
    for (key, _) in &all {
        if matches!(key.as_str(), "api/all" | "api/ga" | "api/beta" | "api/alpha") {
            continue;
        }
        let parts: Vec<&str> = key.split('/').collect();
        if !matches!(parts.len(), 2 | 3) {
            errors.push(format!("runtime-config invalid key {key}"));
            return;
        }
        if !parts[0].is_empty() && !GROUPS.contains(&parts[0]) {
            let version = release.flags.unknown_groups_have_versions.then(|| format!("/{}", parts[1]));
            unknown.push(format!("{}{}", parts[0], version.unwrap_or_default()));
        }
    }
    if !unknown.is_empty() {
        errors.push(format!("unknown api groups {}", unknown.join(",")));
    }
}

/// `AdmissionOptions.Validate`
pub(super) fn admission(flags: &Flags, release: &'static Release, errors: &mut Vec<String>) {
    let known = plugins::known_plugins(release);
    let (enable, disable) = (flags.list("enable-admission-plugins"), flags.list("disable-admission-plugins"));
    let given = |name: &str| flags.get(name).is_some();
    if given("admission-control") && (given("enable-admission-plugins") || given("disable-admission-plugins"))
    {
        let why = "admission-control and enable-admission-plugins/disable-admission-plugins flags are mutually exclusive";
        errors.push(why.into());
    }
    let mut both: Vec<&str> = enable.iter().filter(|one| disable.contains(one)).map(String::as_str).collect();
    both.sort_unstable();
    both.dedup();
    for (flag, names) in [
        ("admission-control", &flags.list("admission-control")),
        ("enable-admission-plugins", &enable),
        ("disable-admission-plugins", &disable),
    ] {
        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
            errors.push(format!("{flag} plugin {} is unknown", quote(name)));
        }
    }
    if !both.is_empty() {
        let both = both.join(" ");
        errors.push(format!("[{both}] in enable-admission-plugins and disable-admission-plugins overlapped"));
    }
}

/// `metrics.Options.Validate`; newer releases word it as they word fields.
pub(super) fn metrics(flags: &Flags, release: &Release, read: Read<'_>, errors: &mut Vec<String>) {
    let fields = release.flags.metrics_are_fields;
    if let Some(version) = flags.text("show-hidden-metrics-for-version") {
        let before = format!("1.{}", release.minor - 1);
        if version != before {
            errors.push(if fields {
                format!(
                    "metrics.showHiddenMetricsForVersion: Invalid value: {}: must be omitted or have the value \
                     '{before}'; only the previous minor version is allowed",
                    quote(version)
                )
            } else {
                format!(
                    "--show-hidden-metrics-for-version must be omitted or have the value '{before}'. Only the \
                     previous minor version is allowed"
                )
            });
        }
    }
    let disabled = flags.list("disabled-metrics");
    if fields && disabled.iter().any(|name| !is_metric(name)) {
        let all = serde_json::json!(disabled);
        let shown: Vec<String> =
            disabled.iter().filter(|name| !is_metric(name)).map(|name| quote(name)).collect();
        errors.push(format!(
            "metrics.disabledMetrics: Invalid value: {all}: must be fully qualified metric names matching \
             \"^[a-zA-Z_:][a-zA-Z0-9_:]*$\", got {}",
            shown.join(", ")
        ));
    }
    let pairs = labels(flags);
    let is_key = |key: &str| {
        key.split_once(',')
            .is_some_and(|(metric, label)| is_metric(metric) && is_metric(label) && !label.contains(':'))
    };
    if pairs.keys().any(|key| !is_key(key)) {
        errors.push(if fields {
            format!(
                "metrics.allowListMapping: Invalid value: {}: must have keys with format `metricName,labelName` where \
                 metricName matches \"[a-zA-Z_:][a-zA-Z0-9_:]*\" and labelName matches \"[a-zA-Z_][a-zA-Z0-9_]*\"",
                serde_json::json!(pairs)
            )
        } else {
            "--allow-metric-labels must have a list of kv pair with format `metricName:labelName=labelValue, \
             labelValue,...`"
                .into()
        });
    }
    if let Some(path) = flags.text("allow-metric-labels-manifest").filter(|_| fields)
        && let Err(why) = read(path)
    {
        errors.push(format!(
            "metrics.allowListMappingManifest: Invalid value: {}: failed to read allow list manifest: {why}",
            quote(path)
        ));
    }
}

fn is_metric(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// The pairs of `--allow-metric-labels` (`stringToString`).
fn labels(flags: &Flags) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    for value in flags.each("allow-metric-labels") {
        let parts = match value.matches('=').count() {
            1 => vec![value.trim_matches('"').to_owned()],
            _ => super::super::numbers::list(value).unwrap_or_default(),
        };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((&part, ""));
            pairs.insert(key.to_owned(), value.to_owned());
        }
    }
    pairs
}

/// `validateUnknownVersionInteroperabilityProxyFlags`
pub(super) fn peers(flags: &Flags, release: &Release, errors: &mut Vec<String>) {
    if !release.flags.peers_need_a_gate {
        return;
    }
    for name in ["peer-ca-file", "peer-advertise-ip", "peer-advertise-port"] {
        if flags.text(name).is_some() {
            errors.push(format!(
                "--{name} requires UnknownVersionInteroperabilityProxy feature to be turned on"
            ));
        }
    }
}
