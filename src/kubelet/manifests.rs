//! The four static pod manifests that kubeadm writes on a control plane, without the lesson's plugin.

use std::path::Path;

use crate::error::Result;
use crate::pki::kubeadm::write_file;
use crate::release::Release;

/// Where the manifests are, below a node's root.
pub const DIRECTORY: &str = "etc/kubernetes/manifests";

/// File name and content for v1.31.0, as kubeadm writes them.
const FILES: [(&str, &str); 4] = [
    ("etcd.yaml", include_str!("../../assets/manifests/etcd-1.31.yaml")),
    ("kube-apiserver.yaml", include_str!("../../assets/manifests/kube-apiserver-1.31.yaml")),
    (
        "kube-controller-manager.yaml",
        include_str!("../../assets/manifests/kube-controller-manager-1.31.yaml"),
    ),
    ("kube-scheduler.yaml", include_str!("../../assets/manifests/kube-scheduler-1.31.yaml")),
];

/// Writes the manifests that are not there, readable for root alone.
///
/// Only for a lab's first start: later a missing manifest is the learner's doing.
pub fn write_missing(root: &Path, release: &Release) -> Result<()> {
    for (name, text) in FILES {
        let path = root.join(DIRECTORY).join(name);
        if !path.exists() {
            write_file(&path, &text.replace("v1.31.0", release.git_version), 0o600)?;
        }
    }
    Ok(())
}
