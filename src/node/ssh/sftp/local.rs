//! This machine's files as one end of a copy.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};

use super::place::{Entry, Fault, Place, Wording};
use super::wire::Attributes;

/// This machine's files.
pub struct Local;

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let text = error.to_string();
        Self::Said(text.split(" (os error").next().unwrap_or_default().to_owned())
    }
}

fn attributes(metadata: &fs::Metadata) -> Attributes {
    let seconds = |at: i64| u32::try_from(at).unwrap_or(0);
    Attributes {
        size: Some(metadata.size()),
        owner: Some((metadata.uid(), metadata.gid())),
        mode: Some(metadata.mode()),
        times: Some((seconds(metadata.atime()), seconds(metadata.mtime()))),
    }
}

impl Place for Local {
    type Handle = File;
    const WORDING: Wording = Wording {
        stat: "stat local \"{}\"",
        not_regular: "local \"{}\" is not a regular file",
        open: "open local \"{}\"",
        create: "open local \"{}\"",
        list: "local opendir \"{}\"",
        make: "mkdir {}",
        enter: "Entering {}",
    };

    fn stat(&mut self, path: &str) -> Result<Attributes, Fault> {
        Ok(attributes(&fs::metadata(path)?))
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Fault> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // What went away meanwhile is not copied.
            if let Ok(metadata) = fs::metadata(entry.path()) {
                found.push(Entry { name, long: String::new(), attributes: attributes(&metadata) });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn open(&mut self, path: &str) -> Result<File, Fault> {
        Ok(File::open(path)?)
    }

    fn create(&mut self, path: &str, mode: u32, keep: bool) -> Result<File, Fault> {
        let mode = mode & 0o777 | 0o200;
        Ok(OpenOptions::new().write(true).create(true).truncate(!keep).mode(mode).open(path)?)
    }

    fn read(&mut self, handle: &File, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        Ok(handle.read_at(buffer, offset)?)
    }

    fn write(&mut self, handle: &File, offset: u64, data: &[u8]) -> Result<(), Fault> {
        Ok(handle.write_all_at(data, offset)?)
    }

    fn close(&mut self, _: File) -> Result<(), Fault> {
        Ok(())
    }

    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Fault> {
        use std::os::unix::fs::DirBuilderExt;
        Ok(fs::DirBuilder::new().mode(mode & 0o777 | 0o700).create(path)?)
    }

    fn change(&mut self, path: &str, wanted: Attributes) -> Result<(), Fault> {
        if let Some(mode) = wanted.mode {
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777))?;
        }
        if let Some((accessed, modified)) = wanted.times {
            let at = |seconds: u32| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into());
            let times = fs::FileTimes::new().set_accessed(at(accessed)).set_modified(at(modified));
            File::open(path)?.set_times(times)?;
        }
        Ok(())
    }
}
