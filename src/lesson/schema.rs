//! What `lesson.yaml` may say. Unknown keys are errors, so that a misspelt one is found.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::check::expr::Expr;
use crate::text::tr;

/// The JSON schema of `lesson.yaml`, for editors.
pub const JSON_SCHEMA: &str = include_str!("../../assets/schema/lesson.schema.json");

/// What an editor finds that schema by, as a path beside the lessons of this repository.
pub const JSON_SCHEMA_URL: &str = "../lesson.schema.json";

/// Puts the schema beside lessons, where [`JSON_SCHEMA_URL`] finds it; one that is there is brought up to date.
pub fn write_beside(lessons: &std::path::Path) -> crate::error::Result<()> {
    let path = lessons.join("lesson.schema.json");
    std::fs::write(&path, JSON_SCHEMA)
        .map_err(|e| crate::error::Error::new(tr!(file_cannot_be_written { file: path.display() })).why(e))
}

/// The only format there is yet.
pub const FORMAT_VERSION: u32 = 1;

/// A text in one or several languages: a plain string is English.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// English only.
    One(String),
    /// By language.
    Many(BTreeMap<String, String>),
}

impl Text {
    /// Every language's text.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(text) => (Some(text.as_str()), None),
            Self::Many(all) => (None, Some(all.values().map(String::as_str))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Whether there is a text of its own in `lang`.
    pub fn has(&self, lang: &str) -> bool {
        match self {
            Self::One(_) => lang == "en",
            Self::Many(all) => all.contains_key(lang),
        }
    }

    /// The text in `lang`, else in English, else in any language.
    pub fn get(&self, lang: &str) -> &str {
        match self {
            Self::One(text) => text,
            Self::Many(all) => all
                .get(lang)
                .or_else(|| all.get("en"))
                .or_else(|| all.values().next())
                .map_or("", String::as_str),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::One(String::new())
    }
}

/// A whole `lesson.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Must be [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The lesson's id, and the name of its directory.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// The CKS domain it belongs to.
    pub domain: String,
    /// How long it should take.
    pub minutes: u32,
    /// Languages there are texts in.
    pub languages: Vec<String>,
    /// Where it was imported from: such a lesson may lack hints, solutions and wrong answers, and checks in steps that are
    /// only read.
    #[serde(default)]
    pub imported: Option<String>,
    /// What the cluster must have.
    pub cluster: Needs,
    /// Names that texts, scripts and checks use as `{{name}}`, with their defaults.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// What the cluster is like when the lesson starts.
    #[serde(default)]
    pub setup: Setup,
    /// What is remembered when a step begins, and put back when it is reset.
    #[serde(default)]
    pub track: Track,
    /// Causes that any failed check may name, the most telling first.
    #[serde(default)]
    pub causes: Vec<Finding>,
    /// The steps in order.
    pub steps: Vec<StepSpec>,
    /// Wrong answers that the checks must refuse, each with its own message.
    #[serde(default)]
    pub wrong: Vec<Wrong>,
}

/// What a lesson needs of its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// The nodes by the names that the lesson uses.
    pub nodes: Vec<String>,
    /// What the lesson does to a cluster, for whoever lends his own to it: a sentence or two.
    #[serde(default)]
    pub changes: Text,
    /// Objects that the lesson makes, as API paths: a cluster that has them already is no place for it, and the undo on
    /// somebody's own cluster removes them.
    #[serde(default)]
    pub creates: Vec<String>,
}

/// What is done before the first step of a fresh lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Admission plugins that must not be switched on in the API server's manifest.
    #[serde(default)]
    pub without_plugins: Vec<String>,
    /// Scripts that run on nodes, in order.
    #[serde(default)]
    pub scripts: Vec<Script>,
}

/// What a reset puts back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// Directories on nodes whose files (not subdirectories) belong to the lesson.
    #[serde(default)]
    pub directories: Vec<NodePath>,
    /// Objects whose labels and annotations belong to the lesson, as API paths.
    #[serde(default)]
    pub objects: Vec<String>,
}

/// A path on a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodePath {
    /// The node as the lesson calls it.
    pub node: String,
    /// An absolute path there.
    pub path: String,
}

/// A script of the lesson's directory that runs on a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The node as the lesson calls it.
    pub node: String,
    /// The file, relative to the lesson's directory.
    pub file: String,
    /// Whether it runs by itself: what it ends with does not count, and it is not waited for long.
    #[serde(default)]
    pub unattended: bool,
}

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Unique in the lesson; names the step's text files.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// Tasks with how they are checked, in order.
    pub checks: Vec<CheckSpec>,
    /// Scripts that run once, when the learner gets to the step: what is broken for it, say.
    #[serde(default)]
    pub setup: Vec<Script>,
    /// Scripts that run when the step, or the lesson if it is the first one, is started over, beside what `track` puts back.
    #[serde(default)]
    pub reset: Vec<Script>,
    /// From vague to plain (markdown).
    #[serde(default)]
    pub hints: Vec<Text>,
    /// The reference solution as scripts, run in order.
    pub solution: Vec<Script>,
}

/// One task and its check: exactly one of the kinds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// Unique in the step.
    pub id: String,
    /// The task as a learner reads it.
    pub title: Text,
    /// What it is worth.
    pub points: u32,
    /// Checks of the same step that must pass before this one can.
    #[serde(default)]
    pub requires: Vec<String>,
    /// What a pass looks like.
    pub expected: Text,
    /// What to say was seen; `${expression}` is filled in.
    #[serde(default)]
    pub observed: Option<Text>,
    /// Where to look next when it fails.
    #[serde(default)]
    pub hint: Text,
    /// Causes that this check can tell, the most telling first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Whether the lesson's causes may explain a failure too.
    #[serde(default)]
    pub causes: bool,
    /// Whether a server that does not answer is itself the finding.
    #[serde(default)]
    pub unreachable: Unreachable,
    /// Whether it is about two different nodes: it counts for nothing on a cluster that has but one.
    #[serde(default)]
    pub two_nodes: bool,
    /// Objects read through the API, held against an expression.
    pub api: Option<ApiCheck>,
    /// What an identity may do, tried as a server-side dry run.
    pub access: Option<AccessCheck>,
    /// A file on a node.
    pub file: Option<FileCheck>,
    /// A script on a node.
    pub command: Option<CommandCheck>,
    /// A pod's log.
    pub log: Option<LogCheck>,
    /// Something that was done.
    pub audit: Option<AuditCheck>,
    /// The control plane's manifests together.
    pub manifests: Option<ManifestsCheck>,
    /// What somebody may do and may not, by the authorizer's own answer.
    pub can: Option<CanCheck>,
}

impl CheckSpec {
    /// The expressions that decide it.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let exprs = [
            self.api.as_ref().map(|c| &c.expr),
            self.file.as_ref().map(|c| &c.expr),
            self.audit.as_ref().map(|c| &c.expr),
            self.manifests.as_ref().map(|c| &c.expr),
        ];
        exprs.into_iter().flatten()
    }
}

/// What a server that does not answer means for a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unreachable {
    /// It could not be told.
    #[default]
    Error,
    /// Being down is the finding.
    Fail,
}

/// A cause of a failure.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether it is this one.
    #[serde(rename = "if")]
    pub condition: Expr,
    /// What to say was seen.
    pub observed: Text,
    /// What to do about it.
    #[serde(default)]
    pub hint: Text,
}

/// Objects by name, and an expression over them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiCheck {
    /// API paths by the name that the expression uses; an object that is not there is null.
    pub objects: BTreeMap<String, String>,
    /// Must be true.
    pub expr: Expr,
}

/// A dry run as somebody.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessCheck {
    /// The node whose kubelet acts.
    pub kubelet: String,
    /// The API path.
    pub path: String,
    /// A merge patch, or with `apply: true` an apply configuration.
    pub patch: serde_json::Value,
    /// Whether to use server-side apply, which needs no read.
    #[serde(default)]
    pub apply: bool,
    /// A part of the refusal's sentence; without it the dry run must be allowed.
    pub refused: Option<String>,
}

/// A file, parsed, and an expression over it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCheck {
    /// The node as the lesson calls it.
    pub node: String,
    /// An absolute path there.
    pub path: String,
    /// Must be true.
    pub expr: Expr,
}

/// An expression over `manifests`, as [`crate::check::survey`] has them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestsCheck {
    /// Must be true.
    pub expr: Expr,
}

/// A script; exit status 0 passes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandCheck {
    /// The node as the lesson calls it.
    pub node: String,
    /// For `bash -c`; filled from `file` where that is named.
    #[serde(default)]
    pub script: String,
    /// A file of the lesson's directory that is the script.
    pub file: Option<String>,
}

/// A pod's log must have a matching line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogCheck {
    /// `kube-system/kube-apiserver-controlplane`
    pub pod: String,
    /// A regular expression over one line.
    pub pattern: String,
}

/// A request that must have been made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCheck {
    /// `nodes`
    pub resource: String,
    /// The object's name; any where there is none.
    #[serde(default)]
    pub name: String,
    /// The object's namespace; any where there is none.
    #[serde(default)]
    pub namespace: String,
    /// The label that the request sets, if one is asked for.
    pub label: Option<String>,
    /// Over `entry`; one entry for which it is true passes.
    pub expr: Expr,
}

/// Questions to the authorizer, as `kubectl auth can-i` words them: `get pods/log web -n shop`, `list secrets -A`,
/// `create deployments.apps -n shop`, `get /metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanCheck {
    /// `system:serviceaccount:shop:pipeline`
    pub user: String,
    /// Groups; those that every service account has are added to one.
    #[serde(default)]
    pub groups: Vec<String>,
    /// All of this must be allowed.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// None of this may be.
    #[serde(default)]
    pub denied: Vec<String>,
}

/// A wrong answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    /// What is done wrong, for the table.
    pub id: String,
    /// In which step; the steps before it are solved first.
    pub step: String,
    /// Scripts that do it.
    pub scripts: Vec<Script>,
    /// The check that must tell.
    pub check: String,
    /// What it must find.
    pub verdict: crate::check::Verdict,
    /// A part of what it must say (observed or hint).
    #[serde(default)]
    pub message: String,
    /// Points of the step that must be given, where partial points are the point.
    pub score: Option<u32>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
