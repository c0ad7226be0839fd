//! The four static pod manifests that kubeadm writes on a control plane, without the lesson's plugin.

use std::path::Path;

use crate::error::Result;
use crate::release::Release;
use crate::rooted::Rooted;

/// Where the manifests are, below a node's root.
pub const DIRECTORY: &str = "etc/kubernetes/manifests";

/// Writes the manifests that are not there, readable for root alone.
///
/// Only for a lab's first start: later a missing manifest is the learner's doing.
pub fn write_missing(root: &Path, release: &Release) -> Result<()> {
    let files = Rooted::new(root);
    for (name, text) in release.assets.manifests {
        files.place_missing(Path::new(DIRECTORY).join(name), text, 0o600)?;
    }
    Ok(())
}
