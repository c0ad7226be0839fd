//! What a pod has to wait for before its containers can be made: the node's files, Secrets and ConfigMaps that it mounts.
//!
//! Upstream: `pkg/volume/{secret,configmap}`, `pkg/kubelet/volumemanager`; tried again after longer and longer waits.

use serde_json::Value;

use super::Kubelet;
use super::events::Kind::Warning;
use crate::klog::Severity;
use crate::rooted::Rooted;

mod host_path;
pub(crate) mod validation;

pub(crate) use host_path::{make_missing, of_container};

/// What a volume needs: the volume's name, the word for the kind, the resource, the object's name.
type Need = (String, &'static str, &'static str, String);

/// The objects that a pod's volumes cannot do without.
fn needs(pod: &Value) -> Vec<Need> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes
        .filter_map(|volume| {
            let (word, resource, source, key) = match (volume.get("secret"), volume.get("configMap")) {
                (Some(secret), _) => ("secret", "secrets", secret, "secretName"),
                (None, Some(map)) => ("configmap", "configmaps", map, "name"),
                (None, None) => return None,
            };
            let name = source[key].as_str().filter(|_| source["optional"] != true)?;
            Some((volume["name"].as_str().unwrap_or_default().to_owned(), word, resource, name.to_owned()))
        })
        .collect()
}

/// Waits until all that a pod mounts is there.
pub(super) async fn wait(kubelet: &Kubelet, pod: &Value) {
    wait_for_node(kubelet, pod).await;
    wait_for_objects(kubelet, pod).await;
}

/// Waits until what a pod mounts of its node is what the pod says it is.
async fn wait_for_node(kubelet: &Kubelet, pod: &Value) {
    let root = Rooted::new(&kubelet.config.root);
    let timing = &kubelet.config.timing;
    let mut pause = timing.crash_backoff / 20;
    loop {
        let failed = host_path::set_up(&root, pod);
        if failed.is_empty() {
            return;
        }
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        for (volume, why) in failed {
            let (uid, name) = (text("uid"), text("name"));
            let unique = format!("kubernetes.io/host-path/{uid}-{volume}");
            let message = format!("MountVolume.SetUp failed for volume {volume:?} : {why}");
            let line = format!(
                "Operation for \"{{volumeName:{unique} podName:{uid} nodeName:}}\" failed. Error: MountVolume.SetUp failed for \
                 volume {volume:?} (UniqueName: {unique:?}) pod {name:?} (UID: {uid:?}) : {why}"
            );
            kubelet.journal.klog(Severity::Error, "nestedpendingoperations.go:348", &line);
            kubelet.tell(pod, None, Warning, "FailedMount", &message);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(timing.crash_backoff_max / 2);
    }
}

/// Waits until the Secrets and ConfigMaps are there that a pod of the API mounts.
async fn wait_for_objects(kubelet: &Kubelet, pod: &Value) {
    let needs = needs(pod);
    if needs.is_empty() || pod["metadata"]["annotations"].get("kubernetes.io/config.source").is_some() {
        return;
    }
    let client = kubelet.client();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("default");
    let timing = &kubelet.config.timing;
    let mut pause = timing.crash_backoff / 20;
    loop {
        let mut missing = None;
        for (volume, word, resource, name) in &needs {
            match client.get(&format!("/api/v1/namespaces/{namespace}/{resource}/{name}")).await {
                Err(error) if error.is_code(404) => {
                    missing = Some(format!(
                        "MountVolume.SetUp failed for volume {volume:?} : {word} {name:?} not found"
                    ));
                }
                Err(_) => missing = missing.or(Some(String::new())),
                Ok(_) => {}
            }
        }
        match missing {
            None => return,
            Some(why) if why.is_empty() => {}
            Some(why) => kubelet.tell(pod, None, Warning, "FailedMount", &why),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(timing.crash_backoff_max / 2);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn optional_ones_are_not_waited_for() {
        let pod = json!({"spec": {"volumes": [{"name": "a", "secret": {"secretName": "s"}}, {"name": "b", "emptyDir": {}},
            {"name": "c", "configMap": {"name": "m", "optional": true}}, {"name": "d", "configMap": {"name": "m"}}]}});
        assert_eq!(
            needs(&pod),
            [
                ("a".to_owned(), "secret", "secrets", "s".to_owned()),
                ("d".to_owned(), "configmap", "configmaps", "m".to_owned())
            ]
        );
    }
}
