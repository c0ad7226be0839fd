//! The lab: what it tells, and the work that a learner asks of it.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::{Message, Runner};
use crate::exam::Session;
use crate::lab::{LabEvent, Phase};
use crate::tui::driver::Driver;
use crate::tui::event::{Event, Trouble};
use crate::tui::starter::Choice;

/// How long requests are gathered before they are told of.
const GATHER: Duration = Duration::from_millis(100);

impl Runner {
    /// Takes a lab that came up, and passes its events on; those of the one before are let go.
    pub fn opened(&mut self, driver: Arc<dyn Driver>, session: Option<Arc<Session>>) {
        let mut events = driver.events();
        let (messages, told) = (self.messages.clone(), Arc::clone(&driver));
        self.driver = Some(driver);
        self.session = session;
        if let Some(before) = self.listening.take() {
            before.abort();
        }
        let listening = self.handle.spawn(async move {
            loop {
                let event = match events.recv().await {
                    Ok(LabEvent::Server(up)) => Event::Server(up),
                    Ok(LabEvent::Tasks(result)) => Event::Tasks(result),
                    Ok(LabEvent::Graded(result)) => {
                        let _ = messages.send(Event::Tasks(result).into());
                        Event::Standing(told.standing())
                    }
                    Ok(LabEvent::Progress) => Event::Standing(told.standing()),
                    Ok(LabEvent::Notice(text)) => Event::Notice(text),
                    Err(RecvError::Lagged(_)) => Event::Standing(told.standing()),
                    Err(RecvError::Closed) => return,
                };
                if messages.send(event.into()).is_err() {
                    return;
                }
            }
        });
        self.listening = Some(listening.abort_handle());
        self.record();
    }

    /// Brings up what was chosen; tells how far it is and what became of it.
    pub(super) fn start(&self, choice: Choice) {
        let (starter, messages) = (Arc::clone(&self.starter), self.messages.clone());
        self.handle.spawn(async move {
            let message = match starter.open(choice, Box::new(phases(messages.clone()))).await {
                Ok(opened) => Message::Opened(opened),
                Err(error) => Event::OpenFailed(error.into()).into(),
            };
            let _ = messages.send(message);
        });
    }

    pub(super) fn offers(&self) {
        let (starter, messages) = (Arc::clone(&self.starter), self.messages.clone());
        self.handle.spawn_blocking(move || {
            let _ = messages.send(Event::Offers(starter.offers().map_err(Trouble::from)).into());
        });
    }

    pub(super) fn check(&mut self, step: Option<String>) {
        let work = self.spawn(move |driver, messages| async move {
            let result = driver.check(step.as_deref()).await.map_err(Trouble::from);
            let _ = messages.send(Event::Standing(driver.standing()).into());
            let _ = messages.send(Event::Checked { result, whole: step.is_none() }.into());
        });
        self.work = work;
    }

    pub(super) fn hint(&self, step: String) {
        self.spawn(move |driver, messages| async move {
            let result = driver.hint(&step).map(|hint| hint.map(|(number, _, _)| number));
            let _ = messages.send(Event::Standing(driver.standing()).into());
            let _ = messages.send(Event::Hinted(result.map_err(Trouble::from)).into());
        });
    }

    pub(super) fn solve(&mut self, step: String) {
        let work = self.spawn(move |driver, messages| async move {
            let result = driver.solve(&step).await.map_err(Trouble::from);
            let _ = messages.send(Event::Standing(driver.standing()).into());
            let _ = messages.send(Event::Solved(result).into());
        });
        self.work = work;
    }

    pub(super) fn go_to(&self, index: usize) {
        self.spawn(move |driver, messages| async move {
            if let Err(error) = driver.go_to(index) {
                let _ = messages.send(Event::Notice(error.to_string()).into());
            }
            let _ = messages.send(Event::Standing(driver.standing()).into());
        });
    }

    pub(super) fn reset(&mut self, step: Option<String>) {
        let work = self.spawn(move |driver, messages| async move {
            let result = driver.reset(step.as_deref()).await.map_err(Trouble::from);
            let _ = messages.send(Event::Standing(driver.standing()).into());
            let _ = messages.send(Event::Reset(result).into());
        });
        self.work = work;
    }

    /// Tells of requests that are recorded, of many at once a single time.
    fn record(&mut self) {
        if let Some(before) = self.recording.take() {
            before.abort();
        }
        let Some(log) = self.driver.as_ref().and_then(|driver| driver.audit()) else { return };
        let (mut news, messages) = (log.subscribe(), self.messages.clone());
        let recording = self.handle.spawn(async move {
            while !matches!(news.recv().await, Err(RecvError::Closed)) {
                if messages.send(Event::Recorded.into()).is_err() {
                    return;
                }
                tokio::time::sleep(GATHER).await;
                news = news.resubscribe();
            }
        });
        self.recording = Some(recording.abort_handle());
    }

    pub(super) fn requests(&self) {
        let log = self.driver.as_ref().and_then(|driver| driver.audit());
        self.tell(Event::Requests(log.map(|log| log.since(0))));
    }
}

/// Tells the main loop of a phase.
pub fn phases(messages: Sender<Message>) -> impl Fn(Phase) + Send + Sync + 'static {
    let messages = std::sync::Mutex::new(messages);
    move |phase| {
        let messages = messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = messages.send(Event::Phase(phase).into());
    }
}
