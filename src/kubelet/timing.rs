//! How long things take: the real waits, or the same ones scaled so that a restart takes about a second.

use std::time::Duration;

/// The waits of kubelet and runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How often the manifests directory is read again (`FileCheckFrequency`, really 20 s).
    pub file_check_frequency: Duration,
    /// A static pod's grace period (`terminationGracePeriodSeconds`, really 30 s).
    pub grace_period: Duration,
    /// How long a waiting static pod waits before it is tried again (really 10 s, jittered by half).
    pub worker_retry: Duration,
    /// The first back-off of a crash loop (really 10 s, doubling).
    pub crash_backoff: Duration,
    /// The longest back-off (really 5 min).
    pub crash_backoff_max: Duration,
    /// From a started server to its first answer (really 0.8 s).
    pub server_start: Duration,
    /// From the first answer until the hooks are done (really 0.9 s).
    pub server_hooks: Duration,
    /// How long a failing liveness probe is borne (8 times 10 s).
    pub liveness: Duration,
    /// How long a starting API server waits for etcd (really 20 s).
    pub storage: Duration,
    /// How long a kubelet bears a runtime that does not answer before its node is not ready (really 30 s).
    pub runtime_grace: Duration,
    /// How long it bears that pods could not be listed (really 3 min).
    pub relist_grace: Duration,
    /// How often it lists them (really 1 s).
    pub relist: Duration,
    /// From a ready server to a pod that is Ready (the startup probe, really 10 to 20 s).
    pub startup_probe: Duration,
    /// How often statuses that could not be written are written (`syncPeriod` of the status manager, really 10 s).
    pub status_sync: Duration,
}

impl Timing {
    /// The waits of a real cluster.
    pub fn realistic() -> Self {
        Self {
            file_check_frequency: Duration::from_secs(20),
            grace_period: Duration::from_secs(30),
            worker_retry: Duration::from_secs(10),
            crash_backoff: Duration::from_secs(10),
            crash_backoff_max: Duration::from_secs(300),
            server_start: Duration::from_millis(800),
            server_hooks: Duration::from_millis(900),
            liveness: Duration::from_secs(80),
            storage: Duration::from_secs(20),
            runtime_grace: Duration::from_secs(30),
            relist_grace: Duration::from_secs(180),
            relist: Duration::from_secs(1),
            startup_probe: Duration::from_secs(10),
            status_sync: Duration::from_secs(10),
        }
    }

    /// The lab's waits: order and causes stay, a restart takes about a second.
    pub fn scaled() -> Self {
        Self {
            file_check_frequency: Duration::from_millis(1000),
            grace_period: Duration::from_millis(400),
            worker_retry: Duration::from_millis(150),
            crash_backoff: Duration::from_millis(500),
            crash_backoff_max: Duration::from_secs(15),
            server_start: Duration::from_millis(50),
            server_hooks: Duration::from_millis(50),
            liveness: Duration::from_millis(800),
            storage: Duration::from_millis(600),
            runtime_grace: Duration::from_millis(1500),
            relist_grace: Duration::from_secs(60),
            relist: Duration::from_millis(250),
            startup_probe: Duration::from_millis(300),
            status_sync: Duration::from_millis(150),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_waits_are_the_real_ones_and_every_scaled_one_is_shorter() {
        let (real, scaled) = (Timing::realistic(), Timing::scaled());
        for (what, real, scaled, milliseconds) in [
            ("rescan", real.file_check_frequency, scaled.file_check_frequency, 20_000),
            ("grace", real.grace_period, scaled.grace_period, 30_000),
            ("static pod retry", real.worker_retry, scaled.worker_retry, 10_000),
            ("back-off", real.crash_backoff, scaled.crash_backoff, 10_000),
            ("longest back-off", real.crash_backoff_max, scaled.crash_backoff_max, 300_000),
            ("server start", real.server_start, scaled.server_start, 800),
            ("server hooks", real.server_hooks, scaled.server_hooks, 900),
            ("liveness", real.liveness, scaled.liveness, 80_000),
            ("storage", real.storage, scaled.storage, 20_000),
            ("a silent runtime", real.runtime_grace, scaled.runtime_grace, 30_000),
            ("a silent list", real.relist_grace, scaled.relist_grace, 180_000),
            ("relist", real.relist, scaled.relist, 1000),
            ("startup probe", real.startup_probe, scaled.startup_probe, 10_000),
            ("status", real.status_sync, scaled.status_sync, 10_000),
        ] {
            assert_eq!(real, Duration::from_millis(milliseconds), "{what}");
            assert!(scaled < real, "{what}");
        }
    }
}
