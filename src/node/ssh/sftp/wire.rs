//! What is in a packet: numbers, strings, attributes, and the codes of answers.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The longest packet that is taken (OpenSSH's `SFTP_MAX_MSG_LENGTH`).
pub(super) const LONGEST: usize = 256 * 1024;
/// What an answer says of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    Unsupported = 8,
}

impl From<io::Error> for Code {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoSuchFile,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::UnexpectedEof => Self::Eof,
            _ => Self::Failure,
        }
    }
}

impl Code {
    /// What a client tells of the code (`fx2txt` of OpenSSH's sftp-common.c).
    pub fn told(code: u32) -> &'static str {
        match code {
            0 => "Success",
            1 => "End of file",
            2 => "No such file or directory",
            3 => "Permission denied",
            4 => "Failure",
            5 => "Bad message",
            6 => "No connection",
            7 => "Connection lost",
            8 => "Operation unsupported",
            _ => "Unknown status",
        }
    }

    /// OpenSSH's words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "Success",
            Self::Eof => "End of file",
            Self::NoSuchFile => "No such file",
            Self::PermissionDenied => "Permission denied",
            Self::Failure => "Failure",
            Self::BadMessage => "Bad message",
            Self::Unsupported => "Operation unsupported",
        }
    }
}

/// What a packet holds, read from its front.
pub(super) struct Packet<'a>(pub &'a [u8]);

impl<'a> Packet<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Code> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Code::BadMessage)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number.
    pub fn u32(&mut self) -> Result<u32, Code> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| Code::BadMessage)?))
    }

    /// A long number.
    pub fn u64(&mut self) -> Result<u64, Code> {
        Ok(u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| Code::BadMessage)?))
    }

    /// A string.
    pub fn bytes(&mut self) -> Result<&'a [u8], Code> {
        let count = self.u32()?;
        self.take(count as usize)
    }

    /// A path; an empty one is the working directory.
    pub fn path(&mut self) -> Result<PathBuf, Code> {
        let bytes = self.bytes()?;
        Ok(if bytes.is_empty() { ".".into() } else { PathBuf::from(OsStr::from_bytes(bytes)) })
    }

    /// What a file is or is to be.
    pub fn attributes(&mut self) -> Result<Attributes, Code> {
        let flags = self.u32()?;
        let mut found = Attributes::default();
        if flags & 1 != 0 {
            found.size = Some(self.u64()?);
        }
        if flags & 2 != 0 {
            found.owner = Some((self.u32()?, self.u32()?));
        }
        if flags & 4 != 0 {
            found.mode = Some(self.u32()?);
        }
        if flags & 8 != 0 {
            found.times = Some((self.u32()?, self.u32()?));
        }
        Ok(found)
    }
}

/// What a client wants a file to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::node::ssh) struct Attributes {
    /// Its length.
    pub size: Option<u64>,
    /// User and group.
    pub owner: Option<(u32, u32)>,
    /// Permissions, with the kind of file where it is told.
    pub mode: Option<u32>,
    /// When it was read and written last.
    pub times: Option<(u32, u32)>,
}

impl Attributes {
    fn is(self, kind: u32) -> bool {
        self.mode.is_some_and(|mode| mode & 0o170_000 == kind)
    }

    /// Whether it is a directory.
    pub fn is_dir(self) -> bool {
        self.is(0o040_000)
    }

    /// Whether it is a regular file.
    pub fn is_file(self) -> bool {
        self.is(0o100_000)
    }

    /// The attributes as a packet has them.
    pub(super) fn written(self) -> Vec<u8> {
        let flags = u32::from(self.size.is_some())
            | u32::from(self.owner.is_some()) << 1
            | u32::from(self.mode.is_some()) << 2
            | u32::from(self.times.is_some()) << 3;
        let mut out = flags.to_be_bytes().to_vec();
        out.extend(self.size.iter().flat_map(|size| size.to_be_bytes()));
        let pairs = |pair: Option<(u32, u32)>| pair.into_iter().flat_map(|(a, b)| [a, b]);
        let numbers = pairs(self.owner).chain(self.mode).chain(pairs(self.times));
        out.extend(numbers.flat_map(u32::to_be_bytes));
        out
    }
}

/// Appends a string with its length.
pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
    out.extend(bytes);
}
