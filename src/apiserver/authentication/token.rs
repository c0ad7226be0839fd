//! Bearer tokens: the signed tokens of service accounts.
//!
//! Upstream: `pkg/serviceaccount/{jwt,claims}.go`, `pkg/registry/core/serviceaccount/storage/token.go`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::UserInfo;
use super::keys::{PublicKey, SigningKey};
use super::x509::add_authenticated;
use crate::apiserver::storage::{Key, Store};

/// The token that a request shows.
pub fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let (kind, token) = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Signs and checks the tokens of a server.
pub struct Tokens {
    /// The issuer; new tokens carry the first one.
    pub issuers: Vec<String>,
    /// Whom tokens are for when nobody says.
    pub audiences: Vec<String>,
    /// The key that signs.
    pub signing: Option<SigningKey>,
    /// The keys that check.
    pub verifying: Vec<PublicKey>,
}

/// A service account and what a token is bound to.
pub struct Subject<'a> {
    /// The service account as it is stored.
    pub account: &'a Value,
    /// Whom the token is for.
    pub audiences: &'a [String],
    /// When it ends.
    pub expires: Timestamp,
    /// The Pod, Secret or Node that it is bound to: kind, name, uid.
    pub bound: Option<(&'a str, &'a str, &'a str)>,
    /// The node of the pod that it is bound to, with its uid.
    pub node: Option<(&'a str, &'a str)>,
}

impl Tokens {
    /// Makes a token.
    pub fn issue(&self, subject: &Subject<'_>, now: Timestamp, id: &str) -> Option<String> {
        let metadata = &subject.account["metadata"];
        let (name, namespace) = (metadata["name"].as_str()?, metadata["namespace"].as_str()?);
        let mut private = Map::new();
        private.insert("namespace".into(), json!(namespace));
        private.insert("serviceaccount".into(), json!({"name": name, "uid": metadata["uid"]}));
        if let Some((kind, name, uid)) = subject.bound {
            private.insert(kind.to_lowercase(), json!({"name": name, "uid": uid}));
        }
        if let Some((name, uid)) = subject.node {
            private.insert("node".into(), json!({"name": name, "uid": uid}));
        }
        let claims = json!({
            "aud": subject.audiences,
            "exp": subject.expires.as_second(),
            "iat": now.as_second(),
            "iss": self.issuers.first()?,
            "jti": id,
            "kubernetes.io": private,
            "nbf": now.as_second(),
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
        });
        self.signing.as_ref()?.sign(&claims)
    }

    /// The user of a token that is for one of `audiences`, and for which of them it is.
    pub fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
        store: &Store,
        now: Timestamp,
    ) -> Result<(UserInfo, Vec<String>), String> {
        let invalid = || "invalid bearer token".to_owned();
        let claims = self.verified(token).ok_or_else(invalid)?;
        let seconds = |key: &str| claims[key].as_i64();
        if !claims["iss"].as_str().is_some_and(|issuer| self.issuers.iter().any(|one| one == issuer)) {
            return Err(invalid());
        }
        let now = now.as_second();
        if seconds("exp").is_some_and(|end| now > end) {
            return Err(format!("[{}, service account token has expired]", invalid()));
        }
        if seconds("nbf").is_some_and(|start| now + 60 < start) {
            return Err(invalid());
        }
        let given: Vec<&str> = match &claims["aud"] {
            Value::String(one) => vec![one],
            other => other.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        };
        let shared: Vec<String> = audiences.iter().filter(|a| given.contains(&a.as_str())).cloned().collect();
        if shared.is_empty() {
            return Err(format!(
                "[{}, token audiences {given:?} is invalid for the target audiences {audiences:?}]",
                invalid()
            ));
        }
        Ok((account_user(&claims, store).ok_or_else(invalid)?, shared))
    }

    fn verified(&self, token: &str) -> Option<Value> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let parse = |part: &str| -> Option<Value> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = parse(header)?;
        let algorithm = header["alg"].as_str()?;
        self.verifying
            .iter()
            .any(|key| key.verifies(algorithm, message.as_bytes(), &signature))
            .then(|| parse(claims))?
    }
}

/// The user of checked claims, if the account and what the token is bound to are still there.
fn account_user(claims: &Value, store: &Store) -> Option<UserInfo> {
    let private = &claims["kubernetes.io"];
    let namespace = private["namespace"].as_str()?;
    let name = private["serviceaccount"]["name"].as_str()?;
    if claims["sub"] != format!("system:serviceaccount:{namespace}:{name}") {
        return None;
    }
    let lives = |resource: &str, namespace: &str, reference: &Value| {
        let name = reference["name"].as_str().unwrap_or("");
        store.get(&Key::new("", resource, namespace, name)).is_some_and(|object| {
            reference["uid"].as_str().is_none_or(|uid| object["metadata"]["uid"] == uid)
        })
    };
    if !lives("serviceaccounts", namespace, &private["serviceaccount"]) {
        return None;
    }
    let mut user = UserInfo::new(
        &format!("system:serviceaccount:{namespace}:{name}"),
        &["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}")],
    );
    user.uid = private["serviceaccount"]["uid"].as_str().unwrap_or("").into();
    for (kind, resource, space) in
        [("pod", "pods", namespace), ("secret", "secrets", namespace), ("node", "nodes", "")]
    {
        let reference = &private[kind];
        if reference.is_null() {
            continue;
        }
        let only_told = kind == "node" && !private["pod"].is_null();
        if !only_told && !lives(resource, space, reference) {
            return None;
        }
        if kind != "secret" {
            for part in ["name", "uid"] {
                if let Some(text) = reference[part].as_str() {
                    user.extra
                        .insert(format!("authentication.kubernetes.io/{kind}-{part}"), vec![text.into()]);
                }
            }
        }
    }
    if let Some(id) = claims["jti"].as_str() {
        user.extra.insert("authentication.kubernetes.io/credential-id".into(), vec![format!("JTI={id}")]);
    }
    add_authenticated(&mut user);
    Some(user)
}
