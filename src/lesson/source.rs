//! Where a lesson's files come from: the binary itself, or a directory.
//!
//! A directory is somebody else's: sizes are limited and no path leaves it.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::error::{Error, Result};
use crate::text::tr;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/lessons");

/// How large one file may be.
pub const FILE_LIMIT: u64 = 256 << 10;

/// The files of one lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Inside the binary, by the lesson's id.
    Embedded(String),
    /// A directory.
    Directory(PathBuf),
}

impl Source {
    /// What messages call a file of it.
    pub fn shown(&self, file: &str) -> String {
        match self {
            Self::Embedded(id) => format!("lessons/{id}/{file}"),
            Self::Directory(dir) => dir.join(file).display().to_string(),
        }
    }

    /// Reads a text file; `None` where there is none.
    pub fn read(&self, file: &str) -> Result<Option<String>> {
        if !is_inside(file) {
            return Err(
                Error::new(tr!(lesson_not_a_file { file: self.shown(file) })).hint(tr!(lesson_name_relative))
            );
        }
        match self {
            Self::Embedded(id) => Ok(EMBEDDED
                .get_file(format!("{id}/{file}"))
                .and_then(|f| f.contents_utf8())
                .map(str::to_owned)),
            Self::Directory(dir) => {
                let shown = self.shown(file);
                let text = read_below(dir, file, &shown)?.map(String::from_utf8).transpose();
                text.map_err(|e| Error::new(tr!(lesson_not_utf8 { shown })).why(e))
            }
        }
    }

    /// Reads any file of a directory; `None` where there is none.
    pub fn bytes(&self, file: &str) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Directory(dir) if is_inside(file) => read_below(dir, file, &self.shown(file)),
            _ => Ok(self.read(file)?.map(String::into_bytes)),
        }
    }

    /// The files below one of its directories that a name with `*` in its last part means, in order.
    pub fn matching(&self, below: &str, name: &str) -> Result<Vec<String>> {
        let (dir, last) = name
            .rsplit_once('/')
            .map_or((below.to_owned(), name), |(dir, last)| (format!("{below}/{dir}"), last));
        let whole = format!("{dir}/{last}");
        let Self::Directory(root) = self else { return Ok(vec![whole]) };
        if !last.contains('*') || !is_inside(&dir) {
            return Ok(self.bytes(&whole)?.map(|_| whole).into_iter().collect());
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(root.join(&dir)).into_iter().flatten().take(1000).flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            match entry.file_name().to_str() {
                Some(file) if is_file && fits(last, file) => found.push(format!("{dir}/{file}")),
                _ => {}
            }
        }
        found.sort();
        Ok(found)
    }

    /// Reads a text file that must be there.
    pub fn require(&self, file: &str) -> Result<String> {
        self.read(file)?.ok_or_else(|| Error::new(tr!(file_missing { file: self.shown(file) })))
    }
}

/// The lesson that one begins with: it comes first, and is offered where none is named.
const FIRST: &str = "apiserver-node-restriction";

/// The lessons inside the binary, in the order in which they are offered.
pub fn embedded() -> Vec<Source> {
    let mut ids: Vec<String> = EMBEDDED
        .dirs()
        .filter(|d| d.get_file(d.path().join("lesson.yaml")).is_some())
        .filter_map(|d| Some(d.path().to_str()?.to_owned()))
        .collect();
    ids.sort_by_key(|id| (id != FIRST, id.clone()));
    ids.into_iter().map(Source::Embedded).collect()
}

/// The lessons in a directory: the directory itself is one, or each of its subdirectories that has a `lesson.yaml`; where there
/// is none, as in a repository of lessons, those in its subdirectory `lessons`.
pub fn in_directory(dir: &Path) -> Result<Vec<Source>> {
    if dir.join("lesson.yaml").is_file() {
        return Ok(vec![Source::Directory(dir.to_owned())]);
    }
    let found = below(dir)?;
    let inner = dir.join("lessons");
    if found.is_empty() && inner.is_dir() { below(&inner) } else { Ok(found) }
}

fn below(dir: &Path) -> Result<Vec<Source>> {
    let cannot = |e: std::io::Error| {
        Error::new(tr!(lesson_dir_not_read { dir: dir.display() })).why(e).hint(tr!(lesson_dir_how))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(cannot)?.take(1000) {
        let path = entry.map_err(cannot)?.path();
        if path.join("lesson.yaml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found.into_iter().map(Source::Directory).collect())
}

/// Whether a path names something below where it starts.
pub fn is_inside(file: &str) -> bool {
    !file.is_empty()
        && !file.contains('\0')
        && Path::new(file).components().all(|c| matches!(c, Component::Normal(_)))
}

/// Whether a name is what a pattern with `*` means; a leading dot must be named.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) =
        name.strip_prefix(first).filter(|_| first.starts_with('.') || !name.starts_with('.'))
    else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn read_below(dir: &Path, file: &str, shown: &str) -> Result<Option<Vec<u8>>> {
    let cannot = |e: std::io::Error| Error::new(tr!(file_cannot_be_read { file: shown })).why(e);
    let path = dir.join(file);
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot(e)),
    };
    if !real.starts_with(dir.canonicalize().map_err(cannot)?) {
        return Err(Error::new(tr!(lesson_leads_out { shown })).hint(tr!(lesson_copy_it)));
    }
    let meta = std::fs::metadata(&real).map_err(cannot)?;
    if !meta.is_file() {
        return Err(Error::new(tr!(lesson_not_regular { shown })));
    }
    let mut text = Vec::new();
    let opened = std::fs::File::open(&real).map_err(cannot)?;
    opened.take(FILE_LIMIT + 1).read_to_end(&mut text).map_err(cannot)?;
    if text.len() as u64 > FILE_LIMIT {
        return Err(Error::new(tr!(lesson_too_large { shown, size: FILE_LIMIT >> 10 })));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_star_means_any_characters() {
        for (pattern, name, fit) in [
            ("*", "a.sh", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.sh", "a.sh", true),
            ("*.sh", "a.sh.bak", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "ac", false),
            ("ab*ba", "aba", false),
            ("a", "a", true),
            ("a", "ab", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    #[test]
    fn no_path_leaves_the_lesson() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
        std::fs::write(dir.path().join("big"), vec![b'a'; FILE_LIMIT as usize + 1]).unwrap();
        std::fs::write(dir.path().join("bad"), [0xff]).unwrap();
        std::fs::write(dir.path().join("good"), "text").unwrap();
        let source = Source::Directory(dir.path().to_owned());
        for (file, message) in [
            ("../secret", "is not a file of the lesson"),
            ("/etc/passwd", "is not a file of the lesson"),
            ("", "is not a file of the lesson"),
            ("link", "leads out of the lesson's directory"),
            ("big", "is larger than 256 KiB"),
            ("bad", "is not UTF-8"),
            (".", "is not a file of the lesson"),
        ] {
            let error = source.read(file).unwrap_err().to_string();
            assert!(error.contains(message), "{file}: {error}");
        }
        assert_eq!(source.read("good").unwrap().as_deref(), Some("text"));
        assert_eq!(source.read("none").unwrap(), None);
    }
}
