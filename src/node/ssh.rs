//! ssh between nodes: a server in the lab, and a client where the machine has none.
//!
//! ```text
//! ssh (machine's or ours) on a node -> TCP in the lab's network -> server in the lab -> Node::spawn on the other node
//! ```
//! [`keys`] makes what both sides need on disk, so that the first connection asks nothing; [`server`] listens on every
//! node; [`session`] is one command or shell of a connection, [`sftp::server`] the server of its file transfers; [`client`], [`scp`]
//! and [`sftp::shell`] are the tools `ssh`, `scp` and `sftp`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Isolation, Node};
use crate::clock::SharedClock;
use crate::error::Result;

pub mod client;
pub mod keys;
mod lastlog;
pub mod scp;
mod server;
mod session;
pub mod sftp;

/// The port on every node.
pub const PORT: u16 = 22;

/// A node that is to be reached by ssh.
#[derive(Clone)]
pub struct Host {
    /// The node.
    pub node: Arc<dyn Node>,
    /// Its address in the lab's network.
    pub address: IpAddr,
}

/// The running servers; dropping it ends them and their connections.
pub struct Servers {
    tasks: Vec<tokio::task::AbortHandle>,
    hosts: Vec<Host>,
    /// Where each host listens.
    listening: Vec<(String, SocketAddr)>,
    program: PathBuf,
}

impl Servers {
    /// Writes again what clients and servers need on the nodes' disks, where it is missing.
    pub fn mend(&self) -> Result<()> {
        keys::ensure(&self.hosts)?;
        self.configure()
    }

    fn configure(&self) -> Result<()> {
        for host in &self.hosts {
            keys::configure(host, &self.listening)?;
            if host.node.isolation() == Isolation::Plain {
                keys::install_clients(host, &self.program)?;
            }
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Makes keys where they are missing and serves ssh on every node; `program` is this program's file.
pub async fn serve(hosts: &[Host], program: &Path, clock: &SharedClock) -> Result<Servers> {
    let keys = keys::ensure(hosts)?;
    let mut tasks = Vec::new();
    let mut listening = Vec::new();
    for (host, key) in hosts.iter().zip(keys) {
        let listener = host.node.listen(SocketAddr::new(host.address, PORT)).await?;
        let at = listener.local_addr().unwrap_or_else(|_| SocketAddr::new(host.address, PORT));
        listening.push((host.node.name().to_owned(), at));
        tasks.push(server::start(Arc::clone(&host.node), listener, key, clock.clone()));
    }
    let servers = Servers { tasks, hosts: hosts.to_vec(), listening, program: program.into() };
    servers.configure()?;
    Ok(servers)
}
