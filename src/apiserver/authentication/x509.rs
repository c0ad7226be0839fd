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
    let subject = parsed.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
    if name.is_empty() {
        return None;
    }
    let mut user = UserInfo { name, ..UserInfo::default() };
    user.groups = subject.iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned).collect();
    if credential_id {
        let print = format!("X509SHA256={}", crate::digest::sha256(certificate));
        user.extra.insert("authentication.kubernetes.io/credential-id".into(), vec![print]);
    }
    add_authenticated(&mut user);
    Some(user)
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
