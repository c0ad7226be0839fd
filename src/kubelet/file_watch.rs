//! Follows the manifests directory: events at once, and the whole directory again every now and then.
//!
//! Upstream: `pkg/kubelet/config/file_linux.go`. Between two scans an event changes one file's pod; a scan puts right
//! whatever the events made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::manifests;
use super::source::{self, Directory, StaticPod};
use super::{Kubelet, workers};
use crate::error::{Context, Result};
use crate::klog::Severity;

/// What an event means to the file source.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Written(String),
    Removed(String),
}

/// The pods of files, as the source knows them.
#[derive(Default)]
pub(super) struct Known {
    /// By file path, in the order in which they came to be known.
    by_file: BTreeMap<String, StaticPod>,
    /// What the workers were told, by full name.
    told: BTreeMap<String, StaticPod>,
}

/// Reads the directory, starts its pods, and follows it.
pub(super) fn start(kubelet: &Arc<Kubelet>) -> Result<()> {
    let config = &kubelet.config;
    let host = config.root.join(manifests::DIRECTORY);
    std::fs::create_dir_all(&host).context_what(|| format!("cannot create {}", host.display()))?;
    let directory = Directory {
        host: host.clone(),
        shown: format!("/{}", manifests::DIRECTORY),
        root: config.root.clone(),
        node: config.node.clone(),
    };
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        for change in event.map(|e| meaning(&e)).unwrap_or_default() {
            let _ = sender.send(change);
        }
    })
    .context_what(|| format!("cannot watch {}", host.display()))?;
    watcher
        .watch(&host, RecursiveMode::NonRecursive)
        .context_what(|| format!("cannot watch {}", host.display()))?;
    let mut known = Known::default();
    scan(kubelet, &directory, &mut known);
    kubelet.tasks.spawn(follow(kubelet.clone(), directory, known, receiver, watcher));
    Ok(())
}

fn meaning(event: &notify::Event) -> Vec<Change> {
    let name = |index: usize| {
        let name = event.paths.get(index)?.file_name()?.to_str()?.to_owned();
        (!name.starts_with('.')).then_some(name)
    };
    let (written, removed) = match event.kind {
        EventKind::Create(CreateKind::Folder) => (None, None),
        EventKind::Create(_)
        | EventKind::Modify(
            ModifyKind::Data(_)
            | ModifyKind::Any
            | ModifyKind::Metadata(_)
            | ModifyKind::Name(RenameMode::To),
        )
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => (name(0), None),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => (None, name(0)),
        _ => (None, None),
    };
    written.map(Change::Written).into_iter().chain(removed.map(Change::Removed)).collect()
}

async fn follow(
    kubelet: Arc<Kubelet>,
    directory: Directory,
    mut known: Known,
    mut receiver: mpsc::UnboundedReceiver<Change>,
    _watcher: notify::RecommendedWatcher,
) {
    let period = kubelet.config.timing.file_check_frequency;
    let mut rescan = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    let mut active = kubelet.active.subscribe();
    loop {
        if !active.borrow_and_update().0 {
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                _ = active.wait_for(|(active, _)| *active) => {}
            }
            while receiver.try_recv().is_ok() {}
            scan(&kubelet, &directory, &mut known);
        }
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            _ = active.changed() => {}
            _ = rescan.tick() => scan(&kubelet, &directory, &mut known),
            change = receiver.recv() => match change {
                None => return,
                Some(Change::Written(name)) => written(&kubelet, &directory, &mut known, &name),
                Some(Change::Removed(name)) => removed(&kubelet, &directory, &mut known, &name),
            },
        }
    }
}

fn scan(kubelet: &Arc<Kubelet>, directory: &Directory, known: &mut Known) {
    let mut good = Vec::new();
    for file in directory.scan() {
        match file {
            Ok(pod) => good.push(pod),
            Err((path, why)) => kubelet.journal.klog(
                Severity::Error,
                "file.go:187",
                &format!("\"Could not process manifest file\" err={why:?} path={path:?}"),
            ),
        }
    }
    known.by_file = good.iter().map(|p| (p.path.clone(), p.clone())).collect();
    tell(kubelet, known, source::desired(&good));
}

fn written(kubelet: &Arc<Kubelet>, directory: &Directory, known: &mut Known, name: &str) {
    if directory.host.join(name).is_dir() {
        return;
    }
    match directory.read(name) {
        Ok(pod) => {
            let before = known.by_file.insert(pod.path.clone(), pod.clone());
            if before.is_some_and(|b| b.uid() == pod.uid()) {
                return;
            }
            // The file that was just written wins until the next scan.
            let mut pods: Vec<_> = known
                .told
                .values()
                .filter(|o| o.full_name() != pod.full_name() && o.path != pod.path)
                .cloned()
                .collect();
            pods.push(pod);
            tell(kubelet, known, pods);
        }
        Err(why) => {
            let shown = format!("{}/{name}", directory.shown);
            let why = format!("can't process config file {shown:?}: {why}");
            kubelet.journal.klog(
                Severity::Error,
                "file.go:108",
                &format!("\"Unable to process watch event\" err={why:?}"),
            );
        }
    }
}

fn removed(kubelet: &Arc<Kubelet>, directory: &Directory, known: &mut Known, name: &str) {
    let shown = format!("{}/{name}", directory.shown);
    if known.by_file.remove(&shown).is_some() {
        let pods = known.told.values().filter(|p| p.path != shown).cloned().collect();
        tell(kubelet, known, pods);
    }
}

/// Tells the pod workers which static pods there are now.
fn tell(kubelet: &Arc<Kubelet>, known: &mut Known, pods: Vec<StaticPod>) {
    let wanted: BTreeMap<_, _> = pods.into_iter().map(|p| (p.full_name(), p)).collect();
    let gone: Vec<_> = known
        .told
        .iter()
        .filter(|(name, old)| wanted.get(*name).is_none_or(|new| new.uid() != old.uid()))
        .map(|(_, old)| old.clone())
        .collect();
    let new: Vec<_> = wanted
        .iter()
        .filter(|(name, new)| known.told.get(*name).is_none_or(|old| new.uid() != old.uid()))
        .map(|(_, new)| new.clone())
        .collect();
    known.told = wanted;
    for pod in gone {
        workers::remove(kubelet, pod.uid());
    }
    for pod in new {
        workers::add(kubelet, &pod.pod, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_mean_written_or_removed() {
        let event = |kind| notify::Event::new(kind).add_path("/m/a.yaml".into());
        let written = || vec![Change::Written("a.yaml".into())];
        for (kind, expected) in [
            (EventKind::Create(CreateKind::File), written()),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), written()),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), written()),
            (EventKind::Remove(notify::event::RemoveKind::File), vec![Change::Removed("a.yaml".into())]),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), vec![Change::Removed("a.yaml".into())]),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), vec![]),
        ] {
            assert_eq!(meaning(&event(kind)), expected, "{kind:?}");
        }
        let dotfile = notify::Event::new(EventKind::Create(CreateKind::File)).add_path("/m/.a.swp".into());
        assert_eq!(meaning(&dotfile), []);
    }
}
