//! The built-in jq as a program of its own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[test]
fn results_come_while_the_input_goes_on() {
    let mut jq = Command::new(env!("CARGO_BIN_EXE_cks-lab"))
        .arg0("jq")
        .args(["-r", ".object.metadata.name"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
