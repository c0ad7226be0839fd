//! What an author should know about a lesson: problems with file and line.

use std::collections::BTreeSet;

use super::load::{LESSON_FILE, line_of, spec};
use super::schema::{CheckSpec, Finding, Script, Spec, Text};
use super::source::Source;
use super::variables::{self, Variables};
use crate::check::Verdict;
use crate::check::expr::{Expr, Template, near};
use crate::text::tr;

mod checks;
mod links;

/// One problem: `file:line: what`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as messages call it.
    pub file: String,
    /// The line, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Finds all problems of a lesson; a lesson that cannot be read has one.
pub fn lint(source: &Source) -> Vec<Problem> {
    let (spec, all) = match spec(source, None) {
        Ok(loaded) => loaded,
        Err(e) => {
            let file = source.shown(LESSON_FILE);
            let what = e.to_string();
            let what =
                what.strip_prefix(&file).map_or(what.as_str(), |rest| rest.trim_start_matches([':', ' ']));
            let (line, what) = match what.split_once(": ") {
                Some((line, rest)) if line.parse::<usize>().is_ok() => (line.parse().ok(), rest),
                _ => (None, what),
            };
            return vec![Problem { file, line, what: suggested(what) }];
        }
    };
    let text = source.read(LESSON_FILE).ok().flatten().unwrap_or_default();
    let imported = spec.imported.is_some();
    let mut linter = Linter { source, text, all, imported, problems: BTreeSet::new() };
    linter.lesson(&spec);
    linter.problems.into_iter().collect()
}

/// A message about a word that is not known, with the one that may have been meant.
fn suggested(what: &str) -> String {
    let Some((_, rest)) = what.split_once("unknown field `").or_else(|| what.split_once("unknown variant `"))
    else {
        return what.to_owned();
    };
    let mut words = rest.split('`');
    let wrong = words.next().unwrap_or("");
    // Between two known words stands a comma: every other piece is one.
    let known = words.skip(1).step_by(2);
    match known.into_iter().find(|word| near(wrong, word)) {
        Some(word) => tr!(lint_did_you_mean { what, word }),
        None => what.to_owned(),
    }
}

struct Linter<'a> {
    source: &'a Source,
    text: String,
    all: Variables,
    imported: bool,
    problems: BTreeSet<Problem>,
}

impl Linter<'_> {
    fn say(&mut self, line: Option<usize>, what: impl Into<String>) {
        let file = self.source.shown(LESSON_FILE);
        self.problems.insert(Problem { file, line, what: what.into() });
    }

    fn lesson(&mut self, spec: &Spec) {
        if let Source::Directory(dir) = self.source
            && dir.file_name().is_some_and(|name| name != spec.id.as_str())
        {
            self.say(line_of(&self.text, "id", &spec.id), tr!(lint_id_differs));
        }
        let yaml = self.text.clone();
        self.variables(LESSON_FILE, &yaml);
        for lang in &spec.languages {
            for name in ["intro", "finish"] {
                self.file(&format!("{lang}/{name}.md"));
            }
            for step in &spec.steps {
                self.file(&format!("{lang}/{}.md", step.id));
                self.file(&format!("{lang}/{}.solution.md", step.id));
            }
            self.text(&spec.title, lang, tr!(lint_the_title), line_of(&self.text, "id", &spec.id));
            if spec.cluster.changes != Text::default() {
                self.text(&spec.cluster.changes, lang, tr!(lint_what_it_changes), None);
            }
        }
        if !spec.languages.iter().any(|l| l == "en") {
            self.say(None, tr!(lint_needs_english));
        }
        for finding in &spec.causes {
            self.finding(finding, None, &spec.languages);
        }
        for what in checks::unreachable(&spec.causes, None) {
            self.say(None, what);
        }
        let own = spec.imported.is_none();
        if own && spec.cluster.changes == Text::default() {
            self.say(line_of(&self.text, "id", &spec.id), tr!(lint_changes_missing));
        }
        for step in &spec.steps {
            let line = line_of(&self.text, "id", &step.id);
            if own && step.hints.is_empty() {
                self.say(line, tr!(lint_no_hints { id: step.id }));
            }
            if own && step.solution.is_empty() {
                self.say(line, tr!(lint_no_solution { id: step.id }));
            }
            for lang in &spec.languages {
                self.text(&step.title, lang, tr!(lint_the_title), line);
                for hint in &step.hints {
                    self.text(hint, lang, "a hint", line);
                }
            }
            for number in checks::repeated(&step.hints, "en") {
                self.say(line, tr!(lint_hint_again { id: step.id, number }));
            }
            for script in step.solution.iter().chain(&step.setup).chain(&step.reset) {
                self.script(script);
            }
            if own && !spec.wrong.iter().any(|w| w.step == step.id && w.verdict != Verdict::Pass) {
                self.say(line, tr!(lint_no_wrong { id: step.id }));
            }
            for check in &step.checks {
                self.check(check, spec);
            }
        }
        for script in spec.setup.scripts.iter().chain(spec.wrong.iter().flat_map(|w| &w.scripts)) {
            self.script(script);
        }
        self.unused(spec);
        let mut ids = BTreeSet::new();
        for wrong in &spec.wrong {
            if !ids.insert(&wrong.id) {
                let line = line_of(&self.text, "id", &wrong.id);
                self.say(line, tr!(lint_wrong_twice { id: wrong.id }));
            }
            if wrong.verdict != Verdict::Pass && wrong.message.is_empty() {
                let line = line_of(&self.text, "id", &wrong.id);
                self.say(line, tr!(lint_wrong_no_message { id: wrong.id }));
            }
        }
    }

    fn check(&mut self, check: &CheckSpec, spec: &Spec) {
        let languages = &spec.languages;
        let line = line_of(&self.text, "id", &check.id);
        let is_required = |id| spec.steps.iter().flat_map(|s| &s.checks).any(|c| c.requires.contains(id));
        if check.points == 0 && !is_required(&check.id) {
            self.say(line, tr!(lint_worth_nothing { id: check.id }));
        }
        for lang in languages {
            self.text(&check.title, lang, tr!(lint_the_title), line);
            self.text(&check.expected, lang, "expected", line);
            self.text(&check.hint, lang, tr!(lint_hint_of_failure), line);
            if let Some(observed) = &check.observed {
                self.text(observed, lang, "observed", line);
            }
        }
        let manifests = self.all.get("manifests").cloned().unwrap_or_default();
        if let Some(what) = checks::is_pointless(check, &manifests) {
            self.say(line, tr!(lint_check { id: check.id, what }));
        }
        for expr in check.exprs() {
            self.expr(expr, line);
            for what in checks::unreachable(&check.findings, Some(expr)) {
                self.say(line, tr!(lint_check { id: check.id, what }));
            }
        }
        if let Some(file) = check.command.as_ref().and_then(|c| c.file.as_ref()) {
            self.file(file);
        }
        let access = check.access.as_ref();
        if access.is_some_and(|a| a.refused.as_ref().is_some_and(|text| text.len() < 10)) {
            self.say(line, tr!(lint_refused { id: check.id }));
        }
        if let Some(log) = &check.log
            && let Err(e) = regex::Regex::new(&log.pattern)
        {
            self.say(line, tr!(lint_check_error { id: check.id, e }));
        }
        for finding in &check.findings {
            self.finding(finding, line, languages);
        }
        for text in [Some(&check.expected), check.observed.as_ref(), Some(&check.hint)].into_iter().flatten()
        {
            self.template(text, line);
        }
    }

    fn finding(&mut self, finding: &Finding, line: Option<usize>, languages: &[String]) {
        for lang in languages {
            self.text(&finding.observed, lang, tr!(lint_finding_says), line);
            if finding.hint != Text::default() {
                self.text(&finding.hint, lang, tr!(lint_finding_hint), line);
            }
        }
        self.expr(&finding.condition, line);
        self.template(&finding.observed, line);
        self.template(&finding.hint, line);
    }

    fn expr(&mut self, expr: &Expr, line: Option<usize>) {
        if let Err(e) = expr.compile() {
            self.say(line, tr!(lint_expression_wrong { source: expr.source(), e }));
        }
    }

    fn template(&mut self, text: &Text, line: Option<usize>) {
        for text in text.all() {
            for expr in Template::new(text).expressions() {
                self.expr(expr, line);
            }
        }
    }

    fn text(&mut self, text: &Text, lang: &str, what: &str, line: Option<usize>) {
        if !text.has(lang) || text.get(lang).is_empty() {
            self.say(line, tr!(lint_missing_in { what, lang }));
        }
    }

    fn file(&mut self, file: &str) {
        match self.source.read(file) {
            Ok(Some(text)) if !text.trim().is_empty() => {
                self.variables(file, &text);
                if file.ends_with(".md") {
                    let filled = variables::fill(&text, &self.all);
                    for (line, what) in links::dead(self.source, file, &filled) {
                        self.in_file(file, Some(line), &what);
                    }
                }
            }
            Ok(Some(_)) => self.in_file(file, None, tr!(lint_is_empty)),
            Ok(None) => self.in_file(file, None, tr!(lint_is_missing)),
            Err(e) => self.in_file(file, None, &e.to_string()),
        }
    }

    fn script(&mut self, script: &Script) {
        self.file(&script.file);
    }

    /// Files beside `lesson.yaml` that nothing names.
    fn unused(&mut self, spec: &Spec) {
        let Source::Directory(dir) = self.source else { return };
        let steps = || spec.steps.iter();
        let scripts = steps().flat_map(|s| s.solution.iter().chain(&s.setup).chain(&s.reset));
        let scripts = scripts.chain(&spec.setup.scripts).chain(spec.wrong.iter().flat_map(|w| &w.scripts));
        let commands = steps().flat_map(|s| &s.checks).filter_map(|c| c.command.as_ref()?.file.as_ref());
        let named: BTreeSet<&String> = scripts.map(|s| &s.file).chain(commands).collect();
        for kind in ["setup", "solution", "wrong", "verify"] {
            for entry in std::fs::read_dir(dir.join(kind)).into_iter().flatten().flatten() {
                let file = format!("{kind}/{}", entry.file_name().to_string_lossy());
                if !named.contains(&file) {
                    self.in_file(&file, None, tr!(lint_not_used));
                }
            }
        }
        let texts = ["intro".to_owned(), "finish".to_owned()];
        let known: BTreeSet<String> = texts
            .into_iter()
            .chain(steps().flat_map(|s| [s.id.clone(), format!("{}.solution", s.id)]))
            .collect();
        for lang in &spec.languages {
            for entry in std::fs::read_dir(dir.join(lang)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.strip_suffix(".md").is_some_and(|stem| !known.contains(stem)) {
                    self.in_file(&format!("{lang}/{name}"), None, tr!(lint_no_step));
                }
            }
        }
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_lang = name.len() == 2 && name.bytes().all(|b| b.is_ascii_lowercase());
            if is_lang && entry.path().join("intro.md").is_file() && !spec.languages.contains(&name) {
                self.say(None, tr!(lint_language_not_named { name }));
            }
        }
    }

    fn in_file(&mut self, file: &str, line: Option<usize>, what: &str) {
        let file = self.source.shown(file);
        self.problems.insert(Problem { file, line, what: what.to_owned() });
    }

    /// `{{name}}` that looks like a variable and is none.
    fn variables(&mut self, file: &str, text: &str) {
        for (number, line) in text.lines().enumerate() {
            for piece in line.split("{{").skip(1) {
                let Some((name, _)) = piece.split_once("}}") else { continue };
                let name = name.strip_prefix(['#', '^', '/']).unwrap_or(name);
                // Another's text may speak of templates that have such words.
                let word = !self.imported
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if word && !self.all.contains_key(name) && !variables::RESERVED.contains(&name) {
                    self.in_file(file, Some(number + 1), &tr!(lint_no_variable { name }));
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
