//! Lessons from a git repository: its address is cloned into the cache by the machine's git, and its newest state taken at each
//! start. Nothing of it is run: no hooks, no submodules, no filters, no links out of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::text::tr;

/// Whether `--lessons` names a repository somewhere else rather than a directory here.
pub fn is_address(text: &str) -> bool {
    ["https://", "http://", "ssh://", "git://", "file://", "git@"].iter().any(|start| text.starts_with(start))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The directory that holds a repository's files, and what to tell where they may be old.
///
/// # Errors
///
/// Where there is no git, and where the repository cannot be had and was never had before.
pub fn get(address: &str, cache: &Path) -> Result<(PathBuf, Option<String>)> {
    let dir = cache.join("lessons").join(&crate::digest::sha256(address.as_bytes())[..16]);
    let known = dir.join(".git").is_dir();
    let got = if known { renew(&dir) } else { clone(address, &dir) };
    match got {
        Ok(()) => Ok((dir, None)),
        Err(e) if known => {
            let said = e.to_string().replace('\n', " ");
            Ok((dir, Some(tr!(lesson_of_last_time { address, said }))))
        }
        Err(e) => Err(e),
    }
}

/// The cache's directory: `XDG_CACHE_HOME/cks-lab`, else `~/.cache/cks-lab`.
pub fn cache() -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    from("XDG_CACHE_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("cks-lab"))
        .ok_or_else(|| Error::new(tr!(lesson_no_cache)).hint(tr!(lesson_set_cache)))
}

fn clone(address: &str, dir: &Path) -> Result<()> {
    let parent = dir.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .map_err(|e| Error::new(tr!(file_cannot_be_made { file: parent.display() })).why(e))?;
    // Beside its place first: a clone that was cut off is none.
    let beside = tempfile::tempdir_in(parent)
        .map_err(|e| Error::new(tr!(file_cannot_be_written { file: parent.display() })).why(e))?;
    let new = beside.path().join("clone");
    let words = ["clone", "--quiet", "--depth", "1", "--no-tags", "--single-branch", "--template=", "--"];
    git(words.iter().map(OsStr::new).chain([OsStr::new(address), new.as_os_str()]), address)?;
    std::fs::rename(&new, dir)
        .map_err(|e| Error::new(tr!(file_cannot_be_made { file: dir.display() })).why(e))
}

fn renew(dir: &Path) -> Result<()> {
    let shown = dir.display().to_string();
    let at = [OsStr::new("-C"), dir.as_os_str()];
    let fetch = ["fetch", "--quiet", "--depth", "1", "--no-tags", "origin", "HEAD"].map(OsStr::new);
    git(at.into_iter().chain(fetch), &shown)?;
    let reset = ["reset", "--quiet", "--hard", "FETCH_HEAD"].map(OsStr::new);
    git(at.into_iter().chain(reset), &shown)
}

fn git<'a>(words: impl Iterator<Item = &'a OsStr>, what: &str) -> Result<()> {
    let safe = [
        "core.hooksPath=/dev/null",
        "core.symlinks=false",
        "core.fsmonitor=false",
        "protocol.ext.allow=never",
        "submodule.recurse=false",
    ];
    let output = Command::new("git")
        .args(safe.iter().flat_map(|setting| ["-c", setting]))
        .args(words)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        .stdin(Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.trim().lines().last().unwrap_or(tr!(lesson_git_silent)).to_owned();
            Err(Error::new(tr!(lesson_not_had { what })).why(last).hint(tr!(lesson_clone_it)))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(tr!(lesson_no_git { what })).hint(tr!(lesson_install_git)))
        }
        Err(e) => Err(Error::new(tr!(lesson_git_not_run)).why(e)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses_and_directories() {
        for address in ["https://example.org/a.git", "git@example.org:a/b", "ssh://h/x", "file:///tmp/x"] {
            assert!(is_address(address), "{address}");
        }
        for directory in ["lessons", "/tmp/x", "./https", "--upload-pack=x", "https://a b", "ext::sh -c x"] {
            assert!(!is_address(directory), "{directory}");
        }
    }

    fn has_git() -> bool {
        Command::new("git").arg("--version").output().is_ok()
    }

    fn run(dir: &Path, words: &[&str]) {
        let output = Command::new("git").arg("-C").arg(dir).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(dir: &Path, what: &str) {
        std::fs::create_dir_all(dir.join("lessons/one")).unwrap();
        std::fs::write(dir.join("lessons/one/lesson.yaml"), what).unwrap();
        run(dir, &["add", "-A"]);
        run(dir, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", what]);
    }

    #[test]
    fn a_repository_is_cloned_renewed_and_kept_when_it_is_gone() {
        if !has_git() {
            return;
        }
        let (origin, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        run(origin.path(), &["init", "-q"]);
        std::os::unix::fs::symlink("/etc/passwd", origin.path().join("link")).unwrap();
        commit(origin.path(), "first");
        let address = format!("file://{}", origin.path().display());
        let read = |dir: &Path| std::fs::read_to_string(dir.join("lessons/one/lesson.yaml")).unwrap();
        let (dir, told) = get(&address, cache.path()).unwrap();
        assert_eq!((read(&dir), told), ("first".to_owned(), None));
        assert!(!dir.join("link").is_symlink(), "a link of a repository is a file that names it");
        commit(origin.path(), "second");
        assert_eq!(read(&get(&address, cache.path()).unwrap().0), "second");
        drop(origin);
        let (dir, told) = get(&address, cache.path()).unwrap();
        assert_eq!(read(&dir), "second");
        assert!(told.unwrap().contains("those of the last time"));
        let error = get("file:///nowhere/at/all", cache.path()).unwrap_err().to_string();
        assert!(error.contains("cannot be had"), "{error}");
        assert_eq!(
            std::fs::read_dir(cache.path().join("lessons")).unwrap().count(),
            1,
            "nothing half is left"
        );
    }
}
