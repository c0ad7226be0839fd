//! Programs of a node whose work the lab does itself: they say of which version they are, and what to use instead.

use std::ffi::OsString;
use std::io::{self, Write};

use super::client::{self, Whom};
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};

fn release() -> &'static Release {
    let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State);
    state.ok().and_then(|state| Release::find(&state.version)).unwrap_or_else(default_release)
}

fn asks_version(args: &[OsString]) -> bool {
    args.iter().any(|a| ["--version", "-v", "version"].iter().any(|word| a == word))
}

/// Says one of two things; the exit status comes back.
fn say(version: Option<String>, otherwise: &str) -> i32 {
    match version {
        Some(text) => i32::from(writeln!(io::stdout(), "{text}").is_err()),
        None => {
            let _ = writeln!(io::stderr(), "{otherwise}");
            1
        }
    }
}

/// Runs kubelet, which systemd runs already; the exit status comes back.
pub fn kubelet_main(args: Vec<OsString>) -> i32 {
    let version = asks_version(&args).then(|| format!("Kubernetes {}", release().git_version));
    say(version, "This node's kubelet is a service: systemctl status kubelet, journalctl -u kubelet")
}

/// Runs containerd, which systemd runs already; the exit status comes back.
pub fn containerd_main(args: Vec<OsString>) -> i32 {
    let version = asks_version(&args).then(|| {
        let version = release().node.container_runtime.rsplit('/').next().unwrap_or_default();
        format!("containerd github.com/containerd/containerd {version}")
    });
    say(version, "This node's containerd is a service: systemctl status containerd")
}

/// Runs ctr; the exit status comes back.
pub fn ctr_main(_: Vec<OsString>) -> i32 {
    say(
        None,
        "ctr is not emulated in this lab: crictl ps, pods, images, logs and inspect show what runs on a node",
    )
}
