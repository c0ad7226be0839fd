//! Follows the manifests directory: events at once, and the whole directory again every now and then.
//!
//! Upstream: `pkg/kubelet/config/file_linux.go`. Between two scans an event changes one file's pod; a scan puts right
//! whatever the events made of it.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use notify::event::{CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::manifests;
use super::source::{Directory, Seen, StaticPod};
use super::{Kubelet, workers};
use crate::error::{Context, Result};
use crate::klog::Severity;
use crate::rooted::Rooted;
use crate::text::tr;

/// What an event means to the file source.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Written(String),
    Removed(String),
}

/// The pods of files, as the source knows them.
#[derive(Default)]
pub(super) struct Known {
    /// By full name; of two files with one pod, the one that was read last.
    store: BTreeMap<String, StaticPod>,
    /// The full name of the pod that a file was last seen to hold (`fileKeyMapping`).
    names: BTreeMap<String, String>,
    /// What earlier scans saw.
    seen: Seen,
    /// What the workers were told, by full name.
    told: BTreeMap<String, StaticPod>,
}

impl Known {
    /// Takes a file's pod: it wins over one of the same name from another file.
    fn put(&mut self, pod: StaticPod) {
        self.names.insert(pod.path.clone(), pod.full_name());
        self.store.insert(pod.full_name(), pod);
    }

    /// Takes what a file that was just written holds: it wins until the next scan.
    fn written(&mut self, directory: &Directory, name: &str) -> Result<bool, String> {
        if directory.is_dir(name) {
            return Ok(false);
        }
        let pod = directory.read(name).map_err(|why| {
            format!("can't process config file {:?}: {why}", format!("{}/{name}", directory.shown))
        })?;
        self.put(pod);
        Ok(true)
    }

    /// Takes all files' pods; a directory without any leaves the store as it was, as upstream does.
    fn replace(&mut self, pods: Vec<StaticPod>) -> Vec<StaticPod> {
        if pods.is_empty() {
            return pods;
        }
        self.store.clear();
        pods.into_iter().for_each(|pod| self.put(pod));
        self.pods()
    }

    /// Forgets the pod of the name that `path` held, whichever file it is from by now.
    fn take(&mut self, path: &str) -> Result<bool, String> {
        let Some(name) = self.names.get(path) else { return Ok(false) };
        if self.store.remove(name).is_none() {
            return Err(format!("the pod with key {name} doesn't exist in cache"));
        }
        self.names.remove(path);
        Ok(true)
    }

    fn pods(&self) -> Vec<StaticPod> {
        self.store.values().cloned().collect()
    }
}

/// Reads the directory, starts its pods, and follows it.
pub(super) fn start(kubelet: &Arc<Kubelet>) -> Result<()> {
    let config = &kubelet.config;
    let root = Rooted::new(&config.root);
    let shown = format!("/{}", manifests::DIRECTORY);
    root.create_dir_all(&shown, 0o755)
        .context_what(|| tr!(file_cannot_be_made { file: root.shown(&shown).display() }))?;
    let hash = config.release.node.static_pod_hash;
    let directory = Directory { shown, root, node: config.node.clone(), hash };
    let (sender, receiver) = mpsc::unbounded_channel();
    let watch = Watch::begin(&directory, &sender).context_what(|| {
        tr!(file_cannot_be_watched { file: directory.root.shown(&directory.shown).display() })
    })?;
    let mut known = Known::default();
    scan(kubelet, &directory, &mut known);
    kubelet.tasks.spawn(follow(kubelet.clone(), directory, known, (sender, receiver), watch));
    Ok(())
}

/// Sees changes in the directory that was there when it began.
struct Watch {
    _watcher: notify::RecommendedWatcher,
    of: (u64, u64),
}

impl Watch {
    fn begin(directory: &Directory, sender: &mpsc::UnboundedSender<Change>) -> notify::Result<Self> {
        let sender = sender.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            for change in event.map(|e| meaning(&e)).unwrap_or_default() {
                let _ = sender.send(change);
            }
        })?;
        // By its descriptor, so that a link in the path leads nowhere else than inside the node.
        let opened = std::fs::File::from(directory.root.directory(&directory.shown)?);
        let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
        watcher.watch(std::path::Path::new(&path), RecursiveMode::NonRecursive)?;
        let metadata = opened.metadata()?;
        Ok(Self { _watcher: watcher, of: (metadata.dev(), metadata.ino()) })
    }

    /// Begins anew where the directory is another one by now: it was removed and made again.
    fn renew(&mut self, directory: &Directory, sender: &mpsc::UnboundedSender<Change>) {
        let now = directory.root.metadata(&directory.shown).map(|m| (m.dev(), m.ino()));
        if now.is_ok_and(|now| now != self.of)
            && let Ok(watch) = Self::begin(directory, sender)
        {
            *self = watch;
        }
    }
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
        ) => (name(0), None),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => (None, name(0)),
        _ => (None, None),
    };
    written.map(Change::Written).into_iter().chain(removed.map(Change::Removed)).collect()
}

async fn follow(
    kubelet: Arc<Kubelet>,
    directory: Directory,
    mut known: Known,
    (sender, mut receiver): (mpsc::UnboundedSender<Change>, mpsc::UnboundedReceiver<Change>),
    mut watch: Watch,
) {
    let period = kubelet.config.timing.file_check_frequency;
    let mut rescan = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    let (mut active, mut mended) = (kubelet.active.subscribe(), kubelet.mended.subscribe());
    loop {
        if !active.borrow_and_update().0 {
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                _ = active.wait_for(|(active, _)| *active) => {}
            }
            watch.renew(&directory, &sender);
            while receiver.try_recv().is_ok() {}
            scan(&kubelet, &directory, &mut known);
        }
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            _ = active.changed() => {}
            _ = mended.changed() => {
                watch.renew(&directory, &sender);
                scan(&kubelet, &directory, &mut known);
            }
            _ = rescan.tick() => {
                watch.renew(&directory, &sender);
                scan(&kubelet, &directory, &mut known);
            }
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
    for file in directory.scan(&mut known.seen) {
        match file {
            Ok(pod) => good.push(pod),
            Err((source, line)) => kubelet.journal.klog(Severity::Error, source, &line),
        }
    }
    let pods = known.replace(good);
    tell(kubelet, known, pods);
}

/// Takes an event of a file that is there (`podAdd`, `podModify`).
fn written(kubelet: &Arc<Kubelet>, directory: &Directory, known: &mut Known, name: &str) {
    if let Some((source, line)) = directory.refuses(name) {
        kubelet.journal.klog(Severity::Error, source, &line);
        return;
    }
    let news = known.written(directory, name);
    took(kubelet, known, news);
}

/// Takes an event of a file that is gone (`podDelete`).
fn removed(kubelet: &Arc<Kubelet>, directory: &Directory, known: &mut Known, name: &str) {
    let news = known.take(&format!("{}/{name}", directory.shown));
    took(kubelet, known, news);
}

fn took(kubelet: &Arc<Kubelet>, known: &mut Known, news: Result<bool, String>) {
    match news {
        Ok(true) => tell(kubelet, known, known.pods()),
        Ok(false) => {}
        Err(why) => kubelet.journal.klog(
            Severity::Error,
            "file.go:108",
            &format!("\"Unable to process watch event\" err={why:?}"),
        ),
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
    #![allow(clippy::unwrap_used)]

    use notify::event::{AccessKind, AccessMode};

    use super::*;

    #[test]
    fn events_mean_written_or_removed() {
        let event = |kind| notify::Event::new(kind).add_path("/m/a.yaml".into());
        let written = || vec![Change::Written("a.yaml".into())];
        for (kind, expected) in [
            (EventKind::Create(CreateKind::File), written()),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), written()),
            (EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any)), written()),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), vec![]),
            (EventKind::Remove(notify::event::RemoveKind::File), vec![Change::Removed("a.yaml".into())]),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), vec![Change::Removed("a.yaml".into())]),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), vec![]),
        ] {
            assert_eq!(meaning(&event(kind)), expected, "{kind:?}");
        }
        let dotfile = notify::Event::new(EventKind::Create(CreateKind::File)).add_path("/m/.a.swp".into());
        assert_eq!(meaning(&dotfile), []);
    }

    /// What happens to the directory: a file gets content, is removed or renamed; or all is read again.
    enum Step {
        Write(&'static str, &'static str),
        Remove(&'static str),
        Rename(&'static str, &'static str),
        Scan,
    }
    use Step::{Remove, Rename, Scan, Write};

    fn pod(flag: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers: [{{name: c, image: i, command: [{flag}]}}]\n"
        )
    }

    /// The flag that runs after a step, or the error that it left.
    fn step(root: &std::path::Path, directory: &Directory, known: &mut Known, step: &Step) -> String {
        let host = root.join("m");
        let outcome = match step {
            Write(name, flag) => {
                let text = if flag.is_empty() { String::new() } else { pod(flag) };
                std::fs::write(host.join(name), text).unwrap();
                known.written(directory, name)
            }
            Remove(name) => {
                std::fs::remove_file(host.join(name)).unwrap();
                known.take(&format!("/m/{name}"))
            }
            Rename(from, to) => {
                std::fs::rename(host.join(from), host.join(to)).unwrap();
                known.take(&format!("/m/{from}")).and_then(|_| known.written(directory, to))
            }
            Scan => {
                let pods = directory.scan(&mut known.seen).into_iter().flatten().collect();
                known.replace(pods);
                Ok(true)
            }
        };
        if let Err(why) = outcome {
            return why;
        }
        let flags =
            known.pods().into_iter().map(|p| p.pod["spec"]["containers"][0]["command"][0].to_string());
        flags.collect::<Vec<_>>().join(" ").replace('"', "")
    }

    const NULL: &str = "can't process config file \"/m/NAME\": /m/NAME: couldn't parse as pod(Object 'Kind' is missing in 'null'), please check config file";

    #[test]
    fn the_last_written_file_wins_until_the_scan_and_removal_goes_by_name() {
        let null = |name: &str| NULL.replace("NAME", name);
        let start = [(Write("a.yaml", "on"), "on".to_owned())];
        let cases: Vec<(&str, Vec<(Step, String)>)> = vec![
            (
                "a copy that sorts after wins, edits change nothing, its removal costs one more outage",
                vec![
                    (Write("a.yaml~", "copy"), "copy".into()),
                    (Write("a.yaml", "off"), "off".into()),
                    (Scan, "copy".into()),
                    (Remove("a.yaml~"), String::new()),
                    (Scan, "off".into()),
                ],
            ),
            (
                "a copy that sorts before wins until the scan",
                vec![
                    (Write("a-backup.yaml", "copy"), "copy".into()),
                    (Scan, "on".into()),
                    (Remove("a-backup.yaml"), String::new()),
                    (Scan, "on".into()),
                ],
            ),
            (
                "vim's :wq leaves no pod until the scan",
                vec![
                    (Write("4913", ""), null("4913")),
                    (Remove("4913"), "on".into()),
                    (Rename("a.yaml", "a.yaml~"), "on".into()),
                    (Write("a.yaml", ""), null("a.yaml")),
                    (Write("a.yaml", "off"), "off".into()),
                    (Remove("a.yaml~"), String::new()),
                    (Scan, "off".into()),
                ],
            ),
            (
                "sed -i writes beside and renames over",
                vec![
                    (Write("sedABC", ""), null("sedABC")),
                    (Rename("sedABC", "sedDEF"), null("sedDEF")),
                    (Write("sedDEF", "off"), "off".into()),
                ],
            ),
            (
                "writing the same content again makes the original win",
                vec![(Write("a.yaml~", "copy"), "copy".into()), (Write("a.yaml", "on"), "on".into())],
            ),
        ];
        for (what, steps) in cases {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("m")).unwrap();
            let root = dir.path().to_owned();
            let directory = Directory {
                shown: "/m".into(),
                root: Rooted::new(&root),
                node: "n".into(),
                hash: crate::release::StaticPodHash::Md5,
            };
            let mut known = Known::default();
            for (number, (action, expected)) in start.iter().chain(&steps).enumerate() {
                let got = step(&root, &directory, &mut known, action);
                assert_eq!(got, *expected, "{what}: step {number}");
            }
        }
    }
}
