//! The tools on a node that speak to its runtime, kubelet, systemd and etcd.

pub mod client;
pub mod crictl;
pub mod etcdctl;
pub mod journalctl;
pub mod kubeadm;
pub mod network;
pub mod others;
pub mod processes;
pub mod systemctl;
mod text;
