//! A lesson: data (`lesson.yaml`) and markdown, one file per step and language.
//!
//! ```text
//! lessons/<id>/lesson.yaml         what is asked, how it is checked, hints, wrong answers (`schema`)
//! lessons/<id>/<lang>/intro.md     before the first step; finish.md after the last
//! lessons/<id>/<lang>/<step>.md    a step's text; <step>.solution.md its solution
//! lessons/<id>/solution/, wrong/   scripts that run on nodes
//! ```
//! Files are read by `source` (the binary or a directory), variables filled in by `variables`, put together by `load`,
//! found by `catalog`, and judged for authors by `lint`. `import` makes lessons of killercoda scenarios, `checkout` gets them
//! from git.

pub mod catalog;
pub mod checkout;
pub mod domain;
pub mod import;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub mod jsonschema;
pub mod lint;
pub mod load;
pub mod schema;
pub mod source;
pub mod variables;

/// A lesson, loaded and checked, in one language, its variables filled in for one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// `apiserver-node-restriction`
    pub id: String,
    /// `Apiserver NodeRestriction`
    pub title: String,
    /// The CKS domain in the lesson's language: `Cluster Hardening`.
    pub domain: String,
    /// How long it should take.
    pub minutes: u32,
    /// Markdown shown before the first step.
    pub intro: String,
    /// Markdown shown after the last: the debrief.
    pub finish: String,
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// One step of a lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `verify-issue`
    pub id: String,
    /// `Verify the issue`
    pub title: String,
    /// Markdown; code spans and fences may carry killercoda's markers (`{{exec}}`, `{{copy}}`).
    pub text: String,
    /// The tasks, one for each check, in order: id and title.
    pub tasks: Vec<(String, String)>,
    /// Hints, from vague to plain (markdown).
    pub hints: Vec<String>,
    /// The reference solution as text (markdown), shown on request.
    pub solution: String,
}
