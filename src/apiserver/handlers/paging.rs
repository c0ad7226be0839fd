//! Continue tokens.
//!
//! Upstream: `k8s.io/apiserver/pkg/storage/continue.go`.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use crate::apiserver::status::Status;
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The version that the first page was from; -1 goes on in what is there now.
    pub(super) version: i64,
    /// The last namespace and name that were listed.
    pub(super) after: (String, String),
}

impl Token {
    /// The token as text.
    pub(super) fn encode(version: i64, last: &Key) -> String {
        let start = if last.namespace.is_empty() {
            format!("{}\0", last.name)
        } else {
            format!("{}/{}\0", last.namespace, last.name)
        };
        // The keys' order is upstream's.
        let text = format!("{{\"v\":\"meta.k8s.io/v1\",\"rv\":{version},\"start\":{}}}", json!(start));
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads a token; `namespace` is the one that is listed.
    pub(super) fn decode(text: &str, namespaced: bool) -> Result<Self, Status> {
        let wrong = |why: String| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        // Go takes trailing bits that are not zero.
        let lenient = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone);
        let bytes = GeneralPurpose::new(&URL_SAFE, lenient).decode(text).map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                _ => text.len() / 4 * 4,
            };
            wrong(format!("illegal base64 data at input byte {at}"))
        })?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| match bytes.first() {
            Some(b'{') => wrong("unexpected end of JSON input".into()),
            Some(first) => {
                let shown = quote(&char::from(*first).to_string());
                let shown = shown.trim_matches('"');
                wrong(format!("invalid character '{shown}' looking for beginning of value"))
            }
            None => wrong("unexpected end of JSON input".into()),
        })?;
        let version = value["v"].as_str().unwrap_or("");
        if version != "meta.k8s.io/v1" {
            return Err(wrong(format!("server does not recognize this encoded version {version}")));
        }
        let start = value["start"].as_str().unwrap_or("").trim_end_matches('\0');
        if start.is_empty() {
            return Err(wrong("encoded start key empty (version meta.k8s.io/v1)".into()));
        }
        if start.starts_with('/') || start.split('/').any(|part| part == "..") {
            return Err(wrong(start.to_owned()));
        }
        let after = match start.split_once('/').filter(|_| namespaced) {
            Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
            None => (String::new(), start.to_owned()),
        };
        let version = value["rv"].as_i64().unwrap_or(0);
        if version == 0 {
            return Err(wrong("incorrect encoded start resourceVersion (version meta.k8s.io/v1)".into()));
        }
        Ok(Self { version, after })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tokens_come_back() {
        for (namespace, name) in [("", "node01"), ("a", "b")] {
            let text = Token::encode(7, &Key::new("", "x", namespace, name));
            let token = Token::decode(&text, !namespace.is_empty()).unwrap();
            assert_eq!(token, Token { version: 7, after: (namespace.into(), name.into()) });
        }
    }

    #[test]
    fn wrong_tokens_get_the_real_sentences() {
        let start = "invalid continue token: continue key is not valid: ";
        for (token, why) in [
            ("garbage", "invalid character '\\u0081' looking for beginning of value"),
            ("e30", "server does not recognize this encoded version "),
            ("!!", "illegal base64 data at input byte 0"),
        ] {
            assert_eq!(Token::decode(token, false).unwrap_err().message, format!("{start}{why}"), "{token}");
        }
    }
}
