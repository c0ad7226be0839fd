//! The files of a lesson that is made from a scenario.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::lint::Problem;
use super::super::source::{FILE_LIMIT, Source, is_inside};
use super::scenario::{Asset, INDEX, Page, Scenario, named};
use super::text::{self, Converted};
use super::{slug, unused};
use crate::error::{Error, Result};
use crate::text::tr;

/// Names and contents of the lesson's files.
pub fn lesson(
    id: &str,
    scenario: &Scenario,
    source: &Source,
    warnings: &mut Vec<Problem>,
) -> Result<Vec<(String, String)>> {
    let mut maker = Maker { source, warnings, files: Vec::new() };
    let nodes = maker.nodes(&scenario.image);
    let mut setup = Vec::new();
    if !scenario.assets.is_empty() {
        let script = maker.assets(&scenario.assets)?;
        maker.files.push(("setup/assets.sh".into(), script));
        setup.push("setup/assets.sh".to_owned());
    }
    maker.scripts("intro", &scenario.intro, &mut setup)?;
    let heading = |title: &str, text: String| match text.trim_start().starts_with('#') || title.is_empty() {
        true => text,
        false => format!("# {title}\n\n{text}"),
    };
    let intro = maker.page(&scenario.intro)?;
    let intro = match intro.text.trim() {
        "" => format!("{}\n", scenario.description),
        _ => intro.text,
    };
    maker.files.push(("en/intro.md".into(), heading(&scenario.title, or(intro, "An imported scenario.\n"))));
    let finish = maker.page(&scenario.finish)?;
    maker
        .files
        .push(("en/finish.md".into(), heading(&scenario.finish.title, or(finish.text, "That was it.\n"))));
    let mut steps = String::new();
    let mut taken = BTreeSet::from(["intro".to_owned(), "finish".to_owned()]);
    for (index, page) in scenario.steps.iter().enumerate() {
        let step = unused(&step_id(page, index), &mut taken);
        let converted = maker.page(page)?;
        let title = if page.title.is_empty() { format!("Step {}", index + 1) } else { page.title.clone() };
        maker
            .files
            .push((format!("en/{step}.md"), heading(&title, or(converted.text.clone(), "Read on.\n"))));
        let solution = or(converted.solution.clone(), "The scenario says nothing of its solution.\n");
        maker.files.push((format!("en/{step}.solution.md"), format!("{}\n", solution.trim_end())));
        maker.step(&step, &title, page, &converted, &mut steps)?;
    }
    let mut yaml = format!("# yaml-language-server: $schema={}\n", super::super::schema::JSON_SCHEMA_URL);
    let _ = writeln!(
        yaml,
        "format_version: 1\nid: {id}\ntitle:\n  en: {}\ndomain: Killercoda\nminutes: {}\nlanguages: [en]\n\
         imported: killercoda\ncluster:\n  nodes: [{nodes}]",
        quoted(if scenario.title.is_empty() { id } else { &scenario.title }),
        5 * scenario.steps.len().max(1)
    );
    if !setup.is_empty() {
        yaml += "\nsetup:\n  scripts:\n";
        for file in &setup {
            let _ = writeln!(yaml, "  - {}", setup_script(file));
        }
    }
    yaml += "\nsteps:\n";
    yaml += &steps;
    maker.files.push(("lesson.yaml".into(), yaml));
    Ok(maker.files)
}

struct Maker<'a> {
    source: &'a Source,
    warnings: &'a mut Vec<Problem>,
    files: Vec<(String, String)>,
}

impl Maker<'_> {
    fn warn(&mut self, file: &str, line: Option<usize>, what: impl Into<String>) {
        self.warnings.push(Problem { file: self.source.shown(file), line, what: what.into() });
    }

    /// The nodes of killercoda's machine.
    fn nodes(&mut self, image: &str) -> &'static str {
        // Some say how much memory they have: kubernetes-kubeadm-1node-4GB.
        match image.strip_suffix("-4GB").unwrap_or(image) {
            "kubernetes-kubeadm-2nodes" => "controlplane, node01",
            "kubernetes-kubeadm-1node" => "controlplane",
            other => {
                let what = tr!(import_image { other });
                self.warn(INDEX, None, what);
                "controlplane"
            }
        }
    }

    fn page(&mut self, page: &Page) -> Result<Converted> {
        let Some(text) = named(self.source, &page.text)? else { return Ok(Converted::default()) };
        let converted = text::convert(&text);
        let file = page.text.clone().unwrap_or_default();
        for (line, what) in &converted.notes {
            self.warn(&file, Some(*line), what.clone());
        }
        Ok(converted)
    }

    /// A page's scripts as the setup's.
    fn scripts(&mut self, id: &str, page: &Page, into: &mut Vec<String>) -> Result<()> {
        for (kind, file) in [("background", &page.background), ("foreground", &page.foreground)] {
            let Some(script) = named(self.source, file)? else { continue };
            let name = format!("setup/{id}-{kind}.sh");
            let shown = file.clone().unwrap_or_default();
            let script = self.script(&shown, script);
            self.files.push((name.clone(), script));
            into.push(name);
        }
        Ok(())
    }

    /// A script with what is often forgotten: the first line that says what it is, and the end of the last.
    fn script(&mut self, file: &str, script: String) -> String {
        let mut script = script.replace("\r\n", "\n");
        let first = script.lines().next().unwrap_or("").to_owned();
        if let Some(program) = first.strip_prefix("#!") {
            if !program.contains("bash") && !program.trim_end().ends_with("sh") {
                let what = tr!(import_other_shell { program: program.trim() });
                self.warn(file, Some(1), what);
            }
        } else {
            script = format!("#!/bin/bash\n{script}");
        }
        if !script.ends_with('\n') {
            script.push('\n');
        }
        script
    }

    fn step(
        &mut self,
        id: &str,
        title: &str,
        page: &Page,
        converted: &Converted,
        yaml: &mut String,
    ) -> Result<()> {
        let _ = writeln!(yaml, "- id: {id}\n  title:\n    en: {}", quoted(title));
        let mut setup = Vec::new();
        self.scripts(id, page, &mut setup)?;
        if !setup.is_empty() {
            *yaml += "  setup:\n";
            for file in setup {
                let _ = writeln!(yaml, "  - {}", setup_script(&file));
            }
        }
        match named(self.source, &page.verify)? {
            Some(script) => {
                let shown = page.verify.clone().unwrap_or_default();
                let script = self.script(&shown, script);
                self.files.push((format!("verify/{id}.sh"), script));
                let _ = writeln!(
                    yaml,
                    "  checks:\n  - id: verify\n    title:\n      en: {}\n    points: 1\n    expected:\n      \
                     en: the scenario's own script finds nothing wrong\n    hint:\n      \
                     en: Read the step again; the script says no more than yes or no.\n    \
                     command: {{node: controlplane, file: verify/{id}.sh}}",
                    quoted(title)
                );
            }
            None => *yaml += "  checks: []\n",
        }
        if !converted.hints.is_empty() {
            *yaml += "  hints:\n";
            for hint in &converted.hints {
                let _ = writeln!(yaml, "  - en: {}", quoted(hint));
            }
        }
        let script = text::runnable(&converted.solution);
        if script.is_empty() {
            *yaml += "  solution: []\n";
        } else {
            self.files.push((format!("solution/{id}.sh"), script));
            let _ = writeln!(yaml, "  solution:\n  - {{node: controlplane, file: solution/{id}.sh}}");
        }
        Ok(())
    }

    /// A script that puts the scenario's files where they belong, whatever is in them.
    fn assets(&mut self, assets: &[Asset]) -> Result<String> {
        let mut script = String::from("#!/bin/bash\nset -e\n");
        for asset in assets {
            let refuse = |why: &str| {
                Err(Error::new(tr!(import_asset { index: self.source.shown(INDEX), file: asset.file, why })))
            };
            let file = asset.file.trim_start_matches("./");
            if !is_inside(file) {
                return refuse(tr!(import_asset_leads_out));
            }
            let target = asset.target.replace('~', "/root");
            let clean = target.starts_with('/') && !target.split('/').any(|part| part == "..");
            if !clean || target.contains(['\n', '\0']) {
                return refuse(tr!(import_asset_target));
            }
            let mode = asset.chmod.as_deref().unwrap_or("");
            if !is_mode(mode) {
                return refuse(tr!(import_asset_chmod));
            }
            let dir = format!("{{{{controlplane_root}}}}{}", target.trim_end_matches('/'));
            let files = self.source.matching("assets", file)?;
            if files.is_empty() {
                return refuse(tr!(import_asset_missing));
            }
            let _ = writeln!(script, "mkdir -p {}", shell_quoted(&format!("{dir}/")));
            for file in files {
                let Some(content) = self.source.bytes(&file)? else { continue };
                let name = file.rsplit('/').next().unwrap_or(&file);
                let path = shell_quoted(&format!("{dir}/{name}"));
                let _ = writeln!(
                    script,
                    "base64 -d > {path} <<'END'\n{}\nEND",
                    wrapped(&STANDARD.encode(content))
                );
                if !mode.is_empty() {
                    let _ = writeln!(script, "chmod {mode} {path}");
                }
            }
        }
        if script.len() as u64 > FILE_LIMIT {
            return Err(Error::new(tr!(import_assets_large { index: self.source.shown(INDEX) }))
                .why(tr!(import_assets_limit { size: (FILE_LIMIT >> 10) * 3 / 4 })));
        }
        Ok(script)
    }
}

/// A script of the setup as `lesson.yaml` names it. The scenario's own run by themselves, as they do at killercoda.
fn setup_script(file: &str) -> String {
    let unattended = if file.ends_with("ground.sh") { ", unattended: true" } else { "" };
    format!("{{node: controlplane, file: {file}{unattended}}}")
}

/// What `chmod` takes: `+x`, `u=rw,go=r`, `0755`.
fn is_mode(mode: &str) -> bool {
    let octal = matches!(mode.len(), 3 | 4) && mode.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let symbolic = |part: &str| {
        let rest = part.trim_start_matches(['u', 'g', 'o', 'a']);
        rest.starts_with(['+', '-', '=']) && rest[1..].bytes().all(|b| b"rwxX".contains(&b))
    };
    mode.is_empty() || octal || mode.split(',').all(symbolic)
}

fn step_id(page: &Page, index: usize) -> String {
    let text = page.text.as_deref().unwrap_or("");
    let (dir, file) = text.rsplit_once('/').unwrap_or(("", text));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    // step1/text.md says nothing by its own name.
    let words = if matches!(stem, "text" | "index" | "readme" | "README") { dir } else { stem };
    slug(words).unwrap_or_else(|| format!("step-{}", index + 1))
}

fn or(text: String, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { text }
}

/// JSON's strings are YAML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One word of a shell; the variable at its start is filled in before a shell sees it.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn wrapped(text: &str) -> String {
    let bytes = text.as_bytes();
    let lines: Vec<&str> = bytes.chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    lines.join("\n")
}
