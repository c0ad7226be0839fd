//! Client certificates: the subject's common name is the user, its organizations are the groups.
//!
//! Upstream: `k8s.io/apiserver/pkg/authentication/request/x509/x509.go` (`CommonNameUserConversion`).

use std::sync::{Mutex, PoisonError};

use x509_parser::prelude::{FromDer, X509Certificate};

use super::UserInfo;

/// The group of everyone who is known.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The user of a certificate that the client CA has signed; `None` where it names nobody.
pub fn user(certificate: &[u8], credential_id: bool) -> Option<UserInfo> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let (name, groups) = subject(&parsed);
    let mut user = UserInfo { name: name?, groups, ..UserInfo::default() };
    if credential_id {
        let print = format!("X509SHA256={}", crate::digest::sha256(certificate));
        user.extra.insert("authentication.kubernetes.io/credential-id".into(), vec![print]);
    }
    add_authenticated(&mut user);
    Some(user)
}

/// The name and the groups that a certificate's subject is taken for: of several common names the last one counts, as in Go's
/// `pkix.Name`, and an empty one is none (`CommonNameUserConversion`).
pub fn subject(certificate: &X509Certificate<'_>) -> (Option<String>, Vec<String>) {
    let subject = certificate.subject();
    let name = subject.iter_common_name().filter_map(|name| name.as_str().ok()).last();
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned);
    (name.filter(|name| !name.is_empty()).map(str::to_owned), groups.collect())
}

/// Puts a known user into `system:authenticated` (`group.AuthenticatedGroupAdder`).
pub fn add_authenticated(user: &mut UserInfo) {
    let already = |group: &String| group == AUTHENTICATED || group == "system:unauthenticated";
    if !user.groups.iter().any(already) && user.name != "system:anonymous" {
        user.groups.push(AUTHENTICATED.into());
    }
}
/// Whom a connection's certificates were last found to be, and in which second: certificates are verified once a second and
/// not for each request.
#[derive(Default)]
pub struct Known(Mutex<Option<(i64, Option<UserInfo>)>>);

impl Known {
    /// Who it is in this second; `verify` is asked where that is not known yet. Refusals are not remembered.
    pub fn at<E>(
        &self,
        second: i64,
        verify: impl FnOnce() -> Result<Option<UserInfo>, E>,
    ) -> Result<Option<UserInfo>, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, user)) = &*known
            && *then == second
        {
            return Ok(user.clone());
        }
        let user = verify()?;
        *known = Some((second, user.clone()));
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    fn of(names: &[&str], groups: &[&str]) -> Option<UserInfo> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, values) in [(DnType::CommonName, names), (DnType::OrganizationName, groups)] {
            for value in values {
                params.distinguished_name.push(kind.clone(), DnValue::Utf8String((*value).into()));
            }
        }
        let key = KeyPair::generate().unwrap();
        user(params.self_signed(&key).unwrap().der(), false)
    }

    #[test]
    fn who_a_certificate_is() {
        let found = of(&["system:node:node01"], &["system:nodes"]).unwrap();
        assert_eq!(found.name, "system:node:node01");
        assert_eq!(found.groups, ["system:nodes", AUTHENTICATED]);
        assert!(of(&[], &["system:masters"]).is_none());
        assert!(of(&[""], &["system:masters"]).is_none());
    }
}
