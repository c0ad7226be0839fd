//! `ServiceAccount`: every pod runs as an account that exists, and finds its token.
//!
//! Upstream: `plugin/pkg/admission/serviceaccount/admission.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::{self, items};
use crate::apiserver::status::Status;
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";
const ENFORCE_ANNOTATION: &str = "kubernetes.io/enforce-mountable-secrets";

/// The plugin.
pub(super) struct ServiceAccount;

impl Plugin for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if attributes.operation != Operation::Create || !attributes.is("", "pods", "") {
            return Ok(());
        }
        if !references::is_mirror(attributes.new_object()) {
            let name = account_name(attributes.new_object()).unwrap_or("default").to_owned();
            let account = find(attributes, environment, &name)?;
            if let Some(pod) = attributes.object.as_deref_mut() {
                complete(pod, &name, &account);
            }
        }
        self.validate(attributes, environment)
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if attributes.operation != Operation::Create || !attributes.is("", "pods", "") {
            return Ok(());
        }
        let pod = attributes.new_object();
        if references::is_mirror(pod) {
            return validate_mirror(attributes, pod);
        }
        let Some(name) = account_name(pod) else {
            let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
            return Err(attributes
                .forbid(format!("no service account specified for pod {}/{pod}", attributes.namespace)));
        };
        let account = find(attributes, environment, name)?;
        let enforce = &account["metadata"]["annotations"][ENFORCE_ANNOTATION];
        if ["1", "t", "T", "TRUE", "true", "True"].into_iter().any(|yes| enforce == yes) {
            limit_secrets(&account, pod).map_err(|why| attributes.forbid(why))?;
        }
        Ok(())
    }
}

fn account_name(pod: &Value) -> Option<&str> {
    let named = |field: &str| pod["spec"][field].as_str().filter(|name| !name.is_empty());
    named("serviceAccountName").or_else(|| named("serviceAccount"))
}

fn find(attributes: &Attributes<'_>, environment: &Environment, name: &str) -> Result<Arc<Value>, Status> {
    let namespace = attributes.namespace;
    environment.store.get(&Key::new("", "serviceaccounts", namespace, name)).ok_or_else(|| {
        attributes.forbid(format!(
            "error looking up service account {namespace}/{name}: serviceaccount {} not found",
            quote(name)
        ))
    })
}

fn validate_mirror(attributes: &Attributes<'_>, pod: &Value) -> Result<(), Status> {
    let refused = [
        ("a mirror pod may not reference service accounts", account_name(pod).is_some()),
        ("a mirror pod may not reference secrets", references::secrets(pod).next().is_some()),
        (
            "a mirror pod may not use ServiceAccountToken volume projections",
            references::projected(pod).any(|source| source.get("serviceAccountToken").is_some()),
        ),
    ];
    match refused.into_iter().find(|(_, refused)| *refused) {
        Some((why, _)) => Err(attributes.forbid(why)),
        None => Ok(()),
    }
}

/// Gives a pod its account, the account's pull secrets and its token.
fn complete(pod: &mut Value, name: &str, account: &Value) {
    pod["spec"]["serviceAccountName"] = json!(name);
    pod["spec"]["serviceAccount"] = json!(name);
    let automount = [&pod["spec"]["automountServiceAccountToken"], &account["automountServiceAccountToken"]]
        .into_iter()
        .find_map(Value::as_bool)
        .unwrap_or(true);
    if automount {
        mount_token(pod);
    }
    let secrets: Vec<Value> =
        items(&account["imagePullSecrets"]).map(|secret| json!({"name": secret["name"]})).collect();
    if items(&pod["spec"]["imagePullSecrets"]).next().is_none() && !secrets.is_empty() {
        pod["spec"]["imagePullSecrets"] = Value::Array(secrets);
    }
}

fn mount_token(pod: &mut Value) {
    let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let present =
        volumes.iter().find_map(|volume| volume["name"].as_str().filter(|n| n.starts_with(VOLUME_PREFIX)));
    let has_volume = present.is_some();
    let name = present.map_or_else(|| format!("{VOLUME_PREFIX}{}", random_suffix()), str::to_owned);
    let mut needed = false;
    for kind in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(kind).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mut mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            if mounts.iter().all(|mount| mount["mountPath"] != TOKEN_PATH) {
                mounts.push(json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH}));
                container["volumeMounts"] = Value::Array(mounts);
                needed = true;
            }
        }
    }
    if needed && !has_volume {
        volumes.push(json!({"name": name, "projected": {"sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [
                {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
            ]}},
        ], "defaultMode": 420}}));
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
}

/// Five characters that make no words, as generated names have them.
fn random_suffix() -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = uuid::Uuid::new_v4();
    let pick = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    random.as_bytes().iter().take(5).map(pick).collect()
}

/// Whether a pod uses only secrets that its account lists.
fn limit_secrets(account: &Value, pod: &Value) -> Result<(), String> {
    let names = |list: &Value| -> Vec<String> {
        items(list).filter_map(|entry| entry["name"].as_str()).map(str::to_owned).collect()
    };
    let account_name = account["metadata"]["name"].as_str().unwrap_or_default();
    let (mountable, pull) = (names(&account["secrets"]), names(&account["imagePullSecrets"]));
    let denied = format!("is not allowed because service account {account_name} does not reference that");
    let missing =
        |value: &Value| value.as_str().filter(|name| !mountable.iter().any(|m| m == name)).map(str::to_owned);
    for volume in references::volumes(pod) {
        if let Some(secret) = missing(&volume["secret"]["secretName"]) {
            return Err(format!("volume with secret.secretName=\"{secret}\" {denied} secret"));
        }
    }
    for (kind, title) in [("initContainers", "init container"), ("containers", "container")] {
        for container in items(&pod["spec"][kind]) {
            let name = container["name"].as_str().unwrap_or_default();
            for env in items(&container["env"]) {
                if let Some(secret) = missing(&env["valueFrom"]["secretKeyRef"]["name"]) {
                    let env = env["name"].as_str().unwrap_or_default();
                    return Err(format!(
                        "{title} {name} with envVar {env} referencing secret.secretName=\"{secret}\" {denied} secret"
                    ));
                }
            }
            for source in items(&container["envFrom"]) {
                if let Some(secret) = missing(&source["secretRef"]["name"]) {
                    return Err(format!(
                        "{title} {name} with envFrom referencing secret.secretName=\"{secret}\" {denied} secret"
                    ));
                }
            }
        }
    }
    for (index, name) in names(&pod["spec"]["imagePullSecrets"]).iter().enumerate() {
        if !pull.contains(name) {
            return Err(format!("imagePullSecrets[{index}].name=\"{name}\" {denied} imagePullSecret"));
        }
    }
    Ok(())
}
