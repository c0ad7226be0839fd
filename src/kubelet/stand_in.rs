//! The processes that stand on a node for what runs inside the lab: their ids, and what their end comes to.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// A process on its way: nothing comes of either where the node can have none.
pub struct StandIn {
    /// Its process id on the node, once it runs.
    pub pid: oneshot::Receiver<u32>,
    /// Its exit status, if it ends before it is over: 128 and the signal that somebody on the node sent.
    pub died: oneshot::Receiver<i32>,
}

/// Has a node start a process with these words, `after` something; it ends when `over` is cancelled.
pub fn begin(
    node: Option<&Arc<dyn Node>>,
    words: Vec<String>,
    over: CancellationToken,
    after: impl Future<Output = ()> + Send + 'static,
) -> StandIn {
    let (told, pid) = oneshot::channel();
    let (death, died) = oneshot::channel();
    if let Some(node) = node.cloned() {
        // A task of its own: whoever stops waiting for it leaves no process behind.
        tokio::spawn(async move {
            if over.run_until_cancelled(after).await.is_none() {
                return;
            }
            let Ok(Some(process)) = node.stand_in(&words).await else { return };
            if let Some(pid) = process.pid {
                let _ = told.send(pid);
            }
            tokio::select! {
                () = over.cancelled() => {
                    let _ = process.signal.send(rustix::process::Signal::KILL.as_raw());
                }
                status = process.exit => {
                    // Where the node is gone, nobody ended anything.
                    if let Ok(status) = status {
                        let _ = death.send(status);
                    }
                }
            }
        });
    }
    StandIn { pid, died }
}

/// The signal behind an exit status, where there is one.
pub fn signal(status: i32) -> Option<i32> {
    (status > 128).then_some(status - 128)
}

/// Whether a program hears of a signal and ends in its own way.
pub fn is_heard(signal: i32) -> bool {
    use rustix::process::Signal;
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].iter().any(|s| s.as_raw() == signal)
}
