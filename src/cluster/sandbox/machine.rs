//! What kubeadm, the kubelet and containerd leave on a node's disk besides the certificates: settings, units, empty directories.
//!
//! Upstream: `cmd/kubeadm/app/phases/kubelet/{config,flags}.go`, the packages `kubelet`, `kubeadm` and `containerd`; the
//! listing of a real node's `/var/lib/kubelet`.

use std::net::IpAddr;
use std::path::Path;

use crate::clock::SharedClock;
use crate::error::{Context, Result};
use crate::pki::{Authority, Subject, Usage};
use crate::release::Release;
use crate::rooted::Rooted;
use crate::text::tr;

/// Where units are, as the node sees them, without the leading slash.
pub const UNITS: &str = "usr/lib/systemd/system";
/// Where they are below its root: a node's `/usr` is the machine's.
pub const OWN_UNITS: &str = "opt/cks-lab/units";

/// Directories with their modes, as on a real node.
const DIRS: [(&str, u32); 9] = [
    ("var/lib/kubelet", 0o755),
    ("var/lib/kubelet/checkpoints", 0o700),
    ("var/lib/kubelet/device-plugins", 0o755),
    ("var/lib/kubelet/plugins", 0o750),
    ("var/lib/kubelet/plugins_registry", 0o750),
    ("var/lib/kubelet/pod-resources", 0o750),
    ("var/lib/kubelet/pods", 0o750),
    ("etc/systemd/system/multi-user.target.wants", 0o755),
    ("opt/cni/bin", 0o755),
];

const UNIT_FILES: [(&str, &str); 3] = [
    ("kubelet.service", include_str!("../../../assets/node/kubelet/kubelet.service")),
    ("kubelet.service.d/10-kubeadm.conf", include_str!("../../../assets/node/kubelet/10-kubeadm.conf")),
    ("containerd.service", include_str!("../../../assets/node/kubelet/containerd.service")),
];

/// Writes the units of a node where they are missing; for before it is started.
pub fn units(root: &Path) -> Result<()> {
    let files = Rooted::new(root);
    for (name, text) in UNIT_FILES {
        files.place_missing(format!("{OWN_UNITS}/{name}"), text, 0o644)?;
    }
    Ok(())
}

/// Writes what is missing on a new node; later a file that is not there is the learner's doing.
pub fn write(
    root: &Path,
    node: &str,
    address: IpAddr,
    control_plane: bool,
    release: &Release,
    clock: &SharedClock,
) -> Result<()> {
    let files = Rooted::new(root);
    let marker = "var/lib/kubelet/config.yaml";
    if files.exists(marker) {
        return Ok(());
    }
    let mut dirs = DIRS.to_vec();
    if control_plane {
        dirs.push(("var/lib/etcd", 0o700));
    }
    for (dir, mode) in dirs {
        files
            .create_dir_all(dir, mode)
            .context_what(|| tr!(dir_cannot_be_made { dir: files.shown(dir).display() }))?;
    }
    let settings = release.assets.kubelet;
    let flags = settings.flags.replace("ADDRESS", &address.to_string());
    let network = include_str!("../../../assets/node/kubelet/10-canal.conflist").replace("NODE", node);
    let endpoint = "unix:///run/containerd/containerd.sock";
    for (path, mode, text) in [
        ("var/lib/kubelet/kubeadm-flags.env", 0o644, flags.as_str()),
        ("var/lib/kubelet/cpu_manager_state", 0o600, CPU_MANAGER),
        ("var/lib/kubelet/memory_manager_state", 0o600, MEMORY_MANAGER),
        ("etc/cni/net.d/10-canal.conflist", 0o600, network.as_str()),
        ("etc/containerd/config.toml", 0o644, include_str!("../../../assets/node/kubelet/containerd.toml")),
        (
            "etc/crictl.yaml",
            0o644,
            &format!("runtime-endpoint: {endpoint}\nimage-endpoint: {endpoint}\ntimeout: 2\ndebug: false\n"),
        ),
    ] {
        files.place_missing(path, text, mode)?;
    }
    serving_certificate(&files, node, clock)?;
    for unit in crate::kubelet::services::UNITS {
        let link = format!("etc/systemd/system/multi-user.target.wants/{unit}.service");
        // One that is there already is right.
        let _ = files.symlink(format!("/{UNITS}/{unit}.service"), link);
    }
    // Last, since by this file a node is known to be complete.
    files.place_missing(marker, settings.config, 0o644)
}

const CPU_MANAGER: &str = "{\"policyName\":\"none\",\"defaultCpuSet\":\"\",\"checksum\":1353318690}";
const MEMORY_MANAGER: &str = "{\"policyName\":\"None\",\"machineState\":{},\"checksum\":4236770233}";

/// The kubelet's own serving certificate, by an authority that nobody keeps (`pkg/kubelet/kubelet.go`).
fn serving_certificate(files: &Rooted, node: &str, clock: &SharedClock) -> Result<()> {
    let pki = Path::new("var/lib/kubelet/pki");
    if files.exists(pki.join("kubelet.crt")) {
        return Ok(());
    }
    let now = clock.now();
    let authority = Authority::new(&format!("{node}-ca@{}", now.as_second()), now)?;
    let subject = Subject {
        common_name: format!("{node}@{}", now.as_second()),
        dns: vec![node.to_owned()],
        ..Subject::default()
    };
    let leaf = authority.issue(&subject, Usage::Server, now)?;
    let chain = format!("{}{}", leaf.certificate, authority.certificate());
    files.place(pki.join("kubelet.crt"), &chain, 0o644)?;
    files.place(pki.join("kubelet.key"), &leaf.key, 0o600)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_new_node_has_a_kubeadm_nodes_files_and_an_old_one_keeps_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let (root, clock): (_, SharedClock) = (dir.path(), Arc::new(crate::clock::SystemClock));
        let make = || {
            let release = crate::release::default_release();
            write(root, "node01", [172, 30, 2, 2].into(), false, release, &clock).unwrap();
        };
        units(root).unwrap();
        make();
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let config: serde_json::Value = serde_yaml::from_str(&read("var/lib/kubelet/config.yaml")).unwrap();
        assert_eq!(config["staticPodPath"], "/etc/kubernetes/manifests");
        assert!(read("var/lib/kubelet/kubeadm-flags.env").contains(" --node-ip=172.30.2.2 "));
        assert!(
            read("opt/cks-lab/units/kubelet.service.d/10-kubeadm.conf").contains("$KUBELET_KUBEADM_ARGS")
        );
        assert!(!root.join("var/lib/etcd").exists(), "a worker has no etcd");
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("var/lib/kubelet/pods"), mode("var/lib/kubelet/cpu_manager_state")), (0o750, 0o600));
        fs::remove_file(root.join("etc/crictl.yaml")).unwrap();
        make();
        assert!(!root.join("etc/crictl.yaml").exists(), "what a learner removed stays away");
    }
}
