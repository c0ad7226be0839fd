//! Where labs, progress and configuration live on this machine.
//!
//! ```text
//! $CKS_LAB_HOME | $XDG_STATE_HOME/cks-lab | ~/.local/state/cks-lab
//!   labs/<name>/
//!     lab.json           which lesson, cluster kind and release; see `lab`
//!     progress.json      finished steps, hints used, attempts; see `progress`
//!     layout.json        how tabs and panes lay; see `tui::saved`
//!     lock               held while a process runs this lab
//!     control.sock       the running lab's control socket
//!     store/             the sandbox API server's store
//!     nodes/<node>/      the root file system of a sandbox node
//!     kubeconfig/        kubeconfigs that work from this machine (admin.conf, <node>.conf)
//!     log                what the program itself had to say
//!   exams/<name>/
//!     exam.json          the exam under way and those before it; see `exam`
//!     labs/<lesson>/     a lab for each of its lessons
//! ```

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::text::tr;

/// The directory of all state.
pub fn home() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = from("CKS_LAB_HOME") {
        return Ok(dir);
    }
    if let Some(dir) = from("XDG_STATE_HOME") {
        return Ok(dir.join("cks-lab"));
    }
    from("HOME")
        .map(|home| home.join(".local/state/cks-lab"))
        .ok_or_else(|| Error::new(tr!(state_no_place)).hint(tr!(state_set_home)))
}

/// The paths of one lab.
#[derive(Debug, Clone)]
pub struct LabDir {
    root: PathBuf,
}

impl LabDir {
    /// Names the lab `name` below `home`; nothing is created.
    pub fn new(home: &Path, name: &str) -> Self {
        Self { root: home.join("labs").join(name) }
    }

    /// Names the exam `name` below `home`, whose labs are in turn below it; nothing is created.
    pub fn of_exam(home: &Path, name: &str) -> Self {
        Self { root: home.join("exams").join(name) }
    }

    /// The lab's own directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Which lesson, cluster kind and release.
    pub fn lab_file(&self) -> PathBuf {
        self.root.join("lab.json")
    }

    /// Finished steps.
    pub fn progress_file(&self) -> PathBuf {
        self.root.join("progress.json")
    }

    /// Held while a process runs this lab.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// The running lab's control socket.
    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// How tabs and panes of the terminal program lay.
    pub fn layout_file(&self) -> PathBuf {
        self.root.join("layout.json")
    }

    /// The sandbox API server's store.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The root file system of a sandbox node.
    pub fn node_root(&self, node: &str) -> PathBuf {
        self.root.join("nodes").join(node)
    }

    /// A kubeconfig usable from this machine; `who` is `admin` or a node's name.
    pub fn kubeconfig(&self, who: &str) -> PathBuf {
        self.root.join("kubeconfig").join(format!("{who}.conf"))
    }

    /// What the program itself had to say.
    pub fn log_file(&self) -> PathBuf {
        self.root.join("log")
    }
}
