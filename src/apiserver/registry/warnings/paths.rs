//! Files of one volume that are in each other's way.
//!
//! Upstream: `warningsForOverlappingVirtualPaths` in `kubernetes/pkg/api/pod/warnings.go`.

use serde_json::Value;

use super::{MOST, list, text};
use crate::go_quote::quote;

/// Volumes of one source, and how that is named.
const SINGLE: &[(&str, &str, &str)] = &[
    ("configMap", "ConfigMap", "name"),
    ("secret", "Secret", "secretName"),
    ("downwardAPI", "DownwardAPI", ""),
];

/// A path, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    path: String,
    source: String,
}

impl std::fmt::Display for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quote(&self.path))?;
        if self.source.is_empty() { Ok(()) } else { write!(f, " ({})", self.source) }
    }
}

fn named(kind: &str, name: &str) -> String {
    if kind == "DownwardAPI" { kind.to_owned() } else { format!("{kind} {}", quote(name)) }
}

fn items(of: &Value, source: &str) -> Vec<Placed> {
    list(&of["items"]).map(|item| placed(text(item, "path"), source)).collect()
}

fn placed(path: &str, source: &str) -> Placed {
    Placed { path: path.trim_end_matches('/').to_owned(), source: source.to_owned() }
}

/// What a source of a projected volume puts where.
fn projected(source: &Value) -> Vec<Placed> {
    for (key, kind) in [("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")] {
        if source[key]["items"].is_array() {
            return items(&source[key], &named(kind, text(&source[key], "name")));
        }
    }
    if source["serviceAccountToken"].is_object() {
        return vec![placed(text(&source["serviceAccountToken"], "path"), "ServiceAccountToken")];
    }
    let bundle = &source["clusterTrustBundle"];
    if bundle.is_object() {
        let name = bundle["name"].as_str().unwrap_or_else(|| text(bundle, "signerName"));
        return vec![placed(text(bundle, "path"), &format!("ClusterTrustBundle {}", quote(name)))];
    }
    let certificate = &source["podCertificate"];
    [("certificateChainPath", "chain"), ("keyPath", "key"), ("credentialBundlePath", "credential bundle")]
        .iter()
        .filter(|(key, _)| !text(certificate, key).is_empty())
        .map(|(key, what)| placed(text(certificate, key), &format!("PodCertificate {what}")))
        .collect()
}

/// Adds a path to those that are there; tells with which of them it overlaps.
fn add(all: &mut Vec<Placed>, new: Placed) -> Vec<String> {
    let below = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let overlaps =
        |one: &&Placed| !one.path.is_empty() && (below(&one.path, &new.path) || below(&new.path, &one.path));
    let met = if new.path.is_empty() { Vec::new() } else { all.iter().filter(overlaps).collect() };
    let told = met.iter().take(MOST).map(|other| format!("{new} with {other}")).collect();
    all.push(new);
    told
}

/// What is said of the volumes of a pod.
pub(super) fn overlapping(volumes: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for volume in list(volumes) {
        let name = text(volume, "name");
        let say = |told: &mut Vec<String>, what: &str, all: Vec<String>| {
            told.extend(
                all.iter().map(|paths| format!("volume {name:?} ({what}): overlapping paths: {paths}")),
            );
        };
        for (key, kind, field) in SINGLE {
            let mut all = Vec::new();
            let of = &volume[*key];
            for new in items(of, "") {
                if told.len() >= MOST {
                    return told;
                }
                say(&mut told, &named(kind, text(of, field)), add(&mut all, new));
            }
        }
        let mut all = Vec::new();
        for source in list(&volume["projected"]["sources"]) {
            if source.as_object().is_none_or(serde_json::Map::is_empty) {
                told.push(format!("volume {name:?} (Projected) has no sources provided"));
                continue;
            }
            for new in projected(source) {
                if told.len() >= MOST {
                    return told;
                }
                say(&mut told, "Projected", add(&mut all, new));
            }
        }
    }
    told
}
