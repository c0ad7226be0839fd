//! What a kubeadm cluster has besides its static pods: the proxy, the network, DNS, and kubeadm's own objects.
//!
//! The list is `assets/cluster/addons.yaml`. Objects are made once, by the admin, through the API.

use std::collections::BTreeMap;

use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::CONTROL_PLANE;
use crate::apiserver::authorization::rbac::bootstrap;
use crate::apiserver::storage::Key;
use crate::error::{Context, Result};
use crate::release::Release;
use crate::text::tr;

const ADDONS: &str = include_str!("../../../assets/cluster/addons.yaml");

/// What kubeadm gives CoreDNS to read.
const COREFILE: &str = include_str!("../../../assets/cluster/Corefile");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addon {
    kind: String,
    namespace: String,
    name: String,
    app: BTreeMap<String, String>,
    service_account: String,
    #[serde(default)]
    priority_class: Option<String>,
    #[serde(default)]
    host_network: bool,
    /// The node it is bound to, by its host name label.
    #[serde(default)]
    node: Option<String>,
    /// How many pods a Deployment has.
    #[serde(default)]
    replicas: Option<u32>,
    containers: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Container {
    name: String,
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    /// What it asks for and may have at most, as in a pod.
    #[serde(default)]
    resources: Value,
    /// Its ports, as in a pod.
    #[serde(default)]
    ports: Value,
}

/// One object to create: where, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Creation {
    /// The collection's path.
    pub path: String,
    /// The object.
    pub object: Value,
}

/// Everything to create, in order.
pub fn objects(release: &Release) -> Result<Vec<Creation>> {
    let addons: Vec<Addon> = serde_yaml::from_str(ADDONS).context_what(|| tr!(sandbox_addons).to_owned())?;
    let mut out = kubeadm_objects(release);
    for addon in &addons {
        expand(addon, release, &mut out);
    }
    Ok(out)
}

/// Creates what is not there yet.
pub async fn ensure(client: &kube::Client, release: &Release) -> Result<()> {
    let done =
        send(client, Method::GET, "/api/v1/namespaces/kube-system/configmaps/kubeadm-config", None).await?;
    if done.0.is_success() {
        return Ok(());
    }
    let labels = json!({"metadata": {"labels": {
        "node-role.kubernetes.io/control-plane": "", "node.kubernetes.io/exclude-from-external-load-balancers": ""}}});
    send(client, Method::PATCH, &format!("/api/v1/nodes/{CONTROL_PLANE}"), Some(&labels)).await?;
    let mut creations = objects(release)?;
    // The map that tells of completion comes last, so that a start that was cut off is carried on by the next one.
    creations.sort_by_key(|c| c.object["metadata"]["name"] == "kubeadm-config");
    for creation in creations {
        let (status, answer) = send(client, Method::POST, &creation.path, Some(&creation.object)).await?;
        if !status.is_success() && status != StatusCode::CONFLICT {
            return Err(crate::error::Error::new(tr!(sandbox_not_created {
                path: creation.path,
                name: creation.object["metadata"]["name"]
            }))
            .why(answer["message"].as_str().unwrap_or_default()));
        }
    }
    Ok(())
}

async fn send(
    client: &kube::Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, Value)> {
    let what = || tr!(sandbox_not_asked { path });
    let content_type =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .header("user-agent", "kubeadm")
        .body(kube::client::Body::from(body.into_bytes()))
        .context_what(what)?;
    let response = client.send(request).await.context_what(what)?;
    let status = response.status();
    let bytes = http_body_util::BodyExt::collect(response.into_body()).await.context_what(what)?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

fn expand(addon: &Addon, release: &Release, out: &mut Vec<Creation>) {
    let namespace = &addon.namespace;
    let create = |path: String, object: Value| Creation { path, object };
    if !matches!(namespace.as_str(), "kube-system" | "default") {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        out.push(create("/api/v1/namespaces".into(), object));
    }
    out.push(create(
        format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": addon.service_account, "namespace": namespace}}),
    ));
    let plural = if addon.kind == "DaemonSet" { "daemonsets" } else { "deployments" };
    let template = json!({"metadata": {"labels": addon.app}, "spec": pod_spec(addon, release)});
    let mut owner = json!({"apiVersion": "apps/v1", "kind": addon.kind,
        "metadata": {"name": addon.name, "namespace": namespace, "labels": addon.app},
        "spec": {"selector": {"matchLabels": addon.app}, "template": template}});
    if let Some(replicas) = addon.replicas {
        owner["spec"]["replicas"] = json!(replicas);
    }
    out.push(create(format!("/apis/apps/v1/namespaces/{namespace}/{plural}"), owner));
}

fn pod_spec(addon: &Addon, release: &Release) -> Value {
    let containers: Vec<Value> = addon
        .containers
        .iter()
        .map(|c| {
            let mut out = json!({"name": c.name, "image": release.image_tag(&c.image), "imagePullPolicy": "IfNotPresent"});
            for (key, words) in [("command", &c.command), ("args", &c.args)] {
                if !words.is_empty() {
                    out[key] = json!(words);
                }
            }
            for (key, value) in [("resources", &c.resources), ("ports", &c.ports)] {
                if !value.is_null() {
                    out[key] = value.clone();
                }
            }
            out
        })
        .collect();
    let mut spec = json!({"serviceAccountName": addon.service_account, "containers": containers,
        "tolerations": [{"operator": "Exists"}], "nodeSelector": {"kubernetes.io/os": "linux"}});
    if let Some(node) = &addon.node {
        spec["nodeSelector"]["kubernetes.io/hostname"] = json!(node);
    }
    if addon.host_network {
        spec["hostNetwork"] = json!(true);
    }
    if let Some(class) = &addon.priority_class {
        spec["priorityClassName"] = json!(class);
    }
    spec
}

fn kubeadm_objects(release: &Release) -> Vec<Creation> {
    let config = format!(
        "apiServer: {{}}\napiVersion: kubeadm.k8s.io/v1beta4\ncertificatesDir: /etc/kubernetes/pki\nclusterName: kubernetes\netcd:\n  \
         local:\n    dataDir: /var/lib/etcd\nimageRepository: registry.k8s.io\nkind: ClusterConfiguration\n\
         kubernetesVersion: {}\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 192.168.0.0/16\n  serviceSubnet: 10.96.0.0/12\n",
        release.git_version
    );
    let config_map = |name: &str, key: &str, text: &str| Creation {
        path: "/api/v1/namespaces/kube-system/configmaps".into(),
        object: json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "kube-system"}, "data": {key: text}}),
    };
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system",
            "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            "labels": {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}},
        "spec": {"clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"], "selector": {"k8s-app": "kube-dns"},
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153}]}});
    let proxy = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nclientConnection:\n  kubeconfig: \
                 /var/lib/kube-proxy/kubeconfig.conf\nclusterCIDR: 192.168.0.0/16\nkind: KubeProxyConfiguration\n";
    let mut out: Vec<Creation> = bootstrap::kubeadm().into_iter().map(rbac_creation).collect();
    out.extend([
        config_map("kubeadm-config", "ClusterConfiguration", &config),
        config_map("coredns", "Corefile", COREFILE),
        config_map("kube-proxy", "config.conf", proxy),
        Creation { path: "/api/v1/namespaces/kube-system/services".into(), object: service },
    ]);
    out
}

/// A role or binding of kubeadm's, as it is created through the API.
fn rbac_creation(wanted: bootstrap::Object) -> Creation {
    let Key { group, resource, namespace, .. } = &wanted.key;
    let within = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
    Creation { path: format!("/apis/{group}/v1/{within}{resource}"), object: wanted.object }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_addon_is_expanded_whole() {
        let all = objects(crate::release::default_release()).unwrap();
        let kinds = |kind: &str| all.iter().filter(|c| c.object["kind"] == kind).count();
        assert_eq!((kinds("DaemonSet"), kinds("Deployment"), kinds("ServiceAccount")), (2, 3, 5));
        let canal = all
            .iter()
            .find(|c| c.object["metadata"]["name"] == "canal" && c.object["kind"] == "DaemonSet")
            .unwrap();
        assert_eq!(canal.object["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(), 2);
        assert!(all.iter().all(|c| !c.object.to_string().contains("${")));
    }

    #[test]
    fn kubeadms_roles_come_before_their_bindings() {
        let all = objects(crate::release::default_release()).unwrap();
        let place = |path: &str, name: &str| {
            all.iter().position(|c| c.path == path && c.object["metadata"]["name"] == name).unwrap()
        };
        let base = "/apis/rbac.authorization.k8s.io/v1";
        place(&format!("{base}/clusterrolebindings"), "kubeadm:cluster-admins");
        let within = format!("{base}/namespaces/kube-system");
        let name = "kubeadm:kubelet-config";
        assert!(place(&format!("{within}/roles"), name) < place(&format!("{within}/rolebindings"), name));
    }
}
