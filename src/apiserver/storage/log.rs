//! The store's file: records appended one after the other, written anew with only what lives when it has grown.
//!
//! ```text
//! record: length (u32, little endian) | CRC-32 of the payload (u32, little endian) | payload (JSON)
//! ```
//! A change is one `write` and so is on its way to the disk whole or not at all when the process is killed. What a
//! power cut or a bad disk left behind is moved to a file of its own, and the store goes on from the last good record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::Key;

/// The file is written anew when it has grown by this much, and by as much as it then had.
const GROWTH: u64 = 4 << 20;
/// No record is larger; a length beyond it is damage.
const LARGEST: usize = 64 << 20;

/// A change, as it is written.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Record<'a> {
    /// An object as it is now.
    Put {
        /// Where.
        key: &'a Key,
        /// Its resource version.
        revision: u64,
        /// The object.
        object: &'a RawValue,
    },
    /// An object went.
    Delete {
        /// Where.
        key: &'a Key,
        /// The deletion's resource version.
        revision: u64,
    },
    /// The resource version that a file begins at.
    Revision {
        /// It.
        revision: u64,
    },
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum OwnedRecord {
    Put { key: Key, revision: u64, object: Value },
    Delete { key: Key, revision: u64 },
    Revision { revision: u64 },
}

/// What a file held.
#[derive(Default)]
pub struct Kept {
    /// The newest resource version.
    pub revision: u64,
    /// The objects that live.
    pub objects: Vec<(Key, u64, Value)>,
}

/// The open file.
pub struct Log {
    path: PathBuf,
    file: File,
    size: u64,
    compacted: u64,
}

impl Log {
    /// Opens the file in `dir`, or makes it; what cannot be read is set aside and told in a notice.
    pub fn open(dir: &Path) -> io::Result<(Self, Kept, Vec<String>)> {
        fs::create_dir_all(dir)?;
        let path = dir.join("log");
        let mut file = private().read(true).open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (kept, good) = replay(&bytes);
        let mut notices = Vec::new();
        if good < bytes.len() {
            let aside = set_aside(dir, &bytes[good..])?;
            notices.push(format!(
                "the end of {} was damaged: {} bytes were moved to {}, everything before them is kept",
                path.display(),
                bytes.len() - good,
                aside.display()
            ));
            file.set_len(good as u64)?;
        }
        file.seek(SeekFrom::Start(good as u64))?;
        let size = good as u64;
        Ok((Self { path, file, size, compacted: size }, kept, notices))
    }

    /// Appends a record. A disk that does not take it whole leaves the file as it was.
    pub fn append(&mut self, record: &Record<'_>) -> io::Result<()> {
        let frame = frame(record)?;
        if let Err(error) = self.file.write_all(&frame) {
            let _ = self.file.set_len(self.size);
            let _ = self.file.seek(SeekFrom::Start(self.size));
            return Err(error);
        }
        self.size += frame.len() as u64;
        Ok(())
    }

    /// Whether the file has grown so much that it should be written anew.
    pub fn wants_compaction(&self) -> bool {
        self.size > 2 * self.compacted + GROWTH
    }

    /// Writes the file anew with `live` objects and then `last`. A disk that is too full for that keeps the old file.
    pub fn compact<'a>(
        &mut self,
        revision: u64,
        live: impl Iterator<Item = (&'a Key, u64, &'a Value)>,
        last: &Record<'_>,
    ) -> io::Result<()> {
        let temporary = self.path.with_extension("new");
        match write_anew(&temporary, revision, live, last) {
            Ok((file, size)) => {
                fs::rename(&temporary, &self.path)?;
                (self.file, self.size, self.compacted) = (file, size, size);
            }
            Err(_) => {
                let _ = fs::remove_file(&temporary);
                // Try again only after as much growth again.
                self.compacted = self.size;
            }
        }
        Ok(())
    }
}

fn write_anew<'a>(
    path: &Path,
    revision: u64,
    live: impl Iterator<Item = (&'a Key, u64, &'a Value)>,
    last: &Record<'_>,
) -> io::Result<(File, u64)> {
    let mut bytes = frame(&Record::Revision { revision })?;
    for (key, revision, object) in live {
        bytes.extend(frame(&Record::Put { key, revision, object: &text(object)? })?);
    }
    bytes.extend(frame(last)?);
    let mut file = private().truncate(true).open(path)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    Ok((file, bytes.len() as u64))
}

/// An object as it is written.
pub fn text(object: &Value) -> io::Result<Box<RawValue>> {
    Ok(to_raw_value(object)?)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn frame(record: &Record<'_>) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 8];
    serde_json::to_writer(&mut frame, record)?;
    let length = u32::try_from(frame.len() - 8).map_err(io::Error::other)?;
    let sum = crc32fast::hash(&frame[8..]);
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..8].copy_from_slice(&sum.to_le_bytes());
    Ok(frame)
}

/// Reads records until the end or the first damage; returns how many bytes were good.
fn replay(bytes: &[u8]) -> (Kept, usize) {
    let mut objects = std::collections::BTreeMap::new();
    let mut newest = 0;
    let mut at = 0;
    while let Some((record, length)) = read_record(&bytes[at..]) {
        match record {
            OwnedRecord::Put { key, revision, object } => {
                newest = revision.max(newest);
                objects.insert(key, (revision, object));
            }
            OwnedRecord::Delete { key, revision } => {
                newest = revision.max(newest);
                objects.remove(&key);
            }
            OwnedRecord::Revision { revision } => newest = revision.max(newest),
        }
        at += length;
    }
    let objects = objects.into_iter().map(|(key, (revision, object))| (key, revision, object)).collect();
    (Kept { revision: newest, objects }, at)
}

fn read_record(bytes: &[u8]) -> Option<(OwnedRecord, usize)> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let length = usize::try_from(word(0)?).ok().filter(|l| *l <= LARGEST)?;
    let payload = bytes.get(8..8 + length)?;
    if crc32fast::hash(payload) != word(4)? {
        return None;
    }
    Some((serde_json::from_slice(payload).ok()?, 8 + length))
}

fn set_aside(dir: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    for number in 1.. {
        let path = dir.join(format!("damaged-{number}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
