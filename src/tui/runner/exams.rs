//! The exam: its tasks, its clock, its end.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::task::AbortHandle;

use super::{Message, Runner};
use crate::exam::Session;
use crate::text::tr;
use crate::tui::event::{Event, Trouble};
use crate::tui::exam::of_session;
use crate::tui::starter::turn;

impl Runner {
    /// Does something with the exam that is held.
    fn on_exam<F, T>(&self, work: F) -> Option<AbortHandle>
    where
        F: FnOnce(Arc<Session>, Sender<Message>) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let session = Arc::clone(self.session.as_ref()?);
        Some(self.handle.spawn(work(session, self.messages.clone())).abort_handle())
    }

    pub(super) fn exam_go_to(&mut self, task: usize) {
        self.work = self.on_exam(move |session, messages| async move {
            let message = match turn(&session, task).await {
                Ok(opened) => Message::Opened(opened),
                Err(error) => Event::ExamTurnFailed(error.into()).into(),
            };
            let _ = messages.send(message);
        });
    }

    pub(super) fn exam_flag(&self, task: usize) {
        if let Some(session) = &self.session {
            let number = task + 1;
            self.tell(Event::Notice(match session.flag(task) {
                Ok(true) => tr!(tui_exam_flag_on { number }),
                Ok(false) => tr!(tui_exam_flag_off { number }),
                Err(error) => error.to_string(),
            }));
            self.tell(Event::Exam(Box::new(of_session(session))));
        }
    }

    pub(super) fn exam_tick(&self) {
        if let Some(session) = &self.session {
            let warning = session.warning().unwrap_or_default().map(|warning| warning.0);
            let (clock, over) = (session.clock(), session.is_over());
            self.tell(Event::ExamTicked { clock, warning, over });
        }
    }

    pub(super) fn exam_finish(&mut self) {
        self.work = self.on_exam(|session, messages| async move {
            let result = session.finish().await.map_err(Trouble::from);
            let _ = messages.send(Event::Exam(Box::new(of_session(&session))).into());
            let _ = messages.send(Event::ExamGraded(result).into());
        });
    }
}
