//! What authors and instructors do: import, preview, new, test, lessons from git, reports that are handed in.

#![allow(clippy::print_stderr)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::program::Up;
use super::program::{check, on, run, run_text, text};

/// An imported scenario: each step's script says no before, and yes after its solution.
#[test]
fn an_imported_scenario_runs() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let lessons = home.join("lessons");
    let into = lessons.to_str().unwrap();
    let imported = run_text(home, &["lesson", "import", "tests/import/every-marker", into]);
    assert_eq!(imported.status, 0, "{}", imported.stderr);
    assert!(imported.stderr.contains("index.json:4: the key \"difficulty\""), "{}", imported.stderr);
    assert_eq!(run_text(home, &["lesson", "lint", into]).status, 0);
    assert!(!Path::new("/root/shop/ready").exists(), "nothing of it ran on this machine");

    let more = ["every-marker", "--lessons", into].map(str::to_owned);
    let up = Up::start_with(home, &more);
    let (_, out, _) = on(home, "controlplane", "cat /root/shop/ready; tool.sh; cat \"/root/it's.conf\"");
    assert_eq!(out, "ready\ntool\nx = {{ y }}\n", "background, foreground and assets are there");
    let (status, result) = check(home, "step1");
    assert_eq!((status, result["score"].as_u64()), (1, Some(0)), "{result:#}");
    let solved = run(home, &["solve", "step1"]);
    assert!(solved.status.success(), "{}", text(&solved.stderr));
    let (status, result) = check(home, "step1");
    assert_eq!((status, result["score"].as_u64()), (0, Some(1)), "{result:#}");
    let (status, result) = check(home, "step2");
    assert_eq!(status, 1, "its background script ran, and more is to be done: {result:#}");
    assert_eq!(on(home, "controlplane", "test -f /root/shop/second && chmod 600 /root/answer").0, 0);
    assert_eq!(check(home, "step2").0, 0);
    assert_eq!(check(home, "read").0, 0, "a step that is only read");
    drop(up);
}

/// What scenarios' scripts do when they run at killercoda, too: they never end, or they fail.
#[test]
fn scripts_of_an_imported_scenario_run_by_themselves() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let scenario = home.join("endless");
    std::fs::create_dir(&scenario).unwrap();
    for (file, text) in [
        (
            "index.json",
            r#"{"title": "Endless", "backend": {"imageid": "kubernetes-kubeadm-1node-4GB"}, "details": {
                "intro": {"background": "b.sh", "foreground": "f.py"},
                "steps": [{"text": "a.md", "verify": "v.sh"}]}}"#,
        ),
        ("b.sh", "touch /tmp/began\nwhile true; do sleep 1; touch /tmp/goes-on; done"),
        ("f.py", "#!/bin/sh\necho foreground > /tmp/foreground\nexit 3\n"),
        ("v.sh", "#! /bin/bash\ntest -f /tmp/done"),
        (
            "a.md",
            "<details><summary>Solution</summary>\n\n```\nk get nodes && touch /tmp/done\n```\n</details>",
        ),
    ] {
        std::fs::write(scenario.join(file), text).unwrap();
    }
    let lessons = home.join("lessons");
    let into = lessons.to_str().unwrap();
    let imported = run_text(home, &["lesson", "import", scenario.to_str().unwrap(), into]);
    assert_eq!((imported.status, imported.stderr.contains("image")), (0, false), "{}", imported.stderr);
    let more = ["endless", "--lessons", into].map(str::to_owned);
    let up = Up::start_with(home, &more);
    let (_, out, _) = on(home, "controlplane", "ls /tmp/began; cat /tmp/foreground");
    assert_eq!(out, "/tmp/began\nforeground\n");
    let goes_on =
        || on(home, "controlplane", "rm -f /tmp/goes-on; until [ -f /tmp/goes-on ]; do sleep 0.1; done").0;
    assert_eq!(goes_on(), 0, "the background script still runs");
    assert_eq!(check(home, "a").0, 1);
    let solved = run(home, &["solve", "a"]);
    assert!(solved.status.success(), "{}", text(&solved.stderr));
    assert_eq!(check(home, "a").0, 0);
    drop(up);
}

/// The guide of lessons/README.md, word for word: its commands, and its edits.
#[test]
fn the_guide_leads_to_a_working_lesson() {
    let home = tempfile::tempdir().unwrap();
    let guide = std::fs::read_to_string("lessons/README.md").unwrap();
    let (_, guide) = guide.split_once("## A lesson in 15 minutes").expect("the guide");
    let guide = guide.split("\n## ").next().unwrap();
    let program = Path::new(super::program::PROGRAM).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let blocks: Vec<&str> =
        guide.split("```console\n").skip(1).map(|block| block.split("\n```\n").next().unwrap()).collect();
    assert!(blocks.len() >= 5, "the guide has commands");
    let output = Command::new("bash")
        .args(["-euc", &blocks.join("\n")])
        .current_dir(home.path())
        .env("PATH", &path)
        .env("CKS_LAB_HOME", home.path().join("state"))
        .output()
        .unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    for part in ["1 lesson, 0 problems", "wrong: a-key-of-the-data", "solution: make-immutable", ", 0 failed"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_preview_without_a_terminal_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let shown = run_text(
        home.path(),
        &["lesson", "preview", "lessons/apiserver-crash", "--lang", "ja", "--width", "60"],
    );
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    for part in ["find-cause: ヒント 1 / 3", "[実行]", "クラッシュの原因を突き止める", "repair: 解答例"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(
        !shown.stdout.contains("{{exec}}") && !shown.stdout.contains("{{controlplane"),
        "{}",
        shown.stdout
    );
    let none = run_text(home.path(), &["lesson", "preview", "tests/import"]);
    assert_eq!(none.status, 2);
}

/// What is written while the preview is open is seen in it.
#[test]
fn a_preview_in_a_terminal_follows_the_files() {
    let home = tempfile::tempdir().unwrap();
    let into = home.path().join("lessons");
    assert_eq!(run_text(home.path(), &["lesson", "new", "seen", "--into", into.to_str().unwrap()]).status, 0);
    let lesson = into.join("seen");
    let mut window =
        crate::window::Window::open(home.path(), 80, 24, &["lesson", "preview", lesson.to_str().unwrap()]);
    window.shows("read once, 0 problems");
    let intro = lesson.join("en/intro.md");
    std::fs::write(&intro, "# Something new\n\nA sentence that was not there.\n").unwrap();
    window.shows("A sentence that was not there.");
    std::fs::write(&intro, "See [this](nowhere.md).\n").unwrap();
    window.shows("1 problem ");
    window.keys("q");
    assert_eq!(window.ended(), 0);
    assert!(window.wrote("\x1b[?1049l"), "the terminal is given back");
}

#[test]
fn the_schema_is_printed_and_is_put_beside_new_lessons() {
    let home = tempfile::tempdir().unwrap();
    let printed = run_text(home.path(), &["lesson", "schema"]).stdout;
    let schema: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["title"], "cks-lab lesson");
    let into = home.path().join("mine");
    assert_eq!(run_text(home.path(), &["lesson", "new", "one", "--into", into.to_str().unwrap()]).status, 0);
    let lesson = std::fs::read_to_string(into.join("one/lesson.yaml")).unwrap();
    let named = lesson.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
    assert_eq!(std::fs::read_to_string(into.join("one").join(named)).unwrap(), printed);
}

#[test]
fn lessons_come_from_a_git_repository() {
    let git = |dir: &Path, words: &[&str]| {
        let output = Command::new("git").arg("-C").arg(dir).args(words).output();
        output.is_ok_and(|output| output.status.success())
    };
    let home = tempfile::tempdir().unwrap();
    let origin = home.path().join("origin");
    let into = origin.join("lessons");
    assert_eq!(
        run_text(home.path(), &["lesson", "new", "from-git", "--into", into.to_str().unwrap()]).status,
        0
    );
    if !git(&origin, &["init", "-q"]) {
        eprintln!("skipped: there is no git");
        return;
    }
    assert!(git(&origin, &["add", "-A"]));
    assert!(git(&origin, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"]));
    let address = format!("file://{}", origin.display());
    let list = |lessons: &str| {
        let mut command = super::program::command(home.path(), &["list", "--lessons", lessons]);
        let output = command.env("XDG_CACHE_HOME", home.path().join("cache")).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for lessons in [address.as_str(), origin.to_str().unwrap()] {
        let (status, out, err) = list(lessons);
        assert_eq!(status, Some(0), "{err}");
        assert!(out.contains("from-git") && out.contains("apiserver-crash"), "{out}");
    }
    let (status, _, err) = list("file:///nowhere/at/all");
    assert_eq!(status, Some(2));
    assert!(err.contains("cannot be had") && err.contains("--lessons DIR"), "{err}");
}

#[test]
fn reports_are_made_verified_and_found_out() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let up = Up::start_with(home, &[]);
    run(home, &["hint", "verify-issue"]);
    assert_eq!(check(home, "verify-issue").0, 1);
    for (format, mark) in
        [("html", "<!doctype html>"), ("json", "{"), ("markdown", "# "), ("junit", "<?xml ")]
    {
        let file = home.join(format!("report.{format}"));
        let name = file.to_str().unwrap();
        let made = run_text(home, &["report", "--format", format, "-o", name, "--lang", "ja"]);
        assert_eq!(made.status, 0, "{format}: {}", made.stderr);
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(written.starts_with(mark), "{format}: {written}");
        let good = run_text(home, &["report", "--verify", name]);
        assert_eq!(good.status, 0, "{format}: {}", good.stderr);
        assert!(good.stdout.contains(": 0 of ") && good.stdout.contains("SHA-256"), "{}", good.stdout);
        std::fs::write(&file, written.replacen("NodeRestriction", "NodeRestrictioM", 1)).unwrap();
        let bad = run_text(home, &["report", "--verify", name]);
        assert_eq!(bad.status, 1, "{format}: {}", bad.stderr);
        assert!(bad.stderr.contains("was changed"), "{format}: {}", bad.stderr);
    }
    let text_report = home.join("report.txt");
    let name = text_report.to_str().unwrap();
    assert_eq!(run_text(home, &["report", "-o", name]).status, 0);
    assert_eq!(run_text(home, &["report", "--verify", name]).status, 2, "text carries no evidence");
    drop(up);
    // The attempt is history when the lesson begins anew.
    assert_eq!(run_text(home, &["reset", "--yes"]).status, 0);
    let list: Value = serde_json::from_str(&run_text(home, &["list", "--json"]).stdout).unwrap();
    let lesson = list.as_array().unwrap().iter().find(|l| l["id"] == "apiserver-node-restriction").unwrap();
    let attempts = lesson["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{lesson:#}");
    assert_eq!(
        (&attempts[0]["hints"], &attempts[0]["gradings"], &lesson["hints"]),
        (&1.into(), &1.into(), &0.into())
    );
    assert!(attempts[0]["started"].as_str().unwrap().ends_with('Z'), "{lesson:#}");
}
