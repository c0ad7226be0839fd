//! The files that flags name, and what is made of them, in the order in which the real program gets to them.
//!
//! Upstream: `pkg/controlplane/apiserver/config.go` (`BuildGenericConfig`), `k8s.io/apiserver/pkg/server/options`.

use super::validation::Read;
use super::{Flags, validation, values};
use crate::apiserver::registry::schema::Schema;
use crate::go_quote::quote;
use crate::release::{RELEASES, Release};

/// The cipher suites of Go's `crypto/tls` (`k8s.io/component-base/cli/flag/ciphersuites_flag.go`).
const CIPHERS: [&str; 26] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];
const VERSIONS: [&str; 4] = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"];

/// The first thing that is wrong with the files, beside those that the server itself reads.
pub(super) fn apply(flags: &Flags, release: &'static Release, read: Read<'_>) -> Result<(), String> {
    serving(flags, read)?;
    runtime_config(flags, release)?;
    let stat = |path: &str| read(path).map(drop).map_err(|why| why.replacen("open ", "stat ", 1));
    let file = |flag: &str| flags.text(flag);
    if let Some(path) = file("egress-selector-config-file") {
        let from = format!("unable to read egress selector configuration from {}", quote(path));
        read(path).map_err(|why| format!("failed to read egress selector config: {from} [{why}]"))?;
    }
    if let Some(path) = file("tracing-config-file") {
        let from = format!("unable to read tracing configuration from {}", quote(path));
        read(path).map_err(|why| format!("failed to read tracing config: {from}: {why}"))?;
    }
    if let Some(path) = file("encryption-provider-config") {
        let from = format!("error reading encryption provider configuration file {}", quote(path));
        read(path)
            .map_err(|why| format!("error while parsing file: error while loading file: {from}: {why}"))?;
    }
    if release.flags.reads_etcd_files {
        let [authority, certificate, key] = ["etcd-cafile", "etcd-certfile", "etcd-keyfile"].map(file);
        let failed = |why: String| format!("error creating storage factory: {why}");
        if certificate.is_some() != key.is_some() {
            let (key, certificate) = (key.unwrap_or_default(), certificate.unwrap_or_default());
            let why = format!("KeyFile and CertFile must both be present[key: {key}, cert: {certificate}]");
            return Err(failed(why));
        }
        for path in [certificate, key, authority].into_iter().flatten() {
            read(path).map_err(failed)?;
        }
    }
    for flag in ["client-ca-file", "requestheader-client-ca-file"] {
        if let Some(path) = file(flag) {
            let pem = read(path)?;
            if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
                let bundle = if flag == "client-ca-file" { "client-ca-bundle" } else { "request-header" };
                return Err(format!(
                    "error loading CA bundle for \"{bundle}::{path}\": data does not contain any valid RSA or ECDSA certificates"
                ));
            }
        }
    }
    if let Some(path) = file("authentication-config") {
        read(path).map_err(|why| release.flags.authentication_config.replace("PATH", path) + &why)?;
    }
    if let Some(issuer) = file("oidc-issuer-url") {
        if !issuer.starts_with("https:") {
            let prefix = release.flags.authentication_prefix;
            return Err(format!(
                "{prefix}jwt[0].issuer.url: Invalid value: {}: URL scheme must be https",
                quote(issuer)
            ));
        }
        if let Some(path) = file("oidc-ca-file") {
            read(path)?;
        }
        let own = flags.each("service-account-issuer");
        if own.iter().any(|own| own == issuer) {
            return Err(format!(
                "issuer.url: Invalid value: {}: URL must not overlap with disallowed issuers: [{}]",
                quote(issuer),
                own.join(" ")
            ));
        }
    }
    if let Some(path) = file("token-auth-file") {
        read(path)?;
    }
    if let Some(path) = file("authentication-token-webhook-config-file") {
        stat(path)?;
    }
    let modes = flags.authorization_modes();
    for mode in &modes {
        let read = match mode.as_str() {
            "ABAC" => file("authorization-policy-file").map(|path| read(path).map(drop)),
            "Webhook" => file("authorization-webhook-config-file").map(stat),
            _ => None,
        };
        if let Some(Err(why)) = read {
            return Err(format!("invalid authorization config: {why}"));
        }
    }
    Ok(())
}

/// What audit and admission read, after the audit policy.
pub(super) fn apply_rest(flags: &Flags, release: &Release, read: Read<'_>) -> Result<(), String> {
    if let Some(path) =
        flags.text("audit-webhook-config-file").filter(|_| flags.text("audit-policy-file").is_some())
    {
        let why = |why: String| format!("initializing audit webhook: {}", why.replacen("open ", "stat ", 1));
        read(path).map_err(why)?;
    }
    if let Some(path) =
        flags.text("admission-control-config-file").filter(|_| release.flags.reads_admission_config)
    {
        let from = format!("unable to read admission control configuration from {}", quote(path));
        read(path).map_err(|why| {
            format!("failed to apply admission: failed to read plugin config: {from} [{why}]")
        })?;
    }
    Ok(())
}

/// `APIEnablementOptions.ApplyTo`
fn runtime_config(flags: &Flags, release: &'static Release) -> Result<(), String> {
    let all = validation::switched(flags);
    let is_matcher = |key: &str| matches!(key, "api/all" | "api/ga" | "api/beta" | "api/alpha");
    for (key, value) in all.iter().filter(|(key, _)| is_matcher(key)) {
        if !matches!(value.as_str(), "true" | "false") {
            return Err(format!("invalid value {key}={value}"));
        }
    }
    for (key, value) in all.iter().filter(|(key, _)| !is_matcher(key)) {
        let (group, rest) = key.split_once('/').unwrap_or(("", key));
        let version = rest.split('/').next().unwrap_or_default();
        // Every version that there is has options of its own.
        let has =
            |release: &'static Release| Schema::of(release).kind(group, version, "DeleteOptions").is_some();
        if !has(release) && !RELEASES.iter().any(has) {
            let shown = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
            return Err(format!("group version {shown} that has not been registered"));
        }
        if !value.is_empty() {
            values::boolean(value).map_err(|why| format!("invalid value of {key}: {value}, err: {why}"))?;
        }
    }
    Ok(())
}

/// `SecureServingOptions.ApplyTo`
fn serving(flags: &Flags, read: Read<'_>) -> Result<(), String> {
    if let (Some(certificate), Some(key)) = (flags.text("tls-cert-file"), flags.text("tls-private-key-file"))
    {
        let certificate = read(certificate)?;
        read(key)?;
        if !String::from_utf8_lossy(&certificate).contains("-----BEGIN ") {
            return Err("tls: failed to find any PEM data in certificate input".into());
        }
    }
    if flags.text("tls-cert-file").is_some() != flags.text("tls-private-key-file").is_some() {
        return Err("missing filename for serving cert".into());
    }
    for suite in flags.list("tls-cipher-suites") {
        if !CIPHERS.contains(&suite.as_str()) {
            return Err(format!("Cipher suite {suite} not supported or doesn't exist"));
        }
    }
    if let Some(version) = flags.text("tls-min-version")
        && !VERSIONS.contains(&version)
    {
        return Err(format!("unknown tls version {}", quote(version)));
    }
    for pair in flags.each("tls-sni-cert-key") {
        let files = pair.split(':').next().unwrap_or_default();
        for path in files.split(',').map(str::trim) {
            read(path).map_err(|why| format!("failed to load SNI cert and key: {why}"))?;
        }
    }
    Ok(())
}
