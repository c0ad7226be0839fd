//! Checks that cannot fail, findings that cannot be told, hints that say nothing new.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::schema::{CheckSpec, Finding, Text};
use crate::check::Facts;
use crate::check::expr::{Expr, Scope};
use crate::check::manifest::Manifest;
use crate::text::tr;

/// Paths that every node has, whatever a learner does.
const ALWAYS: &[&str] = &[
    "/",
    "/root",
    "/etc",
    "/etc/kubernetes",
    "/etc/passwd",
    "/etc/hosts",
    "/etc/hostname",
    "/var/log",
    "/tmp",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/etc/kubernetes/manifests/etcd.yaml",
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/pki/ca.crt",
];

/// Objects that every cluster has.
const ALWAYS_OBJECTS: &[&str] = &[
    "/api/v1/namespaces/default",
    "/api/v1/namespaces/kube-system",
    "/api/v1/namespaces/kube-public",
    "/version",
];

/// Why a check cannot fail, or cannot pass.
pub fn is_pointless(check: &CheckSpec, manifests: &str) -> Option<String> {
    for expr in check.exprs() {
        match constant(expr) {
            Some(true) => return Some(tr!(lint_cannot_fail).into()),
            Some(false) => return Some(tr!(lint_cannot_pass).into()),
            None => {}
        }
    }
    if let Some(file) = &check.file {
        if file.expr.holds(&Scope::new(&nothing_there())).unwrap_or(false) {
            return Some(tr!(lint_passes_without { path: file.path }));
        }
        let asks_only = matches!(file.expr.source().trim(), "exists" | "exists == true" | "text != ''");
        let always = ALWAYS.contains(&file.path.as_str()) || file.path.starts_with(&format!("{manifests}/"));
        if asks_only && always {
            return Some(tr!(lint_always_there { path: file.path }));
        }
    }
    if let Some(api) = &check.api {
        let words: Vec<&str> = api.expr.source().split_whitespace().collect();
        if let [name, "!=", "null"] = words.as_slice()
            && let Some(path) = api.objects.get(*name)
            && (ALWAYS_OBJECTS.contains(&path.as_str()) || path.starts_with("/api/v1/nodes/"))
        {
            return Some(tr!(lint_always_there { path }));
        }
    }
    if let Some(command) = &check.command {
        let last = command.script.trim().lines().last().unwrap_or("").trim();
        let ends = ["true", ":", "exit 0", "exit"];
        if ends.contains(&last)
            || ["|| true", "|| :", "; true", "; exit 0", "&& exit 0 || exit 0"]
                .iter()
                .any(|e| last.ends_with(e))
        {
            return Some(tr!(lint_script_succeeds).into());
        }
    }
    if let Some(log) = &check.log
        && regex::Regex::new(&log.pattern).is_ok_and(|pattern| pattern.is_match(""))
    {
        return Some(tr!(lint_pattern_matches_all).into());
    }
    if let Some(access) = &check.access
        && access.patch.as_object().is_some_and(serde_json::Map::is_empty)
    {
        return Some(tr!(lint_patch_empty).into());
    }
    None
}

/// What an expression is without anything to see; `None` where it depends on something.
fn constant(expr: &Expr) -> Option<bool> {
    expr.holds(&Scope::new(&Facts::new())).ok().filter(|value| *value || expr.source().trim() == "false")
}

/// What a file was like that is not there any more.
const ONCE: &str =
    "kind: Pod\nmetadata: {name: a, namespace: b}\nspec: {containers: [{image: i, command: [c, --d=e]}]}\n";

/// What a file check sees of a file that is gone.
fn nothing_there() -> Facts {
    let mut facts = Facts::new();
    facts.insert("exists".into(), json!(false));
    facts.insert("has_original".into(), json!(true));
    facts.extend(Manifest::parse(b"").facts());
    facts.insert("text".into(), json!(""));
    facts.insert("file".into(), json!(""));
    for prefix in ["original_", "before_"] {
        facts.insert(format!("{prefix}text"), json!(ONCE));
        let then = Manifest::parse(ONCE.as_bytes()).facts();
        facts.extend(then.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)));
    }
    facts
}

/// Findings that none can reach, since one before them is told instead, or since they hold only when the check passes.
pub fn unreachable(findings: &[Finding], own: Option<&Expr>) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    let mut always = false;
    for finding in findings {
        let source = finding.condition.source().trim();
        if always {
            told.push(tr!(lint_never_told_before { source }));
        } else if !seen.insert(source.to_owned()) {
            told.push(tr!(lint_never_told_twice { source }));
        } else if own.is_some_and(|expr| expr.source().trim() == source) {
            told.push(tr!(lint_never_told_pass { source }));
        }
        always |= constant(&finding.condition) == Some(true);
    }
    told
}

/// Hints that say what an earlier one said.
pub fn repeated(hints: &[Text], lang: &str) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let number =
        |(index, hint): (usize, &Text)| (!seen.insert(hint.get(lang).trim().to_owned())).then_some(index + 1);
    hints.iter().enumerate().filter_map(number).collect()
}
