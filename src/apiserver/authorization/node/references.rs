//! Which objects a pod or a volume refers to.
//!
//! Upstream: `pkg/api/v1/pod/util.go` (`VisitPodSecretNames`, `VisitPodConfigmapNames`),
//! `pkg/api/v1/persistentvolume/util.go` (`VisitPVSecretNames`).

use serde_json::Value;

/// The annotation that marks a mirror pod.
pub const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Whether a pod mirrors a static pod of a kubelet.
pub fn is_mirror(pod: &Value) -> bool {
    pod["metadata"]["annotations"].get(MIRROR_ANNOTATION).is_some()
}

/// The elements of a list that may be missing.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().map_or(&[][..], Vec::as_slice).iter()
}

/// Init, ordinary and ephemeral containers.
pub fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|kind| items(&pod["spec"][kind]))
}

/// A text that is not empty.
fn name(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The names that containers take their environment from.
fn environment<'a>(pod: &'a Value, all: &'static str, key: &'static str) -> impl Iterator<Item = &'a str> {
    containers(pod).flat_map(move |container| {
        let from = items(&container["envFrom"]).filter_map(move |source| name(&source[all]["name"]));
        let one = items(&container["env"]).filter_map(move |env| name(&env["valueFrom"][key]["name"]));
        from.chain(one)
    })
}

/// A pod's volumes.
pub fn volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    items(&pod["spec"]["volumes"])
}

/// The sources that a pod's projected volumes are made of.
pub fn projected(pod: &Value) -> impl Iterator<Item = &Value> {
    volumes(pod).flat_map(|volume| items(&volume["projected"]["sources"]))
}

/// Where a kind of volume names its secret.
const VOLUME_SECRETS: [&str; 10] = [
    "/azureFile/secretName",
    "/cephfs/secretRef/name",
    "/cinder/secretRef/name",
    "/flexVolume/secretRef/name",
    "/rbd/secretRef/name",
    "/secret/secretName",
    "/scaleIO/secretRef/name",
    "/iscsi/secretRef/name",
    "/storageos/secretRef/name",
    "/csi/nodePublishSecretRef/name",
];

/// The secrets that a pod refers to.
pub fn secrets(pod: &Value) -> impl Iterator<Item = &str> {
    let pull = items(&pod["spec"]["imagePullSecrets"]).filter_map(|secret| name(&secret["name"]));
    let of_volume =
        |volume| VOLUME_SECRETS.iter().filter_map(move |path| Value::pointer(volume, path).and_then(name));
    pull.chain(environment(pod, "secretRef", "secretKeyRef"))
        .chain(volumes(pod).flat_map(of_volume))
        .chain(projected(pod).filter_map(|source| name(&source["secret"]["name"])))
}

/// The configmaps that a pod refers to.
pub fn config_maps(pod: &Value) -> impl Iterator<Item = &str> {
    environment(pod, "configMapRef", "configMapKeyRef")
        .chain(volumes(pod).filter_map(|volume| name(&volume["configMap"]["name"])))
        .chain(projected(pod).filter_map(|source| name(&source["configMap"]["name"])))
}

/// The claims of a pod's volumes; an ephemeral volume's claim is named after pod and volume.
pub fn claims(pod: &Value) -> impl Iterator<Item = String> {
    volumes(pod).filter_map(|volume| {
        if let Some(claim) = name(&volume["persistentVolumeClaim"]["claimName"]) {
            return Some(claim.to_owned());
        }
        volume.get("ephemeral")?;
        Some(format!("{}-{}", pod["metadata"]["name"].as_str()?, volume["name"].as_str()?))
    })
}

/// The resource claims of a pod: named in its spec, or made from a template and then named in its status.
pub fn resource_claims(pod: &Value) -> impl Iterator<Item = &str> {
    items(&pod["spec"]["resourceClaims"]).filter_map(|claim| {
        name(&claim["resourceClaimName"]).or_else(|| {
            let made =
                items(&pod["status"]["resourceClaimStatuses"]).find(|made| made["name"] == claim["name"])?;
            name(&made["resourceClaimName"])
        })
    })
}

/// The secrets of a persistent volume that a kubelet needs, as namespace and name.
pub fn volume_secrets(volume: &Value) -> Vec<(String, String)> {
    let spec = &volume["spec"];
    let claim_namespace = spec["claimRef"]["namespace"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    let mut add = |namespace: Option<&str>, secret: &Value| {
        if let Some(secret) = name(secret) {
            found.push((namespace.unwrap_or(claim_namespace).to_owned(), secret.to_owned()));
        }
    };
    let azure = &spec["azureFile"];
    add(name(&azure["secretNamespace"]), &azure["secretName"]);
    for kind in ["cephfs", "flexVolume", "rbd", "scaleIO", "iscsi"] {
        let reference = &spec[kind]["secretRef"];
        add(name(&reference["namespace"]), &reference["name"]);
    }
    for kind in ["cinder", "storageos"] {
        let reference = &spec[kind]["secretRef"];
        add(Some(reference["namespace"].as_str().unwrap_or_default()), &reference["name"]);
    }
    for kind in ["nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"] {
        let reference = &spec["csi"][kind];
        add(Some(reference["namespace"].as_str().unwrap_or_default()), &reference["name"]);
    }
    found
}
