//! Whether etcd takes a client, and what etcdctl says where it does not.

use std::io;
use std::path::Path;

use super::{ENDPOINTS, Failure, Options};
use crate::apiserver::serving::tls::ClientAuthority;

/// What a client says that gets no answer within its five seconds (`ExitError`).
pub(super) fn deadline(endpoint: &str, why: &str) -> Failure {
    let now = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S.%6f%z").to_string();
    Failure(
        format!(
            "{{\"level\":\"warn\",\"ts\":\"{now}\",\"logger\":\"etcd-client\",\"caller\":\"v3@v3.5.15/retry_interceptor.go:63\",\"msg\":\"retrying \
             of unary invoker failed\",\"target\":\"etcd-endpoints://0xc0002fc1e0/{endpoint}\",\"attempt\":0,\"error\":\"rpc error: code = \
             DeadlineExceeded desc = {why}\"}}\nError: context deadline exceeded\n"
        ),
        1,
    )
}

/// Whether etcd would take this client: its address, its authority, its certificate and key.
pub(super) fn connect(options: &Options, endpoint: &str) -> Result<(), Failure> {
    let (secure, address) = match endpoint.split_once("://") {
        Some((scheme, address)) => (scheme == "https", address),
        None => (options.value("cacert").is_some() || options.value("cert").is_some(), endpoint),
    };
    let known = ENDPOINTS.contains(&address) || address == "localhost:2379";
    if !known {
        return Err(deadline(
            address,
            &format!(
                "latest balancer error: last connection error: connection error: desc = \\\"transport: Error while dialing: dial tcp {address}: connect: connection refused\\\""
            ),
        ));
    }
    // etcd speaks TLS alone; a client without it gets nothing.
    if !secure
        || options.has("insecure-transport")
            && options.value("cert").is_none()
            && !endpoint.starts_with("https")
    {
        return Err(deadline(
            address,
            "latest balancer error: last connection error: connection error: desc = \\\"error reading server preface: EOF\\\"",
        ));
    }
    let file = |flag: &str| -> Result<Option<Vec<u8>>, Failure> {
        options
            .value(flag)
            .map(|path| {
                std::fs::read(&path).map_err(|e| Failure(format!("Error: open {path}: {}\n", plain(&e)), 128))
            })
            .transpose()
    };
    let (authority, certificate, key) = (file("cacert")?, file("cert")?, file("key")?);
    if certificate.is_some() != key.is_some() {
        return Err(Failure("Error: KeyFile and CertFile must both be present[key: , cert: ]\n".into(), 128));
    }
    let own = std::fs::read(path("/etc/kubernetes/pki/etcd/ca.crt")).unwrap_or_default();
    let tls = |why: &str| {
        deadline(
            address,
            &format!(
                "latest balancer error: last connection error: connection error: desc = \\\"transport: authentication handshake failed: {why}\\\""
            ),
        )
    };
    let same = authority.as_deref().is_some_and(|pem| body(pem) == body(&own));
    if !same && !options.has("insecure-skip-tls-verify") {
        return Err(tls("tls: failed to verify certificate: x509: certificate signed by unknown authority"));
    }
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Err(deadline(
            address,
            "latest balancer error: last connection error: connection error: desc = \\\"error reading server preface: remote error: tls: certificate required\\\"",
        ));
    };
    if !fits(&certificate, &key) {
        return Err(Failure("Error: tls: private key does not match public key\n".into(), 128));
    }
    let trusted = ClientAuthority::from_pem("ca.crt", &own).ok().zip(chain(&certificate)).is_some_and(
        |(authority, chain)| authority.verify(&chain, rustls_pki_types::UnixTime::now()).is_ok(),
    );
    if trusted {
        Ok(())
    } else {
        Err(deadline(
            address,
            "latest balancer error: last connection error: connection error: desc = \\\"error reading server preface: remote error: tls: bad certificate\\\"",
        ))
    }
}

pub(super) fn plain(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// A file of the node, where the node has no root of its own too.
fn path(inside: &str) -> std::path::PathBuf {
    match std::env::var_os("CKS_LAB_NODE_ROOT") {
        Some(root) => Path::new(&root).join(inside.trim_start_matches('/')),
        None => inside.into(),
    }
}

fn body(pem: &[u8]) -> Vec<u8> {
    pem.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect()
}

fn chain(pem: &[u8]) -> Option<Vec<rustls_pki_types::CertificateDer<'static>>> {
    use rustls_pki_types::pem::PemObject;
    rustls_pki_types::CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|c| !c.is_empty())
}

/// Whether a key is a certificate's.
fn fits(certificate: &[u8], key: &[u8]) -> bool {
    use rcgen::PublicKeyData as _;
    let Some(chain) = chain(certificate) else { return false };
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&chain[0]) else { return false };
    let Ok(pair) = rcgen::KeyPair::from_pem(&String::from_utf8_lossy(key)) else { return false };
    pair.subject_public_key_info() == parsed.public_key().raw
}
