//! What a machine can do wrong to a lab: each a clear message, what to do, and the status of the contract.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use super::program::{PROGRAM, run_text};

#[test]
fn a_taken_port_is_named_and_a_free_one_offered() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = run_text(home.path(), &["up", "--json", "--port", &port]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.contains(&format!("the port {port} of this machine's loopback cannot be had")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Address already in use"), "{}", ran.stderr);
    assert!(ran.stderr.contains("leave --port away to take a free one"), "{}", ran.stderr);
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config");
    let shown = file.display().to_string();
    let contents: [(&str, &[u8]); 4] = [
        ("not YAML", b"{ a: [ }"),
        ("not UTF-8", &[0xff, 0xfe, 0x00]),
        ("a list", b"- a\n- b\n"),
        ("nothing", b""),
    ];
    for (what, content) in contents {
        std::fs::write(&file, content).unwrap();
        let arguments = ["up", "--cluster", "live", "--kubeconfig", &shown];
        let ran = run_text(home.path(), &arguments);
        assert_eq!(ran.status, 2, "{what}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{what}");
        assert!(ran.stderr.contains(&shown), "{what}: {}", ran.stderr);
    }
}

/// The sizes in KiB go from "not even the first file" to "everything but the last log": whatever write fails, the program says so.
#[test]
fn a_full_disk_is_said_to_be_full() {
    let mut failed = 0;
    for size in [16, 64, 256, 512] {
        let home = tempfile::tempdir().unwrap();
        let script = format!(
            "mount -t tmpfs -o size={size}k tmpfs \"$1\" && CKS_LAB_HOME=\"$1\" exec \"$2\" up --json"
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, "sh"]).arg(home.path()).arg(PROGRAM);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            eprintln!("skipped: no unshare here to make a small disk with");
            return;
        };
        // A lab that came up all the same prints its line; then it is ended.
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            if stderr.contains("unshare:") || stderr.contains("mount:") {
                eprintln!("skipped: no small disk can be made here: {}", stderr.trim());
                return;
            }
            assert_eq!(output.status.code(), Some(2), "{size} KiB: {stderr}");
            assert!(stderr.contains("No space left on device"), "{size} KiB: {stderr}");
            assert!(stderr.contains("the disk is full"), "{size} KiB: {stderr}");
            assert!(!stderr.contains("panicked"), "{size} KiB: {stderr}");
            failed += 1;
        } else {
            Command::new("kill").arg(child.id().to_string()).status().unwrap();
            child.wait().unwrap();
        }
    }
    assert!(failed > 0, "not even 16 KiB were too small");
}
