//! What the program drives: a lab, seen through the few things it needs, so that tests can put something else there.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::saved::Layout;
use crate::apiserver::audit;
use crate::cluster::Facts;
use crate::error::{Error, Result};
use crate::grade::LessonResult;
use crate::lab::{Lab, LabEvent, Standing};
use crate::lesson::Lesson;
use crate::node::{Command, Io, Node, Process};
use crate::progress;
use crate::terminal::TERM;
use crate::text::tr;

/// A lab, as the program drives it; the methods are those of [`Lab`].
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// The lesson.
    fn lesson(&self) -> Arc<Lesson>;
    /// What the cluster says of itself.
    fn facts(&self) -> Facts;
    /// Whether the API server answers.
    fn server_up(&self) -> bool;
    /// Where the learner stands.
    fn standing(&self) -> Standing;
    /// How many points can be had.
    fn max(&self) -> Option<u32>;
    /// What happens.
    fn events(&self) -> broadcast::Receiver<LabEvent>;
    /// The record of requests, where there is one.
    fn audit(&self) -> Option<Arc<audit::Log>>;
    /// Whether that record is of the requests that checks make, and of no others.
    fn own_requests(&self) -> bool {
        false
    }
    /// How tabs and panes lay the last time.
    fn layout(&self) -> Option<Layout> {
        None
    }
    /// Keeps how tabs and panes lie.
    fn keep_layout(&self, _layout: &Layout) {}
    /// Reads a file of a node.
    async fn read_file(&self, node: &str, path: &str) -> Result<Option<Vec<u8>>>;
    /// Writes a file of a node, at once or not at all; owner and mode stay.
    async fn write_file(&self, node: &str, path: &str, content: &[u8]) -> Result<()>;
    /// The names in a directory of a node; those of directories end with a slash.
    async fn names(&self, node: &str, directory: &str) -> Result<Vec<String>>;
    /// Starts a shell on a node.
    async fn shell(&self, node: &str, columns: u16, rows: u16) -> Result<Process>;
    /// Grades one step, or all.
    async fn check(&self, step: Option<&str>) -> Result<LessonResult>;
    /// Shows the next hint of a step.
    fn hint(&self, step: &str) -> Result<Option<(usize, usize, String)>>;
    /// Applies the solution of a step.
    async fn solve(&self, step: &str) -> Result<String>;
    /// Moves the learner to a step.
    fn go_to(&self, step: usize) -> Result<()>;
    /// Starts a step over, or all.
    async fn reset(&self, step: Option<&str>) -> Result<()>;
    /// Ends everything that runs.
    async fn close(&self);
}

/// A node of the lab by the name that lessons call it.
fn of_name(lab: &Lab, node: &str) -> Result<Arc<dyn Node>> {
    lab.cluster().node(node).ok_or_else(|| Error::new(tr!(tui_no_node { node })))
}

#[async_trait]
impl Driver for Lab {
    fn lesson(&self) -> Arc<Lesson> {
        Arc::clone(self.lesson())
    }

    fn facts(&self) -> Facts {
        self.cluster().facts()
    }

    fn server_up(&self) -> bool {
        self.cluster().server_up()
    }

    fn standing(&self) -> Standing {
        self.standing()
    }

    fn max(&self) -> Option<u32> {
        let steps = &self.loaded().spec.steps;
        Some(steps.iter().flat_map(|step| &step.checks).map(|check| check.points).sum())
    }

    fn events(&self) -> broadcast::Receiver<LabEvent> {
        self.events()
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        self.cluster().audit().or_else(|| self.cluster().asked())
    }

    fn own_requests(&self) -> bool {
        self.cluster().audit().is_none() && self.cluster().asked().is_some()
    }

    fn layout(&self) -> Option<Layout> {
        Layout::read(&std::fs::read_to_string(self.dir().layout_file()).ok()?)
    }

    fn keep_layout(&self, layout: &Layout) {
        // Where it cannot be kept the next session begins with the usual tabs, which is no loss to speak of.
        let _ = progress::write(&self.dir().layout_file(), layout);
    }

    async fn read_file(&self, node: &str, path: &str) -> Result<Option<Vec<u8>>> {
        of_name(self, node)?.read_file(path).await
    }

    async fn write_file(&self, node: &str, path: &str, content: &[u8]) -> Result<()> {
        of_name(self, node)?.write_file(path, content).await
    }

    async fn names(&self, node: &str, directory: &str) -> Result<Vec<String>> {
        let node = of_name(self, node)?;
        let names = node.list_dir(directory).await?.unwrap_or_default();
        let mut shown = Vec::new();
        for name in names {
            // What can be listed is a directory; the few names of a directory are asked one after the other.
            let below = node.list_dir(&format!("{directory}{name}")).await;
            shown.push(if matches!(below, Ok(Some(_))) { format!("{name}/") } else { name });
        }
        Ok(shown)
    }

    async fn shell(&self, node: &str, columns: u16, rows: u16) -> Result<Process> {
        let node = of_name(self, node)?;
        node.spawn(Command::shell(), Io::Pty { columns, rows, term: TERM.to_owned() }).await
    }

    async fn check(&self, step: Option<&str>) -> Result<LessonResult> {
        self.check(step).await
    }

    fn hint(&self, step: &str) -> Result<Option<(usize, usize, String)>> {
        self.hint(step)
    }

    async fn solve(&self, step: &str) -> Result<String> {
        self.solve(step).await
    }

    fn go_to(&self, step: usize) -> Result<()> {
        self.go_to(step)
    }

    async fn reset(&self, step: Option<&str>) -> Result<()> {
        self.reset(step).await
    }

    async fn close(&self) {
        self.close().await;
    }
}
