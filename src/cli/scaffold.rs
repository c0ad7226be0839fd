//! `cks-lab lesson new ID`: the files of a lesson that lints clean and is ready to be filled in.

use std::path::Path;

use super::output;
use crate::error::{Error, ExitCode, Result};
use crate::lesson::lint;
use crate::lesson::source::Source;

const LESSON: &str = r#"format_version: 1
id: ID
title:
  en: ID
domain: Cluster Hardening
minutes: 10
languages: [en]
cluster:
  nodes: [controlplane, node01]

steps:
- id: first-step
  title:
    en: The first step
  checks:
  - id: labelled
    title:
      en: Node node01 has the label lesson=done
    points: 1
    expected:
      en: lesson=done on Node {{node01}}
    hint:
      en: "kubectl label node {{node01}} lesson=done"
    api:
      objects:
        node: "/api/v1/nodes/{{node01}}"
      expr: node.metadata.labels['lesson'] == 'done'
  hints:
  - en: "A hint that is vague."
  - en: "A hint that is plain: `kubectl label node {{node01}} lesson=done`{{exec}}"
  solution:
  - node: controlplane
    file: solution/first-step.sh

wrong:
- id: another-value
  step: first-step
  scripts: [{node: controlplane, file: wrong/another-value.sh}]
  check: labelled
  verdict: fail
  message: wrong
"#;

/// Makes the directory `into/id`.
pub fn run(id: &str, into: &Path) -> Result<ExitCode> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if id.is_empty() || id.starts_with('-') || !id.bytes().all(plain) {
        return Err(Error::new(format!("{id:?} is no lesson id")).hint("use small letters, digits and -"));
    }
    let dir = into.join(id);
    if dir.exists() {
        return Err(
            Error::new(format!("{} is there already", dir.display())).hint("take another id, or remove it")
        );
    }
    let files = [
        ("lesson.yaml", LESSON.replace("ID", id)),
        ("en/intro.md", format!("# {id}\n\nWhat this lesson is about.\n")),
        (
            "en/first-step.md",
            "# The first step\n\nLabel the node: `k label node node01 lesson=done`{{exec}}\n".into(),
        ),
        ("en/first-step.solution.md", "`k label node node01 lesson=done`{{exec}}\n".into()),
        ("en/finish.md", "# What to take home\n\nWhy it worked.\n".into()),
        ("solution/first-step.sh", "kubectl label --overwrite node {{node01}} lesson=done\n".into()),
        ("wrong/another-value.sh", "kubectl label --overwrite node {{node01}} lesson=wrong\n".into()),
    ];
    for (name, text) in files {
        let path = dir.join(name);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|e| Error::new(format!("{} cannot be written", path.display())).why(e))?;
    }
    for problem in lint::lint(&Source::Directory(dir.clone())) {
        output::talk(&problem.to_string());
    }
    output::talk(&format!("made {}; next: cks-lab lesson test {}", dir.display(), dir.display()));
    Ok(ExitCode::Ok)
}
