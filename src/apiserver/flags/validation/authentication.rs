//! Who may come in, and who may do what: service accounts, OIDC, front proxies, authorization modes.
//!
//! Upstream: `pkg/kubeapiserver/options/{authentication,authorization}.go`, `k8s.io/apiserver/pkg/server/options/authentication.go`,
//! `pkg/controlplane/apiserver/options/{options,validation}.go`.

use super::{Flags, Read};
use crate::apiserver::authentication::keys::SigningKey;
use crate::go_quote::quote;
use crate::release::Release;

const HOUR: i64 = 3_600_000_000_000;
const OIDC: [&str; 9] = [
    "oidc-issuer-url",
    "oidc-client-id",
    "oidc-ca-file",
    "oidc-username-claim",
    "oidc-username-prefix",
    "oidc-groups-claim",
    "oidc-groups-prefix",
    "oidc-signing-algs",
    "oidc-required-claim",
];
const MODES: [&str; 6] = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];

fn has_issuer(flags: &Flags) -> bool {
    flags.each("service-account-issuer").first().is_some_and(|first| !first.is_empty())
}

/// The key that signs is read before anything is validated.
pub(super) fn complete(flags: &Flags, release: &Release, read: Read<'_>) -> Result<(), String> {
    let expiration = flags.nanos("service-account-max-token-expiration").unwrap_or(0);
    let bounded = || {
        if expiration == 0 || (HOUR..=(1_i64 << 32).saturating_mul(1_000_000_000)).contains(&expiration) {
            return Ok(());
        }
        Err("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds".to_owned())
    };
    if release.flags.bounds_tokens_first {
        bounded()?;
    }
    if has_issuer(flags)
        && flags.text("service-account-signing-endpoint").is_some()
        && flags.text("service-account-signing-key-file").is_some()
    {
        return Err(
            "service-account-signing-key-file and service-account-signing-endpoint are mutually exclusive and cannot be \
             set at the same time"
                .into(),
        );
    }
    let Some(path) = flags.text("service-account-signing-key-file").filter(|_| has_issuer(flags)) else {
        return Ok(());
    };
    if !release.flags.bounds_tokens_first {
        bounded()?;
    }
    let wrong = |why: String| format!("failed to parse service-account-issuer-key-file: {why}");
    let pem = read(path).map_err(wrong)?;
    match SigningKey::from_pem(&String::from_utf8_lossy(&pem)) {
        Some(_) => Ok(()),
        None => Err(wrong(format!(
            "error reading private key file {path}: data does not contain a valid RSA or ECDSA private key"
        ))),
    }
}

pub(super) fn validate(flags: &Flags, release: &Release, errors: &mut Vec<String>) {
    let uses_oidc = OIDC.iter().any(|name| flags.get(name).is_some());
    if flags.text("authentication-config").is_some() {
        let gate = "StructuredAuthenticationConfiguration";
        if !super::gates::is_on(&flags.each("feature-gates").join(","), gate, true) {
            errors.push(format!("set --feature-gates={gate}=true to use authentication-config file"));
        }
        if uses_oidc {
            errors.push("authentication-config file and oidc-* flags are mutually exclusive".into());
        }
    } else if uses_oidc && (flags.text(OIDC[0]).is_none() || flags.text(OIDC[1]).is_none()) {
        let why =
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set";
        errors.push(why.into());
    }
    let issuers = flags.each("service-account-issuer");
    for (at, issuer) in issuers.iter().enumerate() {
        if let Some(why) = url_error(issuer) {
            errors.push(format!(
                "service-account-issuer {} contained a ':' but was not a valid URL: {why}",
                quote(issuer)
            ));
        } else if issuer.is_empty() {
            errors.push("service-account-issuer should not be an empty string".into());
        } else if issuers[..at].contains(issuer) {
            errors.push(format!("service-account-issuer {} is already specified", quote(issuer)));
        }
    }
    if issuers.is_empty() {
        errors.push("service-account-issuer is a required flag".into());
    }
    if flags.each("service-account-key-file").is_empty()
        && flags.text("service-account-signing-endpoint").is_none()
    {
        errors.push(release.flags.no_service_account_key.into());
    }
    if let Some(uri) = flags.text("service-account-jwks-uri")
        && !uri.to_ascii_lowercase().starts_with("https:")
    {
        errors.push(format!("service-account-jwks-uri requires https scheme, parsed as: {uri}"));
    }
    for name in [
        "requestheader-username-headers",
        "requestheader-group-headers",
        "requestheader-extra-headers-prefix",
        "requestheader-allowed-names",
    ] {
        if flags.list(name).iter().any(|value| value.trim().is_empty()) {
            errors.push(format!("empty value in {}", quote(name)));
        }
    }
    let uids = flags.list("requestheader-uid-headers");
    if release.flags.uid_headers_are_checked
        && !uids.is_empty()
        && !uids.iter().any(|name| name.eq_ignore_ascii_case("X-Remote-Uid"))
    {
        let why = "--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - API \
                   aggregation will not work";
        errors.push(why.into());
    }
}

/// What Go's `url.Parse` says of a text with a colon, where it is no URL.
fn url_error(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let parse = |why: &str| Some(format!("parse {}: {why}", quote(text)));
    if text.chars().any(|c| c.is_ascii_control()) {
        return parse("net/url: invalid control character in URL");
    }
    if scheme.is_empty() {
        return parse("missing protocol scheme");
    }
    let letter = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    if !letter || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return parse("first path segment in URL cannot contain colon").filter(|_| !scheme.contains('/'));
    }
    let host = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    if host.starts_with('[') && !host.contains(']') {
        return parse("missing ']' in host");
    }
    let port = host.rsplit(']').next()?.rsplit_once(':').map(|(_, port)| port)?;
    if port.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        parse(&format!("invalid port {} after host", quote(&format!(":{port}"))))
    }
}

/// `--authorization-mode` and what belongs to it.
pub(super) fn authorization(flags: &Flags, read: Read<'_>, errors: &mut Vec<String>) {
    if let Some(path) = flags.text("authorization-config") {
        let legacy = [
            "authorization-mode",
            "authorization-webhook-config-file",
            "authorization-webhook-version",
            "authorization-webhook-cache-authorized-ttl",
            "authorization-webhook-cache-unauthorized-ttl",
        ];
        if legacy.iter().any(|name| flags.get(name).is_some()) {
            let why = "--authorization-config can not be specified when --authorization-mode or \
                       --authorization-webhook-* flags are defined";
            errors.push(why.into());
        } else if let Err(why) = read(path) {
            errors.push(why);
        }
        return;
    }
    let modes = flags.authorization_modes();
    for mode in &modes {
        if !MODES.contains(&mode.as_str()) {
            errors.push(format!("authorization-mode {} is not a valid mode", quote(mode)));
        }
        let file = match mode.as_str() {
            "ABAC" => ("authorization-policy-file", "authorization policy"),
            "Webhook" => ("authorization-webhook-config-file", "authorization config"),
            _ => continue,
        };
        if flags.text(file.0).is_none() {
            errors.push(format!("authorization-mode {mode}'s {} file not passed", file.1));
        }
    }
    for (flag, mode) in
        [("authorization-policy-file", "ABAC"), ("authorization-webhook-config-file", "Webhook")]
    {
        if flags.text(flag).is_some() && !modes.iter().any(|one| one == mode) {
            errors.push(format!("cannot specify --{flag} without mode {mode}"));
        }
    }
    let mut once = modes.clone();
    once.sort();
    once.dedup();
    if once.len() != modes.len() {
        let shown: Vec<String> = modes.iter().map(|mode| quote(mode)).collect();
        errors.push(format!("authorization-mode [{}] has mode specified more than once", shown.join(" ")));
    }
}

/// `validateTokenRequest`
pub(super) fn token_requests(flags: &Flags, errors: &mut Vec<String>) {
    let key = flags.text("service-account-signing-key-file").is_some();
    let attempted = key || has_issuer(flags) || !flags.list("api-audiences").is_empty();
    if !attempted {
        let why = "--service-account-signing-key-file and --service-account-issuer are required flags";
        errors.push(why.into());
    } else if !(key && has_issuer(flags)) {
        let why = "--service-account-signing-key-file, --service-account-issuer, and --api-audiences should be \
                   specified together";
        errors.push(why.into());
    }
}
