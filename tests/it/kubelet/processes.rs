//! What runs inside the lab has a process on the node: its words, its number, and what comes of ending it.

use cks_lab::node::Command;

use super::*;
use crate::nodes::Running;

/// What a script prints on the node.
async fn on(node: &Arc<dyn Node>, script: &str) -> String {
    let output = node.run(Command::script(script), b"", LIMIT).await.unwrap();
    output.text().trim_end().to_owned()
}

async fn start(running: &Running) -> (Lab, Arc<dyn Node>) {
    let node = running.node("controlplane");
    let clock = Arc::new(SystemClock);
    (Lab::start_with(Timing::scaled(), clock, LIMIT, Some(node.clone()), |_| {}).await, node)
}

impl Lab {
    /// Waits until a container's process is known, and gives its number.
    async fn pid(&self, name: &str) -> u32 {
        let has = |c: &Container| c.ready && c.pid.is_some();
        self.until(name, "a process", |c| c.iter().any(has)).await.iter().find_map(|c| c.pid).unwrap()
    }

    async fn unit(&self, unit: &str, active: bool) {
        let limit = tokio::time::Instant::now() + self.limit;
        while self.kubelet.unit(unit).unwrap().0 != active {
            assert!(tokio::time::Instant::now() < limit, "{unit} is active: {}", !active);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_processes_and_end_when_somebody_ends_those() {
    let Some(running) = Running::start().await else { return };
    let (lab, node) = start(&running).await;
    let (api, pid) = (lab.ready(API).await, lab.pid(API).await);
    let sandbox = lab.runtime.sandboxes().into_iter().find(|s| s.id == api.sandbox).unwrap();
    for (script, seen) in [
        ("cat /proc/1/cmdline | tr -d '\\0'".to_owned(), "/sbin/init".to_owned()),
        (format!("cat /proc/{pid}/comm"), API.into()),
        (format!("tr -d '\\0' </proc/{pid}/cmdline"), api.spec.argv.join(" ")),
        (
            "for p in /proc/[0-9]*; do cat $p/comm; done | grep -cx -e kubelet -e containerd".into(),
            "2".into(),
        ),
        (format!("cat /proc/{}/comm", sandbox.process()), "pause".into()),
    ] {
        assert_eq!(on(&node, &script).await, seen, "{script}");
    }
    on(&node, &format!("kill -9 {pid}")).await;
    let again = lab.until(API, "a second attempt", |c| c.iter().any(|c| c.ready && c.attempt == 1)).await;
    assert_eq!((&again[0].sandbox, again[1].exit), (&api.sandbox, Some(137)));
    assert_ne!(lab.pid(API).await, pid);
    // A server that is asked to end does so once nobody watches any more, with success.
    let pid = lab.pid("kube-scheduler").await;
    on(&node, &format!("kill {pid}")).await;
    lab.until("kube-scheduler", "a second attempt", |c| c.iter().any(|c| c.ready && c.attempt == 1)).await;
    // Whoever ends a pause ends the sandbox.
    on(&node, &format!("kill -9 {}", sandbox.process())).await;
    lab.until(API, "another sandbox", |c| c.iter().any(|c| c.ready && c.sandbox != api.sandbox)).await;
    // Where a manifest goes, so does the process.
    let pid = lab.pid(API).await;
    std::fs::rename(lab.manifest(API_FILE), lab.dir.path().join(API_FILE)).unwrap();
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    let until_gone = format!("while [ -e /proc/{pid} ]; do :; done; echo gone");
    assert_eq!(on(&node, &until_gone).await, "gone");
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_starts_a_service_again_whose_process_somebody_ended() {
    let Some(running) = Running::start().await else { return };
    let (lab, node) = start(&running).await;
    let first = lab.ready(API).await;
    for (unit, signal, told) in [
        ("kubelet", 9, "kubelet.service: Main process exited, code=killed, status=9/KILL"),
        ("kubelet", 15, "kubelet.service: Deactivated successfully."),
        ("containerd", 9, "containerd.service: Failed with result 'signal'."),
    ] {
        let (from, pid) = (lab.place(), lab.kubelet.journal().unit_pid(unit));
        on(&node, &format!("kill -{signal} {pid}")).await;
        lab.journal(from, unit, &[told]).await;
        let status = lab.tool("systemctl", &["status", unit]).await;
        // Unless it runs again by now.
        let is = if signal == 9 {
            "activating (auto-restart) (Result: signal)"
        } else {
            "activating (auto-restart)"
        };
        assert!(status.contains(is) || status.contains("active (running)"), "{status}");
        lab.journal(from, unit, &[told, "Scheduled restart job, restart counter is at", "Started "]).await;
        lab.unit(unit, true).await;
        assert_ne!(lab.kubelet.journal().unit_pid(unit), pid);
    }
    assert_eq!(lab.ready(API).await.id, first.id, "containers outlive both");
    // One that is stopped stays so, and has no process.
    lab.tool("systemctl", &["stop", "kubelet"]).await;
    let until_gone = "while pgrep -x kubelet >/dev/null; do :; done; echo gone";
    assert_eq!(on(&node, until_gone).await, "gone");
    lab.unit("kubelet", false).await;
    lab.kubelet.shutdown().await;
}
