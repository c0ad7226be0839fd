//! Leader election by a Lease, as client-go's `tools/leaderelection` does it.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::Context;
use super::client::{Client, ClientError};
use super::event::tell;
use crate::klog::Severity;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// A candidate.
pub struct Election {
    /// Acts as the program.
    pub client: Client,
    /// The lease's name.
    pub name: &'static str,
    /// Source position and message of the line that the program ends with when it loses its lease.
    pub lost: (&'static str, &'static str),
}

/// Waits for the lease, runs `work` while it is held, and returns exit status 1 when it is lost.
pub async fn run(context: &Context, election: Election, work: impl Future<Output = ()>) -> i32 {
    let identity = format!("{}_{}", context.node, uuid::Uuid::new_v4());
    let lease = format!("kube-system/{}", election.name);
    let info =
        |line: u32, text: &str| context.log(Severity::Info, &format!("leaderelection.go:{line}"), text);
    info(254, &format!("attempting to acquire leader lease {lease}..."));
    while !try_acquire(context, &election, &identity).await.unwrap_or(false) {
        let mut reachable = context.api.reachable();
        let wait = context.timing.retry_period.min(context.timing.lease_duration);
        let _ = timeout(wait, reachable.changed()).await;
    }
    info(268, &format!("successfully acquired lease {lease}"));
    announce(context, &election, &identity).await;
    tokio::select! {
        () = work => {}
        () = hold(context, &election, &identity) => {}
    }
    info(297, &format!("failed to renew lease {lease}: timed out waiting for the condition"));
    context.log(Severity::Error, election.lost.0, election.lost.1);
    1
}

/// Renews the lease; returns when that failed for longer than the renew deadline.
async fn hold(context: &Context, election: &Election, identity: &str) {
    let timing = &context.timing;
    let mut reachable = context.api.reachable();
    loop {
        // A server that goes away is noticed at once, so that the deadline counts from then.
        let _ = timeout(timing.retry_period, reachable.wait_for(|up| !up)).await;
        let since = Instant::now();
        while !try_acquire(context, election, identity).await.unwrap_or(false) {
            if since.elapsed() >= timing.renew_deadline {
                return;
            }
            sleep((timing.renew_deadline / 5).min(timing.retry_period)).await;
        }
    }
}

/// Takes or renews the lease; false while somebody else holds it.
async fn try_acquire(context: &Context, election: &Election, identity: &str) -> Result<bool, ClientError> {
    let path = format!("{LEASES}/{}", election.name);
    let now = context.clock.now();
    let seconds = context.timing.lease_duration.as_secs().max(1);
    let mut lease = match election.client.get(&path).await {
        Ok(lease) => lease,
        Err(error) if error.is_code(404) => {
            let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": election.name, "namespace": "kube-system"},
                "spec": {"holderIdentity": identity, "leaseDurationSeconds": seconds, "acquireTime": micro(now),
                    "renewTime": micro(now), "leaseTransitions": 0}});
            election.client.create(LEASES, &lease).await?;
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    let spec = &mut lease["spec"];
    if spec["holderIdentity"] != identity {
        if !expired(spec, now, context.timing.lease_duration) {
            return Ok(false);
        }
        let transitions = spec["leaseTransitions"].as_i64().unwrap_or_default() + 1;
        spec["holderIdentity"] = json!(identity);
        spec["acquireTime"] = json!(micro(now));
        spec["leaseTransitions"] = json!(transitions);
    }
    spec["leaseDurationSeconds"] = json!(seconds);
    spec["renewTime"] = json!(micro(now));
    election.client.update(&path, &lease).await?;
    Ok(true)
}

fn expired(spec: &Value, now: Timestamp, duration: Duration) -> bool {
    let renewed: Option<Timestamp> = spec["renewTime"].as_str().and_then(|t| t.parse().ok());
    let holder = spec["holderIdentity"].as_str().unwrap_or_default();
    let duration = jiff::SignedDuration::try_from(duration).unwrap_or_default();
    holder.is_empty() || renewed.is_none_or(|at| now.duration_since(at) > duration)
}

/// A time with microseconds (`metav1.MicroTime`).
pub fn micro(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// A time in whole seconds (`metav1.Time`).
pub fn seconds(at: Timestamp) -> String {
    format!("{at:.0}")
}

async fn announce(context: &Context, election: &Election, identity: &str) {
    let now = context.clock.now();
    let lease = json!({"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "namespace": "kube-system",
        "name": election.name});
    let message = format!("{identity} became leader");
    tell(&election.client, election.name, &lease, now, ("Normal", "LeaderElection"), &message).await;
}
