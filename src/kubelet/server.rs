//! The kubelet's own server, for an API server in another process: containers' logs.
//!
//! Upstream: `pkg/kubelet/server` (`/containerLogs/NAMESPACE/POD/CONTAINER`), port 10250.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use rustls_pki_types::UnixTime;

use super::Kubelet;
use crate::apiserver::requestinfo::Query;
use crate::apiserver::server::LogRequest;
use crate::apiserver::serving::tls::{self, ClientAuthority};
use crate::apiserver::serving::{self, Body, Peer, Service};
use crate::error::{Error, Result};
use crate::pki::{Authority, Subject, Usage};
use crate::text::tr;

/// Where kubelets listen.
pub const PORT: u16 = 10250;

struct Logs {
    kubelet: Weak<Kubelet>,
    clients: ClientAuthority,
}

impl Kubelet {
    /// Serves the kubelet's part of the API until it is shut down, to whoever holds a certificate of the cluster's.
    pub fn serve(self: &Arc<Self>, listener: tokio::net::TcpListener, authority: &Authority) -> Result<()> {
        let cannot = |why: String| Error::new(tr!(sandbox_kubelet_not_serving)).why(why);
        let config = &self.config;
        let subject = Subject {
            common_name: format!("{}@{}", config.node, config.clock.now().as_second()),
            dns: vec![config.node.clone()],
            addresses: vec![config.address],
            ..Subject::default()
        };
        let leaf = authority.issue(&subject, Usage::Server, config.clock.now())?;
        let clients =
            ClientAuthority::from_pem("ca.crt", authority.certificate().as_bytes()).map_err(cannot)?;
        let tls =
            tls::config(leaf.certificate.as_bytes(), leaf.key.as_bytes(), Some(&clients)).map_err(cannot)?;
        let service = Arc::new(Logs { kubelet: Arc::downgrade(self), clients });
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        self.tasks.spawn(serving::serve(
            listener,
            acceptor,
            service,
            serving::Patience::default(),
            self.stop.clone(),
        ));
        Ok(())
    }
}

impl Service for Logs {
    async fn answer(self: Arc<Self>, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        if self.clients.verify(&peer.certificates, UnixTime::now()).is_err() {
            return answer(StatusCode::UNAUTHORIZED, "Unauthorized");
        }
        let Some(kubelet) = self.kubelet.upgrade().filter(|kubelet| kubelet.serving()) else {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "the kubelet is stopped");
        };
        log(&kubelet, request.uri())
    }
}

/// A container's log, where a path asks for one.
pub(super) fn log(kubelet: &Arc<Kubelet>, uri: &http::Uri) -> Response<Body> {
    let Some(wanted) = wanted(uri) else {
        return answer(StatusCode::NOT_FOUND, "404 page not found\n");
    };
    match kubelet.container_logs(&wanted) {
        Ok(stream) => {
            let mut response = Response::new(serving::streamed(stream));
            let plain = http::HeaderValue::from_static("text/plain");
            response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
            response
        }
        Err(why) => answer(StatusCode::BAD_REQUEST, &why),
    }
}

/// An answer of a few words.
pub(super) fn answer(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(serving::whole(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// Which log a request asks for.
fn wanted(uri: &http::Uri) -> Option<LogRequest> {
    let mut parts = uri.path().strip_prefix("/containerLogs/")?.split('/');
    let (namespace, pod, container) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let query = Query::parse(uri.query().unwrap_or_default());
    let number = |key: &str| query.get(key).and_then(|value| value.parse::<i64>().ok());
    Some(LogRequest {
        node: String::new(),
        namespace: namespace.into(),
        pod: pod.into(),
        container: container.into(),
        follow: query.truth("follow"),
        previous: query.truth("previous"),
        tail_lines: number("tailLines").and_then(|n| usize::try_from(n).ok()),
        since_seconds: number("sinceSeconds"),
        timestamps: query.truth("timestamps"),
        limit_bytes: number("limitBytes").and_then(|n| u64::try_from(n).ok()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_log_is_found_by_its_path() {
        let uri = "/containerLogs/kube-system/etcd-controlplane/etcd?follow=true&tailLines=3&limitBytes=9";
        let request = wanted(&uri.parse().unwrap()).unwrap();
        assert_eq!((request.namespace.as_str(), request.pod.as_str()), ("kube-system", "etcd-controlplane"));
        assert_eq!((request.container.as_str(), request.follow, request.previous), ("etcd", true, false));
        assert_eq!((request.tail_lines, request.limit_bytes), (Some(3), Some(9)));
        for other in ["/pods", "/containerLogs/a/b", "/containerLogs/a/b/c/d"] {
            assert!(wanted(&other.parse().unwrap()).is_none(), "{other}");
        }
    }
}
