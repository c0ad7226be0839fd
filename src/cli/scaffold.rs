//! `cks-lab lesson new ID`: the files of a lesson that lints clean, passes its own test, and is ready to be filled in.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::output;
use crate::error::{Error, ExitCode, Result};
use crate::lesson::source::Source;
use crate::lesson::{lint, schema};
use crate::text::tr;

/// The lesson that a new one begins as; `LESSON-ID` stands for its id.
static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/lesson");

/// What the template calls the lesson.
const ID: &str = "lesson-id";

/// Makes the directory `into/id`.
pub fn run(id: &str, into: &Path) -> Result<ExitCode> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || id.starts_with('-') || !id.bytes().all(plain) {
        return Err(Error::new(tr!(cli_no_lesson_id { id })).hint(tr!(cli_lesson_id_letters)));
    }
    let dir = into.join(id);
    if dir.exists() {
        return Err(Error::new(tr!(file_is_there { dir: dir.display() })).hint(tr!(cli_take_another_id)));
    }
    write(&TEMPLATE, &dir, id)?;
    schema::write_beside(into)?;
    for problem in lint::lint(&Source::Directory(dir.clone())) {
        output::talk(&problem.to_string());
    }
    output::talk(&tr!(cli_made { dir: dir.display() }));
    Ok(ExitCode::Ok)
}

fn write(from: &Dir<'_>, dir: &Path, id: &str) -> Result<()> {
    for file in from.files() {
        let path = dir.join(file.path());
        let text = file.contents_utf8().unwrap_or_default().replace(ID, id);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|e| Error::new(tr!(file_cannot_be_written { file: path.display() })).why(e))?;
    }
    from.dirs().try_for_each(|inner| write(inner, dir, id))
}
