//! What flags say together: what the real program completes, and then finds wrong, in its order.
//!
//! Upstream: `cmd/kube-apiserver/app/options/{completion,validation}.go`, `pkg/controlplane/apiserver/options`.

use super::{Flags, gates, values};
use crate::go_quote::quote;
use crate::release::Release;

pub(super) use generic::switched;

mod audit;
mod authentication;
mod generic;
mod services;

/// Reads a file; the error is Go's sentence.
pub type Read<'r> = &'r dyn Fn(&str) -> Result<Vec<u8>, String>;

/// What is wrong before anything is validated: the first mistake ends it (`PersistentPreRunE`, `Complete`).
pub(super) fn complete(flags: &Flags, release: &'static Release, read: Read<'_>) -> Result<(), String> {
    emulated_version(flags, release)?;
    compatibility_version(flags)?;
    gates::check(&flags.each("feature-gates").join(","), release)?;
    logging(flags, release)?;
    services::complete(flags)?;
    authentication::complete(flags, release, read)?;
    generic::watch_cache_sizes(flags)
}

/// All mistakes (`Validate`).
pub(super) fn validate(flags: &Flags, release: &'static Release, read: Read<'_>) -> Vec<String> {
    let mut errors = Vec::new();
    generic::run_options(flags, &mut errors);
    generic::etcd(flags, &mut errors);
    generic::fairness(flags, &mut errors);
    let port = flags.secure_port();
    if !(1..=65535).contains(&port) {
        errors.push(format!(
            "--secure-port {port} must be between 1 and 65535, inclusive. It cannot be turned off with 0"
        ));
    }
    authentication::validate(flags, release, &mut errors);
    authentication::authorization(flags, read, &mut errors);
    audit::validate(flags, &mut errors);
    generic::admission(flags, release, &mut errors);
    generic::runtime_config(flags, release, &mut errors);
    authentication::token_requests(flags, &mut errors);
    generic::metrics(flags, release, read, &mut errors);
    generic::peers(flags, release, &mut errors);
    if let Some(provider) = flags.text("cloud-provider").filter(|provider| *provider != "external") {
        errors.push(format!("unknown --cloud-provider: {provider}"));
    }
    services::validate(flags, release, &mut errors);
    errors
}

/// `--emulated-version`: between the oldest that the program can be and itself.
fn emulated_version(flags: &Flags, release: &Release) -> Result<(), String> {
    let Some(given) = flags.list("emulated-version").pop() else { return Ok(()) };
    let text = match given.split_once('=') {
        Some(("kube", version)) => version,
        Some((component, _)) => return Err(format!("component not registered: {component}")),
        None => &given,
    };
    let plain = text.trim_start_matches('v');
    let parts: Option<Vec<u32>> = plain.split('.').map(|part| part.parse().ok()).collect();
    let Some((major, minor)) = parts.and_then(|parts| Some((*parts.first()?, *parts.get(1)?))) else {
        return Err(format!("could not parse {} as version", quote(text)));
    };
    let (lowest, own) = (release.flags.oldest_emulated, release.minor);
    let mut errors = Vec::new();
    if major != 1 || !(lowest..=own).contains(&minor) {
        errors.push(format!("emulation version {major}.{minor} is not between [1.{lowest}, 1.{own}.0]"));
    }
    if release.flags.emulates_itself_alone {
        if (major, minor) != (1, own) {
            errors.push(format!(
                "emulation version needs to be equal to binary version(1.{own}) in compatibility-version alpha, got \
                 {major}.{minor}"
            ));
        }
    } else if major == 1 && minor < lowest {
        errors.push(format!(
            "minCompatibilityVersion version 1.{lowest} is not between [1.{lowest}, {major}.{minor}]"
        ));
    }
    aggregate(errors).map_or(Ok(()), Err)
}

/// `--min-compatibility-version`
fn compatibility_version(flags: &Flags) -> Result<(), String> {
    let Some(given) = flags.list("min-compatibility-version").pop() else { return Ok(()) };
    let text = given.split_once('=').map_or(given.as_str(), |(_, version)| version);
    let plain = text.trim_start_matches('v');
    if plain.split('.').count() >= 2 && plain.split('.').all(|part| part.parse::<u32>().is_ok()) {
        return Ok(());
    }
    Err(format!("could not parse {} as version", quote(text)))
}

/// `logsapi.ValidateAndApply`
fn logging(flags: &Flags, release: &Release) -> Result<(), String> {
    let mut errors = Vec::new();
    let format = flags.text("logging-format").unwrap_or("text");
    if !matches!(format, "text" | "json") {
        errors.push(format!("format: Invalid value: {}: Unsupported log format", quote(format)));
    }
    if format != "text" && flags.text("vmodule").is_some() {
        errors.push("vmodule: Forbidden: Only supported for text log format".to_owned());
    }
    if release.flags.flushes_are_checked && is_negative(flags, "log-flush-frequency") {
        let value = flags.get("log-flush-frequency").unwrap_or_default();
        errors.push(format!("flushFrequency: Invalid value: {}: Must be greater than zero", quote(value)));
    }
    for (kind, flag) in [("text", "log-text"), ("json", "log-json")] {
        if flags.is_true(&format!("{flag}-split-stream")) {
            errors.push(format!(
                "options.{kind}.splitStream: Forbidden: Feature LoggingAlphaOptions is disabled"
            ));
        }
        let buffer = flags.text(&format!("{flag}-info-buffer-size"));
        if buffer.is_some_and(|size| size != "0") {
            let feature = "Feature LoggingAlphaOptions is disabled";
            errors.push(format!("options.{kind}.infoBufferSize: Forbidden: {feature}"));
        }
    }
    aggregate(errors).map_or(Ok(()), Err)
}

/// Several errors as one (`utilerrors.NewAggregate`): each once.
pub(super) fn aggregate(errors: Vec<String>) -> Option<String> {
    let mut once: Vec<String> = Vec::new();
    for error in errors {
        if !once.contains(&error) {
            once.push(error);
        }
    }
    match once.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

/// Whether a flag's duration is below zero.
fn is_negative(flags: &Flags, name: &str) -> bool {
    flags.nanos(name).is_some_and(|nanos| nanos < 0)
}

/// The ports of `--service-node-port-range`.
fn node_ports(flags: &Flags) -> (i64, i64) {
    let given = flags.get("service-node-port-range").and_then(|text| values::port_range(text).ok());
    match given {
        Some(Some(range)) => range,
        Some(None) => (0, -1),
        None => (30000, 32767),
    }
}
