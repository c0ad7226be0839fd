//! A lesson: data (`lesson.yaml`) and markdown, one file per step and language.

/// A lesson, loaded and checked, in one language, its variables filled in for one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// `apiserver-node-restriction`
    pub id: String,
    /// `Apiserver NodeRestriction`
    pub title: String,
    /// The CKS domain: `Cluster Hardening`.
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
