//! Takes over killercoda scenarios (and Katacoda's, which came before): `index.json` with its texts and scripts becomes a
//! lesson; `structure.json`, a course, becomes several.
//!
//! ```text
//! index.json -> scenario (keys, unknown ones told with their line) -> text (markers, details, highlights)
//!     -> lesson.yaml, en/*.md, setup/, verify/, solution/   (files, written into a new directory)
//! ```
//! Nothing of a scenario is run here: its scripts become the lesson's setup and checks, which run on the lab's nodes when
//! somebody starts the lesson. No path leaves the scenario's directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::lint::Problem;
use super::source::Source;
use crate::error::{Context, Error, Result};
use crate::text::tr;

pub mod files;
pub mod scenario;
pub mod text;

/// How deep a course may be nested, and how many scenarios it may have.
const DEPTH: usize = 5;
const MANY: usize = 500;

/// What became of an import.
#[derive(Debug, Default)]
pub struct Imported {
    /// The lessons' new directories.
    pub lessons: Vec<PathBuf>,
    /// What could not be taken over, or only with a change.
    pub warnings: Vec<Problem>,
}

/// Imports a scenario, or all of a course, each into a new directory below `into`.
///
/// # Errors
///
/// Where there is no scenario, a path leaves its directory, or a lesson of that id is there already. What was written
/// before stays.
pub fn import(from: &Path, into: &Path) -> Result<Imported> {
    let mut imported = Imported::default();
    if from.join("index.json").is_file() {
        one(from, into, &id_of(from), &mut imported)?;
    } else if from.join("structure.json").is_file() {
        let source = Source::Directory(from.to_owned());
        let text = source.require("structure.json")?;
        let course: Value = serde_json::from_str(&text).context_what(|| source.shown("structure.json"))?;
        let mut paths = Vec::new();
        course_items(&course, &source, &text, 0, &mut paths, &mut imported.warnings)?;
        let mut taken = BTreeSet::new();
        for path in paths {
            let from = from.join(&path);
            // Groups may have scenarios of the same name.
            let id = match id_of(&from) {
                id if taken.contains(&id) => slug(&path).unwrap_or(id),
                id => id,
            };
            one(&from, into, &unused(&id, &mut taken), &mut imported)?;
        }
    } else {
        return Err(Error::new(tr!(import_no_scenario { dir: from.display() })).hint(tr!(import_what_it_has)));
    }
    Ok(imported)
}

/// Collects the scenarios of a course, groups within groups.
fn course_items(
    course: &Value,
    source: &Source,
    text: &str,
    depth: usize,
    paths: &mut Vec<String>,
    warnings: &mut Vec<Problem>,
) -> Result<()> {
    let file = "structure.json";
    if depth > DEPTH {
        return Err(Error::new(tr!(import_nested { file: source.shown(file) })));
    }
    let known: &[&str] =
        if depth == 0 { &["items", "title", "description"] } else { &["items", "title", "path"] };
    warnings.extend(scenario::unknown(course, known, source, file, text));
    for item in course["items"].as_array().into_iter().flatten() {
        if let Some(path) = item["path"].as_str() {
            if !super::source::is_inside(path) {
                return Err(Error::new(tr!(import_leads_out { file: source.shown(file), path })));
            }
            if paths.len() >= MANY {
                return Err(Error::new(tr!(import_many { file: source.shown(file), many: MANY })));
            }
            warnings.extend(scenario::unknown(item, &["items", "title", "path"], source, file, text));
            paths.push(path.to_owned());
        } else if item["items"].is_array() {
            course_items(item, source, text, depth + 1, paths, warnings)?;
        }
    }
    Ok(())
}

/// A scenario's id: its directory's name.
fn id_of(from: &Path) -> String {
    let name = std::path::absolute(from).unwrap_or_else(|_| from.to_owned());
    let name = name.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    slug(&name).unwrap_or_else(|| "scenario".into())
}

fn one(from: &Path, into: &Path, id: &str, imported: &mut Imported) -> Result<()> {
    let dir = into.join(id);
    if dir.exists() {
        return Err(Error::new(tr!(file_is_there { dir: dir.display() })).hint(tr!(import_remove_it)));
    }
    let source = Source::Directory(from.to_owned());
    let (scenario, warnings) = scenario::read(&source)?;
    imported.warnings.extend(warnings);
    let made = files::lesson(id, &scenario, &source, &mut imported.warnings)?;
    for (name, content) in &made {
        let path = dir.join(name);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, content));
        written.context_what(|| tr!(file_cannot_be_written { file: path.display() }))?;
    }
    imported.lessons.push(dir);
    Ok(())
}

/// An id out of any words; `None` where nothing is left.
pub fn slug(words: &str) -> Option<String> {
    let mut id = String::new();
    for c in words.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => id.push(c),
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    id.truncate(63);
    let id = id.trim_end_matches('-').to_owned();
    (!id.is_empty()).then_some(id)
}

/// An id that is not taken yet.
pub fn unused(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut id = wanted.to_owned();
    let mut number = 1;
    while !taken.insert(id.clone()) {
        number += 1;
        id = format!("{wanted}-{number}");
    }
    id
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
