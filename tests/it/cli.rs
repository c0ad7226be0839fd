//! The command line without a running lab: output, messages, exit status.

use super::program::run_text;

#[test]
fn each_mistake_has_its_message_and_status() {
    let home = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check"], 2, "no lab \"default\" is running\n  start it with `cks-lab`"),
        (&["check", "--json", "--name", "b"], 2, "no lab \"b\" is running"),
        (&["hint"], 2, "is running"),
        (&["solve"], 2, "is running"),
        (&["exec", "node01", "--", "true"], 2, "is running"),
        (&["shell", "node01"], 2, "is running"),
        (&["reset", "enable-plugin", "--yes"], 2, "is running"),
        (&["reset", "--yes"], 2, "no lesson was begun"),
        (&["report"], 2, "no lesson was begun"),
        (&["restore"], 2, "nothing to restore"),
        (&[], 2, "needs a terminal"),
        (&["start"], 2, "cks-lab start --plain"),
        (&["start", "--exam"], 2, "cks-lab start --plain"),
        (
            &["up", "--cluster", "live", "--kubeconfig", "/nowhere"],
            2,
            "the kubeconfig /nowhere cannot be read",
        ),
        (
            &["up", "--cluster", "local", "--binaries", "/nowhere"],
            2,
            "the real kube-apiserver, and there is none in /nowhere",
        ),
        (
            &["up", "--kubernetes", "1.9"],
            2,
            "Kubernetes 1.9 is not emulated\n  there is: --kubernetes 1.31, 1.36",
        ),
        (
            &["up", "nonsense"],
            2,
            "there is no lesson \"nonsense\"\n  the lessons are: apiserver-node-restriction",
        ),
        (&["lesson", "lint", "nonsense"], 2, "there is no lesson \"nonsense\""),
        (&["lesson", "new", "Bad Id"], 2, "is no lesson id"),
        (&["list", "--lessons", "/nowhere"], 2, "the lessons in /nowhere cannot be read"),
        (&["list", "--name", "../x"], 2, "a lab's name has letters"),
        (&["list", "--nmae", "x"], 2, "unexpected argument"),
    ];
    for (arguments, status, message) in cases {
        let ran = run_text(home.path(), arguments);
        assert_eq!(ran.status, *status, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?} writes to stdout: {}", ran.stdout);
        assert!(!ran.stderr.contains('\x1b'), "{arguments:?} colours what is no terminal");
    }
}

#[test]
fn a_state_directory_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for arguments in [&["up"][..], &["start", "--plain"]] {
        let ran = run_text(&file, arguments);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains(&file.display().to_string()), "{}", ran.stderr);
        assert!(ran.stderr.contains("CKS_LAB_HOME"), "{}", ran.stderr);
    }
}

#[test]
fn the_list_survives_a_corrupt_progress_file() {
    let home = tempfile::tempdir().unwrap();
    let lab = home.path().join("labs/default");
    std::fs::create_dir_all(&lab).unwrap();
    std::fs::write(lab.join("progress.json"), "not json").unwrap();
    let ran = run_text(home.path(), &["list", "--json"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("progress.json.corrupt-1"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(lab.join("progress.json.corrupt-1")).unwrap(), "not json");
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list[0]["id"], "apiserver-node-restriction");
    assert_eq!(list[0]["steps"], serde_json::json!(["verify-issue", "enable-plugin", "re-verify"]));
}

#[test]
fn every_command_has_help_and_the_rest_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let commands =
        "start list up exec shell check hint solve report reset restore lesson doctor completions man";
    for command in commands.split(' ') {
        let ran = run_text(home.path(), &[command, "--help"]);
        assert_eq!(ran.status, 0, "{command}");
        assert!(ran.stdout.contains("Usage: cks-lab"), "{command}: {}", ran.stdout);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run_text(home.path(), &["completions", shell]).stdout.contains("cks-lab"), "{shell}");
    }
    assert!(run_text(home.path(), &["man"]).stdout.contains(".TH cks-lab"));
    let doctor = run_text(home.path(), &["doctor", "--json"]);
    let doctor: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    let ids: Vec<_> = doctor["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    for id in [
        "kernel",
        "namespaces",
        "user",
        "pid",
        "network",
        "cgroup",
        "veth",
        "idmap",
        "landlock",
        "seccomp",
        "kubectl",
        "vim",
        "ssh",
        "terminal",
        "state",
        "disk",
    ] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

#[test]
fn a_new_lesson_lints_clean_and_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let lessons = home.path().join("lessons");
    let into = lessons.to_str().unwrap();
    let made = run_text(home.path(), &["lesson", "new", "my-lesson", "--into", into]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let again = run_text(home.path(), &["lesson", "new", "my-lesson", "--into", into]);
    assert!(again.status == 2 && again.stderr.contains("is there already"), "{}", again.stderr);
    let lint = run_text(home.path(), &["lesson", "lint", into]);
    assert_eq!((lint.status, lint.stdout.as_str()), (0, ""), "{}", lint.stderr);
    let list = run_text(home.path(), &["list", "--lessons", into]);
    assert!(list.stdout.contains("my-lesson") && list.stdout.contains("apiserver-node-restriction"));
    let file = lessons.join("my-lesson/lesson.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("minutes:", "minuets:")).unwrap();
    let lint = run_text(home.path(), &["lesson", "lint", into]);
    assert_eq!(lint.status, 1);
    assert!(
        lint.stdout.contains("my-lesson/lesson.yaml:") && lint.stdout.contains("minuets"),
        "{}",
        lint.stdout
    );
}

/// Whether a line has words of English in a row that are no command, name or cause from elsewhere.
fn english(line: &str) -> Option<String> {
    // What is quoted, a command, an option or a path is the same in every language.
    let mut rest = line.to_owned();
    for quote in ['`', '"', '\''] {
        let parts: Vec<String> = rest.split(quote).step_by(2).map(str::to_owned).collect();
        rest = parts.join(" \u{3000} ");
    }
    let mut run: Vec<&str> = Vec::new();
    let words: Vec<&str> = rest.split_whitespace().collect();
    for word in words.iter().chain(&["\u{3000}"]) {
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let is_word = bare.len() > 1 && word.chars().all(|c| c.is_ascii_alphabetic() || ",.;:()".contains(c));
        if is_word {
            run.push(bare);
        } else if !run.is_empty() {
            let elsewhere = run.iter().any(|w| ELSEWHERE.contains(w));
            if run.len() >= 3 && !elsewhere && run.iter().any(|w| w.chars().all(|c| c.is_ascii_lowercase())) {
                return Some(run.join(" "));
            }
            run.clear();
        }
    }
    None
}

/// Words of lines that others wrote (the system's and libraries' causes, git), and of lists of commands, values and titles.
const ELSEWHERE: [&str; 19] = [
    "such",
    "directory",
    "cks-lab",
    "repository",
    "kubectl",
    "ssh",
    "sudo",
    "CKS",
    "docker",
    "field",
    "fatal",
    "Kubernetes",
    "Monitoring",
    "failed",
    "digit",
    "markdown",
    "sandbox",
    "elvish",
    "Linux",
];

#[test]
fn every_command_speaks_japanese() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let lessons = home.join("lessons");
    let into = lessons.to_str().unwrap();
    assert_eq!(run_text(home, &["lesson", "new", "mine", "--into", into]).status, 0);
    let bad = lessons.join("bad");
    std::fs::create_dir(&bad).unwrap();
    std::fs::write(bad.join("lesson.yaml"), "format_version: 7\n").unwrap();
    let file = home.join("file");
    std::fs::write(&file, "no report").unwrap();
    let (bad, file) = (bad.to_str().unwrap(), file.to_str().unwrap());
    let mut said = Vec::new();
    for line in [
        "",
        "start",
        "start --exam",
        "start nonsense --plain",
        "start --plain --exam nonsense",
        "start --plain --exam --cluster live",
        "list",
        "list nonsense",
        "list apiserver-crash",
        "list --lessons /nowhere",
        "list --name ../x",
        "list --nmae x",
        "check",
        "check --json",
        "hint",
        "solve",
        "exec node01 -- true",
        "shell node01",
        "reset enable-plugin --yes",
        "reset --yes",
        "report",
        "report --exam",
        "report --format pdf",
        "restore",
        "doctor",
        "up --cluster live --kubeconfig /nowhere",
        "up --cluster local --binaries /nowhere",
        "up --kubernetes 1.9",
        "up nonsense",
        "up --cluster cloud",
        "up --port x",
        "lesson",
        "lesson lint",
        "lesson lint nonsense",
        "lesson new Bad_Id",
        "lesson import /nowhere",
        "lesson preview nonsense",
        "nonsense",
        "completions",
        "exec",
        "--help",
        "start --help",
        "list --help",
        "up --help",
        "exec --help",
        "shell --help",
        "check --help",
        "hint --help",
        "solve --help",
        "report --help",
        "reset --help",
        "restore --help",
        "doctor --help",
        "completions --help",
        "man --help",
        "lesson --help",
        "lesson new --help",
        "lesson lint --help",
        "lesson test --help",
        "lesson preview --help",
        "lesson import --help",
        "lesson schema --help",
    ] {
        said.push((line.to_owned(), line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()));
    }
    for words in [
        vec!["lesson", "lint", bad],
        vec!["lesson", "lint", into],
        vec!["lesson", "new", "mine", "--into", into],
        vec!["lesson", "import", "tests/import/every-marker", into],
        vec!["report", "--verify", file],
        vec!["report", "--verify", "/nowhere"],
        vec!["list", "--lessons", file],
    ] {
        said.push((words.join(" "), words.into_iter().map(str::to_owned).collect()));
    }
    let mut problems = Vec::new();
    for (shown, mut words) in said {
        let at = words.iter().position(|w| w == "--").unwrap_or(words.len());
        words.splice(at..at, ["--lang".to_owned(), "ja".to_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = run_text(home, &words);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        let japanese = all.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'));
        if !japanese && !all.is_empty() && !all.starts_with('{') {
            problems.push(format!("cks-lab {shown} says nothing in Japanese: {all}"));
        }
        for line in all.lines() {
            if let Some(words) = english(line) {
                problems.push(format!("cks-lab {shown}: {words:?} in: {line}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_page_of_the_manual_is_there_for_every_command() {
    let home = tempfile::tempdir().unwrap();
    let page = |words: &[&str]| run_text(home.path(), words);
    let all = page(&["man"]).stdout;
    for part in [".SH NAME\n", ".SH SYNOPSIS\n", "cks\\-lab\\-start(1)"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let one = page(&["man", "lesson", "import"]).stdout;
    assert!(one.starts_with(".ie") && one.contains(".TH cks-lab-lesson-import 1"), "{one}");
    let japanese = page(&["man", "start", "--lang", "ja"]).stdout;
    for heading in [".SH 名前\n", ".SH 書式\n", ".SH 説明\n", ".SH オプション\n"] {
        assert!(japanese.contains(heading), "{heading}: {japanese}");
    }
    let english = japanese.lines().find(|l| l.starts_with(".SH ") && l.is_ascii());
    assert_eq!(english, None, "{japanese}");
    assert_eq!(page(&["man", "nonsense"]).status, 2);
    let help = page(&["lesson", "--help", "--lang", "ja"]).stdout;
    assert!(help.contains("使い方: cks-lab lesson [オプション] <コマンド>\n"), "{help}");
    let mistake = page(&["strat", "--lang", "ja"]).stderr;
    assert!(mistake.contains("使い方: cks-lab [オプション] [コマンド]\n"), "{mistake}");
    let list = page(&["list", "--lang", "ja"]).stdout;
    assert!(list.contains("クラスター強化") && !list.contains("Hardening"), "{list}");
}

#[test]
fn the_language_comes_from_the_command_line_the_settings_or_the_locale() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let says = |arguments: &[&str], locale: &str| {
        let mut command = super::program::command(home, arguments);
        let output = command.env("LC_ALL", locale).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let (english, japanese) = ("no lab \"default\" is running", "ラボ \"default\" は実行されていません");
    assert!(says(&["check"], "C").contains(english));
    assert!(says(&["check"], "ja_JP.UTF-8").contains(japanese));
    assert!(says(&["--lang", "en", "check"], "ja_JP.UTF-8").contains(english));
    assert!(says(&["check", "--lang=ja"], "C").contains(japanese));
    assert!(says(&["check"], "fr_FR.UTF-8").contains(english), "what there is no text in is English");
    std::fs::create_dir_all(home.join("config/cks-lab")).unwrap();
    std::fs::write(home.join("config/cks-lab/config.yaml"), "lang: ja\n").unwrap();
    assert!(says(&["check"], "C").contains(japanese));
    assert!(says(&["check", "--lang", "en"], "C").contains(english));
}
