//! One end of a copy: files that can be looked at, read and written, wherever they are.

use super::wire::Attributes;

/// Why something could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The reason in words, as messages end with it.
    Said(String),
    /// The connection is gone.
    Lost,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said(words) => f.write_str(words),
            Self::Lost => f.write_str("Connection lost"),
        }
    }
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name alone.
    pub name: String,
    /// The line of `ls -l`, where the other side told it.
    pub long: String,
    /// What it is.
    pub attributes: Attributes,
}

/// How messages of one end are worded.
pub struct Wording {
    /// What a path leads to cannot be told; `{}` is the path.
    pub stat: &'static str,
    /// What is copied is no file.
    pub not_regular: &'static str,
    /// A file cannot be opened to be read.
    pub open: &'static str,
    /// A file cannot be opened to be written.
    pub create: &'static str,
    /// A directory cannot be listed.
    pub list: &'static str,
    /// A directory cannot be made.
    pub make: &'static str,
    /// What is said when a directory is begun.
    pub enter: &'static str,
}

impl Wording {
    /// A message about a path.
    pub fn say(template: &str, path: &str) -> String {
        template.replace("{}", path)
    }
}

/// Files of one machine.
pub trait Place {
    /// A file that is open.
    type Handle;
    /// How its messages are worded.
    const WORDING: Wording;

    /// What a path leads to.
    fn stat(&mut self, path: &str) -> Result<Attributes, Fault>;
    /// What is in a directory, without `.` and `..`, by name.
    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Fault>;
    /// Opens a file to be read.
    fn open(&mut self, path: &str) -> Result<Self::Handle, Fault>;
    /// Opens a file to be written, and empties it unless it is to be gone on with.
    fn create(&mut self, path: &str, mode: u32, keep: bool) -> Result<Self::Handle, Fault>;
    /// Reads at most a buffer; 0 at the end.
    fn read(&mut self, handle: &Self::Handle, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault>;
    /// Writes all of some data.
    fn write(&mut self, handle: &Self::Handle, offset: u64, data: &[u8]) -> Result<(), Fault>;
    /// Ends with a file.
    fn close(&mut self, handle: Self::Handle) -> Result<(), Fault>;
    /// Makes a directory.
    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Fault>;
    /// Changes mode, owner or times.
    fn change(&mut self, path: &str, wanted: Attributes) -> Result<(), Fault>;
}

/// A name below a directory.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() || directory.ends_with('/') {
        format!("{directory}{name}")
    } else {
        format!("{directory}/{name}")
    }
}

/// The last part of a path.
pub fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
