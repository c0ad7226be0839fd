//! The threat model in `SECURITY.md` and its tests: each line names some, and they exist.

use std::path::Path;

use super::attempts;

const MODEL: &str = include_str!("../../../SECURITY.md");

/// What is between two of these signs.
fn between(text: &str, sign: char) -> Vec<&str> {
    text.split(sign).skip(1).step_by(2).collect()
}

fn source(dir: &Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            source(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            *all += &std::fs::read_to_string(path).unwrap();
        }
    }
}

#[test]
fn every_threat_names_tests_that_exist() {
    let mut code = String::new();
    for dir in ["src/node", "src/rooted", "src/cluster/sandbox", "tests/it"] {
        source(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut code);
    }
    let rows: Vec<_> = MODEL.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 10, "the table is there");
    for row in rows {
        let tests = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        let (tried, functions) = (between(tests, '"'), between(tests, '`'));
        assert!(tried.len() + functions.len() > 0, "no test: {row}");
        for name in tried {
            assert!(attempts::ALL.iter().any(|a| a.name == name), "no attempt {name:?}");
        }
        for name in functions {
            assert!(code.contains(&format!("fn {name}(")), "no test {name}");
        }
    }
}

#[test]
fn attempts_have_names_of_their_own() {
    let mut names: Vec<_> = attempts::ALL.iter().map(|a| a.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 25);
}
