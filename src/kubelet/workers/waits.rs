//! What a pod's containers wait for: the back-off of a crash loop, and an image that is not there.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{full_name, jitter};
use crate::klog::Severity;
use crate::kubelet::Kubelet;
use crate::kubelet::events::Kind::{Normal, Warning};
use crate::kubelet::runtime::{ContainerSpec, images};

/// How long a crashed container waits.
pub(super) struct BackOff {
    /// The wait in the lab's time.
    wait: Duration,
    /// What the real kubelet would call it.
    seconds: u64,
    /// When it was decided.
    since: Instant,
}

impl BackOff {
    pub(super) fn first(wait: Duration) -> Self {
        Self { wait, seconds: 10, since: Instant::now() }
    }

    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn next(&self, most: Duration) -> Self {
        Self { wait: (self.wait * 2).min(most), seconds: (self.seconds * 2).min(300), since: Instant::now() }
    }
}

impl Kubelet {
    /// Has a crashed container wait; false if the kubelet was stopped meanwhile.
    ///
    /// The pod is synced right after the death, again when probes see it, and then every 10 to 15 s; each sync before the
    /// wait's end says so in the journal, the first one after it starts the container. So 10 s are 20 in the end.
    pub(super) async fn back_off(
        &self,
        pod: &Value,
        uid: &str,
        spec: &ContainerSpec,
        id: &str,
        back_off: &BackOff,
    ) -> bool {
        let timing = &self.config.timing;
        let full = full_name(pod);
        let pod_name = {
            let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
            format!("{}_{}", text("name"), text("namespace"))
        };
        let message = format!(
            "back-off {} restarting failed container={} pod={pod_name}({uid})",
            go_duration(back_off.seconds),
            spec.name
        );
        let reason = "CrashLoopBackOff".to_owned();
        let why = format!("failed to \"StartContainer\" for {:?} with {reason}: {message:?}", spec.name);
        let line = format!("\"Error syncing pod, skipping\" err={why:?} pod={full:?} podUID={uid:?}");
        let event = format!("Back-off restarting failed container {} in pod {pod_name}({uid})", spec.name);
        let mut active = self.active.subscribe();
        let died = Instant::now();
        let second = timing.crash_backoff / 10;
        let syncs = [Duration::ZERO, second, second * 3 + jitter(second * 4)];
        let mut syncs = syncs.map(|after| died + after).into_iter();
        let mut at = died;
        while at < died + back_off.wait {
            at = syncs.next().unwrap_or_else(|| at + jitter(timing.crash_backoff));
            let stopped = tokio::select! {
                () = tokio::time::sleep_until(at) => false,
                _ = active.wait_for(|(active, _)| !active) => true,
            };
            if stopped {
                self.set_waiting(id, None);
                return false;
            }
            if at < died + back_off.wait {
                self.tell(pod, Some(&spec.name), Warning, "BackOff", &event);
                self.journal.klog(Severity::Error, "pod_workers.go:1301", &line);
                self.set_waiting(id, Some((reason.clone(), message.clone())));
            }
        }
        self.set_waiting(id, None);
        true
    }
}

/// Waits until a container's image is there: tried again after 10, 20, 40 s.
///
/// Upstream: `pkg/kubelet/images/image_manager.go`, `kuberuntime_image.go`.
pub(super) async fn pull(kubelet: &Kubelet, pod: &Value, uid: &str, spec: &ContainerSpec) {
    let timing = &kubelet.config.timing;
    let begun = tokio::time::Instant::now();
    let key = crate::kubelet::status::waiting_key(uid, &spec.name);
    let mut wait = timing.crash_backoff;
    let sync = |reason: &str, message: &str| {
        let why = format!("failed to \"StartContainer\" for {:?} with {reason}: {message:?}", spec.name);
        let line =
            format!("\"Error syncing pod, skipping\" err={why:?} pod={:?} podUID={uid:?}", full_name(pod));
        kubelet.journal.klog(Severity::Error, "pod_workers.go:1301", &line);
        kubelet.set_waiting(&key, Some((reason.to_owned(), message.to_owned())));
    };
    while let Err(error) = images::pull(&spec.image, kubelet.config.release) {
        let image = &spec.image;
        for (source, text) in [
            ("remote_image.go:180", "PullImage from image service failed"),
            ("kuberuntime_image.go:55", "Failed to pull image"),
        ] {
            kubelet.journal.klog(Severity::Error, source, &format!("{text:?} err={error:?} image={image:?}"));
        }
        kubelet.tell(pod, Some(&spec.name), Normal, "Pulling", &format!("Pulling image {image:?}"));
        kubelet.tell(
            pod,
            Some(&spec.name),
            Warning,
            "Failed",
            &format!("Failed to pull image {image:?}: {error}"),
        );
        kubelet.tell(pod, Some(&spec.name), Warning, "Failed", "Error: ErrImagePull");
        sync("ErrImagePull", &error);
        tokio::time::sleep(wait / 2).await;
        kubelet.tell(pod, Some(&spec.name), Normal, "BackOff", &format!("Back-off pulling image {image:?}"));
        kubelet.tell(pod, Some(&spec.name), Warning, "Failed", "Error: ImagePullBackOff");
        sync("ImagePullBackOff", &format!("Back-off pulling image {image:?}"));
        tokio::time::sleep(wait / 2).await;
        wait = (wait * 2).min(timing.crash_backoff_max);
    }
    kubelet.set_waiting(&key, None);
    let mut containers =
        ["initContainers", "containers"].iter().filter_map(|of| pod["spec"][of].as_array()).flatten();
    let named = containers.find(|c| c["name"] == spec.name.as_str());
    let policy = named.and_then(|c| c["imagePullPolicy"].as_str()).unwrap_or_default();
    let seen = || kubelet.config.runtime.containers().iter().any(|c| c.spec.image == spec.image);
    let here = images::is_here(&spec.image, kubelet.config.release) || seen();
    if here && policy != "Always" {
        kubelet.pulled(pod, spec);
        return;
    }
    let image = &spec.image;
    kubelet.tell(pod, Some(&spec.name), Normal, "Pulling", &format!("Pulling image {image:?}"));
    let took = format!("{}ms", begun.elapsed().as_millis().max(1));
    let size = images::size(image, kubelet.config.release);
    let message = format!(
        "Successfully pulled image {image:?} in {took} ({took} including waiting). Image size: {size} bytes."
    );
    kubelet.tell(pod, Some(&spec.name), Normal, "Pulled", &message);
}

/// Seconds as Go prints a duration: `10s`, `1m20s`, `5m0s`.
pub(in crate::kubelet) fn go_duration(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn back_offs_double_up_to_five_minutes() {
        let most = Duration::from_secs(300);
        let mut wait = BackOff::first(Duration::from_secs(10));
        for seconds in [10, 20, 40, 80, 160, 300, 300] {
            assert_eq!((wait.seconds, wait.wait), (seconds, Duration::from_secs(seconds)));
            wait = wait.next(most);
        }
        tokio::time::advance(most).await;
        assert_eq!(wait.age(), most);
    }

    #[test]
    fn durations_are_gos() {
        for (seconds, text) in [(10, "10s"), (40, "40s"), (80, "1m20s"), (160, "2m40s"), (300, "5m0s")] {
            assert_eq!(go_duration(seconds), text);
        }
    }
}
