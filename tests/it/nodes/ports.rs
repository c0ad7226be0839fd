//! What a node shows of its kubelet and its pods to whoever looks from its shell: ports, processes, ranges, pulls.

use std::time::Duration;

use rustix::process::Signal;

use crate::program::{Up, awaited, on};

const LIMIT: Duration = Duration::from_secs(30);
const PKI: &str = "/etc/kubernetes/pki";

#[test]
fn the_kubelets_ports_answer_whom_its_configuration_lets() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut up = Up::start(home);
    let plain = up.plain_root(home, "node01").is_some();
    let curl = on(home, "node01", "command -v curl").0 == 0;
    let seen = |node: &str, script: &str, expected: &str| {
        let look = || on(home, node, script).1.trim_end().to_owned();
        awaited(&format!("{node}: {script}: not {expected:?}"), LIMIT, look, |seen| seen.contains(expected));
    };
    if !plain && curl {
        seen("node01", "curl -s http://127.0.0.1:10248/healthz", "ok");
        seen("node01", "curl -sk -w ' %{http_code}' https://localhost:10250/pods", "Unauthorized 401");
        let admin =
            format!("--cert {PKI}/apiserver-kubelet-client.crt --key {PKI}/apiserver-kubelet-client.key");
        seen(
            "controlplane",
            &format!("curl -sk {admin} https://172.30.2.2:10250/pods"),
            "\"name\":\"kube-proxy-",
        );
        let own = "--cert /var/lib/kubelet/pki/kubelet-client-current.pem";
        seen(
            "node01",
            &format!("curl -sk {own} https://localhost:10250/metrics"),
            "Forbidden (user=system:node:node01, verb=get, resource=nodes, subresource=metrics)",
        );
        seen(
            "controlplane",
            &format!("curl -sk {own} https://172.30.2.2:10250/pods"),
            "Forbidden (user=system:node:controlplane, verb=get, resource=nodes, subresource=proxy)",
        );
        // What its configuration says counts once it is started anew.
        let open = "sed -i 's/enabled: false/enabled: true/; s/mode: Webhook/mode: AlwaysAllow/' /var/lib/kubelet/config.yaml";
        assert_eq!(on(home, "node01", open).0, 0);
        seen("node01", "curl -sk https://localhost:10250/pods", "Unauthorized");
        assert_eq!(on(home, "node01", "systemctl restart kubelet").0, 0);
        seen("node01", "curl -sk https://localhost:10250/pods", "\"kind\":\"PodList\"");
        assert_eq!(on(home, "node01", "systemctl stop kubelet").0, 0);
        seen("node01", "curl -s http://127.0.0.1:10248/healthz; echo $?", "7");
        assert_eq!(on(home, "node01", "systemctl start kubelet").0, 0);
    }
    for (node, script, expected) in [
        (
            "controlplane",
            "kubectl get nodes -o jsonpath='{.items[*].spec.podCIDR}'",
            "192.168.0.0/24 192.168.1.0/24",
        ),
        ("node01", "ps -eo args", if plain { "" } else { "/coredns -conf /etc/coredns/Corefile" }),
        (
            "controlplane",
            "kubectl -n kube-system get pods -o jsonpath='{.items[*].status.containerStatuses[*].imageID}'",
            "registry.k8s.io/etcd@sha256:",
        ),
    ] {
        seen(node, script, expected);
    }
    assert_eq!(on(home, "controlplane", "kubectl run web --image=nginx").0, 0);
    seen("controlplane", "kubectl describe pod web", "Pulling image \"nginx\"");
    seen("controlplane", "kubectl describe pod web", " including waiting). Image size: ");
    up.signal(Signal::TERM);
}
