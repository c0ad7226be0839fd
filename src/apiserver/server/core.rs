//! What all requests of one server share.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Dependencies;
use super::hooks::Health;
use crate::apiserver::admission;
use crate::apiserver::audit::backend::Sink;
use crate::apiserver::audit::policy;
use crate::apiserver::audit::trail::Auditing;
use crate::apiserver::authentication::impersonation::Impersonation;
use crate::apiserver::authentication::keys::{PublicKey, SigningKey};
use crate::apiserver::authentication::token::Tokens;
use crate::apiserver::authorization;
use crate::apiserver::flags::Flags;
use crate::apiserver::serving::tls::{self, ClientAuthority};
use crate::go_quote::quote;
use crate::klog::{self, Severity};

/// What all requests of one server share.
pub struct Core {
    /// What the lab gave.
    pub dependencies: Dependencies,
    /// The command line.
    pub flags: Flags,
    /// The admission plugins.
    pub admission: admission::Chain,
    /// What they may ask; the authorizers are in here.
    pub environment: admission::Environment,
    /// Decides who may act as whom.
    pub impersonation: Impersonation,
    /// Signs and checks service accounts' tokens.
    pub tokens: Tokens,
    /// Checks client certificates; `None` without `--client-ca-file`.
    pub clients: Option<ClientAuthority>,
    /// What is recorded in the audit log; `None` without a policy or without a log.
    pub auditing: Option<Auditing>,
    /// Whether unknown users may come in as `system:anonymous`.
    pub anonymous: bool,
    /// How far the start has come.
    pub health: Health,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// A core with the TLS side of its listeners.
pub(super) struct Made {
    pub(super) core: Core,
    pub(super) acceptor: TlsAcceptor,
}

impl Core {
    /// Reads the files that the flags name; the error is upstream's sentence.
    pub(super) fn make(flags: Flags, dependencies: Dependencies) -> Result<Made, String> {
        let read = |path: &str| dependencies.files.read(path);
        let signing = match flags.text("service-account-signing-key-file") {
            Some(path) => Some(signing_key(path, &read)?),
            None => None,
        };
        flags.check_files(dependencies.release, &read)?;
        let (certificate, key) = match (flags.text("tls-cert-file"), flags.text("tls-private-key-file")) {
            (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
            (Some(_), None) | (None, Some(_)) => return Err("missing filename for serving cert".into()),
            (None, None) => self_signed()?,
        };
        let clients = match flags.text("client-ca-file") {
            Some(path) => Some(ClientAuthority::from_pem(path, &read(path)?)?),
            None => None,
        };
        let mut verifying = Vec::new();
        for path in flags.each("service-account-key-file") {
            let keys = PublicKey::all_from_pem(&String::from_utf8_lossy(&read(path)?));
            if keys.is_empty() {
                return Err(format!(
                    "error reading public key file {path}: data does not contain any valid RSA or ECDSA public keys"
                ));
            }
            verifying.extend(keys);
        }
        if verifying.is_empty() {
            verifying.extend(signing.as_ref().map(|key| key.public.clone()));
        }
        let auditing = auditing(&flags, &dependencies)?;
        flags.check_last_files(dependencies.release, &read)?;
        let config = tls::config(&certificate, &key, clients.as_ref())?;
        let release = dependencies.release;
        let environment = authorization::Environment { store: dependencies.store.clone(), release };
        let authorizers = Arc::new(authorization::Chain::new(&flags.authorization_modes(), &environment));
        let issuers: Vec<String> = flags.each("service-account-issuer").to_vec();
        let audiences = flags.list("api-audiences");
        let tokens = Tokens {
            audiences: if audiences.is_empty() { issuers.clone() } else { audiences },
            issuers,
            signing,
            verifying,
        };
        let environment = admission::Environment {
            store: dependencies.store.clone(),
            release,
            clock: dependencies.clock.clone(),
            authorizers,
        };
        let admission = admission::Chain::new(
            release,
            &flags.list("enable-admission-plugins"),
            &flags.list("disable-admission-plugins"),
        );
        let core = Self {
            impersonation: Impersonation::new(release, environment.authorizers.clone()),
            admission,
            environment,
            tokens,
            clients,
            auditing,
            anonymous: flags.anonymous(),
            health: Health::default(),
            stop: CancellationToken::new(),
            flags,
            dependencies,
        };
        Ok(Made { core, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The address that the server tells others.
    pub(super) fn address(&self) -> String {
        let address = self.flags.text("advertise-address").unwrap_or("127.0.0.1");
        format!("{address}:{}", self.flags.secure_port())
    }
}

fn signing_key(path: &str, read: &impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<SigningKey, String> {
    let wrong = |why: String| format!("failed to parse service-account-issuer-key-file: {why}");
    let pem = read(path).map_err(wrong)?;
    SigningKey::from_pem(&String::from_utf8_lossy(&pem)).ok_or_else(|| {
        wrong(format!(
            "error reading private key file {path}: data does not contain a valid RSA or ECDSA private key"
        ))
    })
}

/// The audit policy and log that the flags name (`AuditOptions.ApplyTo`).
fn auditing(flags: &Flags, dependencies: &Dependencies) -> Result<Option<Auditing>, String> {
    let Dependencies { files, log, clock, release, .. } = dependencies;
    let policy = match flags.text("audit-policy-file") {
        None => None,
        Some(path) => {
            let bytes = files.read(path).map_err(|why| {
                format!("loading audit policy file: failed to read file path {}: {why}", quote(path))
            })?;
            let warn = |text: Option<String>| {
                if let Some(text) = text {
                    log.write_line(
                        true,
                        &klog::line(Severity::Warning, clock.now(), 1, "reader.go:81", &text),
                    );
                }
            };
            match policy::load(&bytes, release) {
                Ok(loaded) => {
                    warn(loaded.warning);
                    Some(loaded.policy)
                }
                Err((warning, why)) => {
                    warn(warning);
                    return Err(format!("loading audit policy file: {why}: from file {path}"));
                }
            }
        }
    };
    let sink = Sink::open(flags, files, log, clock)?;
    Ok(policy.zip(sink).map(|(policy, sink)| Auditing {
        policy,
        sink: Arc::new(sink),
        clock: clock.clone(),
        release: dependencies.release,
    }))
}

/// A certificate for a server that was given none (upstream makes one in `--cert-dir`).
fn self_signed() -> Result<(Vec<u8>, Vec<u8>), String> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    Ok((made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes()))
}
