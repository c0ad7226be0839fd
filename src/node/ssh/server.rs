//! The ssh server of a node: connections, who may log in, and the replies to a channel's requests (RFC 4252, 4254).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty, SshId};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use super::session;
use crate::clock::SharedClock;
use crate::node::Node;

/// What every connection to a node shares.
pub(super) struct Shared {
    /// The node.
    pub node: Arc<dyn Node>,
    /// The time.
    pub clock: SharedClock,
}

/// Serves a node on a listener until aborted.
pub(super) fn start(
    node: Arc<dyn Node>,
    listener: TcpListener,
    key: PrivateKey,
    clock: SharedClock,
) -> AbortHandle {
    let config = Arc::new(Config {
        server_id: SshId::Standard("SSH-2.0-cks-lab".into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_millis(50),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    });
    let shared = Arc::new(Shared { node, clock });
    tokio::spawn(async move {
        // Ends with this task, and with it all connections.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let local = stream.local_addr().unwrap_or(peer);
                        let handler = Connection { shared: Arc::clone(&shared), peer, local };
                        let config = Arc::clone(&config);
                        connections.spawn(async move {
                            let _ = stream.set_nodelay(true);
                            // A connection that breaks concerns its client alone, and that one tells of it.
                            if let Ok(running) = russh::server::run_stream(config, stream, handler).await {
                                let _ = running.await;
                            }
                        });
                    }
                    // Out of descriptors, say: others may be given back soon.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    })
    .abort_handle()
}

struct Connection {
    shared: Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
}

impl Connection {
    /// Whether root's authorized keys on the node name a key; read anew each time, as sshd does.
    async fn authorized(&self, key: &PublicKey) -> bool {
        let file =
            self.shared.node.read_file("/root/.ssh/authorized_keys").await.ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&file);
        text.lines()
            .filter_map(|l| PublicKey::from_openssh(l.trim()).ok())
            .any(|k| k.key_data() == key.key_data())
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let accept = user == "root" && self.authorized(key.public_key).await;
        Ok(if accept { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        tokio::spawn(session::run(Arc::clone(&self.shared), channel, self.peer, self.local));
        Ok(())
    }

    // What a channel's requests ask for is done by its session, which gets them in order; here they are only answered.

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if session::accepts_env(name) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if session::subsystem(name).is_some() {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }
}
