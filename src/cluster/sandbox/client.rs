//! A kube client that reaches the API server as the lab does: inside this process through its whole chain, or over TLS.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use tokio::sync::watch;

use crate::apiserver::authentication::UserInfo;
use crate::apiserver::server::Server;
use crate::apiserver::serving::Body;
use crate::cluster::Identity;
use crate::controllers::Api;
use crate::error::{Context, Result};
use crate::text::tr;

/// Which API server runs now; `None` while none does.
pub type CurrentServer = watch::Receiver<Option<Arc<Server>>>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes a client that acts as `identity`.
///
/// While no server runs its requests fail with `ConnectionRefused`, as they would over the network.
pub fn client(api: Arc<dyn Api>, identity: &Identity) -> Result<kube::Client> {
    let headers = impersonation(identity)?;
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (api, headers) = (api.clone(), headers.clone());
        async move { send(api, request, headers).await }
    });
    Ok(kube::Client::new(service, "default"))
}

/// The admin whom the lab acts as: the holder of the cluster's `system:masters` certificate.
pub fn admin() -> UserInfo {
    UserInfo::new("kubernetes-admin", &["system:masters", "system:authenticated"])
}

async fn send(
    api: Arc<dyn Api>,
    request: Request<kube::client::Body>,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<Response<Body>, BoxError> {
    let (mut parts, body) = request.into_parts();
    let body: Bytes = body.collect().await?.to_bytes();
    for (name, value) in headers {
        parts.headers.append(name, value);
    }
    Ok(api.call(&admin(), Request::from_parts(parts, body)).await?)
}

fn impersonation(identity: &Identity) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let Identity::Impersonated { user, groups } = identity else { return Ok(Vec::new()) };
    let value = |text: &str| HeaderValue::from_str(text).context_what(|| tr!(live_no_user_name { text }));
    let mut headers = vec![(HeaderName::from_static("impersonate-user"), value(user)?)];
    for group in groups {
        headers.push((HeaderName::from_static("impersonate-group"), value(group)?));
    }
    Ok(headers)
}
