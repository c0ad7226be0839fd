//! The keys that sign and check service account tokens, as PEM files hold them: RSA or ECDSA.
//!
//! Formats: RFC 7468 (PEM), RFC 5915 (EC), RFC 8017 (RSA), RFC 7518 (JWS algorithms).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaKeyPair, UnparsedPublicKey,
};
use sha2::{Digest, Sha256};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

/// `rsaEncryption` as an `AlgorithmIdentifier`.
const RSA_ALGORITHM: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// `id-ecPublicKey` on P-256.
const P256_ALGORITHM: &[u8] =
    b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// `id-ecPublicKey` on P-384.
const P384_ALGORITHM: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";

/// A key that signs.
pub struct SigningKey {
    pair: Pair,
    /// Its public half.
    pub public: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

/// A key that checks.
#[derive(Clone)]
pub struct PublicKey {
    /// `RS256`, `ES256` or `ES384`.
    pub algorithm: &'static str,
    bytes: Vec<u8>,
    /// The key's id in token headers: a hash of the public key.
    pub id: String,
}

impl SigningKey {
    /// Reads the first private key of a PEM file.
    pub fn from_pem(pem: &str) -> Option<Self> {
        blocks(pem).into_iter().find_map(|(label, der)| Self::from_der(&label, &der))
    }

    fn from_der(label: &str, der: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        let ec = |algorithm, der: &[u8]| EcdsaKeyPair::from_pkcs8(algorithm, der, &random).ok();
        let pair = match label {
            "RSA PRIVATE KEY" => Pair::Rsa(RsaKeyPair::from_der(der).ok()?),
            "PRIVATE KEY" => {
                if let Ok(rsa) = RsaKeyPair::from_pkcs8(der) {
                    Pair::Rsa(rsa)
                } else if let Some(pair) = ec(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
                    Pair::P256(pair)
                } else {
                    Pair::P384(ec(&ECDSA_P384_SHA384_FIXED_SIGNING, der)?)
                }
            }
            "EC PRIVATE KEY" => {
                let pkcs8 = wrap_ec(der);
                Pair::P256(ec(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)?)
            }
            _ => return None,
        };
        let public = match &pair {
            Pair::Rsa(pair) => PublicKey::rsa(pair.public_key().as_ref()),
            Pair::P256(pair) => PublicKey::ec("ES256", pair.public_key().as_ref()),
            Pair::P384(pair) => PublicKey::ec("ES384", pair.public_key().as_ref()),
        };
        Some(Self { pair, public })
    }

    /// Signs a token's claims.
    pub fn sign(&self, claims: &serde_json::Value) -> Option<String> {
        let header = serde_json::json!({"alg": self.public.algorithm, "kid": self.public.id});
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).ok()?;
                signature
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, message.as_bytes()).ok()?.as_ref().to_vec()
            }
        };
        Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn strip_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

impl PublicKey {
    /// All keys of a PEM file: public ones, and the public halves of private ones.
    pub fn all_from_pem(pem: &str) -> Vec<Self> {
        let keys = blocks(pem).into_iter().filter_map(|(label, der)| match label.as_str() {
            "PUBLIC KEY" => Self::from_spki(&der),
            "RSA PUBLIC KEY" => Some(Self::rsa(&der)),
            _ => SigningKey::from_der(&label, &der).map(|key| key.public),
        });
        keys.collect()
    }

    fn from_spki(der: &[u8]) -> Option<Self> {
        let (_, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
        let bits = info.subject_public_key.data.as_ref();
        Some(match info.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => Self::rsa(bits),
            "1.2.840.10045.2.1" if bits.len() == 65 => Self::ec("ES256", bits),
            "1.2.840.10045.2.1" if bits.len() == 97 => Self::ec("ES384", bits),
            _ => return None,
        })
    }

    fn rsa(bytes: &[u8]) -> Self {
        let bits = [&[0], bytes].concat();
        Self::new("RS256", bytes, &tagged(0x30, &[RSA_ALGORITHM, &tagged(3, &bits)].concat()))
    }

    fn ec(algorithm: &'static str, bytes: &[u8]) -> Self {
        let curve = if algorithm == "ES256" { P256_ALGORITHM } else { P384_ALGORITHM };
        let bits = [&[0], bytes].concat();
        Self::new(algorithm, bytes, &tagged(0x30, &[curve, &tagged(3, &bits)].concat()))
    }

    /// The id is a hash of the key as a `SubjectPublicKeyInfo` (`keyIDFromPublicKey`).
    fn new(algorithm: &'static str, bytes: &[u8], info: &[u8]) -> Self {
        Self { algorithm, bytes: bytes.to_vec(), id: URL_SAFE_NO_PAD.encode(Sha256::digest(info)) }
    }

    /// The key as a JSON Web Key (RFC 7517).
    pub fn to_jwk(&self) -> Option<String> {
        let head = |kind: &str| format!("{{\"use\":\"sig\",\"kty\":\"{kind}\",\"kid\":\"{}\"", self.id);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        if self.algorithm == "RS256" {
            let (_, key) = x509_parser::public_key::RSAPublicKey::from_der(&self.bytes).ok()?;
            let (n, e) = (strip_zeros(key.modulus), strip_zeros(key.exponent));
            return Some(format!(
                "{},\"alg\":\"RS256\",\"n\":\"{}\",\"e\":\"{}\"}}",
                head("RSA"),
                text(n),
                text(e)
            ));
        }
        let curve = if self.algorithm == "ES256" { "P-256" } else { "P-384" };
        let point = self.bytes.get(1..)?;
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (text(x), text(y));
        let algorithm = self.algorithm;
        Some(format!(
            "{},\"crv\":\"{curve}\",\"alg\":\"{algorithm}\",\"x\":\"{x}\",\"y\":\"{y}\"}}",
            head("EC")
        ))
    }

    /// Whether a signature over a message is this key's.
    pub fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if algorithm != self.algorithm {
            return false;
        }
        let verify = |algorithm: &'static dyn ring::signature::VerificationAlgorithm| {
            UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
        };
        match self.algorithm {
            "RS256" => verify(&RSA_PKCS1_2048_8192_SHA256),
            "ES256" => verify(&ECDSA_P256_SHA256_FIXED),
            _ => verify(&ECDSA_P384_SHA384_FIXED),
        }
    }
}

/// The blocks of a PEM file with their labels; what is no block is skipped.
pub fn blocks(pem: &str) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut rest = pem;
    while let Some(start) = rest.find("-----BEGIN ") {
        rest = &rest[start + 11..];
        let Some((label, body)) = rest.split_once("-----") else { break };
        let Some((body, after)) = body.split_once(&format!("-----END {label}-----")) else { continue };
        let text: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        if let Ok(der) = STANDARD.decode(text) {
            out.push((label.to_owned(), der));
        }
        rest = after;
    }
    out
}

/// Puts an RFC 5915 key on P-256 into a PKCS #8 envelope.
fn wrap_ec(key: &[u8]) -> Vec<u8> {
    // SEQUENCE { 0, SEQUENCE { ecPublicKey, prime256v1 }, OCTET STRING key }
    const ALGORITHM: &[u8] = &[
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
        0x3d, 0x03, 0x01, 0x07,
    ];
    let mut body = vec![0x02, 0x01, 0x00];
    body.extend_from_slice(ALGORITHM);
    // The curve's parameters inside the key are optional, and ring wants them gone.
    let key = strip_parameters(key);
    body.push(0x04);
    push_length(&mut body, key.len());
    body.extend_from_slice(&key);
    let mut out = vec![0x30];
    push_length(&mut out, body.len());
    out.extend_from_slice(&body);
    out
}

/// Removes `[0] parameters` from an RFC 5915 key on P-256.
fn strip_parameters(key: &[u8]) -> Vec<u8> {
    const PARAMETERS: &[u8] = &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let Some(at) = key.windows(PARAMETERS.len()).position(|window| window == PARAMETERS) else {
        return key.to_vec();
    };
    if key.len() < 2 || key[1] >= 0x80 {
        return key.to_vec();
    }
    let mut out = key.to_vec();
    out.drain(at..at + PARAMETERS.len());
    out[1] = u8::try_from(out.len() - 2).unwrap_or(0);
    out
}

/// A value with its tag and length (X.690).
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    push_length(&mut out, content.len());
    out.extend_from_slice(content);
    out
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let bytes = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    match length {
        0..=0x7f => out.push(bytes[1]),
        0x80..=0xff => out.extend_from_slice(&[0x81, bytes[1]]),
        _ => out.extend_from_slice(&[0x82, bytes[0], bytes[1]]),
    }
}
