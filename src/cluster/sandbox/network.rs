//! Where the API server listens, and how it reaches the kubelets.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::CONTROL_PLANE_ADDRESS;
use super::port::Held;
use crate::apiserver::server::{KubeletClient, LogRequest, LogStream, Network};
use crate::error::{Context, Error, Result};
use crate::kubelet::Kubelet;
use crate::node::{Isolation, Node};
use crate::state_dir::LabDir;
use crate::text::tr;

/// The address on this machine's loopback at which the API server can be reached while it runs.
pub struct Listeners {
    outside: Held,
}

impl Listeners {
    /// Chooses the port: the one asked for, else the lab's last one if it is free, else any.
    pub fn bind(dir: &LabDir, asked: u16) -> Result<(SocketAddr, Self)> {
        let file = dir.root().join("port");
        let last =
            std::fs::read_to_string(&file).ok().and_then(|t| t.trim().parse::<u16>().ok()).unwrap_or(0);
        let at = |port| Held::take(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let held = match (asked, last) {
            (0, 0) => at(0),
            (0, last) => at(last).or_else(|_| at(0)),
            (asked, _) => at(asked),
        };
        let outside = held.map_err(|error| {
            Error::new(tr!(sandbox_port { asked })).why(error).hint(tr!(sandbox_free_port))
        })?;
        let address = outside.address();
        std::fs::write(&file, address.port().to_string())
            .context_what(|| tr!(file_cannot_be_written { file: file.display() }))?;
        Ok((address, Self { outside }))
    }

    /// The address alone, for a server that is reached some other way.
    pub fn outside(self) -> Held {
        self.outside
    }

    /// The listeners of an API server that runs on `node`, which is there once `made` says so.
    pub fn inside(self, node: Arc<dyn Node>, made: watch::Receiver<bool>) -> ServerNetwork {
        let node = Some(node).filter(|n| n.isolation() == Isolation::Namespaces);
        ServerNetwork { outside: self.outside, node, made, open: watch::Sender::new(false) }
    }
}

/// Opens an API server's listeners: in the lab's network, and on this machine's loopback.
///
/// The first server of a lab does not wait for its node: nobody else can have a port there yet, and nobody is there to ask
/// for it.
pub struct ServerNetwork {
    outside: Held,
    /// The node, where it has a network of its own.
    node: Option<Arc<dyn Node>>,
    made: watch::Receiver<bool>,
    /// Whether a server can be reached inside the node's network, if it has one.
    open: watch::Sender<bool>,
}

impl ServerNetwork {
    /// Tells whether a server has ever listened at all its addresses.
    pub fn open(&self) -> watch::Receiver<bool> {
        self.open.subscribe()
    }

    async fn listen_inside(&self, port: u16) -> io::Result<Vec<TcpListener>> {
        let mut listeners = Vec::new();
        if let Some(node) = &self.node {
            for address in [CONTROL_PLANE_ADDRESS, Ipv4Addr::LOCALHOST.into()] {
                let listener = node.listen(SocketAddr::new(address, port)).await;
                listeners.push(listener.map_err(|e| {
                    let why = e.why.unwrap_or(e.what);
                    io::Error::other(format!("listen tcp 0.0.0.0:{port}: bind: {}", why.to_lowercase()))
                })?);
            }
        }
        self.open.send_replace(true);
        Ok(listeners)
    }
}

#[async_trait]
impl Network for ServerNetwork {
    async fn listen(&self, port: u16) -> io::Result<Vec<TcpListener>> {
        let mut listeners = vec![self.outside.listen().await?];
        if *self.made.borrow() {
            listeners.extend(self.listen_inside(port).await?);
        }
        Ok(listeners)
    }

    async fn listen_more(&self, port: u16) -> io::Result<Vec<TcpListener>> {
        if *self.open.borrow() { Ok(Vec::new()) } else { self.listen_inside(port).await }
    }
}

/// Finds the kubelet of a node for the API server.
#[derive(Default)]
pub struct Logs(Mutex<HashMap<String, Weak<Kubelet>>>);

impl Logs {
    /// Makes a kubelet known.
    pub fn add(&self, node: &str, kubelet: &Arc<Kubelet>) {
        let mut kubelets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kubelets.insert(node.to_owned(), Arc::downgrade(kubelet));
    }
}

#[async_trait]
impl KubeletClient for Logs {
    async fn container_logs(&self, request: LogRequest) -> Result<LogStream, String> {
        let kubelet = {
            let kubelets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kubelets.get(&request.node).and_then(Weak::upgrade)
        };
        match kubelet {
            Some(kubelet) => kubelet.container_logs(&request),
            None => Err(format!("node {:?} not found", request.node)),
        }
    }
}
