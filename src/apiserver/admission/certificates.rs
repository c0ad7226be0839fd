//! `CertificateApproval`, `CertificateSigning`, `CertificateSubjectRestriction`: who may act for a signer.
//!
//! Upstream: `plugin/pkg/admission/certificates`, `pkg/apis/certificates`, `.../util.go` (`IsAuthorizedForSignerName`).

use serde_json::Value;

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::{self, Decision};
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::status::Status;
use crate::go_quote::quote;

const GROUP: &str = "certificates.k8s.io";
const RESOURCE: &str = "certificatesigningrequests";
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Only who may `approve` for the signer approves.
pub(super) struct Approval;

impl Plugin for Approval {
    fn name(&self) -> &'static str {
        "CertificateApproval"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Update
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is(GROUP, RESOURCE, "approval") {
            return Ok(());
        }
        let signer = attributes.current()["spec"]["signerName"].as_str().unwrap_or_default();
        if may_act_for(attributes, environment, "approve", signer) {
            return Ok(());
        }
        Err(attributes
            .forbid(format!("user not permitted to approve requests with signerName {}", quote(signer))))
    }
}

/// Only who may `sign` for the signer sets a certificate.
pub(super) struct Signing;

impl Plugin for Signing {
    fn name(&self) -> &'static str {
        "CertificateSigning"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Update
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is(GROUP, RESOURCE, "status") {
            return Ok(());
        }
        let (old, new) = (attributes.current(), attributes.new_object());
        if old["status"]["certificate"] == new["status"]["certificate"]
            && old["status"]["conditions"] == new["status"]["conditions"]
        {
            return Ok(());
        }
        let signer = old["spec"]["signerName"].as_str().unwrap_or_default();
        if may_act_for(attributes, environment, "sign", signer) {
            return Ok(());
        }
        Err(attributes
            .forbid(format!("user not permitted to sign requests with signerName {}", quote(signer))))
    }
}

/// Nobody asks for a client certificate of `system:masters`.
pub(super) struct SubjectRestriction;

impl Plugin for SubjectRestriction {
    fn name(&self) -> &'static str {
        "CertificateSubjectRestriction"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn validate(&self, attributes: &Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        if !attributes.is(GROUP, RESOURCE, "") {
            return Ok(());
        }
        let spec = &attributes.new_object()["spec"];
        if spec["signerName"] != CLIENT_SIGNER {
            return Ok(());
        }
        let subject = Subject::of_request(spec)
            .map_err(|why| attributes.forbid(format!("failed to parse CSR: {why}")))?;
        if subject.organizations.iter().any(|group| group == authorization::PRIVILEGED_GROUP) {
            return Err(attributes
                .forbid(format!("use of {CLIENT_SIGNER} signer with system:masters group is not allowed")));
        }
        Ok(())
    }
}

/// Whether the user may do something for a signer, or for all signers of its domain.
fn may_act_for(attributes: &Attributes<'_>, environment: &Environment, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or_default();
    [signer.to_owned(), format!("{domain}/*")].into_iter().any(|name| {
        let request = RequestInfo {
            is_resource_request: true,
            verb: verb.into(),
            api_group: GROUP.into(),
            api_version: "*".into(),
            resource: "signers".into(),
            name,
            ..RequestInfo::default()
        };
        let question = authorization::Attributes { user: attributes.user.clone(), request };
        environment.authorizers.authorize(&question).decision == Decision::Allow
    })
}

/// The subject that a certificate signing request asks for.
pub(super) struct Subject {
    /// The common name; empty where there is none.
    pub(super) common_name: String,
    /// The organizations.
    pub(super) organizations: Vec<String>,
}

impl Subject {
    /// Reads `spec.request`: base64 of a PEM block of type `CERTIFICATE REQUEST`.
    pub(super) fn of_request(spec: &Value) -> Result<Self, String> {
        use base64::Engine as _;
        use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

        const NO_BLOCK: &str = "PEM block type must be CERTIFICATE REQUEST";
        let encoded = spec["request"].as_str().unwrap_or_default();
        let pem = base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|e| e.to_string())?;
        let (_, block) = x509_parser::pem::parse_x509_pem(&pem).map_err(|_| NO_BLOCK.to_owned())?;
        if block.label != "CERTIFICATE REQUEST" {
            return Err(NO_BLOCK.to_owned());
        }
        let (_, request) = X509CertificationRequest::from_der(&block.contents).map_err(|e| e.to_string())?;
        let subject = &request.certification_request_info.subject;
        let common_name = subject.iter_common_name().last().and_then(|name| name.as_str().ok());
        let organizations = subject.iter_organization().filter_map(|name| name.as_str().ok());
        Ok(Self {
            common_name: common_name.unwrap_or_default().to_owned(),
            organizations: organizations.map(str::to_owned).collect(),
        })
    }
}
