//! The audit log of the real servers themselves against the recordings that the sandbox is held to.

use crate::audit::{POLICY, differences, masked, play, recording};
use crate::realserver::{Binaries, RealServer, VERSIONS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: bash .ci/run runs it"]
async fn real_servers_still_write_what_was_recorded() {
    for (_, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "the audit log of a real server") else { continue };
        let dir = tempfile::tempdir().unwrap();
        let (policy, log) = (dir.path().join("policy.yaml"), dir.path().join("audit.log"));
        std::fs::write(&policy, POLICY).unwrap();
        let flags = [
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", log.display()),
        ];
        let real = RealServer::start(&binaries, &flags.each_ref().map(String::as_str)).await;
        play(real.dir.path(), real.port).await;
        drop(real);
        let got = masked(&std::fs::read_to_string(&log).unwrap());
        if std::env::var_os("CKS_LAB_RECORD").is_some() {
            std::fs::write(recording(version), got.join("\n") + "\n").unwrap();
            continue;
        }
        let want: Vec<String> =
            std::fs::read_to_string(recording(version)).unwrap().lines().map(str::to_owned).collect();
        let wrong = differences(&got, &want);
        assert!(wrong.is_empty(), "{version}: {} lines\n{}", want.len(), wrong.join("\n"));
    }
}
