//! A certificate authority and the leaf certificates it issues.
//!
//! Keys are ECDSA P-256: made in a fraction of a millisecond, where RSA would be felt at the start of a lab.

use std::net::IpAddr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};

use crate::error::{Context, Result};
use crate::text::tr;

/// How long an authority's own certificate is good for.
const AUTHORITY_DAYS: u64 = 3650;
/// How long a leaf certificate is good for (kubeadm's default).
const LEAF_DAYS: u64 = 365;

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// A client of the API server.
    Client,
    /// A server.
    Server,
    /// Both, as etcd's peers are.
    Both,
}

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// The common name: the user.
    pub common_name: String,
    /// The organization: the group. (A certificate made here has at most one, as kubeadm's have.)
    pub organization: Option<String>,
    /// DNS names of a server.
    pub dns: Vec<String>,
    /// Addresses of a server.
    pub addresses: Vec<IpAddr>,
}

impl Subject {
    /// A client: a user, in a group where `organization` is not empty.
    pub fn client(common_name: &str, organization: &str) -> Self {
        let organization = Some(organization).filter(|o| !o.is_empty()).map(str::to_owned);
        Self { common_name: common_name.into(), organization, ..Self::default() }
    }

    /// Whom a certificate (PEM) names, and what it may be used for; nothing where it cannot be read.
    pub fn of(certificate: &str) -> Option<(Self, Usage)> {
        use x509_parser::extensions::GeneralName;
        let (_, block) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).ok()?;
        let parsed = block.parse_x509().ok()?;
        let first = |mut names: Box<dyn Iterator<Item = String> + '_>| names.next();
        let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            attribute.as_str().unwrap_or_default().to_owned()
        };
        let subject = parsed.subject();
        let mut out = Self {
            common_name: first(Box::new(subject.iter_common_name().map(text)))?,
            organization: first(Box::new(subject.iter_organization().map(text))),
            ..Self::default()
        };
        let names = parsed.subject_alternative_name().ok().flatten();
        for name in names.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => out.dns.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => out.addresses.extend(
                    <[u8; 4]>::try_from(*bytes)
                        .map(IpAddr::from)
                        .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)),
                ),
                _ => {}
            }
        }
        let usages = parsed.extended_key_usage().ok().flatten()?.value;
        let usage = match (usages.server_auth, usages.client_auth) {
            (true, true) => Usage::Both,
            (true, false) => Usage::Server,
            _ => Usage::Client,
        };
        Some((out, usage))
    }
}

/// A certificate with its key, both in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8).
    pub key: String,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// Makes an authority of this name.
    pub fn new(common_name: &str, now: Timestamp) -> Result<Self> {
        let mut params = params(common_name, None, now, AUTHORITY_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
        ];
        params.subject_alt_names = vec![dns_name(common_name)?];
        let key = new_key()?;
        let certificate =
            params.self_signed(&key).context_what(|| tr!(pki_authority_not_signed { common_name }))?;
        Ok(Self { issuer: Issuer::new(params, key), certificate: certificate.pem() })
    }

    /// Reads an authority from its PEM files' texts.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self> {
        let key = KeyPair::from_pem(key).context_what(|| tr!(pki_authority_key).into())?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key)
            .context_what(|| tr!(pki_authority_certificate).into())?;
        Ok(Self { issuer, certificate: certificate.to_owned() })
    }

    /// The same authority once more.
    pub fn again(&self) -> Result<Self> {
        let Leaf { certificate, key } = self.to_leaf();
        Self::from_pem(&certificate, &key)
    }

    /// The authority's certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The authority's certificate and key in PEM.
    pub fn to_leaf(&self) -> Leaf {
        Leaf { certificate: self.certificate.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// Issues a certificate with a key of its own.
    pub fn issue(&self, subject: &Subject, usage: Usage, now: Timestamp) -> Result<Leaf> {
        let mut params = params(&subject.common_name, subject.organization.as_deref(), now, LEAF_DAYS)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = match usage {
            Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        };
        for name in &subject.dns {
            params.subject_alt_names.push(dns_name(name)?);
        }
        params.subject_alt_names.extend(subject.addresses.iter().map(|a| SanType::IpAddress(*a)));
        let key = new_key()?;
        let certificate: Certificate = params
            .signed_by(&key, &self.issuer)
            .context_what(|| tr!(pki_not_signed { subject: subject.common_name }))?;
        Ok(Leaf { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl Authority {
    /// Signs a certificate request (PEM) as it is, for a year.
    pub fn sign_request(&self, request: &str, now: Timestamp) -> Result<String> {
        let what = || "cannot sign the certificate request".to_owned();
        let mut request = rcgen::CertificateSigningRequestParams::from_pem(request).context_what(what)?;
        let own = params("", None, now, LEAF_DAYS)?;
        request.params.not_before = own.not_before;
        request.params.not_after = own.not_after;
        request.params.serial_number = own.serial_number;
        request.params.use_authority_key_identifier_extension = true;
        Ok(request.signed_by(&self.issuer).context_what(what)?.pem())
    }
}

/// Makes a key pair without a certificate (service account tokens): private key, public key, both in PEM.
pub fn key_pair() -> Result<(String, String)> {
    let key = new_key()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn new_key() -> Result<KeyPair> {
    KeyPair::generate().context_what(|| tr!(pki_no_key).into())
}

fn dns_name(name: &str) -> Result<SanType> {
    let name = name.try_into().context_what(|| tr!(pki_no_dns_name { name }))?;
    Ok(SanType::DnsName(name))
}

fn params(
    common_name: &str,
    organization: Option<&str>,
    now: Timestamp,
    days: u64,
) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(organization) = organization {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name.push(DnType::CommonName, common_name);
    let mut serial = [0u8; 8];
    getrandom(&mut serial)?;
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    // Clocks of machines that share a home may differ a little.
    let now = now - SignedDuration::from_mins(5);
    let day = now.to_zoned(TimeZone::UTC).date();
    let second = Duration::from_secs(now.as_second().rem_euclid(86_400).unsigned_abs());
    let midnight =
        |day: Date| date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs());
    params.not_before = midnight(day) + second;
    params.not_after = params.not_before + Duration::from_secs(86_400 * days);
    Ok(params)
}

fn getrandom(buffer: &mut [u8]) -> Result<()> {
    rustix::rand::getrandom(buffer, rustix::rand::GetRandomFlags::empty())
        .map(|_| ())
        .context_what(|| tr!(pki_no_random).into())
}
