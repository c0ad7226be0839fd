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
    /// From a ready server to a pod that is Ready (the startup probe, really 10 to 20 s).
    pub startup_probe: Duration,
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
            startup_probe: Duration::from_secs(10),
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
            startup_probe: Duration::from_millis(300),
        }
    }
}
