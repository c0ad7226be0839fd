//! What the first screen offers: lessons with the learner's attempts at them, and exams.

use crate::error::Result;
use crate::exam;
use crate::exam::session::ExamFile;
use crate::lab::{LabFile, Options};
use crate::lesson::catalog::Catalog;
use crate::lesson::load;
use crate::progress::{LessonProgress, Progress};
use crate::state_dir::LabDir;

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The day it began.
    pub at: String,
    /// Percent of the points.
    pub percent: u32,
    /// Whether it passed.
    pub passed: bool,
    /// Seconds spent.
    pub seconds: u64,
    /// Hints shown.
    pub hints: usize,
}

/// A lesson or an exam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// Whether it is an exam.
    pub exam: bool,
    /// What it is called.
    pub title: String,
    /// The CKS domain of a lesson.
    pub domain: String,
    /// How long it takes, or lasts.
    pub minutes: u64,
    /// How many steps a lesson has, or lessons an exam.
    pub parts: usize,
    /// Whether it is under way.
    pub open: bool,
    /// Points so far, those that can be had, and seconds spent, of a lesson that is under way.
    pub standing: (u32, u32, u64),
    /// The attempts that are over, oldest first.
    pub tries: Vec<Try>,
}

impl Offer {
    /// The best attempt's percent.
    pub fn best(&self) -> Option<u32> {
        self.tries.iter().map(|t| t.percent).max()
    }
}

/// Reads them all. Progress that cannot be read counts as none here; whoever opens the lab says what is wrong with it.
pub fn read(options: &Options) -> Result<Vec<Offer>> {
    let lang = options.lang.as_deref().unwrap_or("en");
    let catalog = Catalog::new(options.lessons.as_deref())?;
    let dir = LabDir::new(&options.home, &options.name);
    let progress: Progress = json(&dir.progress_file());
    let open = json::<LabFile>(&dir.lab_file()).lesson;
    let mut offers = Vec::new();
    for (id, source) in catalog.entries() {
        let (spec, _) = load::spec(source, None)?;
        let mine = progress.lessons.get(id).cloned().unwrap_or_default();
        offers.push(Offer {
            id: id.clone(),
            exam: false,
            title: spec.title.get(lang).to_owned(),
            domain: crate::lesson::domain::shown(&spec.domain, crate::text::Language::or_english(lang)),
            minutes: u64::from(spec.minutes),
            parts: spec.steps.len(),
            open: *id == open && (mine.attempt().is_some() || mine.seconds > 0),
            standing: (
                mine.steps.values().filter_map(|s| s.result.as_ref()).map(|r| r.score).sum(),
                spec.steps.iter().flat_map(|s| &s.checks).map(|c| c.points).sum(),
                mine.seconds,
            ),
            tries: tries(&mine),
        });
    }
    let held: ExamFile = json(&LabDir::of_exam(&options.home, &options.name).root().join("exam.json"));
    for spec in exam::listed(options.lessons.as_deref())? {
        let sittings = held.history.iter().chain(&held.sitting).filter(|s| s.exam == spec.id);
        let graded = sittings.clone().filter(|s| s.is_graded());
        let paper = exam::Paper::new(&spec, &catalog, lang)?;
        offers.push(Offer {
            id: spec.id.clone(),
            exam: true,
            title: spec.title.get(lang).to_owned(),
            domain: String::new(),
            minutes: spec.minutes,
            parts: spec.lessons.len(),
            open: held.sitting.as_ref().is_some_and(|s| s.exam == spec.id && !s.is_graded()),
            standing: (0, 0, 0),
            tries: graded
                .map(|sitting| {
                    let outcome = sitting.outcome(&paper);
                    let ended = sitting.ended.map_or(sitting.started, |ended| ended.at);
                    Try {
                        at: sitting.started.strftime("%Y-%m-%d").to_string(),
                        percent: outcome.percent,
                        passed: outcome.passed,
                        seconds: u64::try_from(ended.as_second() - sitting.started.as_second()).unwrap_or(0),
                        hints: 0,
                    }
                })
                .collect(),
        });
    }
    Ok(offers)
}

fn json<T: serde::de::DeserializeOwned + Default>(path: &std::path::Path) -> T {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn tries(progress: &LessonProgress) -> Vec<Try> {
    let one = |attempt: crate::progress::Attempt| Try {
        at: attempt.started.get(..10).unwrap_or("").to_owned(),
        percent: (attempt.score * 100).checked_div(attempt.max).unwrap_or(0),
        passed: attempt.passed,
        seconds: attempt.seconds,
        hints: attempt.hints,
    };
    progress.attempts().into_iter().map(one).collect()
}

/// A small chart of percents, one character each: how full it is, from empty to full.
pub fn chart(percents: &[u32], ascii: bool) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const SIGNS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];
    let levels = if ascii { SIGNS } else { BLOCKS };
    percents
        .iter()
        .map(|percent| levels[usize::try_from((*percent).min(100) * 7 / 100).unwrap_or(0)])
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn charts_rise_with_the_percents_and_are_as_long_as_there_are_attempts() {
        assert_eq!(chart(&[0, 50, 67, 100, 200], false), "▁▄▅██");
        assert_eq!(chart(&[0, 50, 100], true), "_-#");
        assert_eq!(chart(&[], false), "");
    }
}
