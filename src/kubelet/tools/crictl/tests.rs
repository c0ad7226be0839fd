#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::kubelet::runtime::images;
use crate::kubelet::runtime::{Container, ContainerSpec, PodRef, Sandbox, State};
use crate::kubelet::usage::Used;

fn node() -> NodeState {
    let at = |s: i64| Timestamp::from_second(s).unwrap();
    let pod = PodRef {
        name: "kube-apiserver-controlplane".into(),
        namespace: "kube-system".into(),
        uid: "u".into(),
    };
    let container = |id: &str, attempt, state: State, created| Container {
        id: id.repeat(5),
        sandbox: "a7bcd4b6d89be".repeat(5),
        pod: pod.clone(),
        spec: ContainerSpec {
            name: "kube-apiserver".into(),
            image: "i".into(),
            argv: vec!["kube-apiserver".into()],
            mounts: Vec::new(),
        },
        attempt,
        created: at(created),
        started: Some(at(created)),
        finished: (state == State::Exited).then(|| at(created + 5)),
        state,
        exit: (state == State::Exited).then_some(1),
        ready: true,
        log_path: String::new(),
        pid: None,
    };
    let manifest = json!({"metadata": {"labels": {"component": "kube-apiserver"}, "annotations": {"a": "b"}},
        "spec": {"hostNetwork": true, "containers": [{"name": "kube-apiserver", "resources": {"requests": {"cpu": "250m"}},
            "volumeMounts": [{"name": "k", "mountPath": "/etc/kubernetes/pki", "readOnly": true}]}],
            "volumes": [{"name": "k", "hostPath": {"path": "/etc/kubernetes/pki"}}]}});
    NodeState {
        version: "v1.31.0".into(),
        node: "controlplane".into(),
        now: at(1000),
        address: "172.30.1.2".into(),
        pods: [("u".to_owned(), manifest)].into(),
        pod_addresses: Default::default(),
        sandboxes: vec![Sandbox {
            id: "a7bcd4b6d89be".repeat(5),
            pod: pod.clone(),
            attempt: 0,
            created: at(983),
            ready: false,
            pid: None,
        }],
        containers: vec![
            container("77d2e3aaa36bc", 1, State::Running, 983),
            container("1112020d616d3", 0, State::Exited, 900),
        ],
        stands: false,
    }
}

fn options(command: &str, words: &[&str]) -> Options {
    Options::parse(
        crate::release::default_release().node.crictl_help,
        command,
        &words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(),
    )
    .unwrap()
}

#[test]
fn tables_look_like_crictls() {
    let image: String = images::id("i").chars().take(13).collect();
    let text = list::ps(&node(), &options("ps", &[])).unwrap();
    let expected = format!(
        "CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD\n\
         77d2e3aaa36bc       {image}       17 seconds ago      Running             kube-apiserver      1                   a7bcd4b6d89be       kube-apiserver-controlplane\n"
    );
    assert_eq!(text, expected);
    let text = list::pods(&node(), &options("pods", &[])).unwrap();
    assert_eq!(
        text,
        "POD ID              CREATED             STATE               NAME                          NAMESPACE           ATTEMPT             RUNTIME\n\
         a7bcd4b6d89be       17 seconds ago      NotReady            kube-apiserver-controlplane   kube-system         0                   (default)\n"
    );
    let whole = list::ps(&node(), &options("ps", &["--no-trunc"])).unwrap();
    assert!(whole.contains(&format!("sha256:{}", images::id("i"))), "{whole}");
}

#[test]
fn a_newer_crictl_has_a_column_for_the_namespace() {
    let newer = NodeState { version: "v1.36.3".into(), ..node() };
    let text = list::ps(&newer, &options("ps", &[])).unwrap();
    let (head, row) = text.trim_end().split_once('\n').unwrap();
    assert!(head.ends_with("POD ID              POD                           NAMESPACE"), "{head}");
    assert!(row.ends_with("a7bcd4b6d89be       kube-apiserver-controlplane   kube-system"), "{row}");
    assert!(!list::ps(&node(), &options("ps", &[])).unwrap().contains("NAMESPACE"));
}

#[test]
fn filters_choose() {
    for (words, count) in [
        (&["-a"][..], 2),
        (&[], 1),
        (&["--state", "Exited"], 1),
        (&["-a", "--name", "apiserver$"], 2),
        (&["-a", "--name=scheduler"], 0),
        (&["-a", "-l"], 1),
        (&["-n", "1"], 1),
        (&["-a", "--id", "1112"], 1),
        (&["-a", "--pod", "zzz"], 0),
        (&["-a", "--image", "i"], 2),
        (&["-a", "--label", "io.kubernetes.pod.namespace=kube-system"], 2),
        (&["-a", "--label", "io.kubernetes.pod.namespace=default"], 0),
    ] {
        assert_eq!(list::chosen(&node(), &options("ps", words)).unwrap().len(), count, "{words:?}");
    }
    let labelled = options("pods", &["--label", "component=kube-apiserver", "-q"]);
    assert_eq!(list::pods(&node(), &labelled).unwrap().lines().count(), 1);
}

#[test]
fn what_is_wrong_is_said_as_crictl_says_it() {
    let fatal = |text: &str| Failure::Fatal(text.to_owned());
    for (words, failure) in [
        (&["-o", "nonsense"][..], fatal("listing containers: unsupported output format \"nonsense\"")),
        (&["--label", "nonsense"], fatal("incorrectly specified label: nonsense")),
        (
            &["--state", "nonsense"],
            Failure::Log("--state should be one of created, running, exited or unknown".into()),
        ),
    ] {
        assert_eq!(list::ps(&node(), &options("ps", words)).unwrap_err(), failure);
    }
    let missing =
        "rpc error: code = NotFound desc = an error occurred when try to find container \"zzz\": not found";
    assert_eq!(
        inspect::containers(&node(), &options("inspect", &["zzz"])).unwrap_err(),
        Failure::Runtime(
            format!("\"ContainerStatus from runtime service failed\" err={missing:?} containerID=\"zzz\""),
            format!("get the status of containers: get container status: {missing}")
        )
    );
    let pod = "get the status of pod sandboxes: get pod sandbox status: rpc error: code = NotFound desc = an error occurred when \
               try to find sandbox: not found";
    assert_eq!(inspect::sandboxes(&node(), &options("inspectp", &["zzz"])).unwrap_err(), fatal(pod));
    let image = inspect::images(&node(), &options("inspecti", &["zzz"])).unwrap_err();
    assert_eq!(image, fatal("no such image \"zzz\" present"));
}

#[test]
fn json_and_yaml_have_what_the_runtime_knows() {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let ps = read(list::ps(&node(), &options("ps", &["-a", "-o", "json"])).unwrap());
    assert_eq!(ps["containers"][0]["state"], "CONTAINER_RUNNING");
    assert_eq!(ps["containers"][0]["annotations"]["io.kubernetes.container.restartCount"], "1");
    assert_eq!(ps["containers"][1]["createdAt"], "900000000000");
    let pods: Value =
        serde_yaml::from_str(&list::pods(&node(), &options("pods", &["-o", "yaml"])).unwrap()).unwrap();
    assert_eq!(pods["items"][0]["labels"]["component"], "kube-apiserver");
    assert_eq!(pods["items"][0]["state"], "SANDBOX_NOTREADY");
    let inspected = read(inspect::containers(&node(), &options("inspect", &["77d2"])).unwrap());
    assert_eq!(inspected["status"]["resources"]["linux"]["cpuShares"], "256");
    assert_eq!(inspected["status"]["mounts"][0]["hostPath"], "/etc/kubernetes/pki");
    assert_eq!(inspected["status"]["mounts"][0]["readonly"], true);
    assert_eq!(inspected["info"]["config"]["command"][0], "kube-apiserver");
    let template = options("inspect", &["-o", "go-template", "--template", "{{.status.state}}", "1112"]);
    assert_eq!(inspect::containers(&node(), &template).unwrap(), "CONTAINER_EXITED\n");
    let table = inspect::containers(&node(), &options("inspect", &["-q", "-o", "table", "1112"])).unwrap();
    assert!(table.contains("Finished: About a minute ago\nExit Code: 1\nLabels:\n\tio.kubernetes.container.name -> kube-apiserver\n"), "{table}");
    let pod = read(inspect::sandboxes(&node(), &options("inspectp", &["a7bc"])).unwrap());
    assert_eq!(pod["status"]["linux"]["namespaces"]["options"]["network"], "NODE");
    let images = read(list::list_images(&node(), &options("images", &["-o", "json"])).unwrap());
    assert!(
        images["images"]
            .as_array()
            .unwrap()
            .iter()
            .any(|i| i["repoTags"][0] == "registry.k8s.io/kube-apiserver:v1.31.0")
    );
}

#[test]
fn usage_is_told_of_what_runs() {
    let spent = std::cell::Cell::new(0);
    let look = || {
        let cpu = spent.replace(spent.get() + 1_000_000_000);
        let server = Some(Used { cpu, memory: 42_000_000, faults: (1, 0) });
        Ok(stats::Look { state: node(), server, at: std::time::Instant::now() })
    };
    let said = |command: &str, words: &[&str]| {
        let mut text = String::new();
        let mut print = |more: &str| {
            text += more;
            Ok(())
        };
        match command {
            "stats" => stats::containers(&look, &options("stats", words), &mut print).unwrap(),
            _ => stats::sandboxes(&look, &options("statsp", words), &mut print).unwrap(),
        }
        text
    };
    let text = said("stats", &["--seconds", "0"]);
    let (head, rows) = text.split_once('\n').unwrap();
    assert_eq!(
        head,
        "\x1b[2J\x1b[HCONTAINER           NAME                CPU %               MEM                 DISK                INODES"
    );
    assert!(
        rows.starts_with("77d2e3aaa36bc       kube-apiserver      0.00                42MB")
            && rows.lines().count() == 1,
        "{rows}"
    );
    let measured = said("stats", &[]);
    let share: f64 = measured.lines().nth(1).unwrap().split_whitespace().nth(2).unwrap().parse().unwrap();
    // A second of processor time, in a second or, on a busy machine, more.
    assert!(share > 0.0 && share <= 100.0, "{measured}");
    let json: Value = serde_json::from_str(&said("stats", &["-o", "json"])).unwrap();
    assert_eq!(json["stats"][0]["memory"]["workingSetBytes"]["value"], "42000000");
    assert_eq!(said("statsp", &["--seconds", "0", "zzz"]).lines().count(), 1);
}

#[test]
fn a_wrong_flag_shows_the_help() {
    let shown = usage_with_subcommands(crate::release::default_release(), "logs");
    assert!(
        shown.contains("crictl logs command [command options] CONTAINER-ID\n\nCOMMANDS:\n   help, h  Shows"),
        "{shown}"
    );
    assert_eq!(args::command("img"), "images");
}
