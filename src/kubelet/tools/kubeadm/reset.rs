//! `kubeadm reset`: takes a node out of its cluster, for good as far as kubeadm is concerned.
//!
//! Upstream: `cmd/kubeadm/app/cmd/reset.go`, `cmd/kubeadm/app/cmd/phases/reset`.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::Command;

use super::flags::Flags;
use super::node::Node;
use super::{Failed, Said};

/// Directories that are emptied.
const DIRECTORIES: [&str; 3] = ["/etc/kubernetes/manifests", "/var/lib/kubelet", "/etc/kubernetes/pki"];
/// Files that are removed.
const FILES: [&str; 6] = [
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/super-admin.conf",
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
];
const ETCD: &str = "/var/lib/etcd";

const LEFT: &str = "
The reset process does not clean CNI configuration. To do so, you must remove /etc/cni/net.d

The reset process does not reset or clean up iptables rules or IPVS tables.
If you wish to reset iptables, you must do so manually by using the \"iptables\" command.

If your cluster was setup to utilize IPVS, run ipvsadm --clear (or similar)
to reset your system's IPVS tables.

The reset process does not clean your kubeconfig files and you must remove them manually.
Please, check the contents of the $HOME/.kube/config file.
";

/// Runs reset, after a question unless forced.
pub(super) fn run(node: &Node, flags: &Flags) -> Said {
    let mut out = io::stdout();
    if !flags.has("force") {
        let _ = write!(
            out,
            "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.\n\
             [reset] Are you sure you want to proceed? [y/N]: "
        );
        let _ = out.flush();
        let mut answer = String::new();
        let _ = io::stdin().lock().read_line(&mut answer);
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Err(Failed::from("aborted reset operation"));
        }
    }
    let mut say = |text: &str| {
        let _ = writeln!(out, "{text}");
    };
    say("[preflight] Running pre-flight checks");
    if node.path("/etc/kubernetes/manifests/etcd.yaml").exists() {
        empty(node, ETCD);
        say(&format!("[reset] Deleted contents of the etcd data directory: {ETCD}"));
    } else {
        say("[reset] No etcd config found. Assuming external etcd");
        say("[reset] Please, manually reset etcd to prevent further issues");
    }
    say("[reset] Stopping the kubelet service");
    let stopped = Command::new("systemctl").args(["stop", "kubelet"]).status();
    if !stopped.is_ok_and(|status| status.success()) {
        say("[reset] Please ensure kubelet is stopped manually");
    }
    say("[reset] Unmounting mounted directories in \"/var/lib/kubelet\"");
    remove_pods();
    say(&format!("[reset] Deleting contents of directories: [{}]", DIRECTORIES.join(" ")));
    DIRECTORIES.iter().for_each(|directory| empty(node, directory));
    say(&format!("[reset] Deleting files: [{}]", FILES.join(" ")));
    for file in FILES {
        let _ = node.files().remove_all(file);
    }
    Ok(LEFT.to_owned())
}

/// Ends what the node's runtime runs, as kubeadm does by crictl.
fn remove_pods() {
    let Ok(pods) = Command::new("crictl").args(["pods", "-q"]).output() else { return };
    for pod in String::from_utf8_lossy(&pods.stdout).lines() {
        for verb in ["stopp", "rmp"] {
            let _ = Command::new("crictl").args([verb, pod]).output();
        }
    }
}

/// Removes all that is in a directory.
fn empty(node: &Node, directory: &str) {
    let files = node.files();
    for name in files.list(directory).unwrap_or_default() {
        let _ = files.remove_all(Path::new(directory).join(name));
    }
}
