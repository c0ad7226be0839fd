//! The first lesson on nodes without namespaces, from its first step to full points.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::program::{PROGRAM, check, command, end, on, passes, ready, run_text, until};

const LIMIT: Duration = Duration::from_secs(60);
const LESSON: &str = "apiserver-node-restriction";

#[test]
fn the_lesson_passes_on_plain_nodes() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut lab = command(home, &["up", LESSON, "--json", "--plain-nodes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let info = ready(&mut lab).unwrap();
    let root = |node: &str| info["nodes"][node]["root"].as_str().unwrap().to_owned();
    let manifest = format!("{}/kube-apiserver.yaml", info["manifests"].as_str().unwrap());
    // The nodes are directories, their prompts and tools the nodes' own, and ssh leads from one to the other and back.
    for (node, script, expected) in [
        ("controlplane", "cd; pwd", format!("{}/root\n", root("controlplane"))),
        ("controlplane", "ssh node01 'cd; pwd' </dev/null", format!("{}/root\n", root("node01"))),
        (
            "controlplane",
            "ssh node01 'ssh controlplane pwd' </dev/null",
            format!("{}/root\n", root("controlplane")),
        ),
        ("controlplane", "echo in | ssh node01 'cat; exit 3'; echo $?", "in\n3\n".to_owned()),
        (
            "node01",
            "systemctl is-active kubelet; crictl ps -q --name kube-proxy | wc -l",
            "active\n1\n".to_owned(),
        ),
    ] {
        let said = on(home, node, script);
        assert_eq!((said.0, said.1), (0, expected), "{node}: {script}: {}", said.2);
    }
    // As the lesson is written, through ssh.
    let as_kubelet = |words: &str| {
        let config = format!("{}/etc/kubernetes/kubelet.conf", root("node01"));
        on(home, "controlplane", &format!("ssh node01 'KUBECONFIG={config} kubectl {words}' </dev/null"))
    };
    assert_eq!(as_kubelet("label node controlplane killercoda/one=123").1, "node/controlplane labeled\n");
    let restricted = "label node node01 node-restriction.kubernetes.io/";
    assert_eq!(as_kubelet(&format!("{restricted}one=123")).1, "node/node01 labeled\n");
    passes(home, "verify-issue", LIMIT);
    let edit =
        format!("sed -i '/--client-ca-file=/a\\    - --enable-admission-plugins=NodeRestriction' {manifest}");
    assert_eq!(on(home, "controlplane", &edit).0, 0);
    passes(home, "enable-plugin", LIMIT);
    let (_, _, refused) = as_kubelet("label node controlplane killercoda/two=123");
    assert!(refused.contains("node \"node01\" is not allowed to modify node \"controlplane\""), "{refused}");
    let (_, _, refused) = as_kubelet(&format!("{restricted}two=123"));
    assert!(
        refused.contains("is not allowed to modify labels: node-restriction.kubernetes.io/two"),
        "{refused}"
    );
    assert_eq!(as_kubelet("label node node01 test/two=123").1, "node/node01 labeled\n");
    passes(home, "re-verify", LIMIT);
    // What was broken comes back here too.
    assert_eq!(on(home, "controlplane", "rm -r ../etc/kubernetes ../root/.ssh").0, 0);
    assert_eq!(run_text(home, &["reset", "--yes"]).status, 0);
    until("the nodes are back", LIMIT, || {
        on(home, "controlplane", "kubectl get --raw /readyz; ssh node01 pwd </dev/null").1
            == format!("ok{}/root\n", root("node01"))
    });
    assert_eq!(check(home, "verify-issue").0, 1);
    assert_eq!(end(&mut lab, Signal::TERM, LIMIT), 0);
}

/// Lets a program run where it may make no user namespaces; nothing where this machine cannot even do that.
#[allow(clippy::print_stderr)]
fn without_namespaces(wanted: &Command) -> Option<Command> {
    const REFUSE: &str = "echo 0 >/proc/sys/user/max_user_namespaces";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "bash", "-c", script]);
        command
    };
    let tried = unshare(REFUSE).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!(
            "skipped: a lab that is refused namespaces: this machine has no user namespaces to refuse them in"
        );
        return None;
    }
    let mut command = unshare(&format!("{REFUSE} && exec \"$0\" \"$@\""));
    command.arg(PROGRAM).args(wanted.get_args()).stdin(Stdio::null());
    for (name, value) in wanted.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Some(command)
}

/// The API server and the kubelets are there before it is known that the nodes cannot be separate ones.
#[test]
fn a_lab_that_is_refused_namespaces_on_its_way_has_plain_nodes() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for _first_and_resumed in 0..2 {
        let Some(mut up) = without_namespaces(&command(home, &["up", LESSON, "--json"])) else { return };
        let mut lab = up.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let info = ready(&mut lab).unwrap();
        let server = format!("server: {}", info["server"].as_str().unwrap());
        let root = |node: &str| info["nodes"][node]["root"].as_str().unwrap().to_owned();
        for (node, config) in [
            ("controlplane", "etc/kubernetes/admin.conf"),
            ("controlplane", "etc/kubernetes/kubelet.conf"),
            ("controlplane", "root/.kube/config"),
            ("node01", "etc/kubernetes/kubelet.conf"),
        ] {
            let path = format!("{}/{config}", root(node));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(&server), "{path}: {text}");
            let (status, who, error) =
                on(home, node, &format!("kubectl --kubeconfig {path} get node {node} -o name"));
            assert_eq!((status, who), (0, format!("node/{node}\n")), "{path}: {error}");
        }
        let there = on(home, "controlplane", "ssh node01 'cd; pwd' </dev/null");
        assert_eq!(there.1, format!("{}/root\n", root("node01")), "{}", there.2);
        assert_eq!(end(&mut lab, Signal::TERM, LIMIT), 0);
    }
}
