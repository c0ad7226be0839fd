//! Reads a policy file, strictly first and, with a warning, leniently then.
//!
//! Upstream: `k8s.io/apiserver/pkg/audit/policy/reader.go`, `k8s.io/apimachinery/pkg/runtime/serializer/{json,recognizer}`.

use std::sync::OnceLock;

use serde_json::Value;

use super::{Policy, validation};
use crate::apiserver::registry::decode::interpret;
use crate::apiserver::registry::json::{self, Node};
use crate::apiserver::registry::schema::Schema;
use crate::apiserver::registry::typed::{self, Findings};
use crate::apiserver::registry::yaml;
use crate::release::Release;

const GROUP: &str = "audit.k8s.io";
/// What stands in the place of a version where a file names none.
const INTERNAL: &str = "__internal";

/// The types of `audit.k8s.io/v1`, in the notation of the schema's asset.
const TYPES: &str = "type audit.Policy
 kind audit.k8s.io v1 Policy
 kind s o
 apiVersion s o
 metadata @meta.ObjectMeta o
 rules [@audit.PolicyRule r
 omitStages [s o G=Stage
 omitManagedFields b o
type audit.PolicyRule
 level s r G=Level
 users [s o
 userGroups [s o
 verbs [s o
 resources [@audit.GroupResources o
 namespaces [s o
 nonResourceURLs [s o
 omitStages [s o G=Stage
 omitManagedFields b po
type audit.GroupResources
 group s o
 resources [s o
 resourceNames [s o
type meta.ObjectMeta
 name s o
 generateName s o
 namespace s o
 selfLink s o
 uid s o
 resourceVersion s o
 generation l o
 creationTimestamp t o
 deletionTimestamp t po
 deletionGracePeriodSeconds l po
 labels {s o
 annotations {s o
 ownerReferences [r o
 finalizers [s o
 managedFields [r o
";

/// A policy with what was overlooked in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// What strict decoding found, where lenient decoding read the file.
    pub warning: Option<String>,
}

/// Reads a policy; an error's text is upstream's, without the file's name.
///
/// # Errors
///
/// What the real server says, and after which warning.
pub fn load(bytes: &[u8], release: &Release) -> Result<Loaded, (Option<String>, String)> {
    let (value, warning) =
        decode(bytes, release).map_err(|(w, why)| (w, format!("failed decoding: {why}")))?;
    let Some(value) = value else {
        let why = format!("unknown group version field {GROUP}/{INTERNAL}, Kind=Policy in policy");
        return Err((warning, why));
    };
    let errors = validation::validate(&value);
    if !errors.is_empty() {
        let mut texts: Vec<String> = Vec::new();
        for error in &errors {
            let text = format!("{}: {}", error.field, error.body(release));
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let why = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        return Err((warning, why));
    }
    if value["rules"].as_array().is_none_or(Vec::is_empty) {
        return Err((warning, "loaded illegal policy with 0 rules".into()));
    }
    Ok(Loaded { policy: Policy::of(&value), warning })
}

/// A policy's value, or nothing where the file names no version, and what strict decoding found.
type Decoded = (Option<Value>, Option<String>);

fn decode(bytes: &[u8], release: &Release) -> Result<Decoded, (Option<String>, String)> {
    let plain = |why: String| (None, why);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = first == Some(&b'{');
    let (node, mut strict) = if is_json {
        let error = |why| plain(format!("couldn't get version/kind; json parse error: {why}"));
        (json::parse(bytes).map_err(error)?, Vec::new())
    } else {
        let node = yaml::parse(bytes).map_err(plain)?;
        let mut twice = Vec::new();
        node.duplicates("", &mut twice);
        let twice = twice.first().map(|found| yaml::duplicate_error(found, bytes));
        // YAML becomes JSON by way of maps: keys in order, the last of several counts.
        (Node::from_value(&node.to_value()), twice.into_iter().collect())
    };
    let (version, kind) = interpret(&node).map_err(plain)?;
    let kind = if kind.is_empty() { "Policy" } else { kind.as_str() };
    let (group, short) = version.split_once('/').unwrap_or(("", &version));
    let unknown = || {
        let scheme = release.wording.scheme;
        plain(format!("no kind {kind:?} is registered for version {version:?} in scheme {scheme:?}"))
    };
    let internal = version.is_empty() || (group, short) == (GROUP, INTERNAL);
    match (kind, group, short) {
        ("Policy", ..) if internal => {
            strict.extend(unknown_to_go(&node));
            return Ok((None, warning(strict)));
        }
        ("Policy", GROUP, "v1") => {}
        ("Event" | "EventList" | "PolicyList", GROUP, "v1") => {
            return Err(plain(format!("converting (v1.{kind}) to (audit.Policy): unknown conversion")));
        }
        _ => return Err(unknown()),
    }
    let schema = schema();
    let root = schema.kind(GROUP, "v1", "Policy").unwrap_or_default();
    let mut findings = Findings::default();
    let value = typed::shape(schema, root, &node, &mut findings);
    if let Some(error) = findings.error {
        return Err(plain(error));
    }
    strict.extend(findings.strict);
    Ok((Some(value), warning(strict)))
}

fn warning(strict: Vec<String>) -> Option<String> {
    let text = strict.join(", ");
    (!text.is_empty()).then(|| {
        format!(
            "Audit policy contains errors, falling back to lenient decoding: strict decoding error: {text}"
        )
    })
}

/// Without a version the file is read into the internal type, which knows fields by the names that Go has for them.
fn unknown_to_go(node: &Node) -> Vec<String> {
    let Node::Object(entries) = node else { return Vec::new() };
    let schema = schema();
    let metadata = schema.types.iter().find(|one| one.name == "ObjectMeta");
    let known = |key: &str| {
        matches!(key, "kind" | "apiVersion" | "Rules" | "OmitStages" | "OmitManagedFields")
            || metadata.is_some_and(|one| one.field(key).is_some())
    };
    let unknown = entries.iter().filter(|(key, _)| !known(key));
    unknown.map(|(key, _)| format!("unknown field {key:?}")).collect()
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| Schema::parse(TYPES))
}
