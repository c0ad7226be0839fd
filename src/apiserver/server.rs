//! One run of the API server: from the flags of its manifest to its end.

use std::path::PathBuf;
use std::sync::Arc;

use super::audit;
use super::storage::Store;
use crate::clock::SharedClock;
use crate::klog::SharedLog;
use crate::release::Release;

/// What a server gets from the lab around it.
#[derive(Clone)]
pub struct Dependencies {
    /// The store, which outlives the server.
    pub store: Store,
    /// The record of requests, which outlives the server.
    pub audit: Arc<audit::Log>,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
    /// Where its container's output goes.
    pub log: SharedLog,
    /// The root file system of the node it runs on: `--client-ca-file=/etc/...` is read below it.
    pub root: PathBuf,
    /// Opens a listener inside the lab's network; also one on this machine's loopback.
    pub network: Arc<dyn Network>,
    /// Reaches the kubelets for `pods/log` and the like.
    pub kubelets: Arc<dyn KubeletClient>,
}

/// Opens the listeners of a server.
#[async_trait::async_trait]
pub trait Network: Send + Sync {
    /// The listeners for `--secure-port` on the node's addresses (one in the lab's network, one on this machine's
    /// loopback). An error's text is the reason, e.g. `listen tcp 0.0.0.0:6443: bind: address already in use`.
    async fn listen(&self, port: u16) -> std::io::Result<Vec<tokio::net::TcpListener>>;
}

/// What an API server asks a kubelet.
#[async_trait::async_trait]
pub trait KubeletClient: Send + Sync {
    /// A container's log; lines are streamed when `follow` is set. Errors are the kubelet's own sentences
    /// (`container "x" in pod "y" is not available`), answered as 400 BadRequest.
    async fn container_logs(&self, request: LogRequest) -> Result<LogStream, String>;
}

/// Which log, and how much of it (`PodLogOptions`).
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// The node the pod is on.
    pub node: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// Keep sending what comes.
    pub follow: bool,
    /// The container before this one.
    pub previous: bool,
    /// Only the last lines.
    pub tail_lines: Option<usize>,
    /// Only what is younger.
    pub since_seconds: Option<i64>,
    /// A time before each line.
    pub timestamps: bool,
    /// Only the first bytes.
    pub limit_bytes: Option<u64>,
}

/// Pieces of a log.
pub type LogStream = std::pin::Pin<Box<dyn futures::Stream<Item = bytes::Bytes> + Send>>;

/// How a server ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The process's exit status.
    pub status: i32,
}

/// A running server.
pub struct Server {
    _private: (),
}

impl Server {
    /// Starts a server with the arguments of its container (`argv[0]` is `kube-apiserver`).
    ///
    /// Wrong flags end it: the messages are written to the log as the real program does, and the exit status comes back
    /// as the error. Returns as soon as it listens; `/readyz` tells when its hooks are done.
    pub async fn start(argv: &[String], dependencies: Dependencies) -> Result<Arc<Self>, Exit> {
        let _ = (argv, dependencies);
        Err(Exit { status: 1 })
    }

    /// Answers a request that comes from inside this process, authenticated as the holder of the given certificate
    /// would be (subject CN and Os); it passes the whole chain.
    pub async fn call(
        self: &Arc<Self>,
        user: super::authentication::UserInfo,
        request: http::Request<bytes::Bytes>,
    ) -> http::Response<super::serving::Body> {
        let _ = (user, request);
        http::Response::new(super::serving::Body::default())
    }

    /// Whether `/readyz` says ok.
    pub fn ready(&self) -> bool {
        false
    }

    /// Stops listening at once, ends open connections, and returns when all is closed.
    pub async fn stop(&self) {}

    /// Waits until the server ended by itself.
    pub async fn ended(&self) -> Exit {
        std::future::pending().await
    }
}
