//! What the labels of a namespace say.
//!
//! Upstream: `k8s.io/pod-security-admission/api/helpers.go`.

use std::fmt;

use serde_json::Value;

use super::{LABEL_PREFIX, Level, checks};
use crate::apiserver::registry::FieldError;

/// A level as a version of the policy defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    /// The minor version; `None` is the latest.
    pub(super) minor: Option<u32>,
}

impl LevelVersion {
    /// Where nobody says anything.
    pub(super) const PRIVILEGED: Self = Self { level: Level::Privileged, minor: None };

    /// What a pod does that it forbids, on a server of 1.`latest`.
    pub(super) fn violations(self, pod: &Value, latest: u32) -> Vec<(&'static str, String)> {
        checks::violations(pod, self.level, self.minor.unwrap_or(latest).min(latest))
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Privileged => "privileged:",
            Level::Baseline => "baseline:",
            Level::Restricted => "restricted:",
        })?;
        match self.minor {
            Some(minor) => write!(f, "v1.{minor}"),
            None => f.write_str("latest"),
        }
    }
}

/// The three modes of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: LevelVersion,
    pub(super) audit: LevelVersion,
    pub(super) warn: LevelVersion,
}

impl Policy {
    /// Whether no mode forbids anything.
    pub(super) fn is_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|mode| mode.level == Level::Privileged)
    }
}

/// The policy that labels ask for, and what is wrong with them (`PolicyToEvaluate`).
pub(super) fn policy(labels: &Value) -> (Policy, Vec<FieldError>) {
    let mut errors = Vec::new();
    let [enforce, audit, warn] = ["enforce", "audit", "warn"].map(|mode| of_mode(labels, mode, &mut errors));
    let mut policy = Policy { enforce: enforce.0, audit: audit.0, warn: warn.0 };
    // Whoever enforces a level wants to be warned by it.
    let is_readable = labels[format!("{LABEL_PREFIX}enforce")].as_str().and_then(level).is_some();
    if !warn.1 && is_readable && policy.enforce.level > policy.warn.level {
        policy.warn.level = policy.enforce.level;
        if labels[format!("{LABEL_PREFIX}warn-version")].is_null() {
            policy.warn.minor = policy.enforce.minor;
        }
    }
    (policy, errors)
}

/// One mode, and whether its level is given. What cannot be read is the strictest for enforcement, and nothing else.
fn of_mode(labels: &Value, mode: &str, errors: &mut Vec<FieldError>) -> (LevelVersion, bool) {
    let mut found = LevelVersion::PRIVILEGED;
    let mut wrong = |label: &str, value: &str, must: &str| {
        errors.push(FieldError::invalid(format!("metadata.labels[{label}]"), value, must));
    };
    let label = format!("{LABEL_PREFIX}{mode}");
    let given = labels[&label].as_str();
    if let Some(value) = given {
        found.level = level(value).unwrap_or_else(|| {
            wrong(&label, value, "must be one of privileged, baseline, restricted");
            if mode == "enforce" { Level::Restricted } else { Level::Privileged }
        });
    }
    let label = format!("{label}-version");
    if let Some(value) = labels[&label].as_str().filter(|value| *value != "latest") {
        found.minor = minor(value);
        if found.minor.is_none() {
            wrong(&label, value, "must be \"latest\" or \"v1.x\"");
        }
    }
    (found, given.is_some())
}

fn level(value: &str) -> Option<Level> {
    match value {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    }
}

/// The minor version in `v1.25`; no leading zeros.
fn minor(value: &str) -> Option<u32> {
    let digits = value.strip_prefix("v1.")?;
    let plain = digits == "0" || !digits.starts_with('0');
    if plain && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}
