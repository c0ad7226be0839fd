//! The server's certificate, and the check of clients' certificates.
//!
//! As upstream, any certificate may be shown in the handshake; whether the client CA signed it is the business of
//! authentication, which answers 401.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Checks clients' certificates against the client CA.
#[derive(Clone, Debug)]
pub struct ClientAuthority {
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientAuthority {
    /// Reads the CA bundle of `--client-ca-file`; the error is upstream's sentence.
    pub fn from_pem(path: &str, pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).flatten());
        let none = || {
            format!(
                "error loading CA bundle for \"client-ca-bundle::{path}\": data does not contain any valid RSA or ECDSA certificates"
            )
        };
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|_| none())?;
        Ok(Self { verifier })
    }

    /// Whether the CA signed these certificates for a client.
    pub fn verify(&self, certificates: &[CertificateDer<'_>], now: UnixTime) -> Result<(), String> {
        let Some((own, others)) = certificates.split_first() else { return Err("no certificate".into()) };
        self.verifier.verify_client_cert(own, others, now).map(|_| ()).map_err(|error| match error {
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::Expired
                | rustls::CertificateError::ExpiredContext { .. }
                | rustls::CertificateError::NotValidYet
                | rustls::CertificateError::NotValidYetContext { .. },
            ) => "x509: certificate has expired or is not yet valid".into(),
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                "x509: certificate signed by unknown authority".into()
            }
            other => format!("x509: {other}"),
        })
    }
}

/// Asks for a certificate, and takes any.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The TLS side of the server, of its certificate and key files.
pub fn config(
    certificate: &[u8],
    key: &[u8],
    clients: Option<&ClientAuthority>,
) -> Result<ServerConfig, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate).flatten().collect();
    if chain.is_empty() {
        return Err("tls: failed to find any PEM data in certificate input".into());
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| "tls: failed to find any PEM data in key input".to_owned())?;
    let provider = provider();
    let hints = clients.map_or_else(Vec::new, |clients| clients.verifier.root_hint_subjects().to_vec());
    let verifier = AnyCertificate { provider: provider.clone(), hints };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "tls: private key does not match public key".to_owned(),
            other => format!("tls: {other}"),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
