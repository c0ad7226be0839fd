//! A log file that gets a new name with the time in it when it has grown.
//!
//! Upstream: `gopkg.in/natefinch/lumberjack.v2`, and `ensureLogFile` of `k8s.io/apiserver/pkg/server/options/audit.go`.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::SharedClock;
use crate::container_fs::{ContainerFs, reason};

const MEGABYTE: u64 = 1 << 20;
/// How large a file grows where nobody says.
const MEGABYTES: u64 = 100;
const TIME: &str = "%Y-%m-%dT%H-%M-%S";
const COMPRESSED: &str = ".gz";

/// When a file is renamed, and how long renamed ones are kept; 0 is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) megabytes: u64,
    pub(super) backups: usize,
    pub(super) days: i64,
    pub(super) compress: bool,
}

/// A log file.
pub(super) struct LogFile {
    files: ContainerFs,
    path: String,
    limits: Limits,
    clock: SharedClock,
    open: Option<Open>,
}

struct Open {
    /// `None` where nobody will read it.
    file: Option<File>,
    size: u64,
}

impl LogFile {
    /// Makes the file with the directories that it is in, where they are missing.
    pub(super) fn ensure(
        files: ContainerFs,
        path: &str,
        limits: Limits,
        clock: SharedClock,
    ) -> Result<Self, String> {
        let (directory, _) = split(path);
        files.create_dir_all(directory, 0o700)?;
        files.append(path, 0o600)?;
        Ok(Self { files, path: path.into(), limits, clock, open: None })
    }

    fn most(&self) -> u64 {
        if self.limits.megabytes == 0 { MEGABYTES * MEGABYTE } else { self.limits.megabytes * MEGABYTE }
    }

    /// Writes a line; the error is upstream's sentence.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), String> {
        let length = line.len() as u64;
        if length > self.most() {
            return Err(format!("write length {length} exceeds maximum file size {}", self.most()));
        }
        if self.open.is_none() {
            self.open_existing(length)?;
        }
        if self.open.as_ref().is_some_and(|open| open.size + length > self.most()) {
            self.rotate()?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Some(file) = &mut open.file {
            file.write_all(line).map_err(|error| format!("write {}: {}", self.path, reason(&error)))?;
        }
        open.size += length;
        Ok(())
    }

    fn open_existing(&mut self, length: u64) -> Result<(), String> {
        self.remove_old();
        let Ok(found) = self.files.metadata(&self.path) else { return self.open_new() };
        if found.len() + length >= self.most() {
            return self.rotate();
        }
        match self.files.append(&self.path, 0o600) {
            Ok(file) => self.open = Some(Open { file, size: found.len() }),
            Err(_) => return self.open_new(),
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), String> {
        self.open = None;
        self.open_new()?;
        self.remove_old();
        Ok(())
    }

    fn open_new(&mut self) -> Result<(), String> {
        let (directory, _) = split(&self.path);
        let made = self.files.create_dir_all(directory, 0o755);
        made.map_err(|why| format!("can't make directories for new logfile: {why}"))?;
        let mut mode = 0o600;
        if let Ok(found) = self.files.metadata(&self.path) {
            mode = found.mode() & 0o7777;
            let renamed = self.files.rename(&self.path, &self.backup_name());
            renamed.map_err(|why| format!("can't rename log file: {why}"))?;
        }
        let file = self.files.append(&self.path, mode);
        let file = file.map_err(|why| format!("can't open new logfile: {why}"))?;
        self.open = Some(Open { file, size: 0 });
        Ok(())
    }

    /// `audit-2026-11-27T17-26-04.442.log`
    fn backup_name(&self) -> String {
        let (directory, name) = split(&self.path);
        let (stem, extension) = stem(name);
        let now = self.clock.now();
        let time = now.to_zoned(TimeZone::UTC).strftime(TIME).to_string();
        let millis = now.subsec_millisecond();
        join(directory, &format!("{stem}-{time}.{millis:03}{extension}"))
    }

    /// Removes what is too old or too much, and compresses the rest if that is asked for (`millRunOnce`).
    fn remove_old(&self) {
        let Limits { backups, days, compress, .. } = self.limits;
        if backups == 0 && days == 0 && !compress {
            return;
        }
        let (directory, _) = split(&self.path);
        let mut kept: Vec<(Timestamp, String)> = self.old();
        kept.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let oldest = (days > 0).then(|| {
            let age = SignedDuration::from_hours(24 * days);
            self.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
        });
        let mut names: Vec<&str> = Vec::new();
        for (at, name) in &kept {
            let plain = name.strip_suffix(COMPRESSED).unwrap_or(name);
            if !names.contains(&plain) {
                names.push(plain);
            }
            let too_many = backups > 0 && names.len() > backups;
            let path = join(directory, name);
            if too_many || oldest.is_some_and(|oldest| *at < oldest) {
                let _ = self.files.remove(&path);
            } else if compress && !name.ends_with(COMPRESSED) {
                let _ = self.compress(&path);
            }
        }
    }

    fn compress(&self, path: &str) -> Result<(), String> {
        let content = self.files.read(path)?;
        let Some(file) = self.files.append(&format!("{path}{COMPRESSED}"), 0o600)? else { return Ok(()) };
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        let packed = packer.write_all(&content).and_then(|()| packer.finish().map(|_| ()));
        packed.map_err(|error| error.to_string())?;
        self.files.remove(path).map_err(|error| error.to_string())
    }

    /// The renamed files with the times in their names.
    fn old(&self) -> Vec<(Timestamp, String)> {
        let (directory, name) = split(&self.path);
        let (stem, extension) = stem(name);
        let names = self.files.list(directory).unwrap_or_default();
        let dated = names.into_iter().filter_map(|name| {
            let name = name.into_string().ok()?;
            let plain = name.strip_suffix(COMPRESSED).unwrap_or(&name);
            let time = plain.strip_prefix(stem)?.strip_prefix('-')?.strip_suffix(extension)?;
            let at = DateTime::strptime(format!("{TIME}.%f"), time).ok()?;
            Some((at.to_zoned(TimeZone::UTC).ok()?.timestamp(), name))
        });
        dated.collect()
    }
}

/// Directory and name.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => (".", path),
    }
}

fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

/// A name's part before its extension, and the extension with its point.
fn stem(name: &str) -> (&str, &str) {
    name.rfind('.').map_or((name, ""), |at| name.split_at(at))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::clock::FixedClock;

    fn names(dir: &std::path::Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_has_grown_gets_another_name_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let at: Timestamp = "2026-11-27T17:26:04Z".parse().unwrap();
        let clock = Arc::new(FixedClock::at(at.as_second()));
        let limits = Limits { megabytes: 1, backups: 2, days: 3, compress: false };
        let files = ContainerFs::whole(dir.path());
        let open = || LogFile::ensure(files.clone(), "/log/audit.log", limits, clock.clone()).unwrap();
        let mut log = open();
        let most = vec![b'x'; usize::try_from(MEGABYTE).unwrap()];
        let log_dir = dir.path().join("log");
        log.write(b"first\n").unwrap();
        log.write(&most).unwrap();
        assert_eq!(names(&log_dir), ["audit-2026-11-27T17-26-04.000.log", "audit.log"]);
        assert_eq!(std::fs::read(log_dir.join("audit-2026-11-27T17-26-04.000.log")).unwrap(), b"first\n");
        // A file that is full already is not opened again.
        drop(log);
        clock.advance(1);
        let mut log = open();
        log.write(b"x").unwrap();
        clock.advance(1);
        log.write(&most).unwrap();
        assert_eq!(
            names(&log_dir),
            ["audit-2026-11-27T17-26-05.000.log", "audit-2026-11-27T17-26-06.000.log", "audit.log"]
        );
        clock.advance(4 * 24 * 3600);
        log.write(b"x").unwrap();
        assert_eq!(names(&log_dir), ["audit-2026-12-01T17-26-06.000.log", "audit.log"]);
        let why = log.write(&vec![b'x'; most.len() + 1]).unwrap_err();
        assert_eq!(why, "write length 1048577 exceeds maximum file size 1048576");
    }
}
