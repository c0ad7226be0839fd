#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::apiserver::registry::Strategy;
use crate::apiserver::storage::Key;
use crate::clock::SystemClock;
use crate::release::default_release;

struct NoStrategy;
impl Strategy for NoStrategy {}

/// The resource type, or a stand-in where it is not served.
fn resource(group: &'static str, plural: &'static str) -> &'static ResourceType {
    if let Some(served) = crate::apiserver::registry::find(default_release(), group, "v1", plural) {
        return served;
    }
    Box::leak(Box::new(ResourceType {
        release: default_release(),
        group,
        version: "v1",
        kind: "",
        plural,
        singular: "",
        short_names: &[],
        categories: &[],
        namespaced: true,
        verbs: &[],
        subresources: Vec::new(),
        strategy: &NoStrategy,
    }))
}

/// A write that is played against plugins.
pub(super) struct Write {
    pub user: UserInfo,
    pub operation: Operation,
    pub group: &'static str,
    pub resource: &'static str,
    pub subresource: &'static str,
    pub namespace: &'static str,
    pub name: &'static str,
    pub object: Value,
    pub old: Value,
}

impl Write {
    pub(super) fn new(
        operation: Operation,
        resource: &'static str,
        name: &'static str,
        object: Value,
    ) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let user = UserInfo::new("admin", &["system:masters"]);
        Self { user, operation, group, resource, subresource, namespace: "", name, object, old: Value::Null }
    }

    pub(super) fn by(mut self, user: &str, groups: &[&str]) -> Self {
        self.user = UserInfo::new(user, groups);
        self
    }

    pub(super) fn inside(mut self, namespace: &'static str) -> Self {
        self.namespace = namespace;
        self
    }

    pub(super) fn over(mut self, old: Value) -> Self {
        self.old = old;
        self
    }

    /// Runs the chain; gives the object as plugins leave it, or code and message of the refusal.
    pub(super) fn play(self, chain: &Chain, environment: &Environment) -> Result<Value, (u16, String)> {
        self.run(chain, environment, &mut Vec::new()).map_err(|status| (status.code, status.message))
    }

    /// Runs the chain; gives what the plugins have to say besides.
    pub(super) fn notes(self, chain: &Chain, environment: &Environment) -> Notes {
        let mut notes = Notes::default();
        let _ = self.run_noting(chain, environment, &mut Vec::new(), &mut notes);
        notes
    }

    fn run(self, chain: &Chain, environment: &Environment, trace: &mut Vec<Trace>) -> Result<Value, Status> {
        self.run_noting(chain, environment, trace, &mut Notes::default())
    }

    fn run_noting(
        mut self,
        chain: &Chain,
        environment: &Environment,
        trace: &mut Vec<Trace>,
        notes: &mut Notes,
    ) -> Result<Value, Status> {
        let deletes = self.operation == Operation::Delete;
        let mut attributes = Attributes {
            user: &self.user,
            operation: self.operation,
            resource: resource(self.group, self.resource),
            subresource: self.subresource,
            namespace: self.namespace,
            name: self.name,
            object: (!deletes).then_some(&mut self.object),
            old_object: Some(&self.old).filter(|old| !old.is_null()),
            dry_run: false,
            notes: std::cell::RefCell::default(),
        };
        let result = chain
            .admit(&mut attributes, environment, trace)
            .and_then(|()| chain.validate(&attributes, environment, trace));
        *notes = attributes.notes.take();
        result.map(|()| self.object)
    }
}

/// A chain of some plugins alone.
pub(super) fn only(plugins: &[&str]) -> Chain {
    let mut chain = Chain::new(default_release(), &strings(plugins), &[]);
    chain.mutating.retain(|plugin| plugins.contains(&plugin.name()));
    chain.validating.retain(|plugin| plugins.contains(&plugin.name()));
    chain
}

/// An environment with some namespaces and RBAC.
pub(super) fn environment() -> Environment {
    let (store, release) = (Store::in_memory(), default_release());
    for (name, phase) in [("default", "Active"), ("kube-node-lease", "Active"), ("leaving", "Terminating")] {
        put(&store, "namespaces", "", name, json!({"status": {"phase": phase}}));
    }
    let authorization = authorization::Environment { store: store.clone(), release };
    let authorizers = Arc::new(authorization::Chain::new(&strings(&["Node", "RBAC"]), &authorization));
    Environment { store, release, clock: Arc::new(SystemClock), authorizers }
}

pub(super) fn put(store: &Store, resource: &str, namespace: &str, name: &str, mut object: Value) {
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    object["metadata"]["name"] = json!(name);
    store.create(Key::new(group, resource, namespace, name), object).unwrap();
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_loaded_plugins_are_logged_as_the_real_server_does() {
    const VALIDATING: &str = "Loaded 13 validating admission controller(s) successfully in the following order: \
        LimitRanger,ServiceAccount,PodSecurity,Priority,PersistentVolumeClaimResize,RuntimeClass,CertificateApproval,\
        CertificateSigning,ClusterTrustBundleAttest,CertificateSubjectRestriction,ValidatingAdmissionPolicy,\
        ValidatingAdmissionWebhook,ResourceQuota.";
    let rows: [(&[&str], &[&str], &str); 4] = [
        (
            &[],
            &[],
            "Loaded 11 mutating admission controller(s) successfully in the following order: NamespaceLifecycle,\
             LimitRanger,ServiceAccount,TaintNodesByCondition,Priority,DefaultTolerationSeconds,DefaultStorageClass,\
             StorageObjectInUseProtection,RuntimeClass,DefaultIngressClass,MutatingAdmissionWebhook.",
        ),
        (
            &["NodeRestriction"],
            &[],
            "Loaded 12 mutating admission controller(s) successfully in the following order: NamespaceLifecycle,\
             LimitRanger,ServiceAccount,NodeRestriction,TaintNodesByCondition,Priority,DefaultTolerationSeconds,\
             DefaultStorageClass,StorageObjectInUseProtection,RuntimeClass,DefaultIngressClass,\
             MutatingAdmissionWebhook.",
        ),
        (
            &[],
            &["NodeRestriction", "DefaultIngressClass"],
            "Loaded 10 mutating admission controller(s) successfully in the following order: NamespaceLifecycle,\
             LimitRanger,ServiceAccount,TaintNodesByCondition,Priority,DefaultTolerationSeconds,DefaultStorageClass,\
             StorageObjectInUseProtection,RuntimeClass,MutatingAdmissionWebhook.",
        ),
        (
            &["AlwaysPullImages", "NamespaceAutoProvision"],
            &["NamespaceLifecycle"],
            "Loaded 12 mutating admission controller(s) successfully in the following order: NamespaceAutoProvision,\
             LimitRanger,ServiceAccount,TaintNodesByCondition,AlwaysPullImages,Priority,DefaultTolerationSeconds,\
             DefaultStorageClass,StorageObjectInUseProtection,RuntimeClass,DefaultIngressClass,\
             MutatingAdmissionWebhook.",
        ),
    ];
    for (enable, disable, mutating) in rows {
        let chain = Chain::new(default_release(), &strings(enable), &strings(disable));
        let [first, second] = chain.loaded_messages();
        assert_eq!(first, mutating);
        if !enable.contains(&"AlwaysPullImages") {
            assert_eq!(second, VALIDATING);
        }
    }
}

/// What a search for the plugin in the log shows: one line where it is on, none where it is off.
#[test]
fn the_plugin_is_in_one_line_of_the_log_and_only_where_it_is_on() {
    let newer = "NamespaceLifecycle,LimitRanger,ServiceAccount,NodeRestriction,TaintNodesByCondition,Priority,\
        DefaultTolerationSeconds,DefaultStorageClass,StorageObjectInUseProtection,PodGroupProtection,RuntimeClass,\
        DefaultIngressClass,PodTopologyLabels,MutatingAdmissionPolicy,MutatingAdmissionWebhook.";
    for (release, on, off) in [
        ("1.31", "Loaded 12 mutating", "Loaded 11 mutating"),
        ("1.36", "Loaded 15 mutating", "Loaded 14 mutating"),
    ] {
        let release = crate::release::Release::find(release).unwrap();
        let told = |enabled: &[&str]| Chain::new(release, &strings(enabled), &[]).loaded_messages();
        let with: Vec<_> =
            told(&["NodeRestriction"]).into_iter().filter(|l| l.contains("NodeRestriction")).collect();
        assert!(with.len() == 1 && with[0].starts_with(on), "{with:?}");
        assert!(release.minor < 36 || with[0].ends_with(newer), "{with:?}");
        let without = told(&[]);
        assert!(without[0].starts_with(off) && !without.concat().contains("NodeRestriction"), "{without:?}");
    }
}

#[test]
fn the_defaults_of_every_release_are_known_plugins() {
    for release in &crate::release::RELEASES {
        let known = known_plugins(release);
        for name in release.mutating_plugins.iter().chain(release.validating_plugins) {
            assert!(known.contains(name), "{name} in 1.{}", release.minor);
        }
        let chain = Chain::new(release, &[], &[]);
        let names = |plugins: &[Box<dyn Plugin>]| plugins.iter().map(|p| p.name()).collect::<Vec<_>>();
        assert_eq!(names(&chain.mutating), release.mutating_plugins);
        assert_eq!(names(&chain.validating), release.validating_plugins);
    }
    let known = known_plugins(default_release());
    assert_eq!(known.len(), 34);
    assert!(!known.contains(&"MutatingAdmissionPolicy"), "came with 1.32");
}

#[test]
fn the_trace_tells_who_ran_and_who_refused() {
    let environment = environment();
    let chain = Chain::new(default_release(), &strings(&["NodeRestriction"]), &[]);
    let write = |name| {
        Write::new(Operation::Update, "nodes", name, json!({"metadata": {"name": name}}))
            .by("system:node:n1", &["system:nodes"])
    };
    let mut trace = Vec::new();
    assert!(write("n1").run(&chain, &environment, &mut trace).is_ok());
    assert!(trace.iter().all(|note| note.refused.is_none()));
    assert!(trace.iter().any(|note| note.plugin == "NodeRestriction" && note.mutating));
    trace.clear();
    assert!(write("n2").run(&chain, &environment, &mut trace).is_err());
    let last = trace.last().unwrap();
    assert_eq!(last.plugin, "NodeRestriction");
    let refused = r#"nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2""#;
    assert_eq!(last.refused.as_deref(), Some(refused));
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_not_there() {
    let environment = environment();
    let chain = only(&["NamespaceLifecycle"]);
    let map = |namespace, operation| {
        let object = json!({"metadata": {"name": "x"}});
        Write::new(operation, "configmaps", "", object).inside(namespace).play(&chain, &environment).map(drop)
    };
    let leaving = "configmaps \"x\" is forbidden: unable to create new content in namespace leaving because it is being \
                   terminated";
    assert_eq!(map("default", Operation::Create), Ok(()));
    assert_eq!(map("gone", Operation::Create), Err((404, "namespaces \"gone\" not found".into())));
    assert_eq!(map("gone", Operation::Update), Err((404, "namespaces \"gone\" not found".into())));
    assert_eq!(map("gone", Operation::Delete), Ok(()));
    assert_eq!(map("leaving", Operation::Create), Err((403, leaving.into())));
    assert_eq!(map("leaving", Operation::Update), Ok(()));
    for (name, may) in [("default", false), ("kube-system", false), ("kube-public", false), ("mine", true)] {
        let delete = Write::new(Operation::Delete, "namespaces", name, Value::Null).inside(name);
        let refused = format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        let want = if may { Ok(()) } else { Err((403, refused)) };
        assert_eq!(delete.play(&chain, &environment).map(drop), want);
    }
    let review =
        Write::new(Operation::Create, "localsubjectaccessreviews.authorization.k8s.io", "", json!({}));
    assert!(review.inside("gone").play(&chain, &environment).is_ok());
}

fn pod(spec: Value) -> Write {
    Write::new(Operation::Create, "pods", "", json!({"metadata": {"name": "p"}, "spec": spec}))
        .inside("default")
}

#[test]
fn pods_get_their_account_and_its_token() {
    let environment = environment();
    let chain = only(&["ServiceAccount"]);
    let containers = || json!([{"name": "c"}, {"name": "d", "volumeMounts": [{"name": "own", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}]);
    let plain = || pod(json!({"containers": containers()}));
    let missing = "pods \"p\" is forbidden: error looking up service account default/default: serviceaccount \
                   \"default\" not found";
    assert_eq!(plain().play(&chain, &environment), Err((403, missing.into())));
    put(
        &environment.store,
        "serviceaccounts",
        "default",
        "default",
        json!({"imagePullSecrets": [{"name": "pull"}]}),
    );
    put(
        &environment.store,
        "serviceaccounts",
        "default",
        "quiet",
        json!({"automountServiceAccountToken": false}),
    );

    let got = plain().play(&chain, &environment).unwrap();
    let spec = &got["spec"];
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "pull"}]));
    let name = spec["volumes"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("kube-api-access-") && name.len() == 21, "{name}");
    assert_eq!(
        spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"],
        3607
    );
    let mount =
        json!({"name": name, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"});
    assert_eq!(spec["containers"][0]["volumeMounts"], json!([mount]));
    assert_eq!(spec["containers"][1], containers()[1], "what is mounted there stays");

    for (spec, mounted) in [
        (json!({"serviceAccountName": "quiet", "containers": containers()}), false),
        (
            json!({"serviceAccountName": "quiet", "automountServiceAccountToken": true, "containers": containers()}),
            true,
        ),
        (json!({"automountServiceAccountToken": false, "containers": containers()}), false),
    ] {
        let got = pod(spec).play(&chain, &environment).unwrap();
        assert_eq!(!got["spec"]["volumes"].is_null(), mounted);
    }
}

#[test]
fn an_account_may_limit_the_secrets_of_its_pods() {
    let environment = environment();
    let chain = only(&["ServiceAccount"]);
    let annotations = json!({"kubernetes.io/enforce-mountable-secrets": "true"});
    let account = json!({"metadata": {"annotations": annotations}, "secrets": [{"name": "mine"}], "imagePullSecrets": [{"name": "pull"}]});
    put(&environment.store, "serviceaccounts", "default", "strict", account);
    let play = |mut spec: Value| {
        spec["serviceAccountName"] = json!("strict");
        pod(spec).play(&chain, &environment).map(drop)
    };
    let end = "is not allowed because service account strict does not reference that";
    let refused = |why: String| Err((403, format!("pods \"p\" is forbidden: {why} {end}")));
    let volume = |secret: &str| json!({"volumes": [{"name": "v", "secret": {"secretName": secret}}]});
    let env = json!({"containers": [{"name": "c", "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "k"}}}]}]});
    let from = json!({"initContainers": [{"name": "c", "envFrom": [{"secretRef": {"name": "theirs"}}]}]});
    assert_eq!(play(volume("mine")), Ok(()));
    assert_eq!(
        play(volume("theirs")),
        refused("volume with secret.secretName=\"theirs\"".into()).map_err(|(c, m)| (c, m + " secret"))
    );
    let rows = [
        (env, "container c with envVar E referencing secret.secretName=\"theirs\"", " secret"),
        (from, "init container c with envFrom referencing secret.secretName=\"theirs\"", " secret"),
        (
            json!({"imagePullSecrets": [{"name": "pull"}, {"name": "x"}]}),
            "imagePullSecrets[1].name=\"x\"",
            " imagePullSecret",
        ),
    ];
    for (spec, why, tail) in rows {
        assert_eq!(play(spec), refused(why.into()).map_err(|(code, message)| (code, message + tail)));
    }
}

#[test]
fn mirror_pods_refer_to_nothing() {
    let environment = environment();
    let chain = only(&["ServiceAccount"]);
    let mirror = |spec: Value| {
        let metadata = json!({"name": "m", "annotations": {"kubernetes.io/config.mirror": "h"}});
        let object = json!({"metadata": metadata, "spec": spec});
        Write::new(Operation::Create, "pods", "", object.clone())
            .inside("default")
            .play(&chain, &environment)
            .map(|got| {
                assert_eq!(got, object, "mirror pods stay as they are");
            })
    };
    let token = json!({"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]});
    let rows = [
        (json!({"serviceAccountName": "default"}), "a mirror pod may not reference service accounts"),
        (
            json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}),
            "a mirror pod may not reference secrets",
        ),
        (token, "a mirror pod may not use ServiceAccountToken volume projections"),
    ];
    assert_eq!(mirror(json!({"containers": [{"name": "c"}]})), Ok(()));
    for (spec, why) in rows {
        assert_eq!(mirror(spec), Err((403, format!("pods \"m\" is forbidden: {why}"))));
    }
}

#[test]
fn pods_get_priority_and_tolerations() {
    let environment = environment();
    let chain = only(&["Priority", "DefaultTolerationSeconds"]);
    let play = |spec: Value| pod(spec).play(&chain, &environment).map(|pod| pod["spec"].clone());
    let got = play(json!({})).unwrap();
    assert_eq!((&got["priority"], &got["preemptionPolicy"]), (&json!(0), &json!("PreemptLowerPriority")));
    assert_eq!(got["tolerations"].as_array().unwrap().len(), 2);
    let got =
        play(json!({"priorityClassName": "system-node-critical", "tolerations": [{"operator": "Exists"}]}))
            .unwrap();
    assert_eq!(got["priority"], 2_000_001_000);
    assert_eq!(got["tolerations"], json!([{"operator": "Exists"}]), "it tolerates everything already");
    let got = play(json!({"tolerations": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]}))
        .unwrap();
    assert_eq!(got["tolerations"].as_array().unwrap().len(), 3, "another effect is another taint");
    let refused = [
        (json!({"priorityClassName": "gone"}), "no PriorityClass with name gone was found"),
        (
            json!({"priority": 7}),
            "the integer value of priority (7) must not be provided in pod spec; priority admission controller computed \
             0 from the given PriorityClass name",
        ),
        (
            json!({"preemptionPolicy": "Never"}),
            "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission \
             controller computed PreemptLowerPriority from the given PriorityClass name",
        ),
    ];
    for (spec, why) in refused {
        assert_eq!(play(spec), Err((403, format!("pods \"p\" is forbidden: {why}"))));
    }
    let class = |name, default| json!({"metadata": {"name": name}, "value": 100, "globalDefault": default});
    put(&environment.store, "priorityclasses.scheduling.k8s.io", "", "usual", class("usual", true));
    let got = play(json!({})).unwrap();
    assert_eq!((&got["priority"], &got["priorityClassName"]), (&json!(100), &json!("usual")));
    let resource = "priorityclasses.scheduling.k8s.io";
    let second = Write::new(Operation::Create, resource, "", class("second", true));
    let why = "priorityclasses.scheduling.k8s.io \"second\" is forbidden: PriorityClass usual is already marked as \
               default. Only one default can exist";
    assert_eq!(second.play(&chain, &environment).map(drop), Err((403, why.into())));
    let same =
        Write::new(Operation::Update, resource, "usual", class("usual", true)).over(class("usual", true));
    assert_eq!(same.play(&chain, &environment).map(drop), Ok(()));
}

#[test]
fn new_nodes_are_tainted_once() {
    let environment = environment();
    let chain = only(&["TaintNodesByCondition"]);
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    for taints in [Value::Null, json!([]), json!([taint])] {
        let node = json!({"metadata": {"name": "n"}, "spec": {"taints": taints}});
        let got =
            Write::new(Operation::Create, "nodes", "", node.clone()).play(&chain, &environment).unwrap();
        assert_eq!(got["spec"]["taints"], json!([taint]));
        let got =
            Write::new(Operation::Update, "nodes", "n", node.clone()).play(&chain, &environment).unwrap();
        assert_eq!(got, node, "only on create");
    }
}

#[test]
fn signers_are_asked_for() {
    let environment = environment();
    let role = json!({"rules": [{"verbs": ["approve", "sign"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["example.com/*", "kubernetes.io/legacy"]}]});
    put(&environment.store, "clusterroles.rbac.authorization.k8s.io", "", "signer", role);
    let binding = json!({"roleRef": {"kind": "ClusterRole", "name": "signer"}, "subjects": [{"kind": "User", "name": "alice"}]});
    put(&environment.store, "clusterrolebindings.rbac.authorization.k8s.io", "", "signer", binding);
    let chain = only(&["CertificateApproval", "CertificateSigning"]);
    let old = |signer: &str| json!({"metadata": {"name": "c"}, "spec": {"signerName": signer}});
    let play = |resource, signer: &str, change: Value| {
        let mut new = old(signer);
        new["status"] = change;
        let write = Write::new(Operation::Update, resource, "c", new).over(old(signer));
        write.by("alice", &[]).play(&chain, &environment).map(drop)
    };
    let (approval, status) = (
        "certificatesigningrequests.certificates.k8s.io/approval",
        "certificatesigningrequests.certificates.k8s.io/status",
    );
    let refused = |verb: &str| {
        let name = "certificatesigningrequests.certificates.k8s.io \"c\"";
        Err((
            403,
            format!(
                "{name} is forbidden: user not permitted to {verb} requests with signerName \"kubernetes.io/other\""
            ),
        ))
    };
    for signer in ["example.com/any", "kubernetes.io/legacy"] {
        assert_eq!(play(approval, signer, json!({})), Ok(()));
        assert_eq!(play(status, signer, json!({"certificate": "x"})), Ok(()));
    }
    assert_eq!(play(approval, "kubernetes.io/other", json!({})), refused("approve"));
    assert_eq!(play(status, "kubernetes.io/other", json!({"certificate": "x"})), refused("sign"));
    assert_eq!(play(status, "kubernetes.io/other", Value::Null), Ok(()), "nothing is signed");
}

#[test]
fn no_client_certificate_for_masters() {
    let environment = environment();
    let chain = only(&["CertificateSubjectRestriction"]);
    let play = |signer: &str, organization: &str| {
        let request = super::node_restriction::tests::signing_request("someone", organization);
        let object = json!({"metadata": {"name": "c"}, "spec": {"signerName": signer, "request": request}});
        let resource = "certificatesigningrequests.certificates.k8s.io";
        Write::new(Operation::Create, resource, "", object).play(&chain, &environment).map(drop)
    };
    let client = "kubernetes.io/kube-apiserver-client";
    let why = format!(
        "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: use of {client} signer with system:masters group is not allowed"
    );
    assert_eq!(play(client, "system:masters"), Err((403, why)));
    assert_eq!(play(client, "developers"), Ok(()));
    assert_eq!(play("example.com/x", "system:masters"), Ok(()));
}

#[test]
fn always_deny_and_pull() {
    let environment = environment();
    let got = pod(json!({"containers": [{"name": "c", "imagePullPolicy": "Never"}]}))
        .play(&only(&["AlwaysPullImages"]), &environment);
    assert_eq!(got.unwrap()["spec"]["containers"][0]["imagePullPolicy"], "Always");
    let why = "pods \"p\" is forbidden: admission control is denying all modifications";
    assert_eq!(pod(json!({})).play(&only(&["AlwaysDeny"]), &environment), Err((403, why.into())));
}

#[test]
fn runtime_classes_must_exist() {
    let environment = environment();
    let chain = only(&["RuntimeClass"]);
    let play = |spec: Value| pod(spec).play(&chain, &environment).map(|pod| pod["spec"].clone());
    let refused = |why: &str| Err((403, format!("pods \"p\" is forbidden: {why}")));
    assert_eq!(
        play(json!({"runtimeClassName": "gvisor"})),
        refused("pod rejected: RuntimeClass \"gvisor\" not found")
    );
    let class = json!({"handler": "runsc", "overhead": {"podFixed": {"cpu": "1"}}, "scheduling": {"nodeSelector": {"a": "b"}}});
    put(&environment.store, "runtimeclasses.node.k8s.io", "", "gvisor", class);
    let got = play(json!({"runtimeClassName": "gvisor"})).unwrap();
    assert_eq!((&got["overhead"], &got["nodeSelector"]), (&json!({"cpu": "1"}), &json!({"a": "b"})));
    let conflict = "conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c";
    assert_eq!(play(json!({"runtimeClassName": "gvisor", "nodeSelector": {"a": "c"}})), refused(conflict));
    let own = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    assert_eq!(play(json!({"overhead": {"cpu": "1"}})), refused(own));
}

#[test]
fn claims_and_volumes() {
    let environment = environment();
    let chain = only(&["DefaultStorageClass", "StorageObjectInUseProtection", "PersistentVolumeClaimResize"]);
    let annotated = json!({"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}});
    put(
        &environment.store,
        "storageclasses.storage.k8s.io",
        "",
        "local-path",
        json!({"metadata": annotated}),
    );
    put(
        &environment.store,
        "storageclasses.storage.k8s.io",
        "",
        "other",
        json!({"allowVolumeExpansion": true}),
    );
    let claim = |class: Value, size: &str, phase: &str| json!({"metadata": {"name": "c"}, "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}, "status": {"phase": phase}});
    let create = |claim| {
        Write::new(Operation::Create, "persistentvolumeclaims", "", claim).play(&chain, &environment).unwrap()
    };
    let got = create(claim(Value::Null, "1Gi", ""));
    assert_eq!(got["spec"]["storageClassName"], "local-path");
    assert_eq!(got["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    assert_eq!(create(claim(json!(""), "1Gi", ""))["spec"]["storageClassName"], "");
    let grow = |class: &str, phase: &str| {
        let write =
            Write::new(Operation::Update, "persistentvolumeclaims", "c", claim(json!(class), "2Gi", phase));
        write.over(claim(json!(class), "1Gi", phase)).play(&chain, &environment).map(drop)
    };
    let refused = |why: &str| Err((403, format!("persistentvolumeclaims \"c\" is forbidden: {why}")));
    assert_eq!(grow("other", "Bound"), Ok(()));
    assert_eq!(grow("other", "Pending"), refused("Only bound persistent volume claims can be expanded"));
    assert_eq!(
        grow("local-path", "Bound"),
        refused(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
        )
    );
}
