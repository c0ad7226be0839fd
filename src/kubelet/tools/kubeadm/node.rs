//! The node that kubeadm runs on: its files, its name and address, its release.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use super::super::client::{self, Whom};
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};
use crate::rooted::Rooted;

/// The directory of certificates, as messages name it.
pub const PKI: &str = "/etc/kubernetes/pki";

/// The node.
pub struct Node {
    /// Where its files are; `/` where it has a root of its own.
    root: PathBuf,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The time.
    pub now: Timestamp,
    /// Whether the lab says that this is a node of its own: only there files may be changed.
    pub known: bool,
}

/// The release of the cluster.
pub fn release() -> &'static Release {
    let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State).ok();
    state.and_then(|s| Release::find(&s.version)).unwrap_or_else(default_release)
}

/// Where a node's files are.
fn root() -> PathBuf {
    std::env::var_os("CKS_LAB_NODE_ROOT").map_or_else(|| PathBuf::from("/"), PathBuf::from)
}

impl Node {
    /// The node that this process is on.
    pub fn find() -> Self {
        let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State).ok();
        let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let address = state.as_ref().and_then(|s| s.address.parse().ok());
        Self {
            root: root(),
            known: state.is_some(),
            name: state.map_or_else(host, |s| s.node),
            address: address.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            now: Timestamp::now(),
        }
    }

    /// A node whose files are in a directory.
    #[cfg(test)]
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.into(),
            known: true,
            name: "cp".into(),
            address: IpAddr::from([10, 0, 0, 1]),
            now: Timestamp::now(),
        }
    }

    /// The node's files.
    pub fn files(&self) -> Rooted {
        Rooted::new(&self.root)
    }

    /// A path of the node as this process reaches it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text.
    pub fn read(&self, path: &str) -> std::io::Result<String> {
        std::fs::read_to_string(self.path(path))
    }

    /// The API server as the node's kubeconfigs name it.
    pub fn server(&self) -> String {
        let named = |file: &str| {
            let config: Value = serde_yaml::from_str(&self.read(file).ok()?).ok()?;
            config["clusters"][0]["cluster"]["server"].as_str().map(str::to_owned)
        };
        let files = ["kubelet.conf", "admin.conf", "controller-manager.conf", "scheduler.conf"];
        let found = files.iter().find_map(|file| named(&format!("/etc/kubernetes/{file}")));
        found.unwrap_or_else(|| format!("https://{}:6443", self.address))
    }
}

/// A kubeconfig of root's on the node, for a tool that talks to the cluster.
pub fn kubeconfig(given: Option<&str>) -> Result<PathBuf, String> {
    if let Some(file) = given {
        return Ok(file.into());
    }
    let admin = root().join("etc/kubernetes/admin.conf");
    let home = std::env::var_os("KUBECONFIG").map(PathBuf::from).into_iter();
    let mut found = std::iter::once(admin).chain(home).chain([PathBuf::from("/root/.kube/config")]);
    found.find(|file| Path::new(file).is_file()).ok_or_else(|| {
        "failed to load admin kubeconfig: open /root/.kube/config: no such file or directory".to_owned()
    })
}
