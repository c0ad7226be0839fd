//! Exams: lessons against the clock, without hints, graded on outcome at the end.
//!
//! ```text
//! exam.yaml, lessons -> Paper (what is asked) + Sitting (what was done; pure, told the time) -> overview, warnings, outcome
//! Session: the sitting on disk, and a lab for each lesson of it      (what the terminal program and the plain mode drive)
//! ```
//! Each lesson has a lab of its own below `exams/NAME/labs`, opened when the learner first gets to one of its tasks and left
//! running until the end. The clock runs from the moment that the sitting began, whatever runs meanwhile.

pub mod clock;
pub mod paper;
pub mod session;
pub mod sitting;
pub mod spec;

pub use clock::{Clock, Warning};
pub use paper::{Paper, Task};
pub use session::Session;
pub use sitting::{Ended, LessonOutcome, Outcome, Reason, Row, Sitting};
pub use spec::{Spec, find, listed, of as spec_of};
