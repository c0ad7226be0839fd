//! Puts a lesson together: `lesson.yaml`, its texts in one language, variables filled in. Messages name file and line.

use std::sync::Arc;

use super::schema::{FORMAT_VERSION, Spec};
use super::source::Source;
use super::variables::{self, Variables};
use super::{Lesson, Step};
use crate::error::{Error, Result};
use crate::text::{Language, tr};

/// The name of a lesson's data file.
pub const LESSON_FILE: &str = "lesson.yaml";

const MAX_STEPS: usize = 50;
const MAX_CHECKS: usize = 50;

/// A lesson ready to be run: what a learner reads, and what is checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// For views.
    pub lesson: Arc<Lesson>,
    /// For checks, setup, solution and reset.
    pub spec: Arc<Spec>,
    /// Where its files are.
    pub source: Source,
    /// What was filled in.
    pub variables: Variables,
    /// The language.
    pub lang: String,
}

impl Loaded {
    /// A script of the lesson, its variables filled in.
    pub fn script(&self, file: &str) -> Result<String> {
        Ok(variables::fill(&self.source.require(file)?, &self.variables))
    }

    /// The index of a step.
    pub fn step_index(&self, id: &str) -> Result<usize> {
        self.spec.steps.iter().position(|s| s.id == id).ok_or_else(|| {
            let ids: Vec<_> = self.spec.steps.iter().map(|s| s.id.as_str()).collect();
            Error::new(tr!(lesson_no_step { lesson: self.spec.id, id }))
                .hint(tr!(lesson_steps { ids: ids.join(", ") }))
        })
    }
}

/// Reads and checks `lesson.yaml`, with `cluster` filled in where a variable of that name is used.
pub fn spec(source: &Source, cluster: Option<&Variables>) -> Result<(Spec, Variables)> {
    let shown = source.shown(LESSON_FILE);
    let text = source.require(LESSON_FILE)?;
    let first: Spec = serde_yaml::from_str(&text).map_err(|e| located(&shown, &e))?;
    validate(&first, &shown, &text)?;
    let mut all = first.variables.clone();
    all.extend(cluster.cloned().unwrap_or_else(|| variables::of_nodes(&first.cluster.nodes)));
    let mut filled: Spec =
        serde_yaml::from_str(&variables::fill(&text, &all)).map_err(|e| located(&shown, &e))?;
    for command in filled.steps.iter_mut().flat_map(|s| &mut s.checks).filter_map(|c| c.command.as_mut()) {
        if let Some(file) = &command.file {
            command.script = variables::fill(&source.require(file)?, &all);
        }
    }
    Ok((filled, all))
}

/// Loads a lesson in a language, for a cluster where one is given.
pub fn load(source: &Source, lang: &str, cluster: Option<&Variables>) -> Result<Loaded> {
    let (spec, all) = spec(source, cluster)?;
    let lang = if spec.languages.iter().any(|l| l == lang) { lang } else { "en" };
    let text = |name: &str| -> Result<String> {
        let wanted = format!("{lang}/{name}.md");
        let text = match source.read(&wanted)? {
            Some(text) => text,
            None => source.require(&format!("en/{name}.md"))?,
        };
        Ok(variables::fill(&text, &all))
    };
    let steps = spec.steps.iter().map(|step| {
        Ok(Step {
            id: step.id.clone(),
            title: step.title.get(lang).to_owned(),
            text: text(&step.id)?,
            tasks: step.checks.iter().map(|c| (c.id.clone(), c.title.get(lang).to_owned())).collect(),
            hints: step.hints.iter().map(|h| h.get(lang).to_owned()).collect(),
            solution: text(&format!("{}.solution", step.id))?,
        })
    });
    let lesson = Lesson {
        id: spec.id.clone(),
        title: spec.title.get(lang).to_owned(),
        domain: super::domain::shown(&spec.domain, Language::or_english(lang)),
        minutes: spec.minutes,
        intro: text("intro")?,
        finish: text("finish")?,
        steps: steps.collect::<Result<_>>()?,
    };
    Ok(Loaded {
        lesson: Arc::new(lesson),
        spec: Arc::new(spec),
        source: source.clone(),
        variables: all,
        lang: lang.to_owned(),
    })
}

fn located(shown: &str, error: &serde_yaml::Error) -> Error {
    let place = error.location().map_or_else(String::new, |at| format!(":{}", at.line()));
    Error::new(format!("{shown}{place}: {error}"))
}

/// The number of the first line after `after` that says `key: value`.
pub fn line_of(text: &str, key: &str, value: &str) -> Option<usize> {
    let wanted = format!("{key}: {value}");
    text.lines().position(|line| line.trim_start_matches([' ', '-']).trim_end() == wanted).map(|i| i + 1)
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 63
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !id.starts_with('-')
}

/// What serde cannot tell.
fn validate(spec: &Spec, shown: &str, text: &str) -> Result<()> {
    let fail = |key: &str, value: &str, what: String| {
        let place = line_of(text, key, value).map_or_else(String::new, |l| format!(":{l}"));
        Err(Error::new(format!("{shown}{place}: {what}")))
    };
    if spec.format_version != FORMAT_VERSION {
        let version = spec.format_version.to_string();
        return fail("format_version", &version, tr!(exam_format { version, known: FORMAT_VERSION }));
    }
    if !is_id(&spec.id) {
        return fail("id", &spec.id, tr!(load_no_id { id: spec.id }));
    }
    if spec.steps.is_empty() || spec.steps.len() > MAX_STEPS {
        return fail("id", &spec.id, tr!(load_steps { max: MAX_STEPS }));
    }
    for name in spec.variables.keys().chain(&spec.cluster.nodes) {
        if super::variables::RESERVED.contains(&name.as_str()) {
            return fail(name, "", tr!(load_marker { name }));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for step in &spec.steps {
        if !is_id(&step.id) || !seen.insert(&step.id) {
            return fail("id", &step.id, tr!(load_step_id { id: step.id }));
        }
        let none = step.checks.is_empty() && spec.imported.is_none();
        if none || step.checks.len() > MAX_CHECKS {
            return fail("id", &step.id, tr!(load_checks { id: step.id, max: MAX_CHECKS }));
        }
        let mut earlier = Vec::new();
        for check in &step.checks {
            let at = |what: String| fail("id", &check.id, tr!(lint_check { id: check.id, what }));
            if !is_id(&check.id) || earlier.contains(&&check.id) {
                return at(tr!(load_check_id).into());
            }
            let kinds = [
                check.api.is_some(),
                check.access.is_some(),
                check.file.is_some(),
                check.command.is_some(),
                check.log.is_some(),
                check.audit.is_some(),
                check.manifests.is_some(),
                check.can.is_some(),
            ];
            if kinds.iter().filter(|k| **k).count() != 1 {
                return at(tr!(load_one_kind).into());
            }
            if check.command.as_ref().is_some_and(|c| c.script.is_empty() == c.file.is_none()) {
                return at(tr!(load_script_or_file).into());
            }
            if let Some(can) = &check.can {
                let mut questions = can.allowed.iter().chain(&can.denied);
                if can.allowed.is_empty() && can.denied.is_empty() {
                    return at(tr!(load_can_asks_nothing).into());
                }
                if let Some(bad) = questions.find(|q| crate::check::can::attributes(q).is_none()) {
                    return at(tr!(load_can_question { bad }));
                }
            }
            if let Some(unknown) = check.requires.iter().find(|r| !earlier.contains(r)) {
                return at(tr!(load_requires { unknown }));
            }
            earlier.push(&check.id);
        }
    }
    for wrong in &spec.wrong {
        let step = spec.steps.iter().find(|s| s.id == wrong.step);
        if !step.is_some_and(|s| s.checks.iter().any(|c| c.id == wrong.check)) {
            return fail("id", &wrong.id, tr!(load_wrong { id: wrong.id }));
        }
    }
    let scripts = spec.steps.iter().flat_map(|s| &s.solution);
    let scripts = scripts.chain(spec.wrong.iter().flat_map(|w| &w.scripts)).chain(&spec.setup.scripts);
    let scripts = scripts.chain(spec.steps.iter().flat_map(|s| s.setup.iter().chain(&s.reset)));
    for script in scripts {
        if !spec.cluster.nodes.contains(&script.node) {
            return fail("node", &script.node, tr!(load_no_node { node: script.node }));
        }
    }
    Ok(())
}
