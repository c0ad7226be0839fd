//! `index.json` as killercoda has it. Keys that are not known are told, with their line.

use serde_json::Value;

use super::super::lint::Problem;
use super::super::source::Source;
use crate::error::{Context, Error, Result};
use crate::text::tr;

/// The name of a scenario's data file.
pub const INDEX: &str = "index.json";

/// A scenario.
#[derive(Debug, Default)]
pub struct Scenario {
    /// What it is called.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// What comes before the first step.
    pub intro: Page,
    /// The steps.
    pub steps: Vec<Page>,
    /// What comes after the last.
    pub finish: Page,
    /// Files that are put on the first host.
    pub assets: Vec<Asset>,
    /// The machine that it runs on: `kubernetes-kubeadm-2nodes`.
    pub image: String,
}

/// A text with its scripts; paths in the scenario.
#[derive(Debug, Default, Clone)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// Markdown.
    pub text: Option<String>,
    /// A script that is typed into the learner's terminal.
    pub foreground: Option<String>,
    /// A script that runs unseen.
    pub background: Option<String>,
    /// The script that says whether the step is done.
    pub verify: Option<String>,
}

/// A file for the host.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Below the scenario's `assets`.
    pub file: String,
    /// The directory on the host.
    pub target: String,
    /// As for `chmod`.
    pub chmod: Option<String>,
}

const TOP: &[&str] = &["title", "description", "details", "backend"];
const DETAILS: &[&str] = &["intro", "steps", "finish", "assets"];
const PAGE: &[&str] = &["title", "text", "foreground", "background"];
const STEP: &[&str] = &["title", "text", "foreground", "background", "verify"];

/// Reads a scenario.
pub fn read(source: &Source) -> Result<(Scenario, Vec<Problem>)> {
    let text = source.require(INDEX)?;
    let text = text.trim_start_matches('\u{feff}');
    let index: Value = serde_json::from_str(text)
        .map_err(|e| Error::new(format!("{}:{}: {e}", source.shown(INDEX), e.line())))?;
    let mut warnings = Vec::new();
    let warn = |warnings: &mut Vec<Problem>, value: &Value, known: &[&str]| {
        warnings.extend(unknown(value, known, source, INDEX, text));
    };
    let details = &index["details"];
    warn(&mut warnings, &index, TOP);
    warn(&mut warnings, details, DETAILS);
    warn(&mut warnings, &details["assets"], &["host01"]);
    warn(&mut warnings, &index["backend"], &["imageid"]);
    for page in [&details["intro"], &details["finish"]] {
        warn(&mut warnings, page, PAGE);
    }
    let steps = details["steps"].as_array().cloned().unwrap_or_default();
    for step in &steps {
        warn(&mut warnings, step, STEP);
    }
    let mut assets = Vec::new();
    for asset in details["assets"]["host01"].as_array().into_iter().flatten() {
        warn(&mut warnings, asset, &["file", "target", "chmod"]);
        let string = |key: &str| asset[key].as_str().map(str::to_owned);
        let (Some(file), Some(target)) = (string("file"), string("target")) else {
            let line = line_of(text, "host01");
            let what = tr!(import_asset_left_out).to_owned();
            warnings.push(Problem { file: source.shown(INDEX), line, what });
            continue;
        };
        assets.push(Asset { file, target, chmod: string("chmod") });
    }
    if steps.is_empty() {
        return Err(
            Error::new(tr!(import_no_steps { index: source.shown(INDEX) })).hint(tr!(import_steps_where))
        );
    }
    let string = |value: &Value| value.as_str().unwrap_or("").trim().to_owned();
    let scenario = Scenario {
        title: string(&index["title"]),
        description: string(&index["description"]),
        intro: page(&details["intro"]),
        steps: steps.iter().map(page).collect(),
        finish: page(&details["finish"]),
        assets,
        image: string(&index["backend"]["imageid"]),
    };
    Ok((scenario, warnings))
}

fn page(value: &Value) -> Page {
    let string = |key: &str| value[key].as_str().filter(|s| !s.is_empty()).map(str::to_owned);
    Page {
        title: string("title").unwrap_or_default(),
        text: string("text"),
        foreground: string("foreground"),
        background: string("background"),
        verify: string("verify"),
    }
}

/// A warning for each key that is not known.
pub fn unknown(value: &Value, known: &[&str], source: &Source, file: &str, text: &str) -> Vec<Problem> {
    let keys = value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    keys.iter()
        .filter(|key| !known.contains(&key.as_str()))
        .map(|key| Problem {
            file: source.shown(file),
            line: line_of(text, key),
            what: tr!(import_key_unknown { key }),
        })
        .collect()
}

/// The number of the first line that has a key.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let quoted = Value::from(key).to_string();
    let is_key = |line: &str| {
        line.match_indices(&quoted).any(|(at, _)| line[at + quoted.len()..].trim_start().starts_with(':'))
    };
    text.lines().position(is_key).map(|i| i + 1)
}

/// Reads a text of the scenario that must be there where it is named.
pub fn named(source: &Source, file: &Option<String>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    let file = file.trim_start_matches("./");
    source.require(file).map(Some).context_what(|| tr!(import_names_it { index: source.shown(INDEX) }))
}
