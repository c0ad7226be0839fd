//! Inputs that nobody would write, made by changing ones that somebody would: for patches, selectors, flags, YAML, protobuf, audit
//! policies and whole objects. Whatever comes is refused or taken, and nothing panics; the input that does is printed with its seed.
//!
//! `CKS_LAB_FUZZ_SECONDS` says how long each target runs, `CKS_LAB_SEED` where it begins.

#![allow(clippy::print_stdout)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use cks_lab::apiserver::audit::policy;
use cks_lab::apiserver::flags::Flags;
use cks_lab::apiserver::registry::decode::{self, FieldValidation};
use cks_lab::apiserver::registry::managed_fields::{self, ApplyOptions};
use cks_lab::apiserver::registry::patch::{self, PatchType};
use cks_lab::apiserver::registry::{self, protobuf, yaml};
use cks_lab::apiserver::selectors::{FieldSelector, LabelSelector};
use cks_lab::release::RELEASES;

use crate::differential::generate::{self, Dice};

/// Pieces that mean something to one reader or another.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "9223372036854775808",
    "\\u0000",
    "\\ud800",
    "$patch",
    "$setElementOrder/containers",
    "$retainKeys",
    "$deleteFromPrimitiveList/finalizers",
    "metadata",
    "labels",
    "/",
    "~1",
    "~2",
    "/-",
    "/-1",
    "/0",
    "f:metadata",
    "k:{\"name\":\"c\"}",
    ".",
    "=",
    "!=",
    "==",
    " in (",
    " notin (",
    ")",
    "!",
    "\\",
    "--",
    "--v=",
    "=true",
    "&a ",
    "*a",
    "? ",
    "- ",
    "|\n",
    "%",
    "\t",
    "\u{0}",
    "\u{202e}",
    "é",
    "<<: ",
    "---\n",
];

/// How long each target runs.
fn lasts() -> Duration {
    let seconds = std::env::var("CKS_LAB_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// Changes a text here and there.
fn changed(dice: &mut Dice, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
            2 => {
                let to = (at + dice.below(20)).min(bytes.len());
                bytes.drain(at..to);
            }
            3 => {
                let to = (at + dice.below(40)).min(bytes.len());
                let again = bytes[at..to].to_vec();
                let at = dice.below(bytes.len() + 1);
                bytes.splice(at..at, again);
            }
            _ => {
                let piece = dice.of(PIECES).as_bytes().to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Gives inputs to a target until the time is over.
fn run(target: &str, make: impl Fn(&mut Dice) -> Vec<u8>, take: impl Fn(&mut Dice, &[u8])) {
    let first: u64 = std::env::var("CKS_LAB_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (began, mut seed) = (Instant::now(), first);
    while began.elapsed() < lasts() {
        let mut dice = Dice(seed);
        let input = make(&mut dice);
        let taken = catch_unwind(AssertUnwindSafe(|| take(&mut dice, &input)));
        assert!(taken.is_ok(), "{target}, seed {seed}: {:?}", String::from_utf8_lossy(&input));
        seed += 1;
    }
    println!("{target}: {} inputs", seed - first);
}

/// A body of a random request.
fn body(dice: &mut Dice) -> Vec<u8> {
    loop {
        let step = generate::step(dice);
        match &step["body"] {
            Value::Null => {}
            Value::String(text) => return changed(dice, text),
            other => return changed(dice, &other.to_string()),
        }
    }
}

/// Objects that patches are tried on: group, version, plural name, the object.
fn objects() -> [(&'static str, &'static str, &'static str, Value); 4] {
    let metadata = json!({"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": {"a": "x"},
        "finalizers": ["example.com/x"], "creationTimestamp": "2024-01-01T00:00:00Z",
        "managedFields": [{"manager": "one", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}}}, "f:data": {"f:k": {}}}}]});
    [
        (
            "",
            "v1",
            "configmaps",
            json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"k": "1"}}),
        ),
        (
            "",
            "v1",
            "pods",
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata,
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}),
        ),
        (
            "",
            "v1",
            "nodes",
            json!({"kind": "Node", "apiVersion": "v1", "metadata": metadata,
            "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "roles",
            json!({"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": metadata, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
    ]
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn patches() {
    let objects = objects();
    run("patches", body, |dice, input| {
        let release = &RELEASES[dice.below(RELEASES.len())];
        let (group, version, plural, object) = &objects[dice.below(objects.len())];
        let rt = registry::find(release, group, version, plural).unwrap();
        let validation =
            [FieldValidation::Strict, FieldValidation::Warn, FieldValidation::Ignore][dice.below(3)];
        for kind in [PatchType::Json, PatchType::Merge, PatchType::Strategic] {
            let Ok((new, _)) = patch::apply(rt, "", kind, object, input, validation) else { continue };
            assert!(new.is_object());
            // A merge says what is to be, so that it changes nothing the second time.
            if kind == PatchType::Merge {
                let again = patch::apply(rt, "", kind, &new, input, validation);
                assert!(again.is_ok_and(|(again, _)| again == new), "a merge that is not the same twice");
            }
        }
        let now = jiff::Timestamp::UNIX_EPOCH;
        for force in [false, true] {
            let options = ApplyOptions { manager: "two", force, validation, now };
            let _ = managed_fields::apply(rt, "", object, input, &options);
            let _ = managed_fields::apply(rt, "", &Value::Null, input, &options);
        }
    });
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn objects_as_json_and_yaml() {
    run("objects", body, |dice, input| {
        let release = &RELEASES[dice.below(RELEASES.len())];
        let all = registry::all(release);
        let rt = &all[dice.below(all.len())];
        for format in ["application/json", "application/yaml"] {
            let _ = decode::decode(rt, "", input, format, FieldValidation::Strict);
        }
        let _ = yaml::parse(input);
    });
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn protocol_buffers() {
    let make = |dice: &mut Dice| {
        let mut bytes = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12".to_vec();
        bytes.extend((0..dice.below(80)).map(|_| u8::try_from(dice.below(256)).unwrap()));
        bytes
    };
    run("protocol buffers", make, |dice, input| {
        let _ = protobuf::to_json(&RELEASES[dice.below(RELEASES.len())], input);
    });
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn selectors() {
    let make = |dice: &mut Dice| {
        let text =
            dice.of(&["a=b,c!=d", "x in (a, b),!y", "k notin (v)", "n>5,m<3", "metadata.name=a\\,b", "a"]);
        changed(dice, text)
    };
    let object = json!({"metadata": {"name": "a", "labels": {"a": "b", "n": "7"}}});
    run("selectors", make, |_, input| {
        let text = String::from_utf8_lossy(input);
        if let Ok(selector) = LabelSelector::parse(&text) {
            assert_eq!(selector.matches(&object), selector.clone().matches(&object));
        }
        if let Ok(selector) = FieldSelector::parse(&text) {
            selector.matches(|_| "a".to_owned());
        }
    });
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn flags() {
    let make = |dice: &mut Dice| {
        let line = (0..=dice.below(3)).map(|_| {
            dice.of(&[
                "--secure-port=6443",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction,x",
                "--v 3",
                "--anonymous-auth",
                "--feature-gates=A=true,B=x",
                "--service-cluster-ip-range=10.96.0.0/12",
                "--audit-log-maxage=5d",
                "--tls-sni-cert-key=a,b:c",
                "--max-requests-inflight=1e3",
            ])
        });
        let line = line.collect::<Vec<_>>().join(" ");
        changed(dice, &line)
    };
    run("flags", make, |dice, input| {
        let words: Vec<String> = String::from_utf8_lossy(input).split(' ').map(str::to_owned).collect();
        let _ = Flags::parse(&words, &RELEASES[dice.below(RELEASES.len())]);
    });
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn audit_policies() {
    const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n  \
        users: [\"system:node:node01\"]\n  verbs: [get]\n  resources:\n  - group: \"\"\n    resources: [pods/*]\n  nonResourceURLs: \
        [/healthz*]\n- level: RequestResponse\n  namespaces: [kube-system]\n";
    run(
        "audit policies",
        |dice| changed(dice, POLICY),
        |dice, input| {
            let _ = policy::load(input, &RELEASES[dice.below(RELEASES.len())]);
        },
    );
}
