//! What the program can be begun with, and how it is brought up.

use std::sync::Arc;

use async_trait::async_trait;

use super::driver::Driver;
use super::event::Course;
use super::exam::of_session;
use super::offer::{self, Offer};
use crate::clock::SystemClock;
use crate::error::Result;
use crate::exam::Session;
use crate::lab::{Lab, LabFile, Options, Phase};
use crate::state_dir::LabDir;

/// What a learner wants to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The id of a lesson or an exam; `None` is the one under way, or the first.
    pub id: Option<String>,
    /// Whether as an exam.
    pub exam: bool,
}

/// Told how far a lab is on its way up.
pub type Phases = Box<dyn Fn(Phase) + Send + Sync>;

/// A lab that is up.
pub struct Opened {
    /// The lab.
    pub driver: Arc<dyn Driver>,
    /// What it says of itself.
    pub course: Box<Course>,
    /// The exam that it belongs to.
    pub session: Option<Arc<Session>>,
}

/// Brings things up; tests put something else there.
#[async_trait]
pub trait Starter: Send + Sync + 'static {
    /// All that can be chosen. Reads files.
    fn offers(&self) -> Result<Vec<Offer>>;
    /// Brings up what was chosen.
    async fn open(&self, choice: Choice, phase: Phases) -> Result<Opened>;
}

/// The labs of this machine.
pub struct Labs(pub Options);

#[async_trait]
impl Starter for Labs {
    fn offers(&self) -> Result<Vec<Offer>> {
        offer::read(&self.0)
    }

    async fn open(&self, choice: Choice, phase: Phases) -> Result<Opened> {
        let options = Options { lesson: choice.id.or_else(|| self.0.lesson.clone()), ..self.0.clone() };
        if choice.exam {
            phase(Phase::Nodes);
            let session = Session::open(options, Arc::new(SystemClock))?;
            let opened = turn(&session, session.at()).await?;
            phase(Phase::Ready);
            return Ok(opened);
        }
        let before = before(&options);
        let lab = Lab::open(options, phase).await?;
        let resumed = before.is_some_and(|lesson| lesson.is_empty() || lesson == lab.lesson().id);
        let driver: Arc<dyn Driver> = lab;
        let course = Box::new(course(driver.as_ref(), resumed));
        Ok(Opened { driver, course, session: None })
    }
}

/// The lesson of the lab that was there before, if one was; empty where that is not known.
fn before(options: &Options) -> Option<String> {
    let dir = LabDir::new(&options.home, &options.name);
    if options.fresh || !dir.progress_file().exists() {
        return None;
    }
    let file = std::fs::read(dir.lab_file()).ok();
    Some(file.and_then(|text| serde_json::from_slice::<LabFile>(&text).ok()).unwrap_or_default().lesson)
}

/// What a lab says of itself.
pub fn course(driver: &dyn Driver, resumed: bool) -> Course {
    Course {
        lesson: driver.lesson(),
        facts: driver.facts(),
        standing: driver.standing(),
        server_up: driver.server_up(),
        max: driver.max(),
        resumed,
        layout: driver.layout().filter(|_| resumed),
        exam: None,
        own_requests: driver.own_requests(),
    }
}

/// Turns an exam to a task: its lab, with the exam as it stands then.
pub async fn turn(session: &Arc<Session>, task: usize) -> Result<Opened> {
    let lab = session.go_to(task).await?;
    let mut course = Box::new(course(lab.as_ref(), false));
    course.layout = lab.layout();
    course.exam = Some(of_session(session));
    Ok(Opened { driver: lab, course, session: Some(Arc::clone(session)) })
}
