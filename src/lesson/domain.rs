//! The domains of the CKS curriculum, as a learner reads them.

use crate::text::{Language, tr};

/// A domain in a language; lessons and machine output name it in English. One of somebody's own stays as it is.
pub fn shown(domain: &str, language: Language) -> String {
    let known = match domain {
        "Cluster Setup" => tr!(language, domain_cluster_setup),
        "Cluster Hardening" => tr!(language, domain_cluster_hardening),
        "System Hardening" => tr!(language, domain_system_hardening),
        "Minimize Microservice Vulnerabilities" => tr!(language, domain_microservices),
        "Supply Chain Security" => tr!(language, domain_supply_chain),
        "Monitoring, Logging and Runtime Security" => tr!(language, domain_monitoring),
        other => other,
    };
    known.to_owned()
}
