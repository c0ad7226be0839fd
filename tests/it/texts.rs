//! The catalogue of texts: what its compiler refuses, and what both languages have.

use std::path::Path;

#[path = "../../build/catalogue.rs"]
mod catalogue;

fn compile(en: &str, ja: &str) -> Result<String, String> {
    let files = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
    catalogue::compile(&[files("en/a.ftl", en), files("ja/a.ftl", ja)])
}

#[test]
fn a_text_becomes_a_struct_with_its_variables() {
    let code = compile("gone = the lab { $name } ended\n", "gone = ラボ { $name } は終了しました\n").unwrap();
    assert!(
        code.contains("pub(crate) struct gone<'a> { pub(crate) name: &'a (dyn std::fmt::Display + Sync) }"),
        "{code}"
    );
    let plain = compile("yes = yes\n", "yes = はい\n").unwrap();
    assert!(plain.contains(r#"["yes", "はい"][language as usize]"#), "{plain}");
    let blanks = compile("a = { \"  \" }b\n", "a = { \"\\u3000\" }b\n").unwrap();
    assert!(blanks.contains(r#"["  b", "\u{3000}b"]"#), "{blanks}");
}

#[test]
fn what_one_language_lacks_is_refused() {
    let count = "n = { $count ->\n    [one] one\n   *[other] { $count }\n}\n";
    for (en, ja, said) in [
        ("a = x\nb = y\n", "a = x\n", "b is missing in ja"),
        ("a = x\n", "a = x\nb = y\n", "b is missing in en"),
        ("a = { $x }\n", "a = { $y }\n", "has the variables"),
        ("a = x\na = y\n", "a = x\n", "is there twice"),
        ("a-b = x\n", "a-b = x\n", "a key has a-z, 0-9 and _"),
        ("a = { \"\" }\n", "a =\n", "ja/a.ftl:"),
        ("-a = x\n", "", "is a term"),
        ("a = x\n    .b = y\n", "a = x\n", "no attributes"),
        ("a = { NUMBER($x) }\n", "a = { $x }\n", "is not used here"),
        ("n = { $count }\n", count, "Japanese has no plural"),
        ("a = { $x\n", "a = { $x }\n", "en/a.ftl:1"),
    ] {
        let problem = compile(en, ja).unwrap_err();
        assert!(problem.contains(said), "{said:?}: {problem}");
    }
    compile(count, "n = { $count }\n").unwrap();
}

/// What is written with kana or kanji, or has no words at all.
fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[test]
fn japanese_texts_are_japanese() {
    let files = catalogue::read(Path::new("assets/text")).unwrap();
    catalogue::compile(&files).unwrap();
    let names = |index: usize| -> Vec<String> {
        files[index].iter().map(|(path, _)| path.rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(0), names(1), "the same rooms in both languages");
    let mut count = 0;
    for (path, text) in &files[1] {
        for line in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
            let Some((key, value)) = line.split_once(" = ") else { continue };
            count += 1;
            let plain: String =
                value.split('{').map(|part| part.split_once('}').map_or(part, |p| p.1)).collect();
            let words = plain.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() > 3).count();
            assert!(is_japanese(value) || words < 2, "{path}: {key} is not Japanese: {value}");
        }
    }
    assert!(count > 100, "{count} texts");
}

/// Rooms that say what Kubernetes, ssh and other programs say in the original, and tests.
const ORIGINALS: [&str; 14] = [
    "src/apiserver",
    "src/controllers",
    "src/kubectl",
    "src/kubelet",
    "src/editor",
    "src/node/linux",
    "src/node/tools",
    "src/node/watch.rs",
    "src/node/ssh/client",
    "src/node/ssh/scp.rs",
    "src/node/ssh/sftp",
    "src/cluster/sandbox/network.rs",
    "src/lesson/jsonschema.rs",
    "src/check/fixture.rs",
];

fn sources(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// What is told to a person is a text of the catalogue, and so in every language.
#[test]
fn errors_and_talk_come_from_the_catalogue() {
    let says = regex::Regex::new(
        r#"(?:Error::new|\.hint|\.why|\btalk|\bsay|context_what\(\|\||\.push|\bErr)\s*\(?\s*&?(?:format!\(\s*)?"((?:[^"\\]|\\.)*)""#,
    )
    .unwrap();
    let value = regex::Regex::new(r"\{[^}]*\}").unwrap();
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let (mut looked, mut raw) = (0, Vec::new());
    for file in files {
        let name = file.to_string_lossy().into_owned();
        if name.contains("tests") || ORIGINALS.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        looked += 1;
        let source = std::fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap();
        for said in says.captures_iter(source) {
            let text = value.replace_all(&said[1], " ");
            let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() > 3).count();
            if words >= 2 && text.trim().contains(' ') {
                let line = source[..said.get(0).unwrap().start()].matches('\n').count() + 1;
                raw.push(format!("{name}:{line}: {}", &said[1]));
            }
        }
    }
    assert!(looked > 150, "{looked} files");
    assert!(raw.is_empty(), "not in assets/text:\n{}", raw.join("\n"));
}
