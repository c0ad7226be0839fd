//! One process runs a lab at a time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};
use crate::state_dir::LabDir;
use crate::text::tr;

/// Held while a process runs the lab; dropping it lets the next one in. The kernel drops it with the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Makes a lab's directory, for its owner only.
pub fn make_dir(dir: &LabDir) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir.root()).map_err(|e| {
        Error::new(tr!(lab_no_directory { dir: dir.root().display() })).why(e).hint(tr!(lab_make_writable))
    })
}

/// Takes the lab, or says who has it.
pub fn take(dir: &LabDir, name: &str) -> Result<Lock> {
    make_dir(dir)?;
    let path = dir.lock_file();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| {
            Error::new(tr!(file_cannot_be_opened { file: path.display() }))
                .why(e)
                .hint(tr!(lab_make_readable))
        })?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        let _ = file.read_to_string(&mut pid);
        let pid = pid.trim();
        let holder = if pid.is_empty() { String::new() } else { tr!(lab_holder { pid }) };
        return Err(Error::new(tr!(lab_already_running { name, holder }))
            .hint(tr!(lab_use_it))
            .hint(tr!(lab_end_it))
            .hint(tr!(lab_second)));
    }
    let pid = std::process::id().to_string();
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(|e| {
        Error::new(tr!(file_cannot_be_written { file: path.display() })).why(e).hint(tr!(lab_disk_full))
    })?;
    Ok(Lock { _file: file })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let home = tempfile::tempdir().unwrap();
        let dir = LabDir::new(home.path(), "l");
        let first = take(&dir, "l").unwrap();
        let error = take(&dir, "l").unwrap_err().to_string();
        assert!(error.contains(&format!("already running (process {})", std::process::id())), "{error}");
        drop(first);
        take(&dir, "l").unwrap();
    }
}
