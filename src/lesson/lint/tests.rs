use super::*;

#[test]
fn the_lessons_in_the_binary_have_no_problems() {
    let sources = super::super::source::embedded();
    assert!(!sources.is_empty());
    for source in sources {
        let problems: Vec<String> = lint(&source).iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

fn mutated(change: impl Fn(&str) -> String) -> String {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("apiserver-node-restriction");
    copy(std::path::Path::new("lessons/apiserver-node-restriction"), &root);
    let file = root.join(LESSON_FILE);
    let before = std::fs::read_to_string(&file).unwrap();
    let after = change(&before);
    assert_ne!(before, after);
    std::fs::write(&file, after).unwrap();
    lint(&Source::Directory(root)).iter().map(|p| format!("{p}\n")).collect()
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn problems_name_file_and_line() {
    type Case = (&'static str, &'static str, &'static str);
    let cases: &[Case] = &[
        ("minutes: 20", "minutes: 20\nminuets: 3", "lesson.yaml:9: unknown field `minuets`"),
        ("format_version: 1", "format_version: 2", "lesson.yaml:2: format_version 2 is not known"),
        ("minutes: 20", "minutes: [", "lesson.yaml:"),
        ("expr: ready == 'ok'", "expr: ready == ", "the expression \"ready ==\" is wrong"),
        ("solution/re-verify.sh", "../../x.sh", "is not a file of the lesson"),
        ("solution/re-verify.sh", "solution/none.sh", "none.sh: is missing"),
        ("languages: [en, ja]", "languages: [en, ja, de]", "de/intro.md: is missing"),
        (
            "requires: [two-on-node01, still-refused]",
            "requires: [nothing]",
            "check one-kept: requires \"nothing\"",
        ),
        ("minutes: 20", "minutes: 20\nminuets: 3", "did you mean `minutes`?"),
        ("    points: 1\n", "    point: 1\n", "did you mean `points`?"),
        ("expr: ready == 'ok'", "expr: ready == 'ok' || true", "check server: it cannot fail"),
        ("expr: ready == 'ok'", "expr: 'false'", "check server: it cannot pass"),
        (
            "expr: node.metadata.labels['killercoda/one'] == '123'",
            "expr: node != null",
            "/api/v1/nodes/controlplane is always there",
        ),
        ("- if: text == original_text", "- if: \"!exists\"", "it is there twice"),
        ("- if: text == original_text", "- if: true || exists", "the one before it always holds"),
        ("- id: yaml-broken\n", "- id: flag-misspelt\n", "the wrong answer flag-misspelt is there twice"),
        ("    ja: \"問題を確認する\"\n", "", "the title is missing in ja"),
        ("solution/re-verify.sh", "solution/verify-issue.sh", "solution/re-verify.sh: is not used"),
        ("languages: [en, ja]", "languages: [en]", "there are texts in ja, which languages does not name"),
        ("file: wrong/as-admin.sh", "files: wrong/as-admin.sh", "did you mean `file`?"),
        ("  message: is no valid YAML, line\n", "", "the wrong answer yaml-broken expects no message"),
    ];
    for &(from, to, expected) in cases {
        let problems = mutated(|text| text.replacen(from, to, 1));
        assert!(problems.contains(expected), "{to}: {problems}");
    }
    let problems = mutated(|text| text.replace("{{node01}}", "{{node02}}"));
    assert!(problems.contains("{{node02}} is no variable"), "{problems}");
}

#[test]
fn dead_links_have_their_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("en")).unwrap();
    std::fs::write(dir.path().join("en/other.md"), "x").unwrap();
    let source = Source::Directory(dir.path().to_owned());
    let text = "# One two\n\n[a](other.md) [b](https://example.org/x) [c](#one-two)\n\n[d](gone.md)\n[e](#three)\n[f](ftp://x)\n`[g](no)`\n![h](none.png)\n[i](../../etc/passwd)\n";
    let found = links::dead(&source, "en/a.md", text);
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [5, 6, 7, 9, 10], "{found:?}");
}

#[test]
fn checks_that_cannot_fail_are_found() {
    let check = |kind: &str| -> CheckSpec {
        let yaml = format!("id: a\ntitle: t\npoints: 1\nexpected: e\n{kind}");
        serde_yaml::from_str(&yaml).unwrap()
    };
    let says = |kind: &str| checks::is_pointless(&check(kind), "/etc/kubernetes/manifests");
    for pointless in [
        "file: {node: a, path: /etc/passwd, expr: exists}",
        "file: {node: a, path: /etc/kubernetes/manifests/x.yaml, expr: exists}",
        "file: {node: a, path: /root/x, expr: \"!exists\"}",
        "file: {node: a, path: /root/x, expr: \"text == ''\"}",
        "file: {node: a, path: /root/x, expr: \"1 == 1\"}",
        "file: {node: a, path: /root/x, expr: \"flags.all(f, f == 'a')\"}",
        "command: {node: a, script: \"grep x /y || true\"}",
        "command: {node: a, script: \"echo hello\\nexit 0\"}",
        "log: {pod: a/b, pattern: \".*\"}",
        "api: {objects: {n: /api/v1/namespaces/default}, expr: n != null}",
        "access: {kubelet: a, path: /x, patch: {}}",
    ] {
        assert!(says(pointless).is_some(), "{pointless}");
    }
    for telling in [
        "file: {node: a, path: /root/x, expr: exists}",
        "file: {node: a, path: /etc/passwd, expr: \"text.contains('x')\"}",
        "command: {node: a, script: \"grep -q x /y\"}",
        "log: {pod: a/b, pattern: \"Loaded .*\"}",
        "api: {objects: {n: /api/v1/namespaces/shop}, expr: n != null}",
    ] {
        assert_eq!(says(telling), None, "{telling}");
    }
}

#[test]
fn every_lesson_is_whole_in_english_and_japanese() {
    for source in super::super::source::embedded() {
        let spec = spec(&source, None).unwrap().0;
        assert_eq!(spec.languages, ["en", "ja"], "{}", spec.id);
        for step in &spec.steps {
            for (name, en) in [(step.id.clone(), true), (format!("{}.solution", step.id), false)] {
                let read = |lang: &str| source.require(&format!("{lang}/{name}.md")).unwrap();
                let (english, japanese) = (read("en"), read("ja"));
                assert!(
                    japanese.chars().any(|c| ('\u{3040}'..'\u{30ff}').contains(&c)),
                    "{name} is in Japanese"
                );
                // What is run is the same in both.
                let commands = |text: &str| text.matches("{{exec}}").count();
                assert_eq!(commands(&english), commands(&japanese), "{}: {name} {en}", spec.id);
            }
        }
    }
}
