//! `exam.yaml`: which lessons, with which weights, in how many minutes.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::grade::PASS_MARK;
use crate::lesson::catalog::Catalog;
use crate::lesson::schema::Text;
use crate::text::tr;

/// The only format there is yet.
pub const FORMAT_VERSION: u32 = 1;

/// The exams inside the binary.
static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/exams");

/// An exam's file, in a directory of the exam's name.
const FILE: &str = "exam.yaml";

/// How long an exam may be, in minutes.
const LONGEST: u64 = 24 * 60;

/// A whole `exam.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Must be [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The exam's id.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// How long it lasts.
    pub minutes: u64,
    /// Percent that pass.
    #[serde(default = "pass_mark")]
    pub pass_mark: u32,
    /// The lessons in order.
    pub lessons: Vec<Part>,
}

/// A lesson of an exam.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The lesson's id.
    pub lesson: String,
    /// How much it counts beside the others; percent, say.
    pub weight: u32,
}

fn pass_mark() -> u32 {
    PASS_MARK
}

impl Spec {
    /// The exam that one lesson makes by itself.
    pub fn of_lesson(id: &str, title: Text, minutes: u32) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            id: id.to_owned(),
            title,
            minutes: u64::from(minutes).max(1),
            pass_mark: PASS_MARK,
            lessons: vec![Part { lesson: id.to_owned(), weight: 1 }],
        }
    }

    fn parse(text: &str, shown: &str) -> Result<Self> {
        let spec: Self = serde_yaml::from_str(text).map_err(|e| {
            let place = e.location().map_or_else(String::new, |at| format!(":{}", at.line()));
            Error::new(format!("{shown}{place}: {e}"))
        })?;
        let wrong = |what: String| Err(Error::new(format!("{shown}: {what}")));
        let weights: u64 = spec.lessons.iter().map(|p| u64::from(p.weight)).sum();
        let mut ids: Vec<&str> = spec.lessons.iter().map(|p| p.lesson.as_str()).collect();
        ids.sort_unstable();
        if spec.format_version != FORMAT_VERSION {
            return wrong(tr!(exam_format { version: spec.format_version, known: FORMAT_VERSION }));
        }
        if spec.lessons.is_empty() || spec.lessons.len() > 50 {
            return wrong(tr!(exam_lessons_count).to_owned());
        }
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong(tr!(exam_lesson_twice { lesson: twice[0] }));
        }
        if weights == 0 || spec.lessons.iter().any(|p| p.weight == 0 || p.weight > 1000) {
            return wrong(tr!(exam_weights).to_owned());
        }
        if spec.minutes == 0 || spec.minutes > LONGEST {
            return wrong(tr!(exam_minutes { longest: LONGEST }));
        }
        if spec.pass_mark == 0 || spec.pass_mark > 100 {
            return wrong(tr!(exam_pass_mark).to_owned());
        }
        Ok(spec)
    }
}

/// The exams: those of a directory of lessons (`DIR/ID/exam.yaml`, `DIR/exams/ID/exam.yaml`), then those in the binary that
/// they do not replace.
pub fn listed(extra: Option<&Path>) -> Result<Vec<Spec>> {
    let mut all: Vec<Spec> = Vec::new();
    for file in extra.map(files).unwrap_or_default() {
        all.push(read(&file)?);
    }
    for dir in EMBEDDED.dirs() {
        let Some(text) = dir.get_file(dir.path().join(FILE)).and_then(|f| f.contents_utf8()) else {
            continue;
        };
        let spec = Spec::parse(text, &format!("exams/{}", dir.path().join(FILE).display()))?;
        if !all.iter().any(|known| known.id == spec.id) {
            all.push(spec);
        }
    }
    Ok(all)
}

/// The files of exams below a directory of lessons.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in [dir.to_owned(), dir.join("exams")] {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        let mut here: Vec<_> =
            entries.flatten().map(|e| e.path().join(FILE)).filter(|p| p.is_file()).collect();
        here.sort();
        files.extend(here);
    }
    files
}

fn read(file: &Path) -> Result<Spec> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::new(tr!(file_cannot_be_read { file: file.display() })).why(e))?;
    Spec::parse(&text, &file.display().to_string())
}

/// What is wrong with the exams of a directory, each with its file; `catalog` has the lessons that they may name.
pub fn problems(dir: &Path, catalog: &Catalog) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(dir) {
        let spec = match read(&file) {
            Ok(spec) => spec,
            Err(e) => {
                found.push(e.to_string());
                continue;
            }
        };
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let at = |key: &str| {
            let line = text.lines().position(|line| line.contains(key)).map_or(1, |line| line + 1);
            format!("{}:{line}", file.display())
        };
        for part in spec.lessons.iter().filter(|part| catalog.source(&part.lesson).is_err()) {
            found.push(format!(
                "{}: {}",
                at(&format!("lesson: {}", part.lesson)),
                tr!(lesson_unknown { id: &part.lesson })
            ));
        }
        for language in crate::text::Language::ALL.iter().filter(|l| !spec.title.has(l.code())) {
            let what = tr!(lint_the_title);
            found.push(format!("{}: {}", at("title"), tr!(lint_missing_in { what, lang: language.code() })));
        }
    }
    found
}

/// The exam of an id, if there is one.
pub fn find(id: &str, extra: Option<&Path>) -> Result<Option<Spec>> {
    Ok(listed(extra)?.into_iter().find(|spec| spec.id == id))
}

/// The exam of an id, or the one that the lesson of that id makes by itself.
pub fn of(id: &str, catalog: &Catalog, extra: Option<&Path>) -> Result<Spec> {
    if let Some(spec) = find(id, extra)? {
        return Ok(spec);
    }
    let loaded = catalog.load(id, "en", None).map_err(|e| {
        let ids: Vec<String> = listed(extra).unwrap_or_default().into_iter().map(|spec| spec.id).collect();
        e.hint(tr!(exam_ids { ids: ids.join(", ") }))
    })?;
    Ok(Spec::of_lesson(id, loaded.spec.title.clone(), loaded.spec.minutes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_bundled_exams_are_of_lessons_that_are_there() {
        let catalog = Catalog::new(None).unwrap();
        let all = listed(None).unwrap();
        assert!(all.iter().any(|spec| spec.lessons.len() == catalog.entries().len()), "one has every lesson");
        for spec in all {
            assert!(spec.title.has("en") && spec.title.has("ja"), "{}", spec.id);
            for part in &spec.lessons {
                catalog.source(&part.lesson).unwrap();
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        let good = "format_version: 1\nid: e\ntitle: E\nminutes: 5\nlessons:\n- {lesson: a, weight: 1}\n";
        assert_eq!(Spec::parse(good, "f").unwrap().pass_mark, 67);
        for (from, to, said) in [
            ("minutes: 5", "minuets: 5", "f:4: unknown field"),
            ("minutes: 5", "minutes: 0", "minutes"),
            ("weight: 1", "weight: 0", "weight"),
            ("format_version: 1", "format_version: 9", "format_version"),
            ("- {lesson: a, weight: 1}\n", "- {lesson: a, weight: 1}\n- {lesson: a, weight: 2}\n", "\"a\""),
            ("minutes: 5", "minutes: 5\npass_mark: 101", "pass_mark"),
            ("- {lesson: a, weight: 1}\n", "  []\n", "lessons"),
        ] {
            let error = Spec::parse(&good.replace(from, to), "f").unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }

    #[test]
    fn the_bundled_exams_follow_the_committed_schema() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../assets/schema/exam.schema.json")).unwrap();
        for dir in EMBEDDED.dirs() {
            let text = dir.get_file(dir.path().join(FILE)).unwrap().contents_utf8().unwrap();
            let good: serde_json::Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(crate::lesson::jsonschema::problems(&schema, &good), Vec::<String>::new());
            let mut bad = good.clone();
            bad["lessons"][0]["wieght"] = serde_json::json!(1);
            assert!(!crate::lesson::jsonschema::problems(&schema, &bad).is_empty());
        }
    }

    #[test]
    fn exams_of_a_directory_come_first_and_replace() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, id: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = format!(
                "format_version: 1\nid: {id}\ntitle: Mine\nminutes: 5\nlessons:\n- {{lesson: a, weight: 1}}\n"
            );
            std::fs::write(path, text).unwrap();
        };
        put("one/exam.yaml", "one");
        put("exams/two/exam.yaml", "cks-practice");
        let all = listed(Some(dir.path())).unwrap();
        let ids: Vec<&str> = all.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids[..2], ["one", "cks-practice"]);
        assert_eq!(find("cks-practice", Some(dir.path())).unwrap().unwrap().title.get("en"), "Mine");
        assert_eq!(find("nonsense", None).unwrap(), None);
        let problems = problems(dir.path(), &Catalog::new(None).unwrap());
        let both = problems.iter().filter(|p| p.contains("one/exam.yaml:")).collect::<Vec<_>>();
        assert!(both[0].contains("one/exam.yaml:6: there is no lesson \"a\""), "{problems:?}");
        assert!(both[1].contains("one/exam.yaml:3: ") && both[1].contains("ja"), "{problems:?}");
    }
}
