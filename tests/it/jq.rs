//! The built-in jq as a program of its own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The program as jq with a filter.
fn jq(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cks-lab"));
    command.arg0("jq").args(arguments);
    command
}

#[test]
fn what_a_filter_says_beside_its_results_is_written() {
    for (filter, status, out, said) in [
        ("1 | debug", 0, "1\n", "[\"DEBUG:\",1]\n"),
        ("\"a\" | stderr", 0, "\"a\"\n", "a"),
        ("\"no\\n\" | halt_error", 5, "", "no\n"),
    ] {
        let output = jq(&["-n", filter]).output().unwrap();
        let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!((output.status.code(), texts[0].as_str()), (Some(status), out), "{filter}");
        assert_eq!(texts[1], said, "{filter}");
    }
}

#[test]
fn results_come_while_the_input_goes_on() {
    let mut jq =
        jq(&["-r", ".object.metadata.name"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = jq.stdin.take().unwrap();
    let mut lines = BufReader::new(jq.stdout.take().unwrap()).lines();
    for name in ["controlplane", "node01"] {
        writeln!(input, "{{\"object\": {{\"metadata\": {{\"name\": {name:?}}}}}}}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), name);
    }
    drop(input);
    assert!(lines.next().is_none());
    assert!(jq.wait().unwrap().success());
}
