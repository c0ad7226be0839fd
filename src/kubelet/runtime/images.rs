//! The images on a node: ids, sizes, and the first lines that their programs write.

use sha2::{Digest, Sha256};

use crate::klog::Severity;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `registry.k8s.io/pause`
    pub repository: &'static str,
    /// `3.5`; capital letters stand for the release's, see [`crate::release::Release::image_tag`].
    pub tag: &'static str,
    /// As crictl shows it.
    pub size: &'static str,
}

const fn image(repository: &'static str, tag: &'static str, size: &'static str) -> Image {
    Image { repository, tag, size }
}

/// What kubeadm and the addons pulled.
pub const IMAGES: [Image; 12] = [
    image("docker.io/calico/kube-controllers", "v3.24.1", "31.1MB"),
    image("docker.io/calico/node", "v3.24.1", "80.2MB"),
    image("docker.io/rancher/local-path-provisioner", "v0.0.28", "18.6MB"),
    image("docker.io/rancher/mirrored-flannelcni-flannel", "v0.19.2", "20.5MB"),
    image("registry.k8s.io/coredns/coredns", "COREDNS", "18.2MB"),
    image("registry.k8s.io/etcd", "ETCD", "56.9MB"),
    image("registry.k8s.io/kube-apiserver", "VERSION", "28.1MB"),
    image("registry.k8s.io/kube-controller-manager", "VERSION", "26.2MB"),
    image("registry.k8s.io/kube-proxy", "VERSION", "30.2MB"),
    image("registry.k8s.io/kube-scheduler", "VERSION", "20.2MB"),
    image("registry.k8s.io/pause", "PAUSE", "320kB"),
    image("registry.k8s.io/pause", "3.5", "301kB"),
];

/// An image's id: 64 hex digits that depend on its name alone.
pub fn id(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

type StartLine = (Severity, &'static str, &'static str);

const PROXY: [StartLine; 4] = [
    (Severity::Info, "server_linux.go:66", "\"Using iptables proxy\""),
    (Severity::Info, "server.go:677", "\"Successfully retrieved node IP(s)\" IPs=[\"172.30.1.2\"]"),
    (Severity::Info, "config.go:197", "\"Starting service config controller\""),
    (Severity::Info, "shared_informer.go:320", "Caches are synced for service config"),
];
const FLANNEL: [StartLine; 2] = [
    (
        Severity::Info,
        "main.go:204",
        "CLI flags config: {etcdEndpoints:http://127.0.0.1:4001,http://127.0.0.1:2379 kubeSubnetMgr:true ipMasq:true}",
    ),
    (Severity::Info, "kube.go:120", "Waiting 10m0s for node controller to sync"),
];
const OTHER: [StartLine; 0] = [];

/// The first lines that an image's program writes.
pub fn start_lines(image: &str) -> &'static [StartLine] {
    if image.contains("kube-proxy") {
        &PROXY
    } else if image.contains("flannel") {
        &FLANNEL
    } else {
        &OTHER
    }
}
