//! What an author should know about a lesson: problems with file and line.

use std::collections::BTreeSet;

use super::load::{LESSON_FILE, line_of, spec};
use super::schema::{CheckSpec, Finding, Spec, Text};
use super::source::Source;
use super::variables::{self, Variables};
use crate::check::Verdict;
use crate::check::expr::{Expr, Template};

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
            return vec![Problem { file, line, what: what.to_owned() }];
        }
    };
    let text = source.read(LESSON_FILE).ok().flatten().unwrap_or_default();
    let mut linter = Linter { source, text, all, problems: BTreeSet::new() };
    linter.lesson(&spec);
    linter.problems.into_iter().collect()
}

struct Linter<'a> {
    source: &'a Source,
    text: String,
    all: Variables,
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
            self.say(line_of(&self.text, "id", &spec.id), "the id differs from the directory's name");
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
            self.text(&spec.title, lang, "the title", None);
        }
        if !spec.languages.iter().any(|l| l == "en") {
            self.say(None, "languages must have en, which stands in where another lacks a text");
        }
        for finding in &spec.causes {
            self.finding(finding, None);
        }
        for step in &spec.steps {
            let line = line_of(&self.text, "id", &step.id);
            if step.hints.is_empty() {
                self.say(line, format!("the step {} has no hints", step.id));
            }
            if step.solution.is_empty() {
                self.say(line, format!("the step {} has no solution", step.id));
            }
            for lang in &spec.languages {
                self.text(&step.title, lang, "the title", line);
                for hint in &step.hints {
                    self.text(hint, lang, "a hint", line);
                }
            }
            for script in &step.solution {
                self.file(&script.file);
            }
            if !spec.wrong.iter().any(|w| w.step == step.id && w.verdict != Verdict::Pass) {
                self.say(line, format!("the step {} has no wrong answer that it refuses", step.id));
            }
            for check in &step.checks {
                self.check(check, &spec.languages);
            }
        }
        for script in spec.setup.scripts.iter().chain(spec.wrong.iter().flat_map(|w| &w.scripts)) {
            self.file(&script.file);
        }
        for wrong in &spec.wrong {
            if wrong.verdict != Verdict::Pass && wrong.message.is_empty() {
                let line = line_of(&self.text, "id", &wrong.id);
                self.say(line, format!("the wrong answer {} expects no message", wrong.id));
            }
        }
    }

    fn check(&mut self, check: &CheckSpec, languages: &[String]) {
        let line = line_of(&self.text, "id", &check.id);
        if check.points == 0 {
            self.say(line, format!("check {}: it is worth nothing", check.id));
        }
        for lang in languages {
            self.text(&check.title, lang, "the title", line);
            self.text(&check.expected, lang, "expected", line);
            self.text(&check.hint, lang, "the hint of a failure", line);
        }
        let exprs = [
            check.api.as_ref().map(|c| &c.expr),
            check.file.as_ref().map(|c| &c.expr),
            check.audit.as_ref().map(|c| &c.expr),
            check.manifests.as_ref().map(|c| &c.expr),
        ];
        for expr in exprs.into_iter().flatten() {
            self.expr(expr, line);
            if expr.source().trim() == "true" {
                self.say(line, format!("check {}: it cannot fail", check.id));
            }
        }
        let access = check.access.as_ref();
        if access.is_some_and(|a| a.refused.as_ref().is_some_and(|text| text.len() < 10)) {
            self.say(line, format!("check {}: refused must be a telling part of the message", check.id));
        }
        if let Some(log) = &check.log
            && let Err(e) = regex::Regex::new(&log.pattern)
        {
            self.say(line, format!("check {}: {e}", check.id));
        }
        for finding in &check.findings {
            self.finding(finding, line);
        }
        for text in [Some(&check.expected), check.observed.as_ref(), Some(&check.hint)].into_iter().flatten()
        {
            self.template(text, line);
        }
    }

    fn finding(&mut self, finding: &Finding, line: Option<usize>) {
        self.expr(&finding.condition, line);
        self.template(&finding.observed, line);
        self.template(&finding.hint, line);
    }

    fn expr(&mut self, expr: &Expr, line: Option<usize>) {
        if let Err(e) = expr.compile() {
            self.say(line, format!("the expression {:?} is wrong: {e}", expr.source()));
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
            self.say(line, format!("{what} is missing in {lang}"));
        }
    }

    fn file(&mut self, file: &str) {
        match self.source.read(file) {
            Ok(Some(text)) if !text.trim().is_empty() => self.variables(file, &text),
            Ok(Some(_)) => self.in_file(file, None, "is empty"),
            Ok(None) => self.in_file(file, None, "is missing"),
            Err(e) => self.in_file(file, None, &e.to_string()),
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
                let word = !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if word && !self.all.contains_key(name) && !variables::RESERVED.contains(&name) {
                    self.in_file(file, Some(number + 1), &format!("{{{{{name}}}}} is no variable"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_lessons_in_the_binary_have_no_problems() {
        let sources = super::super::source::embedded();
        assert!(!sources.is_empty());
        for source in sources {
            let problems: Vec<String> = lint(&source).iter().map(ToString::to_string).collect();
            assert!(problems.is_empty(), "{}", problems.join("\n"));
        }
    }

    fn mutated(change: impl Fn(&str) -> String) -> String {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("apiserver-node-restriction");
        copy(std::path::Path::new("lessons/apiserver-node-restriction"), &root);
        let file = root.join(LESSON_FILE);
        let before = std::fs::read_to_string(&file).unwrap();
        let after = change(&before);
        assert_ne!(before, after);
        std::fs::write(&file, after).unwrap();
        lint(&Source::Directory(root)).iter().map(|p| format!("{p}\n")).collect()
    }

    fn copy(from: &std::path::Path, to: &std::path::Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => copy(&entry.path(), &to.join(entry.file_name())),
                false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
            }
        }
    }

    #[test]
    fn problems_name_file_and_line() {
        type Case = (&'static str, &'static str, &'static str);
        let cases: [Case; 9] = [
            ("minutes: 20", "minutes: 20\nminuets: 3", "lesson.yaml:7: unknown field `minuets`"),
            ("format_version: 1", "format_version: 2", "lesson.yaml:1: format_version 2 is not known"),
            ("minutes: 20", "minutes: [", "lesson.yaml:"),
            ("expr: ready == 'ok'", "expr: ready == ", "the expression \"ready ==\" is wrong"),
            ("solution/re-verify.sh", "../../x.sh", "is not a file of the lesson"),
            ("solution/re-verify.sh", "solution/none.sh", "none.sh: is missing"),
            ("languages: [en]", "languages: [en, ja]", "ja/intro.md: is missing"),
            ("requires: [two-on-node01]", "requires: [nothing]", "check one-kept: requires \"nothing\""),
            ("  message: is no valid YAML, line\n", "", "the wrong answer yaml-broken expects no message"),
        ];
        for (from, to, expected) in cases {
            let problems = mutated(|text| text.replacen(from, to, 1));
            assert!(problems.contains(expected), "{to}: {problems}");
        }
        let problems = mutated(|text| text.replace("{{node01}}", "{{node02}}"));
        assert!(problems.contains("{{node02}} is no variable"), "{problems}");
    }
}
