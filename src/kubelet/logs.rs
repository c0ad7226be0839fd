//! Container logs in the format of the CRI: read for `kubectl logs`.
//!
//! Format: `TIME stdout|stderr F|P TEXT`; upstream `pkg/kubelet/kuberuntime/logs/logs.go`.

use std::path::Path;

use bytes::Bytes;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};

use super::Kubelet;
use super::runtime::State;
use crate::apiserver::server::{LogRequest, LogStream};

/// Takes a line apart: its time and its text.
pub fn split(line: &str) -> Option<(&str, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (_, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((time, text))
}

/// The log at `path` as it was asked for; with `follow`, what is appended comes until the file is gone.
pub fn stream(path: &Path, request: &LogRequest, now: Timestamp) -> Result<LogStream, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("failed to try resolving symlinks in path {path:?}: {e}"))?;
    let since = request.since_seconds.map(|seconds| now - SignedDuration::from_secs(seconds));
    let timestamps = request.timestamps;
    let show = move |line: &str| -> Option<String> {
        let (time, text) = split(line)?;
        if since.is_some_and(|since| time.parse::<Timestamp>().is_ok_and(|at| at < since)) {
            return None;
        }
        Some(if timestamps { format!("{time} {text}\n") } else { format!("{text}\n") })
    };
    let mut lines: Vec<String> = text.lines().filter_map(&show).collect();
    if let Some(tail) = request.tail_lines {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let mut whole = lines.concat();
    if let Some(limit) = request.limit_bytes.and_then(|l| usize::try_from(l).ok()) {
        let end = (0..=limit.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
        whole.truncate(end);
    }
    let first = futures::stream::iter([Bytes::from(whole)]);
    if !request.follow {
        return Ok(Box::pin(first));
    }
    let state = (path.to_owned(), text.len(), show);
    let rest = futures::stream::unfold(state, |(path, mut seen, show)| async move {
        loop {
            // Appended lines are looked for as often as a person can see.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let text = tokio::fs::read_to_string(&path).await.ok()?;
            let new = text.get(seen..)?;
            let end = new.rfind('\n').map_or(0, |at| at + 1);
            if end > 0 {
                seen += end;
                let out: String = new[..end].lines().filter_map(&show).collect();
                return Some((Bytes::from(out), (path, seen, show)));
            }
        }
    });
    Ok(Box::pin(first.chain(rest)))
}

impl Kubelet {
    /// A container's log; errors are the kubelet's own sentences.
    pub fn container_logs(&self, request: &LogRequest) -> Result<LogStream, String> {
        let (name, pod) = (&request.container, &request.pod);
        let containers = self.config.runtime.containers();
        let mut mine = containers
            .iter()
            .filter(|c| c.pod.namespace == request.namespace && c.pod.name == *pod && c.spec.name == *name);
        let found =
            if request.previous { mine.filter(|c| c.state == State::Exited).nth(0) } else { mine.next() };
        match found {
            Some(container) => {
                let path = self.config.root.join(container.log_path.trim_start_matches('/'));
                stream(&path, request, self.config.clock.now())
            }
            None if request.previous => {
                Err(format!("previous terminated container {name:?} in pod {pod:?} not found"))
            }
            None => Err(format!("container {name:?} in pod {pod:?} is not available")),
        }
    }
}
