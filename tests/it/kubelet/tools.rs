//! The tools of a node against a kubelet that runs.

use super::*;

impl Lab {
    /// Runs a tool: exit status, standard output, standard error.
    async fn said(&self, name: &str, words: &[&str]) -> (i32, String, String) {
        let root = self.dir.path().join("controlplane");
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cks-lab"));
        command
            .arg0(name)
            .args(words)
            .env("HOME", self.dir.path())
            .env("CKS_LAB_NODE_SOCKET", self.socket())
            .env("CKS_LAB_NODE_ROOT", root);
        let output = command.output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crictl_ends_what_the_kubelet_then_starts_again() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let scheduler = lab.ready("kube-scheduler").await;
    let stopped = lab.said("crictl", &["stop", &scheduler.id]).await;
    assert_eq!(stopped, (0, format!("{}\n", scheduler.id), String::new()));
    let again = lab
        .until("kube-scheduler", "a second one", |c| c.iter().any(|c| c.ready && c.id != scheduler.id))
        .await;
    assert_eq!((again[0].attempt, &again[0].sandbox), (1, &scheduler.sandbox));
    let (status, _, why) = lab.said("crictl", &["rm", &again[0].id]).await;
    assert_eq!(status, 1);
    assert!(
        why.contains(&format!(
            "level=error msg=\"container \\\"{}\\\" is running, please stop it first\"",
            again[0].id
        )),
        "{why}"
    );
    assert!(why.contains("level=fatal msg=\"unable to remove container(s)\""), "{why}");
    let (status, out, _) = lab.said("crictl", &["stopp", &scheduler.sandbox]).await;
    assert_eq!((status, out), (0, format!("Stopped sandbox {}\n", scheduler.sandbox)));
    lab.until("kube-scheduler", "a new sandbox", |c| {
        c.iter().any(|c| c.ready && c.sandbox != scheduler.sandbox)
    })
    .await;
    let sandboxes = lab.runtime.sandboxes();
    let new = sandboxes.iter().find(|s| s.ready && s.pod == scheduler.pod).unwrap();
    assert_eq!(new.attempt, 1);
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crictl_says_and_exits_as_the_real_one_does() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let etcd = lab.ready("etcd").await;
    let id = etcd.id.as_str();
    for (words, status, out, err) in [
        (vec!["logs"], 1, "", "level=fatal msg=\"ID cannot be empty\""),
        (
            vec!["logs", "zzz"],
            1,
            "",
            "] \"ContainerStatus from runtime service failed\" err=\"rpc error: code = NotFound desc = an error occurred when try to find container \\\"zzz\\\": not found\" containerID=\"zzz\"",
        ),
        (vec!["stop"], 1, "", "level=fatal msg=\"ID cannot be empty\""),
        (vec!["nonsense"], 3, "", "No help topic for 'nonsense'"),
        (
            vec!["ps", "--nonsense"],
            1,
            "Incorrect Usage: flag provided but not defined: -nonsense",
            "level=fatal msg=\"flag provided but not defined: -nonsense\"",
        ),
        (vec!["exec", id], 0, "crictl exec command [command options] CONTAINER-ID COMMAND [ARG...]", ""),
        (
            vec!["exec", id, "ls", "/"],
            1,
            "",
            "unable to start container process: exec: \\\"ls\\\": executable file not found in $PATH: unknown",
        ),
        (vec!["exec", id, "etcd", "--version"], 0, "etcd Version: 3.5.15", ""),
        (
            vec!["version"],
            0,
            "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  1.7.13\nRuntimeApiVersion:  v1\n",
            "",
        ),
        (vec!["--version"], 0, "crictl version v1.31.1\n", ""),
        (
            vec!["-r", "unix:///nope.sock", "ps"],
            1,
            "",
            "for endpoint \\\"unix:///nope.sock\\\": rpc error: code = Unavailable",
        ),
        (
            vec!["rmp", "zzz"],
            1,
            "",
            "getting sandbox status of pod \"zzz\": rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found",
        ),
        (
            vec!["pull", "registry.k8s.io/pause:9"],
            1,
            "",
            "level=fatal msg=\"pulling image: failed to pull and unpack image",
        ),
        (vec!["runp", "pod.json"], 1, "", "runp is not emulated in this lab"),
    ] {
        let said = lab.said("crictl", &words).await;
        assert!(said.0 == status && said.1.contains(out) && said.2.contains(err), "{words:?}: {said:?}");
        assert_eq!(said.2.is_empty(), err.is_empty(), "{words:?}: {said:?}");
    }
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etcdctl_reads_the_store_for_whoever_has_a_certificate() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let pki = lab.dir.path().join("controlplane/etc/kubernetes/pki");
    let file = |name: &str| pki.join(name).display().to_string();
    let tls = [
        format!("--cacert={}", file("etcd/ca.crt")),
        format!("--cert={}", file("etcd/server.crt")),
        format!("--key={}", file("etcd/server.key")),
    ];
    let with = |words: &[&'static str]| -> Vec<String> {
        tls.iter().cloned().chain(words.iter().map(|w| (*w).to_owned())).collect()
    };
    let said = async |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        lab.said("etcdctl", &words).await
    };
    let keys = said(&with(&["get", "/registry/namespaces/", "--prefix", "--keys-only"])).await;
    assert_eq!(keys.0, 0, "{keys:?}");
    assert!(
        keys.1.contains("/registry/namespaces/default\n\n/registry/namespaces/kube-node-lease\n\n"),
        "{keys:?}"
    );
    let one = said(&with(&["get", "/registry/namespaces/default"])).await;
    assert!(
        one.1.starts_with("/registry/namespaces/default\nk8s\0\n\x0f\n\x02v1\x12\tNamespace\x12"),
        "{:?}",
        one.1
    );
    let health = said(&with(&["endpoint", "health"])).await;
    assert!(
        health.0 == 0
            && health.1.starts_with("127.0.0.1:2379 is healthy: successfully committed proposal: took = "),
        "{health:?}"
    );
    let members = said(&with(&["member", "list"])).await;
    assert!(
        members
            .1
            .contains(", started, controlplane, https://172.30.1.2:2380, https://172.30.1.2:2379, false\n"),
        "{members:?}"
    );
    let snapshot = lab.dir.path().join("snapshot.db").display().to_string();
    let mut save = with(&["snapshot", "save"]);
    save.push(snapshot.clone());
    assert_eq!(said(&save).await, (0, format!("Snapshot saved at {snapshot}\n"), String::new()));
    let mut status = with(&["snapshot", "status"]);
    status.push(snapshot);
    assert!(said(&status).await.1.starts_with("Deprecated: Use `etcdutl snapshot status` instead.\n\n"));
    // Who shows nothing, or what somebody else signed, gets nothing.
    for (words, why) in [
        (vec!["get".to_owned(), "/registry".into()], "error reading server preface: EOF"),
        (vec![tls[0].clone(), "get".into(), "/registry".into()], "tls: certificate required"),
        (
            vec![
                tls[0].clone(),
                format!("--cert={}", file("apiserver.crt")),
                format!("--key={}", file("apiserver.key")),
                "get".into(),
                "/a".into(),
            ],
            "tls: bad certificate",
        ),
        (
            vec![
                tls[0].clone(),
                tls[1].clone(),
                format!("--key={}", file("apiserver.key")),
                "get".into(),
                "/a".into(),
            ],
            "tls: private key does not match public key",
        ),
        (
            vec![
                format!("--cacert={}", file("ca.crt")),
                tls[1].clone(),
                tls[2].clone(),
                "get".into(),
                "/a".into(),
            ],
            "certificate signed by unknown authority",
        ),
        (
            vec!["--cert=/nope".into(), tls[0].clone(), "get".into(), "/a".into()],
            "open /nope: no such file or directory",
        ),
    ] {
        let refused = said(&words).await;
        assert!(refused.0 != 0 && refused.1.is_empty() && refused.2.contains(why), "{words:?}: {refused:?}");
    }
    std::fs::rename(lab.manifest("etcd.yaml"), lab.dir.path().join("etcd.yaml")).unwrap();
    lab.until("etcd", "it is gone", <[Container]>::is_empty).await;
    let gone = said(&with(&["endpoint", "health"])).await;
    assert!(
        gone.0 == 1
            && gone.2.contains("connect: connection refused")
            && gone.2.contains("Error: unhealthy cluster"),
        "{gone:?}"
    );
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ps_ss_and_kubeadm_tell_of_what_runs() {
    let lab = Lab::start(|_| {}).await;
    let api = lab.ready(API).await;
    lab.ready("etcd").await;
    let (status, ps, _) = lab.said("ps", &["aux"]).await;
    assert_eq!(status, 0);
    for part in [
        "kube-apiserver --advertise-address=172.30.1.2",
        "etcd --advertise-client-urls=",
        "/usr/bin/containerd",
    ] {
        assert!(ps.contains(part), "{part}: {ps}");
    }
    let (_, full, _) = lab.said("ps", &["-ef"]).await;
    assert!(full.contains("/usr/bin/kubelet"), "{full}");
    let (_, other, _) = lab.said("ps", &["-o", "pid="]).await;
    assert!(!other.contains("kube"), "{other}");
    let (_, sockets, _) = lab.said("ss", &["-ltnp"]).await;
    for part in ["127.0.0.1:2379", "172.30.1.2:2379", "*:6443", "*:10250", "users:((\"kube-apiserver\",pid="]
    {
        assert!(sockets.contains(part), "{part}: {sockets}");
    }
    let (status, table, _) = lab.said("kubeadm", &["certs", "check-expiration"]).await;
    assert_eq!(status, 0);
    let rows: Vec<_> = table.lines().filter(|l| l.contains("   364d            ")).collect();
    assert_eq!(rows.len(), 11, "{table}");
    assert!(
        rows[1].starts_with("apiserver                  ")
            && rows[1].contains(" UTC   364d            ca                      no"),
        "{table}"
    );
    assert!(table.contains("\nfront-proxy-ca          ") && table.contains("9y "), "{table}");
    lab.edit(API_FILE, "--enable-bootstrap-token-auth=true", "--enable-admission-plugins=NodeRestrictio");
    lab.until(API, "it crashed", |c| c.iter().any(|c| c.exit == Some(1) && c.pod != api.pod)).await;
    assert!(!lab.said("ss", &["-ltn"]).await.1.contains("6443"));
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn journalctl_chooses_and_shows_lines() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let (_, all, _) = lab.said("journalctl", &["-u", "kubelet", "--no-pager", "-o", "cat"]).await;
    assert!(all.starts_with("Started kubelet.service - kubelet: The Kubernetes Node Agent.\n"), "{all}");
    let (_, two, _) = lab.said("journalctl", &["-u", "kubelet", "-n", "2", "-o", "cat"]).await;
    let (_, later, _) = lab.said("journalctl", &["-u", "kubelet", "-o", "cat"]).await;
    assert!(later.contains(&two) && two.lines().count() == 2);
    let (_, reversed, _) = lab.said("journalctl", &["-u", "containerd", "-r", "-o", "cat"]).await;
    assert!(reversed.starts_with("Started containerd.service"), "{reversed}");
    let (_, found, _) =
        lab.said("journalctl", &["-u", "kubelet", "-g", "static pod path", "-o", "short-iso"]).await;
    assert!(found.lines().count() == 1 && found.contains("+00:00 controlplane kubelet[132]: I"), "{found}");
    assert_eq!(lab.said("journalctl", &["-u", "kubelet", "--since", "now"]).await.1, "-- No entries --\n");
    let (status, _, why) = lab.said("journalctl", &["-o", "nonsense"]).await;
    assert_eq!((status, why.as_str()), (1, "journalctl: Unknown output format 'nonsense'.\n"));
    lab.kubelet.shutdown().await;
}

impl Lab {
    /// Runs the built-in kubectl as the admin: exit status, standard output, standard error.
    pub(super) async fn kubectl(&self, words: &[&str]) -> (i32, String, String) {
        let port = self.network.port();
        let admin = self.dir.path().join("controlplane/etc/kubernetes/super-admin.conf");
        let text = std::fs::read_to_string(admin).unwrap();
        let config = self.dir.path().join("admin.conf");
        std::fs::write(
            &config,
            text.replace("https://172.30.1.2:6443", &format!("https://127.0.0.1:{port}")),
        )
        .unwrap();
        let config = config.display().to_string();
        let words: Vec<&str> = ["--kubeconfig", &config].into_iter().chain(words.iter().copied()).collect();
        self.said("kubectl", &words).await
    }
}

/// What kubectl says while a server is away, and of containers that have no log.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_meanwhile() {
    let mut lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let mirror = "/api/v1/namespaces/kube-system/pods/kube-apiserver-controlplane";
    lab.object(mirror, "is there", |o| !o.is_null()).await;
    let logs = ["logs", "-n", "kube-system", "kube-apiserver-controlplane"];
    let (status, log, err) = lab.kubectl(&logs).await;
    assert!(
        status == 0 && log.contains("plugins.go:157] Loaded 11 mutating admission controller(s)"),
        "{log}{err}"
    );
    for (words, why) in [
        (
            vec!["logs", "-n", "kube-system", "kube-apiserver-controlplane", "-p"],
            "previous terminated container \"kube-apiserver\" in pod \"kube-apiserver-controlplane\" not found",
        ),
        (
            vec!["logs", "-n", "kube-system", "kube-apiserver-controlplane", "-c", "x"],
            "container x is not valid for pod kube-apiserver-controlplane",
        ),
    ] {
        let (status, _, err) = lab.kubectl(&words).await;
        assert!(status == 1 && err.trim().ends_with(why) && err.contains("rror"), "{words:?}: {err}");
    }
    // The file goes: the server refuses, whatever is asked.
    std::fs::rename(lab.manifest(API_FILE), lab.dir.path().join(API_FILE)).unwrap();
    lab.servers.wait_for(Option::is_none).await.unwrap();
    let port = lab.network.port();
    for words in [&["get", "nodes"][..], &logs, &["label", "node", "controlplane", "a=b"]] {
        let (status, out, err) = lab.kubectl(words).await;
        assert_eq!((status, out.as_str()), (1, ""));
        let refused = format!(
            "The connection to the server 127.0.0.1:{port} was refused - did you specify the right host or port?"
        );
        assert_eq!(err.lines().last(), Some(refused.as_str()), "{words:?}: {err}");
    }
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    std::fs::rename(lab.dir.path().join(API_FILE), lab.manifest(API_FILE)).unwrap();
    lab.ready(API).await;
    // A pod whose image cannot be had has no log.
    lab.edit(
        "kube-scheduler.yaml",
        "image: registry.k8s.io/kube-scheduler:v",
        "image: registry.k8s.io/kube-scheduler:w",
    );
    let waiting = |o: &serde_json::Value| {
        o["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    };
    lab.object("/api/v1/namespaces/kube-system/pods/kube-scheduler-controlplane", "waits", waiting).await;
    let (_, _, err) = lab.kubectl(&["logs", "-n", "kube-system", "kube-scheduler-controlplane"]).await;
    let known = ["trying and failing to pull image", "image can't be pulled"]
        .map(|why| format!("Error from server (BadRequest): container \"kube-scheduler\" in pod \"kube-scheduler-controlplane\" is waiting to start: {why}"));
    assert!(known.iter().any(|known| err.trim() == known), "{err}");
    lab.kubelet.shutdown().await;
}
