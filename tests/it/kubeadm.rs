//! kubeadm on a lab's nodes: tokens, certificates, and a control plane that is repaired with it.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::{Up, on, run_text, until};

const LIMIT: Duration = Duration::from_secs(60);
const NODE: &str = "controlplane";

#[test]
fn a_cluster_is_looked_at_and_repaired_by_kubeadm() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut up = Up::start(home);
    // On plain nodes the paths are this machine's.
    let at = up.plain_root(home, NODE).unwrap_or_default().to_owned();
    let said = |script: &str| {
        let (status, out, why) = on(home, NODE, script);
        assert_eq!(status, 0, "{script}: {why}");
        out
    };
    // Tokens are Secrets, and are listed until they are deleted.
    let token = said("kubeadm token create --description 'for node02' --ttl 2h");
    let (id, secret) = token.trim().split_once('.').unwrap();
    assert_eq!((id.len(), secret.len()), (6, 16), "{token}");
    let list = said("kubeadm token list");
    assert!(list.starts_with("TOKEN                     TTL         EXPIRES"), "{list}");
    assert!(
        list.contains(&format!("{id}.{secret}   1h          ")) && list.contains("for node02  "),
        "{list}"
    );
    let kind = format!("kubectl -n kube-system get secret bootstrap-token-{id} -o jsonpath='{{.type}}'");
    assert_eq!(said(&kind), "bootstrap.kubernetes.io/token");
    let pin = format!(
        "openssl x509 -pubkey -noout -in {at}/etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1"
    );
    let join = said("kubeadm token create --print-join-command");
    assert!(
        join.starts_with("kubeadm join ") && join.contains(" --discovery-token-ca-cert-hash sha256:"),
        "{join}"
    );
    if on(home, NODE, "command -v openssl").0 == 0 {
        assert!(join.ends_with(&format!(" sha256:{} \n", said(&pin).trim())), "{join}");
    }
    let again = on(home, NODE, &format!("kubeadm token create {id}.{secret}"));
    assert!(again.0 == 1 && again.2.contains(&format!("a token with id {id:?} already exists")), "{again:?}");
    assert_eq!(said(&format!("kubeadm token delete {id}")), format!("bootstrap token {id:?} deleted\n"));
    let gone = on(home, NODE, &format!("kubeadm token delete {id}"));
    let why =
        format!("failed to delete bootstrap token {id:?}: secrets \"bootstrap-token-{id}\" not found\n");
    assert!(gone.0 == 1 && gone.2.starts_with(&why), "{gone:?}");
    // New certificates for the same names; the cluster goes on with them.
    let renewed = said("kubeadm certs renew all");
    assert!(
        renewed.contains("cm kubeadm-config -o yaml'\n") && renewed.contains("\nDone renewing certificates."),
        "{renewed}"
    );
    assert_eq!(renewed.matches(" renewed\n").count(), 11, "{renewed}");
    let nodes = || on(home, NODE, &format!("kubectl --kubeconfig {at}/etc/kubernetes/admin.conf get nodes"));
    assert_eq!(nodes().0, 0, "{:?}", nodes());
    // The server's certificate and its manifest are gone, and come back.
    said(&format!(
        "rm {at}/etc/kubernetes/pki/apiserver.* {at}/etc/kubernetes/manifests/kube-apiserver.yaml"
    ));
    until("the server's end", LIMIT, || nodes().0 != 0);
    let refused = on(home, NODE, "kubeadm token list");
    assert!(
        refused.0 == 1
            && refused.2.starts_with("failed to list bootstrap tokens: Get \"https://")
            && refused.2.contains("connect: connection refused\n"),
        "{refused:?}"
    );
    let made = said("kubeadm init phase certs apiserver && kubeadm init phase control-plane apiserver");
    assert!(
        made.starts_with("[certs] Generating \"apiserver\" certificate and key\n[certs] apiserver serving cert is signed for DNS names [controlplane ")
            && made.ends_with("[control-plane] Creating static Pod manifest for \"kube-apiserver\"\n"),
        "{made}"
    );
    until("a server with a new certificate", LIMIT, || nodes().0 == 0);
    // A node that is taken apart comes back by a reset of the lab.
    let reset = said("echo y | kubeadm reset");
    assert!(
        reset.contains("[reset] Stopping the kubelet service\n")
            && reset.contains("$HOME/.kube/config file.\n"),
        "{reset}"
    );
    until("the end of the control plane", LIMIT, || nodes().0 != 0);
    let before = Instant::now();
    assert_eq!(run_text(home, &["reset"]).status, 0);
    println!("reset of a cluster after kubeadm reset: {:?}", before.elapsed());
    until("a cluster after the reset", LIMIT, || nodes().0 == 0);
    up.signal(Signal::TERM);
}
