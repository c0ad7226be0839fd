//! Roles and bindings. Upstream: `kubernetes/pkg/apis/rbac/validation/validation.go`, `.../rbac/v1/defaults.go`.

use serde_json::{Map, Value};

use super::{default, list, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{Context, FieldError, Strategy};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Roles (namespaced) and ClusterRoles.
pub struct Roles {
    /// Whether these are Roles.
    pub namespaced: bool,
}

/// RoleBindings (namespaced) and ClusterRoleBindings.
pub struct Bindings {
    /// Whether these are RoleBindings.
    pub namespaced: bool,
}

impl Strategy for Roles {
    fn validate(&self, _: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (i, rule) in list(&object["rules"]).enumerate() {
            let path = format!("rules[{i}]");
            let any = |key: &str| list(&rule[key]).next().is_some();
            if !any("verbs") {
                errors.push(FieldError::required(
                    format!("{path}.verbs"),
                    "verbs must contain at least one value",
                ));
            }
            if any("nonResourceURLs") {
                let urls = || rule["nonResourceURLs"].clone();
                let field = format!("{path}.nonResourceURLs");
                if self.namespaced {
                    let detail = "namespaced rules cannot apply to non-resource URLs";
                    errors.push(FieldError::invalid(field.clone(), urls(), detail));
                }
                if any("apiGroups") || any("resources") || any("resourceNames") {
                    let detail = "rules cannot apply to both regular resources and non-resource URLs";
                    errors.push(FieldError::invalid(field, urls(), detail));
                }
                continue;
            }
            if !any("apiGroups") {
                let detail = "resource rules must supply at least one api group";
                errors.push(FieldError::required(format!("{path}.apiGroups"), detail));
            }
            if !any("resources") {
                let detail = "resource rules must supply at least one resource";
                errors.push(FieldError::required(format!("{path}.resources"), detail));
            }
        }
        let selectors = object.get("aggregationRule").filter(|r| r.is_object());
        if selectors.is_some_and(|r| list(&r["clusterRoleSelectors"]).next().is_none()) {
            let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required("aggregationRule.clusterRoleSelectors", detail));
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, object: &Value, _: &Value) -> Vec<FieldError> {
        twice(context, self.validate(context, object))
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

/// Upstream's strategy validated the object, and so did its validation of an update.
fn twice(context: &Context<'_>, mut errors: Vec<FieldError>) -> Vec<FieldError> {
    if !context.release.gates.role_changes_validated_once {
        errors.extend(errors.clone());
    }
    errors
}

impl Bindings {
    fn subject(&self, subject: &Value, path: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let (name, group) = (text(subject, "name"), text(subject, "apiGroup"));
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        match text(subject, "kind") {
            "ServiceAccount" => {
                if !name.is_empty() {
                    let wrong = names::subdomain(name).into_iter();
                    errors.extend(wrong.map(|m| FieldError::invalid(format!("{path}.name"), name, m)));
                }
                if !group.is_empty() {
                    errors.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[""]));
                }
                if !self.namespaced && text(subject, "namespace").is_empty() {
                    errors.push(FieldError::required(format!("{path}.namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != GROUP {
                    errors.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[GROUP]));
                }
            }
            other => {
                let known = ["ServiceAccount", "User", "Group"];
                errors.push(FieldError::not_supported(format!("{path}.kind"), other, &known));
            }
        }
        errors
    }
}

impl Strategy for Bindings {
    fn set_defaults(&self, _: &Context<'_>, object: &mut Value) {
        if let Some(role) = object.get_mut("roleRef").and_then(Value::as_object_mut) {
            default(role, "apiGroup", GROUP);
        }
        let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
            let user = matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group"));
            if user {
                default(subject, "apiGroup", GROUP);
            }
        }
    }

    fn validate(&self, _: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let role = &object["roleRef"];
        if text(role, "apiGroup") != GROUP {
            errors.push(FieldError::not_supported("roleRef.apiGroup", text(role, "apiGroup"), &[GROUP]));
        }
        let kinds: &[&str] = if self.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
        if !kinds.contains(&text(role, "kind")) {
            errors.push(FieldError::not_supported("roleRef.kind", text(role, "kind"), kinds));
        }
        let name = text(role, "name");
        if name.is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        for message in names::path_segment(name) {
            errors.push(FieldError::invalid("roleRef.name", name, message));
        }
        for (i, subject) in list(&object["subjects"]).enumerate() {
            errors.extend(self.subject(subject, &format!("subjects[{i}]")));
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = twice(context, self.validate(context, object));
        if object["roleRef"] != old["roleRef"] {
            let none = Value::Object(Map::new());
            let role = object.get("roleRef").unwrap_or(&none);
            let fields = [("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")]
                .map(|(go, key)| (go, text(role, key).into()));
            let why = "cannot change roleRef";
            errors.push(FieldError::invalid_struct("roleRef", "rbac.RoleRef", &fields, why));
        }
        errors
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}
