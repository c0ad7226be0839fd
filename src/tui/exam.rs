//! An exam as the terminal program shows it.

use crate::exam::{Clock, Outcome, Row, Session};

/// An exam as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exam {
    /// What it is called.
    pub title: String,
    /// Every task.
    pub rows: Vec<Row>,
    /// For each task, which lesson of the exam it is of, and which step of that.
    pub places: Vec<(usize, usize)>,
    /// The index of the task that is looked at.
    pub at: usize,
    /// What the clock shows.
    pub clock: Clock,
    /// Whether nothing more counts.
    pub over: bool,
    /// What it came to, once it is graded.
    pub outcome: Option<Outcome>,
}

impl Exam {
    /// The lesson of the exam that is looked at.
    pub fn lesson(&self) -> usize {
        self.places.get(self.at).map_or(0, |place| place.0)
    }

    /// How many tasks are marked to come back to.
    pub fn flagged(&self) -> usize {
        self.rows.iter().filter(|row| row.flagged).count()
    }
}

/// The exam of a session as it stands now.
pub fn of_session(session: &Session) -> Exam {
    let paper = session.paper();
    Exam {
        title: paper.title.clone(),
        rows: session.overview(),
        places: paper.tasks.iter().map(|task| (task.lesson, task.step)).collect(),
        at: session.at(),
        clock: session.clock(),
        over: session.is_over(),
        outcome: session.outcome(),
    }
}
