use super::*;
use crate::lesson::{lint, load};

fn import_into(from: &str) -> (tempfile::TempDir, Result<Imported>) {
    let into = tempfile::tempdir().unwrap();
    let imported = import(Path::new(from), into.path());
    (into, imported)
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

#[test]
fn every_marker_and_key_is_taken_over() {
    let (into, imported) = import_into("tests/import/every-marker");
    let imported = imported.unwrap();
    let dir = into.path().join("every-marker");
    assert_eq!(imported.lessons.as_slice(), std::slice::from_ref(&dir));
    let text = read(&dir, "en/step1.md");
    for part in [
        "`ls /root`{{exec}}, `sleep 1`{{exec interrupt}}, `echo a`{{exec}}, `echo b`{{exec}}, `echo c`{{exec}} and\n`echo d`{{exec}}.",
        "Copy `--flag=x`{{copy}}, or take `plain` as it is. Open http://{{controlplane}}:80 or",
        "[the second](http://{{node01}}:30080/x).",
        "Text about {{exec}} and {{ .Values.image }} is text, `{{ .Values.tag }}` too, and ``a ` b``{{copy}} is a span.",
        "```yaml\na: 1\nname: {{ .Release.Name }}\nb: \"{{exec}}\"\n```\n",
        "```bash\ncat <<EOT\n`date`{{exec}}\nEOT\n```{{exec}}\n",
        "~~~plain\nx\n~~~{{copy}}\n",
        "**More to read**\n\nNothing else.",
        "<details><summary>not one</summary></details>\n```",
        "| one two | x |",
        "# Write a file",
    ] {
        assert!(text.contains(part), "{part}\n---\n{text}");
    }
    assert!(
        !text.contains("Look at") && !text.contains("/root/answer"),
        "hints and solutions are not in the text: {text}"
    );
    let intro = read(&dir, "en/intro.md");
    assert!(intro.contains("Welcome.  \nIt begins."), "{intro}");
    assert!(intro.contains("*(A picture of a ship)* *(another one)*"), "{intro}");
    assert_eq!(read(&dir, "solution/step1.sh"), "echo done > /root/answer\necho done > /root/answer\n");
    assert!(read(&dir, "en/step1.solution.md").contains("```yaml\nnot: run\n```"));
    // Scripts have their first line and their last one's end.
    assert_eq!(read(&dir, "verify/step1.sh"), "#!/bin/bash\ngrep -q done /root/answer\n");
    assert!(!read(&dir, "verify/step2.sh").contains('\r'));
    assert_eq!(read(&dir, "setup/step2-background.sh"), "#!/bin/bash\ntouch /root/shop/second\n");
    let assets = read(&dir, "setup/assets.sh");
    assert!(assets.contains("chmod +x '{{controlplane_root}}/usr/local/bin/tool.sh'"), "{assets}");
    assert!(assets.contains(r"it'\''s.conf'"), "{assets}");

    let problems: Vec<String> =
        lint::lint(&Source::Directory(dir.clone())).iter().map(ToString::to_string).collect();
    assert_eq!(problems, Vec::<String>::new());
    let loaded = load::load(&Source::Directory(dir), "en", None).unwrap();
    let steps: Vec<_> = loaded
        .spec
        .steps
        .iter()
        .map(|s| (s.id.as_str(), s.checks.len(), s.setup.len(), s.hints.len()))
        .collect();
    assert_eq!(steps, [("step1", 1, 0, 1), ("step2", 1, 1, 0), ("read", 0, 0, 0)]);
    let setup: Vec<_> = loaded.spec.setup.scripts.iter().map(|s| s.file.as_str()).collect();
    assert_eq!(setup, ["setup/assets.sh", "setup/intro-background.sh", "setup/intro-foreground.sh"]);
    assert_eq!(loaded.spec.cluster.nodes, ["controlplane", "node01"]);
}

#[test]
fn what_is_not_known_is_told_with_its_line() {
    let (_into, imported) = import_into("tests/import/every-marker");
    let told: Vec<String> = imported.unwrap().warnings.iter().map(ToString::to_string).collect();
    for part in [
        "index.json:4: the key \"difficulty\" is not known",
        "index.json:23: the key \"answer\"",
        "index.json:38: the key \"host02\"",
        "index.json:44: the key \"interface\"",
        "step1/text.md:1: {{execute T2}}: it runs in the shell in view, not in T2",
        "step1/text.md:2: {{TRAFFIC_HOST1_80}}",
        "intro/text.md:3: an image is not shown",
    ] {
        assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:#?}");
    }
    assert_eq!(told.iter().filter(|t| t.contains("is not known")).count(), 4, "{told:#?}");
}

#[test]
fn a_course_becomes_several_lessons() {
    let (into, imported) = import_into("tests/import/course");
    let imported = imported.unwrap();
    assert_eq!(imported.lessons, [into.path().join("first"), into.path().join("second")]);
    assert!(imported.warnings.iter().any(|w| w.to_string().contains("structure.json:4: the key \"colour\"")));
    assert!(imported.warnings.iter().any(|w| w.what.contains("image \"ubuntu\"")));
    for dir in &imported.lessons {
        assert_eq!(lint::lint(&Source::Directory(dir.clone())), vec![]);
    }
    // A second import does not write over the first.
    let again = import(Path::new("tests/import/course"), into.path()).unwrap_err().to_string();
    assert!(again.contains("is there already"), "{again}");
}

#[test]
fn scenarios_of_the_same_name_are_kept_apart() {
    let course = tempfile::tempdir().unwrap();
    for group in ["one", "two"] {
        let dir = course.path().join(group).join("pods");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a.md"), "x").unwrap();
        std::fs::write(dir.join("index.json"), r#"{"details": {"steps": [{"text": "a.md"}]}}"#).unwrap();
    }
    let items = r#"{"items": [{"path": "one/pods"}, {"items": [{"path": "two/pods"}]}]}"#;
    std::fs::write(course.path().join("structure.json"), items).unwrap();
    let into = tempfile::tempdir().unwrap();
    let made = import(course.path(), into.path()).unwrap().lessons;
    assert_eq!(made, [into.path().join("pods"), into.path().join("two-pods")]);
}

#[test]
fn stars_name_several_assets_and_a_byte_order_mark_is_none_of_the_text() {
    let dir = scenario(r#""assets": {"host01": [{"file": "*.sh", "target": "~/bin", "chmod": "+x"}]}"#);
    for name in ["b.sh", "c.sh", ".d.sh"] {
        std::fs::write(dir.path().join("assets").join(name), name).unwrap();
    }
    let index = dir.path().join("index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, format!("\u{feff}{text}")).unwrap();
    let into = tempfile::tempdir().unwrap();
    let made = import(dir.path(), into.path()).unwrap().lessons.remove(0);
    let script = read(&made, "setup/assets.sh");
    for (part, there) in
        [("/root/bin/b.sh", true), ("/root/bin/c.sh", true), (".d.sh", false), ("bin/a'", false)]
    {
        assert_eq!(script.contains(part), there, "{part}: {script}");
    }
}

#[test]
fn details_may_stand_in_details_and_k_is_known_to_the_solution() {
    let text = "<details><summary>Solution</summary>\n\n```\nk get po | sort\n```\n<details><summary>Why</summary>\nso\n\
                </details>\nand\n</details>\nafter";
    let converted = text::convert(text);
    assert_eq!(converted.text, "after\n");
    assert_eq!(converted.solution, "```\nk get po | sort\n```\n\n**Why**\n\n\nso\n\nand");
    assert_eq!(text::runnable(&converted.solution), "k() { kubectl \"$@\"; }\nk get po | sort\n");
    assert_eq!(text::runnable("```\nkubectl get po -l k=v\n```"), "kubectl get po -l k=v\n");
}

fn scenario(details: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("assets")).unwrap();
    std::fs::write(dir.path().join("assets/a"), "x").unwrap();
    std::fs::write(dir.path().join("one.md"), "x").unwrap();
    let steps = r#""steps": [{"title": "a", "text": "one.md"}]"#;
    std::fs::write(
        dir.path().join("index.json"),
        format!(r#"{{"title": "t", "details": {{{steps}, {details}}}}}"#),
    )
    .unwrap();
    dir
}

#[test]
fn no_path_leaves_the_scenario_and_none_the_host() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    let asset = |file: &str, target: &str, chmod: &str| {
        format!(r#""assets": {{"host01": [{{"file": {file:?}, "target": {target:?}, "chmod": {chmod:?}}}]}}"#)
    };
    for (details, message) in [
        (asset("../../etc/passwd", "/root", ""), "leads out of the scenario's assets"),
        (asset("/etc/passwd", "/root", ""), "leads out of the scenario's assets"),
        (asset("link", "/root", ""), "leads out of the lesson's directory"),
        (asset("none", "/root", ""), "is not there"),
        (asset("a", "root", ""), "no plain absolute path"),
        (asset("a", "/root/../etc", ""), "no plain absolute path"),
        (asset("a", "/root", "+x; reboot"), "has a chmod that is none"),
        (r#""intro": {"text": "../../etc/passwd"}"#.into(), "names it"),
        (r#""intro": {"background": "none.sh"}"#.into(), "names it"),
    ] {
        let dir = scenario(&details);
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("assets/link")).unwrap();
        let into = tempfile::tempdir().unwrap();
        let error = import(dir.path(), into.path()).unwrap_err().to_string();
        assert!(error.contains(message), "{details}: {error}");
        assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 0, "{details}: nothing was written");
    }
    let course = tempfile::tempdir().unwrap();
    std::fs::write(course.path().join("structure.json"), r#"{"items": [{"path": "../x"}]}"#).unwrap();
    let error = import(course.path(), outside.path()).unwrap_err().to_string();
    assert!(error.contains("leads out of the course"), "{error}");
}

#[test]
fn bad_files_are_named() {
    let into = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    assert!(import(dir.path(), into.path()).unwrap_err().to_string().contains("holds no scenario"));
    for (text, message) in [("{\n\"a\": ]", "index.json:2:"), ("{}", "has no steps"), ("[]", "has no steps")]
    {
        std::fs::write(dir.path().join("index.json"), text).unwrap();
        let error = import(dir.path(), into.path()).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn markers_are_bound_to_code_alone() {
    for (text, expected) in [
        ("{{exec}}", "{{exec}}"),
        ("a {{copy}} `b`", "a {{copy}} `b`"),
        ("`a` {{exec}}", "`a` {{exec}}"),
        ("`a`{{exec}}{{copy}}", "`a`{{exec}}{{copy}}"),
        ("`a`{{ .Values.x }}", "`a`{{ .Values.x }}"),
        ("`a`{{execute HOST1 T1}}", "`a`{{exec}}"),
        ("`a`{{execute HOSTX}}", "`a`{{execute HOSTX}}"),
        ("`a`{{exec}", "`a`{{exec}"),
        ("`a{{exec}}", "`a{{exec}}"),
        ("`{{copy}}`", "`{{copy}}`"),
        ("```\n`a`{{execute}}\n```", "```\n`a`{{execute}}\n```"),
        ("```\na\n``` {{execute}}", "```\na\n```{{exec}}"),
        ("```\na\n```{{}}\nb", "```\na\n```\nb"),
        ("```yaml {x}\na\n```", "```yaml {x}\na\n```"),
        ("    {{TRAFFIC_HOST1_x}}", "{{TRAFFIC_HOST1_x}}"),
        ("a\u{3042}`b`{{exec}}\u{3042}", "a\u{3042}`b`{{exec}}\u{3042}"),
        ("![a](b", "![a](b"),
        ("<details>open", "<details>open"),
    ] {
        assert_eq!(text::convert(text).text.trim_end(), expected, "{text}");
    }
}

#[test]
fn any_text_is_converted_without_a_panic() {
    let pieces = [
        "`",
        "```",
        "{{",
        "}}",
        "exec",
        "\n",
        "<details>",
        "</details>",
        "<summary>",
        "</summary>",
        "![",
        "](",
        ")",
        "<img alt=",
        "~~~",
        "あ",
        "{{TRAFFIC_HOST",
        "_",
        "{2",
        "|",
        "<br>",
    ];
    let mut state = 7u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text += pieces[usize::try_from(state >> 33).unwrap() % pieces.len()];
        }
        let converted = text::convert(&text);
        text::runnable(&converted.solution);
    }
}

#[test]
fn ids_are_made_of_any_words() {
    assert_eq!(slug("Apiserver / Crash!").as_deref(), Some("apiserver-crash"));
    assert_eq!(slug("日本"), None);
    let mut taken = BTreeSet::new();
    assert_eq!(
        [unused("a", &mut taken), unused("a", &mut taken), unused("a", &mut taken)],
        ["a", "a-2", "a-3"]
    );
}
