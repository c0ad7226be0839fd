//! The flags of the audit log and of the audit webhook.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/audit.go`.

use super::Flags;

const MODES: &str = "batch,blocking,blocking-strict";
const FORMATS: [&str; 2] = ["legacy", "json"];

pub(super) fn validate(flags: &Flags, errors: &mut Vec<String>) {
    if flags.text("audit-log-path").is_some() {
        backend(flags, "log", "blocking", errors);
        let format = flags.get("audit-log-format").unwrap_or("json");
        if !FORMATS.contains(&format) {
            let allowed = FORMATS.join(",");
            errors.push(format!("invalid audit log format {format}, allowed formats are {allowed:?}"));
        }
        for name in ["audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize"] {
            let number = flags.int(name, 0);
            if number < 0 {
                errors.push(format!("--{name} {number} can't be a negative number"));
            }
        }
    }
    if flags.text("audit-webhook-config-file").is_some() {
        backend(flags, "webhook", "batch", errors);
    }
}

fn backend(flags: &Flags, name: &str, mode: &str, errors: &mut Vec<String>) {
    let flag = |rest: &str| format!("audit-{name}-{rest}");
    let mode = flags.get(&flag("mode")).unwrap_or(mode);
    if !MODES.split(',').any(|known| known == mode) {
        errors.push(format!("invalid audit {name} mode {mode}, allowed modes are {MODES:?}"));
    } else if mode == "batch" {
        errors.extend(batch(flags, name));
    }
    let event = flags.int(&flag("truncate-max-event-size"), 100 << 10);
    let batch = flags.int(&flag("truncate-max-batch-size"), 10 << 20);
    if event <= 0 {
        errors
            .push(format!("invalid audit truncate {name} max event size {event}, must be a positive number"));
    } else if batch < event {
        errors.push(format!(
            "invalid audit truncate {name} max batch size {batch}, must be greater than max event size ({event})"
        ));
    }
    let version = flags.get(&flag("version")).unwrap_or("audit.k8s.io/v1");
    if version.matches('/').count() > 1 {
        errors.push(format!("unexpected GroupVersion string: {version}"));
    } else if version != "audit.k8s.io/v1" {
        errors.push("invalid group version, allowed versions are [\"audit.k8s.io/v1\"]".into());
    }
}

/// The first mistake in how events are batched.
fn batch(flags: &Flags, name: &str) -> Option<String> {
    let flag = |rest: &str| format!("audit-{name}-batch-{rest}");
    let webhook = name == "webhook";
    let wrong = |what: &str, value: &str| {
        Some(format!("invalid audit batch {name} {what} {value}, must be a positive number"))
    };
    for (rest, what, default) in [
        ("buffer-size", "buffer size", 10_000),
        ("max-size", "max batch size", if webhook { 400 } else { 1 }),
    ] {
        let number = flags.int(&flag(rest), default);
        if number <= 0 {
            return wrong(what, &number.to_string());
        }
    }
    let throttles = flags.get(&flag("throttle-enable")).map_or(webhook, super::values::is_true);
    if !throttles {
        return None;
    }
    let rate = flags.get(&flag("throttle-qps"));
    let number = rate.and_then(|text| super::super::numbers::float(text, 32).ok());
    let number = number.unwrap_or(if webhook { 10.0 } else { 0.0 });
    if number <= 0.0 {
        return wrong("throttle QPS", &number.to_string());
    }
    let burst = flags.int(&flag("throttle-burst"), if webhook { 15 } else { 0 });
    if burst <= 0 { wrong("throttle burst", &burst.to_string()) } else { None }
}
