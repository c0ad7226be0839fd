//! What the kubelet answers when it is asked for a container's log.
//!
//! Upstream: `pkg/kubelet/kubelet_pods.go` (`validateContainerLogStatus`), `kuberuntime/logs`.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

use super::Kubelet;
use super::runtime::logs::{self, Entry};
use super::runtime::{Container, State};
use crate::apiserver::server::{LogRequest, LogStream};

/// How much of a log is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Keep sending what comes.
    pub follow: bool,
    /// Only the last lines.
    pub tail: Option<usize>,
    /// Only what is younger.
    pub since: Option<Timestamp>,
}

impl Wanted {
    /// Cuts what was read at first.
    pub fn cut(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if let Some(since) = self.since {
            entries.retain(|e| e.at >= since);
        }
        if let Some(tail) = self.tail {
            entries.drain(..entries.len().saturating_sub(tail));
        }
        entries
    }
}

impl Kubelet {
    /// A container's log by the names that the API server knows.
    pub fn container_logs(&self, request: &LogRequest) -> Result<LogStream, String> {
        let (container, pod) = (&request.container, &request.pod);
        let mut found: Vec<_> = self
            .config
            .runtime
            .containers()
            .into_iter()
            .filter(|c| {
                c.pod.name == *pod && c.pod.namespace == request.namespace && c.spec.name == *container
            })
            .collect();
        // The mirror pod may be of an earlier pod than the one that runs: the one whose worker is there counts.
        found.sort_by_key(|c| std::cmp::Reverse(c.created));
        let chosen = if request.previous {
            found
                .into_iter()
                .find(|c| c.state == State::Exited && (c.attempt > 0 || c.finished.is_some()))
                .ok_or_else(|| {
                    format!("previous terminated container {container:?} in pod {pod:?} not found")
                })?
        } else {
            match found.into_iter().next() {
                Some(container) => container,
                None if self.knows(&request.namespace, pod) => {
                    let why = match self.why_waiting(&request.namespace, pod, container).as_deref() {
                        Some("ErrImagePull") => "image can't be pulled".to_owned(),
                        Some("ImagePullBackOff") => "trying and failing to pull image".to_owned(),
                        Some(reason) => reason.to_owned(),
                        None => "ContainerCreating".to_owned(),
                    };
                    return Err(format!("container {container:?} in pod {pod:?} is waiting to start: {why}"));
                }
                None => return Err(format!("container {container:?} in pod {pod:?} is not available")),
            }
        };
        if !self.containerd.borrow().0 {
            let text = format!("unable to retrieve container logs for containerd://{}", chosen.id);
            return Ok(Box::pin(futures::stream::once(async move { Bytes::from(text) })));
        }
        let since = request.since_seconds.map(|s| self.config.clock.now() - SignedDuration::from_secs(s));
        let wanted = Wanted { follow: request.follow, tail: request.tail_lines, since };
        let (timestamps, mut left) = (request.timestamps, request.limit_bytes.unwrap_or(u64::MAX));
        let entries = self.log_entries(&chosen, wanted);
        let pieces = entries.map(move |entry| {
            let mut line = if timestamps {
                format!("{:.9} {}\n", entry.at, entry.text)
            } else {
                format!("{}\n", entry.text)
            };
            let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(line.len());
            left -= allowed as u64;
            if allowed < line.len() {
                let mut end = allowed;
                while !line.is_char_boundary(end) {
                    end -= 1;
                }
                line.truncate(end);
            }
            Bytes::from(line)
        });
        Ok(Box::pin(pieces))
    }

    /// Whether a pod of this name waits or runs here.
    fn knows(&self, namespace: &str, pod: &str) -> bool {
        let name = format!("{namespace}/{pod}");
        super::journal::lock(&self.running).contains_key(&name)
    }

    /// Why a container that was never made waits, in the word of its status.
    fn why_waiting(&self, namespace: &str, pod: &str, container: &str) -> Option<String> {
        let uid = super::journal::lock(&self.running).get(&format!("{namespace}/{pod}"))?.clone();
        let key = super::status::waiting_key(&uid, container);
        super::journal::lock(&self.waiting).get(&key).map(|(reason, _)| reason.clone())
    }

    /// A container's log as a stream of lines.
    pub(super) fn log_entries(
        &self,
        container: &Container,
        wanted: Wanted,
    ) -> std::pin::Pin<Box<dyn futures::Stream<Item = Entry> + Send>> {
        let (root, path) = (self.config.root.clone(), container.log_path.clone());
        let (entries, end) = logs::read(&root, &path, 0);
        let first = futures::stream::iter(wanted.cut(entries));
        if !wanted.follow {
            return Box::pin(first);
        }
        let runtime = Arc::clone(&self.config.runtime);
        let (lines, changes) = (runtime.log_changes(), runtime.changes());
        let state = (end, lines, changes, runtime, (root, path), container.id.clone(), self.stop.clone());
        let rest = futures::stream::unfold(state, |mut state| async move {
            loop {
                let over = state
                    .3
                    .containers()
                    .into_iter()
                    .find(|c| c.id == state.5)
                    .is_none_or(|c| c.state == State::Exited);
                let (entries, end) = logs::read(&state.4.0, &state.4.1, state.0);
                if !entries.is_empty() {
                    state.0 = end;
                    return Some((futures::stream::iter(entries), state));
                }
                if over {
                    return None;
                }
                tokio::select! {
                    () = state.6.cancelled() => return None,
                    _ = state.1.changed() => {}
                    _ = state.2.changed() => {}
                }
            }
        });
        Box::pin(first.chain(rest.flatten()))
    }
}
