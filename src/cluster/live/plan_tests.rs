#![allow(clippy::unwrap_used)]

use super::*;

const HEAD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\n  namespace: kube-system\nspec:\n  containers:\n";
const TAIL: &str = "    image: registry.k8s.io/kube-apiserver:v1.31.0 # keep\n    name: kube-apiserver\n\n\n";

fn manifest(list: &str) -> String {
    format!("{HEAD}{list}{TAIL}")
}

fn off(text: &str) -> Result<Option<String>> {
    without_plugins(text, &["NodeRestriction".to_owned()])
}

#[test]
fn exactly_the_plugin_goes() {
    let list = |items: &str| format!("  - command:\n    - kube-apiserver\n{items}    - --secure-port=6443\n");
    for (before, after) in [
        ("    - --enable-admission-plugins=NodeRestriction\n", ""),
        ("    - --enable-admission-plugins=A,NodeRestriction,B\n", "    - --enable-admission-plugins=A,B\n"),
        ("    - --enable-admission-plugins=NodeRestriction, B\n", "    - --enable-admission-plugins= B\n"),
        ("    - \"--enable-admission-plugins=NodeRestriction\"   # why\n", ""),
        (
            "    -   '--enable-admission-plugins=A,NodeRestriction' # why\n",
            "    -   '--enable-admission-plugins=A' # why\n",
        ),
        (
            "    - --enable-admission-plugins=A\n    - --enable-admission-plugins=NodeRestriction\n",
            "    - --enable-admission-plugins=A\n",
        ),
        (
            "    - --enable-admission-plugins=A,NodeRestriction\n    - --enable-admission-plugins=NodeRestriction,B\n",
            "    - --enable-admission-plugins=A\n    - --enable-admission-plugins=B\n",
        ),
        ("    - --enable-admission-plugins=NodeRestriction\t# why\n", ""),
        ("    - --enable-admission-plugins\n    - NodeRestriction\n", ""),
        (
            "    - --enable-admission-plugins\n    - A,NodeRestriction\n",
            "    - --enable-admission-plugins\n    - A\n",
        ),
        (
            "    # - --enable-admission-plugins=NodeRestriction\n    - --enable-admission-plugins=NodeRestriction\n",
            "    # - --enable-admission-plugins=NodeRestriction\n",
        ),
        (
            "    - --enable-admission-plugins=NodeRestriction,NodeRestrictionX\n",
            "    - --enable-admission-plugins=NodeRestrictionX\n",
        ),
    ] {
        let changed = off(&manifest(&list(before))).unwrap().unwrap();
        assert_eq!(changed, manifest(&list(after)), "{before}");
    }
}

#[test]
fn other_places_and_line_ends() {
    let args = |items: &str| format!("  - command: [kube-apiserver]\n    args:\n    - --a=1\n{items}");
    let on = args("    - --enable-admission-plugins=NodeRestriction\n");
    assert_eq!(off(&manifest(&on)).unwrap().unwrap(), manifest(&args("")));
    let flow = |items: &str| format!("  - command: [kube-apiserver, {items}\"--a=1\"]\n");
    for (before, after) in [
        ("--enable-admission-plugins=NodeRestriction, ", ""),
        ("\"--enable-admission-plugins=NodeRestriction\", ", ""),
        ("'--enable-admission-plugins=A,NodeRestriction', ", "'--enable-admission-plugins=A', "),
    ] {
        assert_eq!(off(&manifest(&flow(before))).unwrap().unwrap(), manifest(&flow(after)), "{before}");
    }
    let crlf =
        manifest("  - command:\n    - kube-apiserver\n    - --enable-admission-plugins=A,NodeRestriction\n")
            .replace('\n', "\r\n");
    assert_eq!(off(&crlf).unwrap().unwrap(), crlf.replace(",NodeRestriction", ""));
    let no_end = manifest(&on).trim_end().to_owned();
    assert!(!off(&no_end).unwrap().unwrap().ends_with('\n'));
}

#[test]
fn what_is_off_needs_no_plan_and_what_is_not_understood_gets_none() {
    for items in
        ["", "    - --enable-admission-plugins=A\n", "    - --disable-admission-plugins=NodeRestriction\n"]
    {
        let text = manifest(&format!("  - command:\n    - kube-apiserver\n{items}"));
        assert_eq!(off(&text).unwrap(), None, "{items}");
    }
    for items in [
        "    - >-\n      --enable-admission-plugins=NodeRestriction\n",
        "    - \"--enable-admission-plugins=\\\n      NodeRestriction\"\n",
        "    - sh -c 'x' --enable-admission-plugins=NodeRestriction\n    - &a --enable-admission-plugins=NodeRestriction\n    - *a\n",
    ] {
        let text = manifest(&format!("  - command:\n    - kube-apiserver\n{items}"));
        assert!(off(&text).is_err(), "{items}: {:?}", off(&text));
    }
    assert!(off("kind: [").unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_lessons_edit_is_told_from_anothers() {
    let with = |items: &str| manifest(&format!("  - command:\n    - kube-apiserver\n{items}    - --a=1\n"));
    let plain = with("");
    for (other, same) in [
        (with("    - --enable-admission-plugins=NodeRestriction\n"), true),
        (with("    # a thought\n    - --enable-admission-plugins=A,B\n"), true),
        (with("    - --disable-admission-plugins=NodeRestriction\n"), true),
        (with("    - --audit-log-path=/x\n"), false),
        (plain.replace("v1.31.0", "v1.31.1"), false),
        (plain.replace("--a=1", "--a=2"), false),
        ("kind: [".to_owned(), false),
    ] {
        assert_eq!(same_but_plugins(plain.as_bytes(), other.as_bytes()), same, "{other}");
    }
}

#[test]
fn a_manifest_and_the_pod_that_runs_are_held_together() {
    let text = manifest("  - command:\n    - kube-apiserver\n    - --a=1\n    args: [--b]\n");
    let pod =
        |words: &[&str]| serde_json::json!({"spec": {"containers": [{"command": words, "args": ["--b"]}]}});
    assert_eq!(other_words(text.as_bytes(), &pod(&["kube-apiserver", "--a=1"])), None);
    for (running, odd) in [
        (&["kube-apiserver"][..], "--a=1"),
        (&["kube-apiserver", "--a=1", "--c"], "--c"),
        (&["kube-apiserver", "--a=2"], "--a=1"),
        (&["--a=1", "kube-apiserver"], "kube-apiserver --a=1 --b"),
    ] {
        assert_eq!(other_words(text.as_bytes(), &pod(running)).as_deref(), Some(odd));
    }
}

#[test]
fn the_diff_is_a_unified_one() {
    let on = manifest(
        "  - command:\n    - kube-apiserver\n    - --enable-admission-plugins=NodeRestriction\n    - --a=1\n",
    );
    let shown = diff("/m/k.yaml", &on, &off(&on).unwrap().unwrap());
    assert!(shown.starts_with("--- /m/k.yaml (now)\n+++ /m/k.yaml (then)\n@@ -"), "{shown}");
    let changed: Vec<_> = shown.lines().skip(3).filter(|l| l.starts_with(['+', '-'])).collect();
    assert_eq!(changed, ["-    - --enable-admission-plugins=NodeRestriction"]);
}
