//! The tools on a node that speak to its runtime and kubelet: crictl, systemctl, journalctl.

pub mod client;
pub mod crictl;
pub mod journalctl;
pub mod systemctl;
mod text;
