//! ConfigMaps, Secrets, ServiceAccounts. Upstream: `kubernetes/pkg/registry/core/{configmap,secret}/strategy.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{default, object, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{Context, FieldError, Strategy, json};

/// How many bytes the data of one object may have together.
const MOST_DATA: usize = 1024 * 1024;

/// ConfigMaps.
pub struct ConfigMaps;

/// Secrets.
pub struct Secrets;

fn keys(value: &Value, bag: &str, other: &str, errors: &mut Vec<FieldError>) -> usize {
    let mut size = 0;
    for (key, data) in value[bag].as_object().into_iter().flatten() {
        let path = format!("{bag}[{key}]");
        for message in names::config_key(key) {
            errors.push(FieldError::invalid(path.clone(), key.as_str(), message));
        }
        if bag == "data" && value[other].get(key).is_some() {
            errors.push(FieldError::invalid(path, key.as_str(), "duplicate of key present in binaryData"));
        }
        size += data.as_str().map_or(0, str::len);
    }
    size
}

fn immutable(new: &Value, old: &Value, bags: &[&str]) -> Vec<FieldError> {
    const DETAIL: &str = "field is immutable when `immutable` is set";
    let mut errors = Vec::new();
    if old["immutable"] == true {
        if new["immutable"] != true {
            errors.push(FieldError::forbidden("immutable", DETAIL));
        }
        for bag in bags {
            if new.get(*bag) != old.get(*bag) {
                errors.push(FieldError::forbidden(*bag, DETAIL));
            }
        }
    }
    errors
}

/// The first certificate and the key belong together (Go's `tls.X509KeyPair`, whose sentences these are).
fn key_pair(certificate: &[u8], key: &[u8]) -> Result<(), String> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let nothing = |what: &str| format!("tls: failed to find any PEM data in {what} input");
    let certificate = CertificateDer::from_pem_slice(certificate).map_err(|_| nothing("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| nothing("key"))?;
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&certificate) else {
        return Err("x509: malformed certificate".into());
    };
    let Ok(signing) = rustls::crypto::ring::sign::any_supported_type(&key) else { return Ok(()) };
    let theirs = parsed.public_key().raw;
    match signing.public_key() {
        Some(own) if own.as_ref() != theirs => Err("tls: private key does not match public key".into()),
        _ => Ok(()),
    }
}

impl Strategy for ConfigMaps {
    fn validate(&self, _: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let size = keys(object, "data", "binaryData", &mut errors)
            + keys(object, "binaryData", "", &mut errors) / 4 * 3;
        if size > MOST_DATA {
            errors.push(FieldError::too_long("[]", MOST_DATA));
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = immutable(object, old, &["data", "binaryData"]);
        errors.extend(self.validate(context, object));
        errors
    }
}

impl Strategy for Secrets {
    fn set_defaults(&self, _: &Context<'_>, secret: &mut Value) {
        let plain = secret.as_object_mut().and_then(|s| s.remove("stringData"));
        if let Some(Value::Object(plain)) = plain
            && let Some(data) = object(secret, "data")
        {
            for (key, value) in plain {
                data.insert(key, json!(STANDARD.encode(value.as_str().unwrap_or(""))));
            }
        }
        if let Some(secret) = secret.as_object_mut() {
            default(secret, "type", "Opaque");
        }
    }

    fn validate(&self, _: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if keys(object, "data", "", &mut errors) / 4 * 3 > MOST_DATA {
            errors.push(FieldError::too_long("data", MOST_DATA));
        }
        let needed: &[&str] = match text(object, "type") {
            "kubernetes.io/service-account-token" => {
                let key = "kubernetes.io/service-account.name";
                if text(&object["metadata"]["annotations"], key).is_empty() {
                    errors.push(FieldError::required(format!("metadata.annotations[{key}]"), ""));
                }
                &[]
            }
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
            "kubernetes.io/tls" => &["tls.crt", "tls.key"],
            // One of the two is enough.
            "kubernetes.io/basic-auth"
                if ["username", "password"].iter().all(|key| object["data"].get(*key).is_none()) =>
            {
                &["username", "password"]
            }
            _ => &[],
        };
        for key in needed {
            let Some(value) = object["data"].get(*key) else {
                errors.push(FieldError::required(format!("data[{key}]"), ""));
                continue;
            };
            if !key.starts_with(".docker") {
                continue;
            }
            let bytes = STANDARD.decode(value.as_str().unwrap_or("")).unwrap_or_default();
            if let Err(why) = json::parse(&bytes) {
                let hidden = "<secret contents redacted>";
                errors.push(FieldError::invalid(format!("data[{key}]"), hidden, why));
            }
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if object["type"] != old["type"] {
            errors.push(FieldError::invalid("type", object["type"].clone(), "field is immutable"));
        }
        errors.extend(immutable(object, old, &["data"]));
        errors.extend(self.validate(context, object));
        errors
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("type", text(object, "type").to_owned())]
    }
}

/// What is said of a certificate and a key that do not belong together.
pub fn key_pair_warnings(secret: &Value) -> Vec<String> {
    if text(secret, "type") != "kubernetes.io/tls" {
        return Vec::new();
    }
    let bytes = |key: &str| STANDARD.decode(text(&secret["data"], key)).unwrap_or_default();
    key_pair(&bytes("tls.crt"), &bytes("tls.key")).err().into_iter().collect()
}
