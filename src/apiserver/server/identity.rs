//! The server's own Lease, by which others know that it lives.
//!
//! Upstream: KEP-1965; `k8s.io/apiserver/pkg/server/config.go` (the name), `kubernetes/pkg/controlplane/apiserver/server.go`,
//! `k8s.io/component-helpers/apimachinery/lease/controller.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::core::Core;
use crate::apiserver::authorization::rbac::bootstrap;
use crate::apiserver::registry::typed::{micro_time_text, time_text};
use crate::apiserver::storage::{Key, StorageError, version_of};

const GROUP: &str = "coordination.k8s.io";
/// How often it is renewed (`IdentityLeaseRenewIntervalPeriod`).
const RENEWED: Duration = Duration::from_secs(10);
/// How long it holds (`IdentityLeaseDurationSeconds`).
const SECONDS: u32 = 3600;

/// What a server calls itself: the same each time on the same host.
pub(super) fn id(hostname: &str) -> String {
    let mut data = Vec::new();
    for part in [hostname, "kube-apiserver"] {
        data.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        data.extend(part.as_bytes());
    }
    format!("apiserver-{}", base32(&Sha256::digest(data)[..16]))
}

/// RFC 4648 in lower case, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let letter = |at: usize| (at * 5..at * 5 + 5).fold(0, |value, at| value * 2 + usize::from(bit(at)));
    (0..(bytes.len() * 8).div_ceil(5)).map(|at| char::from(LETTERS[letter(at)])).collect()
}

fn key(core: &Core) -> Key {
    Key::new(GROUP, "leases", "kube-system", &id(&core.dependencies.hostname))
}

/// Makes the Lease when the server starts, or takes on the one of the server before it.
pub(super) fn begin(core: &Core) -> Result<(), StorageError> {
    if core.dependencies.release.gates.identity_leases_end {
        end(core);
    }
    renew(core)
}

/// Renews the Lease until the server is stopped.
pub(super) async fn keep(core: Arc<Core>) {
    while core.stop.run_until_cancelled(tokio::time::sleep(RENEWED)).await.is_some() {
        // What somebody else changes or keeps from being written is tried again the next time.
        let _ = renew(&core);
    }
    if core.dependencies.release.gates.identity_leases_end {
        end(&core);
    }
}

fn end(core: &Core) {
    // There may be none.
    let _ = core.dependencies.store.delete(&key(core), None);
}

fn renew(core: &Core) -> Result<(), StorageError> {
    let dependencies = &core.dependencies;
    let (key, now) = (key(core), dependencies.clock.now());
    let present = dependencies.store.get(&key);
    let mut lease = present.as_deref().cloned().unwrap_or_else(|| {
        json!({
            "kind": "Lease",
            "apiVersion": format!("{GROUP}/v1"),
            "metadata": {
                "name": key.name,
                "namespace": key.namespace,
                "uid": uuid::Uuid::new_v4().to_string(),
                "creationTimestamp": time_text(now),
            },
            "spec": {"holderIdentity": format!("{}_{}", key.name, uuid::Uuid::new_v4())},
        })
    });
    lease["metadata"]["labels"]["apiserver.kubernetes.io/identity"] = json!("kube-apiserver");
    lease["metadata"]["labels"]["kubernetes.io/hostname"] = json!(dependencies.hostname);
    if dependencies.release.gates.peers_are_told {
        let address = core.flags.text("advertise-address").unwrap_or("");
        let peer = format!("{address}:{}", core.flags.secure_port());
        lease["metadata"]["annotations"]["kubernetes.io/peer-advertise-address"] = json!(peer);
    }
    lease["spec"]["leaseDurationSeconds"] = json!(SECONDS);
    lease["spec"]["renewTime"] = json!(micro_time_text(now));
    let live = present.as_deref().unwrap_or(&Value::Null);
    bootstrap::written_by_server(dependencies.release, &key, live, &mut lease, &dependencies.clock);
    match &present {
        Some(present) => dependencies.store.update(&key, version_of(present), lease),
        None => dependencies.store.create(key, lease),
    }
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_made_of_the_host() {
        // What both real servers call themselves on a host of this name.
        assert_eq!(id("vm"), "apiserver-wlv32tlttr4jl3gtroqexyxapa");
    }
}
