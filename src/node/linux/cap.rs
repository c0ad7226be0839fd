//! A limit on the memory of all nodes of a lab together: a control group of their own, where this program may make one.
//!
//! Of version 2 that is a sibling of the program's own group whose parent hands out memory (systemd's scopes and services of
//! a user, `Delegate=`), or a child of it; of version 1 a child. Sources: `Documentation/admin-guide/cgroup-v2.rst`,
//! `cgroup-v1/memory.rst`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the groups of labs are called.
const PREFIX: &str = "cks-lab-";

/// A control group; it goes with this.
#[derive(Debug)]
pub struct Cap {
    dir: PathBuf,
}

impl Drop for Cap {
    fn drop(&mut self) {
        // One that still has processes is swept by the next lab.
        let _ = fs::remove_dir(&self.dir);
    }
}

impl Cap {
    /// Makes a group for a lab whose first process this is, with at most this many bytes.
    pub fn make(process: u32, most: u64) -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        Self::make_below(Path::new("/sys/fs/cgroup"), &own, process, most)
    }

    /// The same, with the groups at `mount` and the program's own ones as `/proc/self/cgroup` has them.
    fn make_below(mount: &Path, own: &str, process: u32, most: u64) -> io::Result<Self> {
        let mut why = io::Error::new(io::ErrorKind::Unsupported, "no control group for memory");
        for (parent, file) in parents(mount, own) {
            sweep(&parent);
            match Self::make_in(&parent, file, process, most) {
                Ok(cap) => return Ok(cap),
                Err(error) => {
                    why = io::Error::new(error.kind(), format!("{}: {error}", parent.display()));
                }
            }
        }
        Err(why)
    }

    fn make_in(parent: &Path, file: &str, process: u32, most: u64) -> io::Result<Self> {
        let dir = parent.join(format!("{PREFIX}{process}"));
        fs::create_dir(&dir)?;
        let cap = Self { dir };
        fs::write(cap.dir.join(file), most.to_string())?;
        // What is swapped out counts on a machine that swaps; not every kernel counts it.
        let _ = fs::write(cap.dir.join("memory.swap.max"), "0");
        Ok(cap)
    }

    /// Takes a process in, with all that come of it.
    pub fn take(&self, process: u32) -> io::Result<()> {
        fs::write(self.dir.join("cgroup.procs"), process.to_string())
    }
}

/// Where a group may be made, and the file that holds its limit there.
fn parents(mount: &Path, own: &str) -> Vec<(PathBuf, &'static str)> {
    let mut found = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let below = |base: &Path| base.join(path.trim_start_matches('/'));
        if controllers.is_empty() {
            let group = below(mount);
            let hands_out = |dir: &Path| {
                let text = fs::read_to_string(dir.join("cgroup.subtree_control")).unwrap_or_default();
                text.split_whitespace().any(|controller| controller == "memory")
            };
            let parent = group.parent().filter(|parent| parent.starts_with(mount)).map(Path::to_owned);
            found.extend(
                parent.into_iter().chain([group]).filter(|d| hands_out(d)).map(|d| (d, "memory.max")),
            );
        } else if controllers.split(',').any(|controller| controller == "memory") {
            let group = below(&mount.join(controllers));
            found.extend(group.is_dir().then_some((group, "memory.limit_in_bytes")));
        }
    }
    found
}

/// Removes the groups of labs that did not end by themselves; one with processes stays.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|e| e.file_name().to_string_lossy().starts_with(PREFIX)) {
        let _ = fs::remove_dir(entry.path());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Directories, each with what its parent hands out, and where a group is made from a program's own groups.
    #[test]
    fn a_group_is_made_where_memory_is_handed_out() {
        const APP: &str = "user.slice/user@1000.service/app.slice";
        let scope = format!("{APP}/run-1.scope");
        for (dirs, own, made) in [
            (
                vec![(APP, "cpu memory pids"), (&*scope, "")],
                format!("0::/{scope}\n"),
                Some((APP, "memory.max")),
            ),
            (vec![(APP, "cpu pids"), (&*scope, "")], format!("0::/{scope}\n"), None),
            (vec![("", "memory")], "0::/\n".into(), Some(("", "memory.max"))),
            (vec![("", "")], "0::/\n".into(), None),
            (
                vec![("memory/a", "")],
                "4:memory:/a\n0::/\n".into(),
                Some(("memory/a", "memory.limit_in_bytes")),
            ),
            (vec![("", "")], "4:memory:/a\n".into(), None),
        ] {
            let mount = tempfile::tempdir().unwrap();
            for (dir, handed_out) in dirs {
                let dir = mount.path().join(dir);
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join("cgroup.subtree_control"), handed_out).unwrap();
            }
            let cap = Cap::make_below(mount.path(), &own, 7, 1 << 30);
            let Some((parent, file)) = made else {
                assert_eq!(cap.unwrap_err().to_string(), "no control group for memory", "{own}");
                continue;
            };
            let cap = cap.unwrap();
            let dir = mount.path().join(parent).join("cks-lab-7");
            assert_eq!(fs::read_to_string(dir.join(file)).unwrap(), "1073741824");
            cap.take(9).unwrap();
            assert_eq!(fs::read_to_string(dir.join("cgroup.procs")).unwrap(), "9");
        }
    }

    #[test]
    fn what_a_killed_lab_left_goes_with_the_next() {
        let mount = tempfile::tempdir().unwrap();
        fs::write(mount.path().join("cgroup.subtree_control"), "memory").unwrap();
        fs::create_dir(mount.path().join("cks-lab-3")).unwrap();
        fs::create_dir_all(mount.path().join("cks-lab-4/in use")).unwrap();
        let _cap = Cap::make_below(mount.path(), "0::/\n", 7, 1).unwrap();
        assert!(!mount.path().join("cks-lab-3").exists() && mount.path().join("cks-lab-4").exists());
    }
}
