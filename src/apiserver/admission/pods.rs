//! What pods get when they are made: a priority, tolerations, what their runtime class says.
//!
//! Upstream: `plugin/pkg/admission/{priority,defaulttolerationseconds,runtimeclass,alwayspullimages,antiaffinity}`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::status::Status;
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

/// Priority classes that every cluster has, with their values.
const SYSTEM_CLASSES: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// `Priority`: the number of the class that a pod names.
pub(super) struct Priority;

impl Plugin for Priority {
    fn name(&self) -> &'static str {
        "Priority"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        match attributes.operation {
            Operation::Create => prioritize(attributes, environment),
            Operation::Update => {
                let old = attributes.current().clone();
                if let Some(pod) = attributes.object.as_deref_mut() {
                    for field in ["priority", "preemptionPolicy"] {
                        if pod["spec"][field].is_null() && !old["spec"][field].is_null() {
                            pod["spec"][field] = old["spec"][field].clone();
                        }
                    }
                }
                Ok(())
            }
            Operation::Delete | Operation::Connect => Ok(()),
        }
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let written = matches!(attributes.operation, Operation::Create | Operation::Update);
        if !written || !attributes.is("scheduling.k8s.io", "priorityclasses", "") {
            return Ok(());
        }
        let class = attributes.new_object();
        let Some(default) = default_class(environment).filter(|_| class["globalDefault"] == true) else {
            return Ok(());
        };
        let name = default["metadata"]["name"].as_str().unwrap_or_default();
        if attributes.operation == Operation::Create || class["metadata"]["name"] != name {
            let why =
                format!("PriorityClass {name} is already marked as default. Only one default can exist");
            return Err(attributes.forbid(why));
        }
        Ok(())
    }
}

fn prioritize(attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
    let spec = &attributes.new_object()["spec"];
    let named = spec["priorityClassName"].as_str().filter(|name| !name.is_empty());
    let class = match named {
        Some(name) => match find_class(environment, name) {
            Some(class) => Some(class),
            None => return Err(attributes.forbid(format!("no PriorityClass with name {name} was found"))),
        },
        None => default_class(environment),
    };
    let priority = class.as_ref().and_then(|class| class["value"].as_i64()).unwrap_or(0);
    if let Some(given) = spec["priority"].as_i64().filter(|given| *given != priority) {
        return Err(attributes.forbid(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {priority} from the given PriorityClass name"
        )));
    }
    let policy =
        class.as_ref().and_then(|class| class["preemptionPolicy"].as_str()).unwrap_or("PreemptLowerPriority");
    if let Some(given) = spec["preemptionPolicy"].as_str().filter(|given| *given != policy) {
        return Err(attributes.forbid(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
             controller computed {policy} from the given PriorityClass name"
        )));
    }
    let class_name = class.as_ref().map(|class| class["metadata"]["name"].clone());
    if let Some(pod) = attributes.object.as_deref_mut() {
        if let Some(name) = class_name {
            pod["spec"]["priorityClassName"] = name;
        }
        pod["spec"]["priority"] = json!(priority);
        pod["spec"]["preemptionPolicy"] = json!(policy);
    }
    Ok(())
}

fn find_class(environment: &Environment, name: &str) -> Option<Arc<Value>> {
    environment.store.get(&Key::new("scheduling.k8s.io", "priorityclasses", "", name)).or_else(|| {
        let (_, value) = SYSTEM_CLASSES.into_iter().find(|(class, _)| *class == name)?;
        Some(Arc::new(json!({"metadata": {"name": name}, "value": value})))
    })
}

/// The class that is the default for all pods; of several the one with the lowest value.
fn default_class(environment: &Environment) -> Option<Arc<Value>> {
    let (_, classes) = environment.store.list("scheduling.k8s.io", "priorityclasses", "");
    let defaults = classes.into_iter().filter(|class| class["globalDefault"] == true);
    defaults.min_by_key(|class| class["value"].as_i64())
}

/// `DefaultTolerationSeconds`: pods stay five minutes on a node that is not ready or not reachable.
pub(super) struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn admit(&self, attributes: &mut Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        let Some(pod) = attributes.object.as_deref_mut() else { return Ok(()) };
        let mut tolerations = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
        let before = tolerations.len();
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let text =
                |toleration: &Value, field: &str| toleration[field].as_str().unwrap_or_default().to_owned();
            let tolerates = |toleration: &Value| {
                [key, ""].contains(&text(toleration, "key").as_str())
                    && ["NoExecute", ""].contains(&text(toleration, "effect").as_str())
            };
            if !tolerations[..before].iter().any(tolerates) {
                tolerations.push(
                    json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
                );
            }
        }
        if tolerations.len() > before {
            pod["spec"]["tolerations"] = Value::Array(tolerations);
        }
        Ok(())
    }
}

/// `RuntimeClass`: a pod's class exists, and its overhead and node selector are the pod's.
pub(super) struct RuntimeClass;

impl RuntimeClass {
    fn class(attributes: &Attributes<'_>, environment: &Environment) -> Result<Option<Arc<Value>>, Status> {
        let Some(name) = attributes.new_object()["spec"]["runtimeClassName"].as_str() else {
            return Ok(None);
        };
        let found = environment.store.get(&Key::new("node.k8s.io", "runtimeclasses", "", name));
        found
            .map(Some)
            .ok_or_else(|| attributes.forbid(format!("pod rejected: RuntimeClass {} not found", quote(name))))
    }
}

const OVERHEAD_DIFFERS: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

impl Plugin for RuntimeClass {
    fn name(&self) -> &'static str {
        "RuntimeClass"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        let Some(class) = Self::class(attributes, environment)? else { return Ok(()) };
        let overhead = &class["overhead"]["podFixed"];
        let own = &attributes.new_object()["spec"]["overhead"];
        if !overhead.is_null() && !own.is_null() && own != overhead {
            return Err(attributes.forbid(OVERHEAD_DIFFERS));
        }
        let selector = class["scheduling"]["nodeSelector"].as_object().cloned().unwrap_or_default();
        for (key, value) in &selector {
            let own = &attributes.new_object()["spec"]["nodeSelector"][key.as_str()];
            if !own.is_null() && own != value {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                return Err(attributes.forbid(format!(
                    "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                    text(value),
                    text(own)
                )));
            }
        }
        let Some(pod) = attributes.object.as_deref_mut() else { return Ok(()) };
        if !overhead.is_null() {
            pod["spec"]["overhead"] = overhead.clone();
        }
        for (key, value) in selector {
            pod["spec"]["nodeSelector"][key] = value;
        }
        let more = items(&class["scheduling"]["tolerations"]);
        let mut tolerations = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
        let before = tolerations.len();
        for toleration in more {
            if !tolerations.contains(toleration) {
                tolerations.push(toleration.clone());
            }
        }
        if tolerations.len() > before {
            pod["spec"]["tolerations"] = Value::Array(tolerations);
        }
        Ok(())
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        let class = Self::class(attributes, environment)?;
        let wanted = class.as_ref().map_or(&Value::Null, |class| &class["overhead"]["podFixed"]);
        let own = &attributes.new_object()["spec"]["overhead"];
        if wanted.is_null() && !own.is_null() {
            return Err(attributes.forbid(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
            ));
        }
        if own != wanted {
            return Err(attributes.forbid(OVERHEAD_DIFFERS));
        }
        Ok(())
    }
}

/// `AlwaysPullImages`: no pod uses an image that others pulled.
pub(super) struct AlwaysPullImages;

impl Plugin for AlwaysPullImages {
    fn name(&self) -> &'static str {
        "AlwaysPullImages"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn admit(&self, attributes: &mut Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        let Some(pod) = attributes.object.as_deref_mut() else { return Ok(()) };
        for kind in ["initContainers", "containers", "ephemeralContainers"] {
            if let Some(containers) = pod["spec"].get_mut(kind).and_then(Value::as_array_mut) {
                containers.iter_mut().for_each(|container| container["imagePullPolicy"] = json!("Always"));
            }
        }
        Ok(())
    }
}

/// `LimitPodHardAntiAffinityTopology`: required anti-affinity only between nodes.
pub(super) struct AntiAffinity;

impl Plugin for AntiAffinity {
    fn name(&self) -> &'static str {
        "LimitPodHardAntiAffinityTopology"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validate(&self, attributes: &Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "pods", "") {
            return Ok(());
        }
        let affinity = &attributes.new_object()["spec"]["affinity"]["podAntiAffinity"];
        let mut terms = items(&affinity["requiredDuringSchedulingIgnoredDuringExecution"]);
        let other = terms
            .find_map(|term| term["topologyKey"].as_str().filter(|key| *key != "kubernetes.io/hostname"));
        match other {
            Some(key) => Err(attributes.forbid(format!(
                "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {key} but only key \
                 kubernetes.io/hostname is allowed"
            ))),
            None => Ok(()),
        }
    }
}
