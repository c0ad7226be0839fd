//! Nodes by way of the API server alone: a pod of `kubectl debug node/` that stays, and `kubectl exec` into it.
//!
//! `kubectl debug` itself loses the exit status, leaves its standard input open, and makes a pod each time. So one
//! pod a node is made and used again, and goes with the undo. Its container's name tells it from others' pods.

use serde_json::Value;

use super::connect::Connection;
use super::guards;
use crate::error::Result;

/// The driver's name.
pub const DRIVER: &str = "kubectl-debug";
/// What the container of these pods is called.
pub const CONTAINER: &str = "cks-lab";
/// Where they are.
const NAMESPACE: &str = "kube-system";

/// The script that finds the pod or makes it, and runs a command in it: kubeconfig, context, node, option of `exec`,
/// command.
///
/// The image has a tag of its own, so that a node which has it needs no registry. A pod ends by itself after a day.
pub const SCRIPT: &str = r#"set -eu
export KUBECONFIG="$1"; context=$2 node=$3 how=$4; shift 4
k() { kubectl --context="$context" --namespace=kube-system "$@"; }
find() {
  k get pods --field-selector="spec.nodeName=$node,status.phase=Running" \
    -o 'jsonpath={range .items[?(@.spec.containers[0].name=="cks-lab")]}{.metadata.name}{"\n"}{end}' | head -n 1
}
pod=$(find)
if [ -z "$pod" ]; then
  k debug "node/$node" --container=cks-lab --profile=sysadmin --image=busybox:1.36 -- sleep 86400 >&2
  tries=0
  while pod=$(find); [ -z "$pod" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || { echo "the debugging pod on $node does not start" >&2; exit 1; }
    sleep 1
  done
fi
exec kubectl --context="$context" --namespace=kube-system exec "$how" "$pod" --container=cks-lab -- chroot /host "$@""#;

/// Removes these pods; where somebody but `holder` has the cluster they may be theirs, and stay.
pub async fn sweep(connection: &Connection, holder: &str) -> Result<()> {
    if guards::held_by_another(connection, holder).await?.is_some() {
        return Ok(());
    }
    let pods = connection.get(&format!("/api/v1/namespaces/{NAMESPACE}/pods")).await?;
    for pod in pods["items"].as_array().into_iter().flatten() {
        if let Some(name) = ours(pod) {
            let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}?gracePeriodSeconds=0");
            connection.send("DELETE", &path, None).await?;
        }
    }
    Ok(())
}

/// The pod's name if this program made it.
fn ours(pod: &Value) -> Option<&str> {
    let name = pod.pointer("/metadata/name")?.as_str()?;
    let container = pod.pointer("/spec/containers/0/name")?.as_str()?;
    (container == CONTAINER && name.starts_with("node-debugger-")).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use serde_json::json;

    use super::*;

    #[test]
    fn only_its_own_pods_are_removed() {
        let pod = |name: &str, container: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": container}]}});
        assert_eq!(ours(&pod("node-debugger-cp-x2x4z", CONTAINER)), Some("node-debugger-cp-x2x4z"));
        for (name, container) in [("node-debugger-cp-x2x4z", "debugger"), ("cks-lab", CONTAINER)] {
            assert_eq!(ours(&pod(name, container)), None, "{name}");
        }
        assert!(SCRIPT.contains(&format!("--container={CONTAINER}")) && SCRIPT.contains(NAMESPACE));
    }

    /// A kubectl that keeps its pods in a file, runs what it is to exec here, and writes its words down.
    const KUBECTL: &str = r#"#!/bin/sh
dir=$(dirname "$0")
printf '%s\n' "$KUBECONFIG $*" >> "$dir/log"
shift 2
case $1 in
get) [ ! -e "$dir/pod" ] || cat "$dir/pod" ;;
debug) echo node-debugger-w-1-abcde > "$dir/pod"; echo "Creating debugging pod node-debugger-w-1-abcde" ;;
exec) while [ "$1" != chroot ]; do shift; done; shift 2; exec "$@" ;;
esac
"#;

    #[test]
    fn one_pod_is_made_and_used_again_and_exit_status_and_input_are_the_commands() {
        let dir = tempfile::tempdir().unwrap();
        let kubectl = dir.path().join("kubectl");
        std::fs::write(&kubectl, KUBECTL).unwrap();
        std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        std::fs::write(dir.path().join("in"), "input").unwrap();
        for (code, said) in [(7, "input"), (0, "input")] {
            let script = format!("cat; exit {code}");
            let output = Command::new("sh")
                .args(["-c", SCRIPT, "cks-lab-debug", "/k/a b", "my ctx", "w-1", "-i", "sh", "-c", &script])
                .env("PATH", &path)
                .stdin(std::fs::File::open(dir.path().join("in")).unwrap())
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), said, "nothing else on standard output");
        }
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert_eq!(log.matches(" debug node/w-1 ").count(), 1, "{log}");
        assert_eq!(log.matches("exec -i node-debugger-w-1-abcde").count(), 2, "{log}");
        assert!(
            log.lines().all(|l| l.starts_with("/k/a b --context=my ctx --namespace=kube-system")),
            "{log}"
        );
    }
}
