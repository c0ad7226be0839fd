//! The kubelet's ports on its node: 10250 over TLS for those who may, and 10248 for the health of it.
//!
//! Upstream: `pkg/kubelet/server/{server,auth}.go`, `cmd/kubelet/app/{server,auth}.go`. Who may is said in the kubelet's
//! configuration, which is read when its service starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::UnixTime;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Kubelet;
use super::journal::lock;
use super::server::{PORT, answer};
use crate::apiserver::authentication::{UserInfo, token, x509};
use crate::apiserver::serving::tls::{self, ClientAuthority};
use crate::apiserver::serving::{self, Body, Peer, Service};
use crate::node::Node;
use crate::pki::{Authority, Subject, Usage};
use crate::rooted::Rooted;

/// Where the kubelet tells whether it is well.
const HEALTH_PORT: u16 = 10248;
/// The kubelet's configuration, below the node's root.
const CONFIG: &str = "var/lib/kubelet/config.yaml";
/// Its own certificate and key, where nobody gave it one.
const OWN: [&str; 2] = ["var/lib/kubelet/pki/kubelet.crt", "var/lib/kubelet/pki/kubelet.key"];

/// Who may ask the kubelet.
#[derive(Debug, PartialEq, Eq)]
struct Access {
    /// Whether somebody unknown may ask at all.
    anonymous: bool,
    /// Whether whoever is known may do anything.
    always: bool,
    /// Whether tokens are shown to the API server.
    tokens: bool,
}

impl Access {
    /// As the configuration's text says it; what it leaves out is as the kubelet has it by itself.
    fn read(text: &str) -> Self {
        let config: Value = serde_yaml::from_str(text).unwrap_or_default();
        let is = |of: &Value, otherwise: bool| of.as_bool().unwrap_or(otherwise);
        Self {
            anonymous: is(&config["authentication"]["anonymous"]["enabled"], false),
            always: config["authorization"]["mode"] == "AlwaysAllow",
            tokens: is(&config["authentication"]["webhook"]["enabled"], true),
        }
    }
}

struct Port {
    kubelet: Weak<Kubelet>,
    clients: Option<ClientAuthority>,
    access: Access,
}

/// Keeps the ports open on a node for as long as the kubelet's service runs.
pub(super) async fn keep(kubelet: Arc<Kubelet>, node: Arc<dyn Node>) {
    let mut active = kubelet.active.subscribe();
    loop {
        if active.wait_for(|(runs, _)| *runs).await.is_err() {
            return;
        }
        let since = active.borrow_and_update().1;
        let over = kubelet.stop.child_token();
        // What the node has no address for is not listened at.
        let _ = open(&kubelet, &node, &over).await;
        let ended = active.wait_for(|(runs, at)| !*runs || *at != since).await.is_err();
        over.cancel();
        if ended {
            return;
        }
    }
}

async fn open(kubelet: &Arc<Kubelet>, node: &Arc<dyn Node>, over: &CancellationToken) -> Result<(), String> {
    let files = Rooted::new(&kubelet.config.root);
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    if let Ok(listener) = node.listen(SocketAddr::new(loopback, HEALTH_PORT)).await {
        kubelet.tasks.spawn(over.clone().run_until_cancelled_owned(health(listener)));
    }
    let (certificate, key) = own(kubelet, &files)?;
    let clients = files.read_to_string("etc/kubernetes/pki/ca.crt").ok();
    let clients = clients.and_then(|pem| ClientAuthority::from_pem("ca.crt", pem.as_bytes()).ok());
    let tls = tls::config(certificate.as_bytes(), key.as_bytes(), clients.as_ref())?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let access = Access::read(&files.read_to_string(CONFIG).unwrap_or_default());
    let service = Arc::new(Port { kubelet: Arc::downgrade(kubelet), clients, access });
    for address in [kubelet.config.address, loopback] {
        let Ok(listener) = node.listen(SocketAddr::new(address, PORT)).await else { continue };
        let (acceptor, service, patience) = (acceptor.clone(), service.clone(), serving::Patience::default());
        kubelet.tasks.spawn(serving::serve(listener, acceptor, service, patience, over.clone()));
    }
    Ok(())
}

/// The kubelet's serving certificate, signed by an authority that nobody keeps.
fn own(kubelet: &Kubelet, files: &Rooted) -> Result<(String, String), String> {
    let [certificate, key] = OWN;
    if let (Ok(certificate), Ok(key)) = (files.read_to_string(certificate), files.read_to_string(key)) {
        return Ok((certificate, key));
    }
    let (node, now) = (&kubelet.config.node, kubelet.config.clock.now());
    let text = |e: crate::error::Error| e.to_string();
    let authority = Authority::new(&format!("{node}-ca@{}", now.as_second()), now).map_err(text)?;
    let subject = Subject {
        common_name: format!("{node}@{}", now.as_second()),
        dns: vec![node.clone()],
        ..Subject::default()
    };
    let mut leaf = authority.issue(&subject, Usage::Server, now).map_err(text)?;
    leaf.certificate += authority.certificate();
    crate::pki::kubeadm::write_pair(files, Path::new(certificate), Path::new(key), &leaf).map_err(text)?;
    Ok((leaf.certificate, leaf.key))
}

/// The paths of the kubelet's health.
const HEALTH: [&str; 4] = ["/healthz", "/healthz/ping", "/healthz/log", "/healthz/syncloop"];

/// Answers `/healthz` without TLS; its connections end with it.
async fn health(listener: tokio::net::TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(healthz(stream)); }
                // Out of file descriptors, most likely: wait for some to come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn healthz(stream: tokio::net::TcpStream) {
    let service = hyper::service::service_fn(|request: Request<Incoming>| async move {
        Ok::<_, std::convert::Infallible>(if HEALTH.contains(&request.uri().path()) {
            answer(StatusCode::OK, "ok")
        } else {
            answer(StatusCode::NOT_FOUND, "404 page not found\n")
        })
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(serving::Patience::default().headers);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// What a request is about, as the API server is asked of it: the verb, and the Node's subresource.
fn attributes(method: &Method, path: &str) -> (&'static str, &'static str) {
    let verb = match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "get",
    };
    let below = |prefix: &str| path == prefix || path.starts_with(&format!("{prefix}/"));
    let subresource =
        [("/stats", "stats"), ("/metrics", "metrics"), ("/logs", "log"), ("/checkpoint", "checkpoint")]
            .into_iter()
            .find(|(prefix, _)| below(prefix))
            .map_or("proxy", |(_, subresource)| subresource);
    (verb, subresource)
}

impl Port {
    /// Who asks; nothing where that is nobody who may.
    async fn user(&self, kubelet: &Kubelet, peer: &Peer, token: Option<&str>) -> Option<UserInfo> {
        let shown = match (&self.clients, peer.certificates.first()) {
            (Some(clients), Some(own)) => peer.known.at(kubelet.config.clock.now().as_second(), || {
                let verified = clients.verify(&peer.certificates, UnixTime::now());
                verified.map(|()| x509::user(own, false))
            }),
            _ => Ok(None),
        };
        if let Ok(Some(user)) = shown {
            return Some(user);
        }
        if let Some(token) = token.filter(|_| self.access.tokens) {
            let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
            let answer =
                kubelet.client().create("/apis/authentication.k8s.io/v1/tokenreviews", &review).await.ok()?;
            let status = &answer["status"];
            if status["authenticated"] != true {
                return None;
            }
            let groups = status["user"]["groups"].as_array().into_iter().flatten();
            let groups: Vec<&str> = groups.filter_map(Value::as_str).collect();
            return Some(UserInfo::new(status["user"]["username"].as_str()?, &groups));
        }
        // Whoever shows a certificate that nobody here signed is not nobody (`union.NewFailOnError`).
        let unknown = || UserInfo::new("system:anonymous", &["system:unauthenticated"]);
        (self.access.anonymous && shown.is_ok()).then(unknown)
    }

    /// Whether somebody may, as the API server has it.
    async fn may(&self, kubelet: &Kubelet, user: &UserInfo, verb: &str, subresource: &str) -> bool {
        if self.access.always {
            return true;
        }
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": user.name, "groups": user.groups, "resourceAttributes": {"verb": verb, "version": "v1",
                "resource": "nodes", "subresource": subresource, "name": kubelet.config.node}}});
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = kubelet.client().create(path, &review).await;
        answer.is_ok_and(|answer| answer["status"]["allowed"] == true)
    }
}

impl Service for Port {
    async fn answer(self: Arc<Self>, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        let Some(kubelet) = self.kubelet.upgrade() else {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "the kubelet is stopped");
        };
        let Some(user) = self.user(&kubelet, &peer, token::bearer(request.headers())).await else {
            return answer(StatusCode::UNAUTHORIZED, "Unauthorized");
        };
        let path = request.uri().path();
        let (verb, subresource) = attributes(request.method(), path);
        if !self.may(&kubelet, &user, verb, subresource).await {
            let why = format!(
                "Forbidden (user={}, verb={verb}, resource=nodes, subresource={subresource})",
                user.name
            );
            return answer(StatusCode::FORBIDDEN, &why);
        }
        match path {
            path if HEALTH.contains(&path) => answer(StatusCode::OK, "ok"),
            "/pods" | "/pods/" => {
                let pods: Vec<Value> = lock(&kubelet.pods).values().cloned().collect();
                let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods});
                let mut response = answer(StatusCode::OK, &format!("{list}\n"));
                let kind = http::HeaderValue::from_static("application/json");
                response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
                response
            }
            _ => super::server::log(&kubelet, request.uri()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_the_configurations() {
        let kubeadm = "authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    enabled: true\nauthorization:\n  mode: Webhook\n";
        assert_eq!(Access::read(kubeadm), Access { anonymous: false, always: false, tokens: true });
        let open = "authentication:\n  anonymous:\n    enabled: true\nauthorization:\n  mode: AlwaysAllow\n";
        assert_eq!(Access::read(open), Access { anonymous: true, always: true, tokens: true });
        assert_eq!(Access::read(""), Access { anonymous: false, always: false, tokens: true });
    }

    #[test]
    fn requests_are_about_subresources_of_the_node() {
        for (method, path, expected) in [
            (Method::GET, "/pods", ("get", "proxy")),
            (Method::POST, "/exec/a/b/c", ("create", "proxy")),
            (Method::GET, "/metrics/cadvisor", ("get", "metrics")),
            (Method::GET, "/stats/summary", ("get", "stats")),
            (Method::GET, "/logs/", ("get", "log")),
        ] {
            assert_eq!(attributes(&method, path), expected, "{path}");
        }
    }
}
