//! What a learner has done, kept across runs: versioned, written atomically, never lost to a bad file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Error, Result};
use crate::grade::StepResult;
use crate::text::tr;

mod history;

pub use history::{Attempt, Grading, Scope, moment};

/// The version of the files' formats. Version 1 had no history: what it lacks is empty.
pub const VERSION: u32 = 2;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// [`VERSION`], whatever version was read.
    #[serde(deserialize_with = "present_version")]
    pub version: u32,
    /// By lesson id.
    #[serde(default)]
    pub lessons: BTreeMap<String, LessonProgress>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { version: VERSION, lessons: BTreeMap::new() }
    }
}

fn present_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u32, D::Error> {
    u32::deserialize(deserializer).map(|_| VERSION)
}

/// One lesson's part. Steps are kept by id, so that a changed lesson keeps what still fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonProgress {
    /// The index of the current step; the number of steps when finished.
    #[serde(default)]
    pub current: usize,
    /// Seconds spent on this attempt.
    #[serde(default)]
    pub seconds: u64,
    /// By step id.
    #[serde(default)]
    pub steps: BTreeMap<String, StepProgress>,
    /// When this attempt began, RFC 3339 in UTC; empty where it is not known.
    #[serde(default)]
    pub started: String,
    /// What this attempt is made on.
    #[serde(default)]
    pub scope: Scope,
    /// Attempts that are over, the oldest first.
    #[serde(default)]
    pub history: Vec<Attempt>,
}

/// One step's part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepProgress {
    /// The last graded result.
    #[serde(default)]
    pub result: Option<StepResult>,
    /// How many times it was graded.
    #[serde(default)]
    pub attempts: u32,
    /// How many hints were shown.
    #[serde(default)]
    pub hints: usize,
    /// Whether the solution was shown or applied.
    #[serde(default)]
    pub solved: bool,
    /// Audit entries up to this one do not count.
    #[serde(default)]
    pub since: u64,
    /// Whether the step's own setup has run.
    #[serde(default)]
    pub begun: bool,
    /// Each time it was graded, the oldest first.
    #[serde(default)]
    pub gradings: Vec<Grading>,
}

impl StepProgress {
    /// Records a grading made `at` this moment, `seconds` into the attempt. What could not be checked does not undo a pass.
    pub fn record(&mut self, result: StepResult, at: jiff::Timestamp, seconds: u64) {
        self.attempts += 1;
        self.keep(Grading {
            at: moment(at),
            seconds,
            score: result.score,
            max: result.max,
            passed: result.passed,
            hints: self.hints,
        });
        let passed_before = self.result.as_ref().is_some_and(|r| r.passed);
        let unknown = result.checks.iter().any(|c| c.verdict == crate::check::Verdict::Error);
        if !(passed_before && unknown) {
            self.result = Some(result);
        }
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a versioned JSON file. One that cannot be understood is set aside, and the sentence that says so comes back.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<(T, Option<String>)> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((T::default(), None)),
        Err(e) => {
            return Err(Error::new(tr!(file_cannot_be_read { file: path.display() }))
                .why(e)
                .hint(tr!(progress_make_readable)));
        }
    };
    let why = match serde_json::from_slice::<Versioned>(&text) {
        Ok(Versioned { version }) if version > VERSION => {
            return Err(Error::new(tr!(progress_newer { path: path.display() }))
                .why(tr!(progress_versions { version, known: VERSION }))
                .hint(tr!(progress_update)));
        }
        Ok(_) => match serde_json::from_slice(&text) {
            Ok(value) => return Ok((value, None)),
            Err(e) => e,
        },
        Err(e) => e,
    };
    let aside = set_aside(path)?;
    let notice = tr!(progress_set_aside { path: path.display(), why, aside: aside.display() });
    Ok((T::default(), Some(notice)))
}

/// Renames a bad file to the first free `NAME.corrupt-N`.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (1..10_000).map(|n| path.with_file_name(format!("{name}.corrupt-{n}"))).find(|p| !p.exists());
    let aside = free.ok_or_else(|| Error::new(tr!(progress_many_corrupt { path: path.display() })))?;
    std::fs::rename(path, &aside)
        .map_err(|e| Error::new(tr!(progress_cannot_set_aside { path: path.display() })).why(e))?;
    Ok(aside)
}

/// Writes a JSON file so that after a crash either the old or the new content is there.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let attempt = || -> std::io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        std::fs::File::open(dir)?.sync_all()
    };
    attempt().map_err(|e| {
        let error = Error::new(tr!(file_cannot_be_written { file: path.display() })).why(&e);
        if error.hints.is_empty() { error.hint(tr!(progress_make_writable)) } else { error }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sample() -> Progress {
        let step = StepProgress { hints: 2, ..StepProgress::default() };
        let lesson = LessonProgress {
            current: 1,
            seconds: 7,
            steps: [("s".to_owned(), step)].into(),
            ..LessonProgress::default()
        };
        Progress { lessons: [("l".to_owned(), lesson)].into(), ..Progress::default() }
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        assert_eq!(read::<Progress>(&path).unwrap(), (Progress::default(), None));
        write(&path, &sample()).unwrap();
        assert_eq!(read::<Progress>(&path).unwrap(), (sample(), None));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_bad_file_is_set_aside_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        for (n, bad) in
            ["{\"version\":1,\"lessons\":", "[]", "\0\0", "{\"version\":1,\"lessons\":3}"].iter().enumerate()
        {
            std::fs::write(&path, bad).unwrap();
            let (value, notice) = read::<Progress>(&path).unwrap();
            assert_eq!(value, Progress::default());
            let aside = dir.path().join(format!("progress.json.corrupt-{}", n + 1));
            assert!(notice.unwrap().contains(&aside.display().to_string()));
            assert_eq!(std::fs::read_to_string(aside).unwrap(), *bad);
        }
    }

    #[test]
    fn a_newer_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        std::fs::write(&path, "{\"version\":3,\"x\":1}").unwrap();
        assert!(read::<Progress>(&path).unwrap_err().to_string().contains("newer cks-lab"));
        assert!(path.exists());
    }

    #[test]
    fn a_file_of_the_first_version_still_loads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("progress.json");
        let old = r#"{"version":1,"lessons":{"l":{"current":1,"seconds":9,"steps":{"s":{"result":null,"attempts":2,
            "hints":1,"solved":false,"since":7}}}}}"#;
        std::fs::write(&path, old).unwrap();
        let (progress, notice) = read::<Progress>(&path).unwrap();
        assert_eq!((progress.version, notice), (VERSION, None));
        let lesson = &progress.lessons["l"];
        assert_eq!((lesson.current, lesson.seconds, lesson.steps["s"].since), (1, 9, 7));
        let attempt = lesson.attempt().unwrap();
        assert_eq!((attempt.gradings, attempt.hints, attempt.started.as_str()), (2, 1, ""));
    }

    #[test]
    fn what_cannot_be_written_says_so() {
        let error = write(Path::new("/proc/progress.json"), &sample()).unwrap_err().to_string();
        assert!(error.contains("/proc/progress.json cannot be written"), "{error}");
    }

    #[test]
    fn what_could_not_be_checked_does_not_undo_a_pass() {
        use crate::check::Verdict;
        let graded = |verdict| {
            let check = crate::grade::CheckResult {
                id: "c".into(),
                title: String::new(),
                verdict,
                points: 0,
                max: 1,
                expected: String::new(),
                observed: String::new(),
                hint: String::new(),
                skipped: false,
            };
            crate::grade::step("s", "S", vec![check])
        };
        let mut step = StepProgress::default();
        for (verdict, passed) in
            [(Verdict::Error, false), (Verdict::Pass, true), (Verdict::Error, true), (Verdict::Fail, false)]
        {
            step.record(graded(verdict), jiff::Timestamp::UNIX_EPOCH, 0);
            assert_eq!(step.result.as_ref().unwrap().passed, passed);
        }
        assert_eq!(step.attempts, 4);
    }
}
