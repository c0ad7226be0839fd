//! Deployments, DaemonSets and ReplicaSets.
//!
//! Upstream: `kubernetes/pkg/apis/apps/{v1/defaults,validation/validation}.go`, `pkg/registry/apps/*/strategy.go`.

use serde_json::{Value, json};

use super::other::first_generation;
use super::pods::Pods;
use super::{count_generation, default, keep, list, object, templates, text};
use crate::apiserver::registry::{Context, FieldError, Strategy};

/// Where daemon sets count the changes of their template, which is a field inside the server.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
const NEGATIVE: &str = "must be greater than or equal to 0";

/// Deployments, DaemonSets, ReplicaSets: pod templates, generations. Upstream: `kubernetes/pkg/apis/apps/v1/defaults.go`.
pub struct Workloads {
    /// `Deployment`, ...
    pub kind: &'static str,
}

impl Strategy for Workloads {
    fn set_defaults(&self, _: &Context<'_>, workload: &mut Value) {
        if self.kind == "DaemonSet"
            && let Some(notes) = object(workload, "metadata").and_then(|metadata| {
                metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut()
            })
        {
            default(notes, TEMPLATE_GENERATION, "0");
        }
        let Some(spec) = object(workload, "spec") else { return };
        if let Some(pod) = spec.get_mut("template").and_then(|t| object(t, "spec")) {
            templates::pod_spec(pod);
        }
        match self.kind {
            "Deployment" => {
                default(spec, "replicas", 1);
                default(spec, "revisionHistoryLimit", 10);
                default(spec, "progressDeadlineSeconds", 600);
                let strategy = spec.entry("strategy").or_insert(json!({}));
                if let Some(strategy) = strategy.as_object_mut() {
                    default(strategy, "type", "RollingUpdate");
                    if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
                        let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
                        default(strategy, "rollingUpdate", rolling);
                    }
                }
            }
            "DaemonSet" => {
                default(spec, "revisionHistoryLimit", 10);
                let strategy = spec.entry("updateStrategy").or_insert(json!({}));
                if let Some(strategy) = strategy.as_object_mut() {
                    default(strategy, "type", "RollingUpdate");
                    if strategy.get("type").and_then(Value::as_str) == Some("RollingUpdate") {
                        default(strategy, "rollingUpdate", json!({"maxSurge": 0, "maxUnavailable": 1}));
                    }
                }
            }
            _ => default(spec, "replicas", 1),
        }
    }

    fn prepare_for_create(&self, _: &Context<'_>, workload: &mut Value) {
        let counted =
            ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
        workload["status"] = match self.kind {
            "DaemonSet" => {
                counted.iter().map(|k| ((*k).to_owned(), json!(0))).collect::<serde_json::Map<_, _>>().into()
            }
            "ReplicaSet" => json!({"replicas": 0}),
            _ => json!({}),
        };
        first_generation(workload);
        if self.kind == "DaemonSet" {
            workload["metadata"]["annotations"][TEMPLATE_GENERATION] = json!("1");
        }
    }

    fn validate(&self, context: &Context<'_>, workload: &Value) -> Vec<FieldError> {
        let (spec, mut errors) = (&workload["spec"], Vec::new());
        if let Some(count) = spec["replicas"].as_i64().filter(|count| *count < 0) {
            errors.push(FieldError::invalid("spec.replicas", count, NEGATIVE));
        }
        self.selector(spec, &mut errors);
        self.template(context, &spec["template"], &mut errors);
        if self.kind == "Deployment" {
            deployment(spec, &mut errors);
        }
        errors
    }

    fn prepare_for_update(&self, context: &Context<'_>, workload: &mut Value, old: &Value) {
        if context.subresource == "status" {
            keep(workload, old, "spec");
        } else {
            keep(workload, old, "status");
        }
        count_generation(workload, old);
        if self.kind == "DaemonSet" {
            count_templates(workload, old);
        }
    }

    fn validate_update(&self, context: &Context<'_>, workload: &Value, old: &Value) -> Vec<FieldError> {
        if !context.subresource.is_empty() {
            return Vec::new();
        }
        let mut errors = self.validate(context, workload);
        if workload["spec"]["selector"] != old["spec"]["selector"] {
            let selector = workload["spec"]["selector"].clone();
            errors.push(FieldError::invalid("spec.selector", selector, "field is immutable"));
        }
        errors
    }
}

impl Workloads {
    /// Which pods it has.
    fn selector(&self, spec: &Value, errors: &mut Vec<FieldError>) {
        let selector = &spec["selector"];
        let count = |key: &str| selector[key].as_object().map_or(0, serde_json::Map::len);
        let empty = count("matchLabels") == 0 && list(&selector["matchExpressions"]).next().is_none();
        if selector.is_null() && self.kind != "DaemonSet" {
            errors.push(FieldError::required("spec.selector", ""));
        } else if !selector.is_null() && empty && self.kind != "DaemonSet" {
            let why = "empty selector is invalid for deployment";
            errors.push(FieldError::invalid("spec.selector", selector.clone(), why));
        }
        let mut wanted = selector["matchLabels"].as_object().into_iter().flatten();
        let labels = &spec["template"]["metadata"]["labels"];
        if selector.is_null() || wanted.any(|(key, value)| labels.get(key) != Some(value)) {
            let (field, detail) =
                ("spec.template.metadata.labels", "`selector` does not match template `labels`");
            errors.push(if labels.is_null() {
                FieldError::invalid_shown(field, "map[string]string(nil)", "null", detail)
            } else {
                FieldError::invalid(field, labels.clone(), detail)
            });
        }
        if !selector.is_null() && empty && self.kind == "DaemonSet" {
            let why = "empty selector is invalid for daemonset";
            errors.push(FieldError::invalid("spec.selector", selector.clone(), why));
        }
    }

    /// The pods that it makes: what may be wrong with a pod, and what only pods by themselves may have.
    fn template(&self, context: &Context<'_>, template: &Value, errors: &mut Vec<FieldError>) {
        for mut error in Pods.faults(context, template, true) {
            // Upstream's path leaves the metadata out.
            let field = error.field.strip_prefix("metadata.").unwrap_or(&error.field);
            error.field = format!("spec.template.{field}");
            errors.push(error);
        }
        let (spec, path) = (&template["spec"], "spec.template.spec");
        let policy = text(spec, "restartPolicy");
        if policy != "Always" {
            errors.push(FieldError::not_supported(format!("{path}.restartPolicy"), policy, &["Always"]));
        }
        if !spec["activeDeadlineSeconds"].is_null() {
            let kind = if self.kind == "DaemonSet" { "DaemonSet" } else { "ReplicaSet" };
            let why = format!("activeDeadlineSeconds in {kind} is not Supported");
            errors.push(FieldError::forbidden(format!("{path}.activeDeadlineSeconds"), why));
        }
    }
}

/// Counts the changes of a daemon set's template; nobody chooses the number.
fn count_templates(new: &mut Value, old: &Value) {
    let noted = old["metadata"]["annotations"][TEMPLATE_GENERATION].as_str();
    let before: i64 = noted.and_then(|text| text.parse().ok()).unwrap_or(1);
    let changed = new["spec"]["template"] != old["spec"]["template"];
    new["metadata"]["annotations"][TEMPLATE_GENERATION] = json!((before + i64::from(changed)).to_string());
}

/// How pods are replaced, and how long that may take.
fn deployment(spec: &Value, errors: &mut Vec<FieldError>) {
    let (strategy, rolling) = (&spec["strategy"], &spec["strategy"]["rollingUpdate"]);
    let zero = |key: &str| match &rolling[key] {
        Value::String(percent) => percent == "0%",
        other => other == 0,
    };
    match text(strategy, "type") {
        "Recreate" if !rolling.is_null() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden("spec.strategy.rollingUpdate", why));
        }
        "RollingUpdate" if zero("maxUnavailable") && zero("maxSurge") => {
            let why = "may not be 0 when `maxSurge` is 0";
            let field = "spec.strategy.rollingUpdate.maxUnavailable";
            errors.push(FieldError::invalid(field, rolling["maxUnavailable"].clone(), why));
        }
        _ => {}
    }
    let number = |key: &str| spec[key].as_i64();
    for key in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        if let Some(count) = number(key).filter(|count| *count < 0) {
            errors.push(FieldError::invalid(format!("spec.{key}"), count, NEGATIVE));
        }
    }
    if let Some(deadline) = number("progressDeadlineSeconds")
        && deadline <= number("minReadySeconds").unwrap_or(0)
    {
        let why = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid("spec.progressDeadlineSeconds", deadline, why));
    }
}
