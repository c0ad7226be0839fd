//! The server of `scp` and `sftp`, on standard input and output, for machines without OpenSSH's; it runs on the node, with the node's files.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use super::listing;
use super::wire::{Attributes, Code, LONGEST, Packet, text};

/// The most bytes of a file in one answer.
const MOST: usize = 64 * 1024;
/// The most names in one answer.
const NAMES: usize = 100;

/// What a handle stands for.
enum Open {
    File { file: File, append: bool },
    Directory { path: PathBuf, names: Vec<OsString> },
}

/// An answer: the packet's type and what follows its id.
type Answer = (u8, Vec<u8>);

#[derive(Default)]
struct Server {
    open: HashMap<Vec<u8>, Open>,
    last: u32,
}

/// Serves standard input until its end; the exit status comes back.
pub fn main(_args: Vec<OsString>) -> i32 {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => 0,
        Err(_) => 255,
    }
}

/// Serves one client until it goes.
fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut server = Server::default();
    let mut length = [0; 4];
    loop {
        match input.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 || length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut packet = vec![0; length];
        input.read_exact(&mut packet)?;
        let answer = server.packet(&packet);
        let size = u32::try_from(answer.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        output.write_all(&size.to_be_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
}

fn status(code: Code) -> Answer {
    let mut out = (code as u32).to_be_bytes().to_vec();
    text(&mut out, code.words().as_bytes());
    text(&mut out, b"");
    (101, out)
}

/// A line as `ls -l` has it.
fn long_name(name: &OsStr, metadata: &Metadata) -> Vec<u8> {
    let owner = |id: u32| if id == 0 { "root".to_owned() } else { id.to_string() };
    let mut line = listing::long(&listing::Long {
        mode: metadata.mode(),
        links: metadata.nlink().to_string(),
        user: owner(metadata.uid()),
        group: owner(metadata.gid()),
        size: metadata.size().to_string(),
        modified: metadata.mtime(),
    })
    .into_bytes();
    line.extend(name.as_bytes());
    line
}

fn described(metadata: &Metadata) -> Vec<u8> {
    let small = |n: i64| u32::try_from(n).unwrap_or(0).to_be_bytes();
    let mut out = 15_u32.to_be_bytes().to_vec();
    out.extend(metadata.size().to_be_bytes());
    out.extend(metadata.uid().to_be_bytes());
    out.extend(metadata.gid().to_be_bytes());
    out.extend(metadata.mode().to_be_bytes());
    out.extend(small(metadata.atime()));
    out.extend(small(metadata.mtime()));
    out
}

impl Server {
    fn packet(&mut self, packet: &[u8]) -> Vec<u8> {
        let kind = packet[0];
        let mut rest = Packet(&packet[1..]);
        if kind == 1 {
            let mut hello = [&[2][..], &3_u32.to_be_bytes()].concat();
            text(&mut hello, b"statvfs@openssh.com");
            text(&mut hello, b"2");
            return hello;
        }
        let id = rest.u32().unwrap_or(0);
        let (kind, content) = self.answer(kind, &mut rest).unwrap_or_else(status);
        [&[kind][..], &id.to_be_bytes(), &content].concat()
    }

    fn answer(&mut self, kind: u8, rest: &mut Packet<'_>) -> Result<Answer, Code> {
        match kind {
            3 => self.open_file(rest),
            4 => self.open.remove(rest.bytes()?).map(|_| status(Code::Ok)).ok_or(Code::Failure),
            5 => self.read(rest),
            6 => self.write(rest),
            7 => Ok((105, described(&fs::symlink_metadata(rest.path()?)?))),
            8 => Ok((105, described(&self.file(rest.bytes()?)?.0.metadata()?))),
            9 => {
                let (path, wanted) = (rest.path()?, rest.attributes()?);
                change(&path, &wanted)?;
                Ok(status(Code::Ok))
            }
            10 => {
                let handle = rest.bytes()?;
                let wanted = rest.attributes()?;
                change_file(self.file(handle)?.0, &wanted)?;
                Ok(status(Code::Ok))
            }
            11 => self.open_directory(rest.path()?),
            12 => self.read_directory(rest.bytes()?),
            13 => done(fs::remove_file(rest.path()?)),
            14 => {
                let (path, wanted) = (rest.path()?, rest.attributes()?);
                fs::create_dir(&path)?;
                done(wanted.mode.map_or(Ok(()), |mode| {
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777))
                }))
            }
            15 => done(fs::remove_dir(rest.path()?)),
            16 => {
                let path = rest.path()?;
                let real = fs::canonicalize(&path).or_else(|_| std::path::absolute(&path))?;
                Ok(names([(real.into_os_string(), None)]))
            }
            17 => Ok((105, described(&fs::metadata(rest.path()?)?))),
            18 => {
                let (from, to) = (rest.path()?, rest.path()?);
                if fs::symlink_metadata(&to).is_ok() {
                    Err(Code::Failure)
                } else {
                    done(fs::rename(from, to))
                }
            }
            19 => Ok(names([(fs::read_link(rest.path()?)?.into_os_string(), None)])),
            20 => {
                let (target, link) = (rest.path()?, rest.path()?);
                done(std::os::unix::fs::symlink(target, link))
            }
            200 if rest.bytes()? == b"statvfs@openssh.com" => Ok((201, file_system(&rest.path()?)?)),
            _ => Err(Code::Unsupported),
        }
    }

    fn keep(&mut self, open: Open) -> Answer {
        self.last = self.last.wrapping_add(1);
        let handle = self.last.to_be_bytes().to_vec();
        let mut out = Vec::new();
        text(&mut out, &handle);
        self.open.insert(handle, open);
        (102, out)
    }

    fn file(&self, handle: &[u8]) -> Result<(&File, bool), Code> {
        match self.open.get(handle) {
            Some(Open::File { file, append }) => Ok((file, *append)),
            _ => Err(Code::Failure),
        }
    }

    fn open_file(&mut self, rest: &mut Packet<'_>) -> Result<Answer, Code> {
        let (path, flags, wanted) = (rest.path()?, rest.u32()?, rest.attributes()?);
        let (read, write, append) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        let (create, truncate, new) = (flags & 8 != 0, flags & 16 != 0, flags & 32 != 0);
        let mut options = OpenOptions::new();
        options.read(read || !write).write(write).append(append).mode(wanted.mode.unwrap_or(0o666) & 0o7777);
        options
            .create(create && write && !new)
            .truncate(truncate && write && !append)
            .create_new(create && new && write);
        let file = options.open(path)?;
        if file.metadata()?.is_dir() {
            return Err(Code::Failure);
        }
        Ok(self.keep(Open::File { file, append }))
    }

    fn read(&mut self, rest: &mut Packet<'_>) -> Result<Answer, Code> {
        let (handle, offset, length) = (rest.bytes()?, rest.u64()?, rest.u32()?);
        let mut buffer = vec![0; (length as usize).min(MOST)];
        let count = self.file(handle)?.0.read_at(&mut buffer, offset)?;
        if count == 0 {
            return Err(Code::Eof);
        }
        let mut out = Vec::new();
        text(&mut out, &buffer[..count]);
        Ok((103, out))
    }

    fn write(&mut self, rest: &mut Packet<'_>) -> Result<Answer, Code> {
        let (handle, offset, data) = (rest.bytes()?, rest.u64()?, rest.bytes()?);
        let (mut file, append) = self.file(handle)?;
        done(if append { file.write_all(data) } else { file.write_all_at(data, offset) })
    }

    fn open_directory(&mut self, path: PathBuf) -> Result<Answer, Code> {
        let mut found: Vec<OsString> =
            fs::read_dir(&path)?.flatten().map(|entry| entry.file_name()).collect();
        found.sort();
        // From the end, as they are taken.
        found.extend([OsString::from("."), OsString::from("..")]);
        found.rotate_right(2);
        found.reverse();
        Ok(self.keep(Open::Directory { path, names: found }))
    }

    fn read_directory(&mut self, handle: &[u8]) -> Result<Answer, Code> {
        let Some(Open::Directory { path, names: left }) = self.open.get_mut(handle) else {
            return Err(Code::Failure);
        };
        let mut some = Vec::new();
        while some.len() < NAMES {
            let Some(name) = left.pop() else { break };
            // What went away meanwhile is not listed.
            if let Ok(metadata) = fs::symlink_metadata(path.join(&name)) {
                some.push((name, Some(metadata)));
            }
        }
        if some.is_empty() { Err(Code::Eof) } else { Ok(names(some)) }
    }
}

/// What statvfs(2) says, as OpenSSH's PROTOCOL orders it.
fn file_system(path: &std::path::Path) -> Result<Vec<u8>, Code> {
    let of = rustix::fs::statvfs(path).map_err(io::Error::from)?;
    let flags = u64::from(of.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
        | u64::from(of.f_flag.contains(rustix::fs::StatVfsMountFlags::NOSUID)) << 1;
    let numbers = [
        of.f_bsize,
        of.f_frsize,
        of.f_blocks,
        of.f_bfree,
        of.f_bavail,
        of.f_files,
        of.f_ffree,
        of.f_favail,
        of.f_fsid,
        flags,
        of.f_namemax,
    ];
    Ok(numbers.into_iter().flat_map(u64::to_be_bytes).collect())
}

fn done(result: io::Result<()>) -> Result<Answer, Code> {
    result?;
    Ok(status(Code::Ok))
}

fn names(all: impl IntoIterator<Item = (OsString, Option<Metadata>)>) -> Answer {
    let (mut count, mut list) = (0_u32, Vec::new());
    for (name, metadata) in all {
        count += 1;
        let bytes = name.into_vec();
        text(&mut list, &bytes);
        match metadata {
            Some(metadata) => {
                text(&mut list, &long_name(OsStr::from_bytes(&bytes), &metadata));
                list.extend(described(&metadata));
            }
            None => {
                text(&mut list, &bytes);
                list.extend(0_u32.to_be_bytes());
            }
        }
    }
    (104, [&count.to_be_bytes()[..], &list].concat())
}

fn change(path: &std::path::Path, wanted: &Attributes) -> Result<(), Code> {
    if wanted.size.is_some() || wanted.times.is_some() {
        let file = OpenOptions::new().write(wanted.size.is_some()).read(wanted.size.is_none()).open(path)?;
        change_file(&file, &Attributes { size: wanted.size, times: wanted.times, ..Attributes::default() })?;
    }
    if let Some((user, group)) = wanted.owner {
        std::os::unix::fs::chown(path, Some(user), Some(group))?;
    }
    if let Some(mode) = wanted.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7777))?;
    }
    Ok(())
}

fn change_file(file: &File, wanted: &Attributes) -> Result<(), Code> {
    if let Some(size) = wanted.size {
        file.set_len(size)?;
    }
    if let Some((user, group)) = wanted.owner {
        std::os::unix::fs::fchown(file, Some(user), Some(group))?;
    }
    if let Some(mode) = wanted.mode {
        file.set_permissions(fs::Permissions::from_mode(mode & 0o7777))?;
    }
    if let Some((accessed, modified)) = wanted.times {
        let at = |seconds: u32| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.into());
        file.set_times(fs::FileTimes::new().set_accessed(at(accessed)).set_modified(at(modified)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A client of one server: sends a packet, reads the answer's type and what follows the id.
    struct Client(Server);

    impl Client {
        fn ask(&mut self, kind: u8, parts: &[&[u8]]) -> (u8, Vec<u8>) {
            let answer = self.0.packet(&[&[kind][..], &7_u32.to_be_bytes(), &parts.concat()].concat());
            assert_eq!(answer[1..5], 7_u32.to_be_bytes());
            (answer[0], answer[5..].to_vec())
        }
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        text(&mut out, bytes);
        out
    }

    fn code(answer: &(u8, Vec<u8>)) -> u32 {
        assert_eq!(answer.0, 101);
        u32::from_be_bytes(answer.1[..4].try_into().unwrap())
    }

    #[test]
    fn files_are_written_read_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| string(dir.path().join(name).as_os_str().as_bytes());
        let mut client = Client(Server::default());
        let mode = [&4_u32.to_be_bytes()[..], &0o640_u32.to_be_bytes()].concat();
        let (kind, handle) = client.ask(3, &[&at("a"), &(2_u32 | 8 | 16).to_be_bytes(), &mode]);
        assert_eq!(kind, 102);
        assert_eq!(code(&client.ask(6, &[&handle, &0_u64.to_be_bytes(), &string(b"hello")])), 0);
        assert_eq!(code(&client.ask(4, &[&handle])), 0);
        assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"hello");
        assert_eq!(fs::metadata(dir.path().join("a")).unwrap().mode() & 0o777, 0o640);
        let (_, handle) = client.ask(3, &[&at("a"), &1_u32.to_be_bytes(), &0_u32.to_be_bytes()]);
        let (kind, data) = client.ask(5, &[&handle, &1_u64.to_be_bytes(), &100_u32.to_be_bytes()]);
        assert_eq!((kind, data), (103, string(b"ello")));
        assert_eq!(
            code(&client.ask(5, &[&handle, &5_u64.to_be_bytes(), &1_u32.to_be_bytes()])),
            1,
            "the end"
        );
        let (kind, handle) = client.ask(11, &[&string(dir.path().as_os_str().as_bytes())]);
        assert_eq!(kind, 102);
        let (kind, list) = client.ask(12, &[&handle]);
        assert_eq!((kind, &list[..4]), (104, &3_u32.to_be_bytes()[..]));
        let list = String::from_utf8_lossy(&list).into_owned();
        assert!(list.contains("-rw-r-----    1 ") && list.contains("        5 "), "{list}");
        assert_eq!(code(&client.ask(12, &[&handle])), 1);
        assert_eq!(code(&client.ask(18, &[&at("a"), &at("b")])), 0);
        assert_eq!(code(&client.ask(13, &[&at("a")])), 2, "no such file");
        assert_eq!(code(&client.ask(20, &[&string(b"b"), &at("link")])), 0);
        assert!(fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
        assert_eq!(code(&client.ask(13, &[&at("b")])), 0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut client = Client(Server::default());
        assert_eq!(code(&client.ask(99, &[])), 8);
        assert_eq!(code(&client.ask(3, &[&[0, 0, 0, 9], b"x"])), 5);
        assert_eq!(
            code(&client.ask(5, &[&string(b"no handle"), &0_u64.to_be_bytes(), &1_u32.to_be_bytes()])),
            4
        );
        let mut input = &[0xff_u8, 0xff, 0xff, 0xff, 1][..];
        assert!(serve(&mut input, &mut Vec::new()).is_err(), "a packet that is too long");
    }
}
