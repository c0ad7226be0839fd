//! Brings a lab up: which lesson, on what, and what is left of the last time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Lab, Options, Phase, lock};
use crate::cluster::live::{self, Live};
use crate::cluster::local::Binaries;
use crate::cluster::sandbox::{self, Sandbox};
use crate::cluster::{Cluster, ClusterKind};
use crate::error::{Error, Result};
use crate::kubelet::timing::Timing;
use crate::lesson::catalog::Catalog;
use crate::lesson::variables;
use crate::progress::{self, Progress};
use crate::release::{RELEASES, Release, default_release};
use crate::state_dir::LabDir;
use crate::text::tr;

/// What `lab.json` keeps: what the cluster's state belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabFile {
    /// The format; see [`progress::VERSION`].
    pub version: u32,
    /// The lesson's id.
    pub lesson: String,
    /// `sandbox`, `local`, `live`.
    pub cluster: String,
    /// `1.31`
    pub kubernetes: String,
}

impl Lab {
    /// Brings a lab up, or resumes the one that is there; `phase` is told how far it is.
    pub async fn open(options: Options, phase: impl Fn(Phase) + Send + Sync + 'static) -> Result<Arc<Self>> {
        let dir = LabDir::new(&options.home, &options.name);
        let lock = lock::take(&dir, &options.name)?;
        let catalog = Catalog::new(options.lessons.as_deref())?;
        let (before, notice) = progress::read::<LabFile>(&dir.lab_file())?;
        let wanted = wanted_lesson(&dir, &catalog, options.lesson.as_deref())?;
        let real = match options.cluster {
            ClusterKind::Local => {
                Some(Binaries::find(options.binaries.as_deref(), options.kubernetes.as_deref())?)
            }
            _ => None,
        };
        let asked =
            options.kubernetes.as_deref().or(Some(before.kubernetes.as_str()).filter(|v| !v.is_empty()));
        let release = match &real {
            Some(real) => real.release,
            None => find_release(asked)?,
        };
        // Where lab.json is missing or was corrupt, what is there is kept.
        let unknown = before.lesson.is_empty();
        let kind = options.cluster.as_str();
        let same = unknown
            || (before.lesson == wanted
                && before.kubernetes == release.short()
                && (before.cluster.is_empty() || before.cluster == kind));
        // A live cluster without a journal is as its owner has it: the lesson begins at its first step.
        let untouched = options.cluster == ClusterKind::Live && live::journal::Journal::open(&dir)?.is_none();
        let same = same && !untouched;
        if options.fresh || !same {
            remove_cluster(&dir)?;
        }
        let file = LabFile {
            version: progress::VERSION,
            lesson: wanted.clone(),
            cluster: options.cluster.as_str().into(),
            kubernetes: release.short(),
        };
        progress::write(&dir.lab_file(), &file)?;
        if options.fresh {
            forget(&dir, &wanted)?;
        } else if !same {
            begin_anew(&dir, &wanted)?;
        }
        let lang = options.lang.clone().unwrap_or_else(|| "en".into());
        if options.cluster == ClusterKind::Live {
            phase(Phase::Nodes);
            let live = Live::start(&options.live, &live_needs(&catalog, &wanted)?, &dir).await?;
            phase(Phase::Lesson);
            let lab =
                Self::settle_in(dir, lock, (&catalog, &wanted, &lang), live.clone(), None, notice).await?;
            for notice in &live.notices {
                lab.notice(notice.clone());
            }
            phase(Phase::Ready);
            return Ok(lab);
        }
        let sandbox = Sandbox::start(
            sandbox::Options {
                dir: dir.clone(),
                release,
                timing: if options.realistic_timing { Timing::realistic() } else { Timing::scaled() },
                plain_nodes: options.plain_nodes,
                port: options.port,
                real,
                clock: Arc::new(crate::clock::SystemClock),
            },
            |p| {
                if p != Phase::Ready {
                    phase(p);
                }
            },
        )
        .await?;
        phase(Phase::Lesson);
        let lesson = (&catalog, wanted.as_str(), lang.as_str());
        let lab = Self::settle_in(dir, lock, lesson, sandbox.clone(), Some(sandbox), notice).await?;
        phase(Phase::Ready);
        Ok(lab)
    }

    /// Begins the lesson on a cluster that runs; where it cannot be begun the cluster is ended.
    async fn settle_in(
        dir: LabDir,
        lock: lock::Lock,
        (catalog, lesson, lang): (&Catalog, &str, &str),
        cluster: Arc<dyn Cluster>,
        sandbox: Option<Arc<Sandbox>>,
        notice: Option<String>,
    ) -> Result<Arc<Self>> {
        let lab = match catalog.load(lesson, lang, Some(&variables::of_cluster(cluster.as_ref()))) {
            Ok(loaded) => Self::begin(dir, lock, loaded, cluster.clone(), sandbox).await,
            Err(e) => Err(e),
        };
        let lab = match lab {
            Ok(lab) => lab,
            Err(e) => {
                cluster.shutdown().await;
                return Err(e);
            }
        };
        if lab.loaded().lang != lang {
            let shown = &lab.loaded().lang;
            lab.notice(tr!(lab_no_texts_in { lang, shown }));
        }
        if let Some(notice) = notice {
            lab.notice(notice);
        }
        Ok(lab)
    }
}

/// What a lesson wants of a live cluster.
pub fn live_needs(catalog: &Catalog, lesson: &str) -> Result<live::Needs> {
    let spec = catalog.load(lesson, "en", None)?.spec;
    Ok(live::Needs {
        lesson: lesson.to_owned(),
        nodes: spec.cluster.nodes.clone(),
        without_plugins: spec.setup.without_plugins.clone(),
        changes: spec.cluster.changes.get(crate::text::language().code()).to_owned(),
        creates: spec.cluster.creates.clone(),
        breaks_manifest: !spec.track.directories.is_empty()
            && (!spec.setup.scripts.is_empty() || spec.steps.iter().any(|s| !s.setup.is_empty())),
    })
}

/// The lesson that a lab is asked for: the one that was named, the one that was begun, or the first.
pub fn wanted_lesson(dir: &LabDir, catalog: &Catalog, asked: Option<&str>) -> Result<String> {
    let (before, _) = progress::read::<LabFile>(&dir.lab_file())?;
    let wanted = match asked {
        Some(id) => id.to_owned(),
        None if catalog.source(&before.lesson).is_ok() => before.lesson,
        None => catalog.first()?.to_owned(),
    };
    catalog.source(&wanted)?;
    Ok(wanted)
}

fn find_release(asked: Option<&str>) -> Result<&'static Release> {
    let Some(version) = asked else { return Ok(default_release()) };
    Release::find(version).ok_or_else(|| {
        let known: Vec<_> = RELEASES.iter().map(Release::short).collect();
        Error::new(tr!(lab_not_emulated { version })).hint(tr!(lab_emulated { known: known.join(", ") }))
    })
}

/// What a lab's directory keeps when its cluster is thrown away.
const KEPT: [&str; 5] = ["lock", "progress.json", "lab.json", "log", "live"];

/// Forgets what steps began with: the cluster that it was taken from is put back.
pub fn forget_snapshots(dir: &LabDir) -> Result<()> {
    let snapshots = dir.root().join("snapshots");
    match std::fs::remove_dir_all(&snapshots) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(tr!(file_cannot_be_removed { file: snapshots.display() })).why(e))
        }
        _ => Ok(()),
    }
}

/// Throws away the cluster of a lab that this process holds; progress stays.
pub fn remove_cluster(dir: &LabDir) -> Result<()> {
    let cannot = |path: &std::path::Path, e: std::io::Error| {
        Error::new(tr!(file_cannot_be_removed { file: path.display() })).why(e)
    };
    // First, so that a lesson whose cluster is half gone is prepared anew.
    forget_snapshots(dir)?;
    for entry in std::fs::read_dir(dir.root()).map_err(|e| cannot(dir.root(), e))? {
        let path = entry.map_err(|e| cannot(dir.root(), e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if KEPT.contains(&name.as_str()) || name.contains(".corrupt-") {
            continue;
        }
        let is_dir = path.symlink_metadata().is_ok_and(|m| m.is_dir());
        let removed = if is_dir { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|e| cannot(&path, e))?;
    }
    Ok(())
}

/// Ends the attempt at a lesson on disk: it is history, and the lesson begins anew. The lab is held and not running.
pub fn forget(dir: &LabDir, lesson: &str) -> Result<()> {
    let (mut progress, _) = progress::read::<Progress>(&dir.progress_file())?;
    if let Some(mine) = progress.lessons.get_mut(lesson) {
        mine.begin_anew(jiff::Timestamp::now());
        progress::write(&dir.progress_file(), &progress)?;
    }
    Ok(())
}

/// Keeps a lesson's results but begins at its first step: its cluster was thrown away for another lesson's.
fn begin_anew(dir: &LabDir, lesson: &str) -> Result<()> {
    let (mut progress, _) = progress::read::<Progress>(&dir.progress_file())?;
    let Some(mine) = progress.lessons.get_mut(lesson) else { return Ok(()) };
    mine.current = 0;
    for step in mine.steps.values_mut() {
        // The audit record counts from one again.
        step.since = 0;
    }
    progress::write(&dir.progress_file(), &progress)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::progress::{LessonProgress, StepProgress};

    #[test]
    fn throwing_a_cluster_away_keeps_what_was_done() {
        let home = tempfile::tempdir().unwrap();
        let dir = LabDir::new(home.path(), "t");
        let _lock = lock::take(&dir, "t").unwrap();
        let step = StepProgress { since: 500, hints: 2, attempts: 1, ..StepProgress::default() };
        let steps = [("s".to_owned(), step)].into();
        let mine = LessonProgress { current: 2, seconds: 9, steps, ..LessonProgress::default() };
        let lessons = ["a", "b"].map(|id| (id.to_owned(), mine.clone())).into();
        progress::write(&dir.progress_file(), &Progress { lessons, ..Progress::default() }).unwrap();
        std::fs::create_dir_all(dir.root().join("nodes/controlplane/etc")).unwrap();
        std::fs::write(dir.root().join("progress.json.corrupt-1"), "x").unwrap();
        std::os::unix::fs::symlink(home.path(), dir.root().join("link")).unwrap();
        remove_cluster(&dir).unwrap();
        begin_anew(&dir, "a").unwrap();
        forget(&dir, "b").unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(dir.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["lock", "progress.json", "progress.json.corrupt-1"]);
        assert!(home.path().exists(), "links are removed, not followed");
        let (kept, _) = progress::read::<Progress>(&dir.progress_file()).unwrap();
        let a = &kept.lessons["a"];
        assert_eq!((a.current, a.seconds, a.steps["s"].since, a.steps["s"].hints), (0, 9, 0, 2));
        let b = &kept.lessons["b"];
        assert_eq!((b.current, b.seconds, b.steps.len()), (0, 0, 0));
        assert_eq!((b.history.len(), b.history[0].hints, b.history[0].seconds), (1, 2, 9));
    }
}
