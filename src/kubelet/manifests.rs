//! The four static pod manifests that kubeadm writes on a control plane, without the lesson's plugin.

use std::path::Path;

use crate::error::Result;
use crate::pki::kubeadm::write_file;
use crate::release::Release;

/// Where the manifests are, below a node's root.
pub const DIRECTORY: &str = "etc/kubernetes/manifests";

/// Writes the manifests that are not there, readable for root alone.
///
/// Only for a lab's first start: later a missing manifest is the learner's doing.
pub fn write_missing(root: &Path, release: &Release) -> Result<()> {
    for (name, text) in release.assets.manifests {
        let path = root.join(DIRECTORY).join(name);
        if !path.exists() {
            write_file(&path, text, 0o600)?;
        }
    }
    Ok(())
}
