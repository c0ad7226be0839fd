//! The file behind a text.

use std::io::{self, Read, Write};
use std::path::Path;

/// The largest file that is opened, in bytes.
const LARGEST: u64 = 16 << 20;

/// What was found at a path.
#[derive(Debug)]
pub enum Found {
    /// A text.
    Text(String),
    /// Nothing yet.
    New,
}

/// Reads a file; what is not UTF-8, too large or no file is refused, so that saving never damages it.
pub fn read(path: &Path) -> Result<Found, String> {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::New),
        Err(e) => return Err(format!("\"{shown}\" {e}")),
    };
    if metadata.is_dir() {
        return Err(format!("\"{shown}\" is a directory"));
    }
    if !metadata.is_file() {
        return Err(format!("\"{shown}\" is not a file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| format!("\"{shown}\" {e}"))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| format!("\"{shown}\" {e}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("\"{shown}\" is larger than this editor opens"));
    }
    String::from_utf8(bytes).map(Found::Text).map_err(|_| format!("\"{shown}\" is not UTF-8 text"))
}

/// Writes a file in its place.
///
/// No second file is made beside it, not even for a moment: in a kubelet's manifests directory it would be a second pod. Owner and
/// mode stay.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let attempt = || -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    attempt().map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound => {
            format!("\"{}\" E212: Can't open file for writing", path.display())
        }
        _ => format!("\"{}\" E514: Write error ({e})", path.display()),
    })
}
