//! How a real node behaves, statement by statement, and the tests that hold the lab to it; a name that no test has any more
//! fails here. What is measured was measured on two-node kubeadm clusters of v1.31.0.

use std::path::Path;
use std::time::Duration;

use crate::expectations::tests;
use crate::program::Up;
use crate::program::{on, until};

const LIMIT: Duration = Duration::from_secs(60);

/// A statement, and the tests by name.
type Held = (&'static str, &'static [&'static str]);

/// Which files of the manifests directory are pods.
const FILES: &[Held] = &[
    (
        "every file but dotfiles counts, whatever its ending, in the order of the bytes of the names; links to files too",
        &["files_are_read_in_byte_order_without_dotfiles", "every_event_has_the_real_consequences"],
    ),
    ("directories, pipes and the like are passed over", &["every_event_has_the_real_consequences"]),
    (
        "the first document of a file is its pod, and fields that no pod has are ignored",
        &["a_uid_tells_content_node_and_path", "every_event_has_the_real_consequences"],
    ),
    (
        "a change is seen at once, and the whole directory is read again every 20 s",
        &[
            "the_real_waits_are_the_real_ones_and_every_scaled_one_is_shorter",
            "a_manifest_that_cannot_be_read_counts_at_the_rescans",
            "events_mean_written_or_removed",
        ],
    ),
];

/// What an edit of the API server's flags comes to.
const EDITS: &[Held] = &[
    (
        "the kubelet takes the pod away and adds the new one, and asks the container to end within 30 s",
        &[
            "lines_have_their_places_and_most_of_them_are_for_v_2",
            "an_edit_writes_the_recorded_lines_in_the_recorded_order",
        ],
    ),
    (
        "the port refuses at once, while the container is shown as running until it is killed at 30 s",
        &[
            "deeds_have_their_consequences_when_the_recorded_ones_had",
            "an_edit_of_the_flags_is_a_new_pod_and_an_earlier_content_the_earlier_one",
            "kubectl_meanwhile",
        ],
    ),
    (
        "the killed container is gone from the list within a second, its sandbox NotReady and gone within a minute",
        &[
            "deeds_have_their_consequences_when_the_recorded_ones_had",
            "a_pod_is_ready_some_time_after_its_server_and_its_old_sandbox_goes_within_a_minute",
        ],
    ),
    (
        "new sandbox and container come 32 to 44 s after the edit, when the waiting pod is looked at again",
        &["deeds_have_their_consequences_when_the_recorded_ones_had"],
    ),
    (
        "the new server answers after 0.8 s: 403 to somebody unknown, 500 for two of its hooks, then 200",
        &["deeds_have_their_consequences_when_the_recorded_ones_had"],
    ),
    (
        "the pod is Ready some 10 to 20 s after its server is",
        &["a_pod_is_ready_some_time_after_its_server_and_its_old_sandbox_goes_within_a_minute"],
    ),
    (
        "all of it in the order that a real control plane has it in, recorded and live",
        &[
            "deeds_have_their_consequences_when_the_recorded_ones_had",
            "another_order_or_time_is_a_difference",
            "order_is_told_where_things_are_apart",
            "the_timeline_of_an_edit_is_that_of_a_real_control_plane",
        ],
    ),
    (
        "the same comes of it with the real API server's process behind the kubelet",
        &["the_emulated_server_behind_the_kubelet", "the_real_server_behind_the_kubelet"],
    ),
];

/// How pods, sandboxes and containers are told apart and counted.
const IDS: &[Held] = &[
    (
        "a pod's UID is 32 hex digits over content, node and path: comments and blanks change nothing, any flag does",
        &["a_uid_tells_content_node_and_path", "every_event_has_the_real_consequences"],
    ),
    (
        "a new UID is a new sandbox and a container of ATTEMPT 0",
        &["every_event_has_the_real_consequences", "the_timeline_of_an_edit_is_that_of_a_real_control_plane"],
    ),
    (
        "earlier content is the earlier UID, its sandbox ATTEMPT 1 while the old one is listed",
        &["the_same_content_again_is_the_same_uid_in_a_second_sandbox"],
    ),
    (
        "a crash within a pod is what counts ATTEMPT up",
        &[
            "a_wrong_flag_crashes_again_and_again_until_it_is_repaired",
            "programs_are_processes_and_end_when_somebody_ends_those",
            "crictl_ends_what_the_kubelet_then_starts_again",
        ],
    ),
    (
        "controller-manager and scheduler lose their leases during an outage: one more attempt, one Exited container each",
        &["controller_manager_and_scheduler_lose_their_leases_and_count_up"],
    ),
];

/// Copies, editors, mistakes.
const DEEDS: &[Held] = &[
    (
        "a copy that sorts after is an outage and then runs; edits of the original cost one more and change nothing",
        &[
            "deeds_have_their_consequences_when_the_recorded_ones_had",
            "a_copy_wins_without_a_word",
            "the_last_written_file_wins_until_the_scan_and_removal_goes_by_name",
        ],
    ),
    (
        "taking the copy away is an outage, too, and then the original counts",
        &["a_copy_that_sorts_after_takes_over", "deeds_have_their_consequences_when_the_recorded_ones_had"],
    ),
    ("nothing in the journal says that a copy won", &["a_copy_wins_without_a_word"]),
    (
        "a check that fails because of a copy names it",
        &["a_copy_in_the_manifests_directory_is_named", "the_published_lesson_headless"],
    ),
    (
        "a copy that sorts before is an outage and counts until the next rescan",
        &[
            "deeds_have_their_consequences_when_the_recorded_ones_had",
            "every_event_has_the_real_consequences",
            "the_last_written_file_wins_until_the_scan_and_removal_goes_by_name",
        ],
    ),
    (
        "vim's swap files are nothing",
        &[
            "every_event_has_the_real_consequences",
            "what_changes_nothing_restarts_nothing_and_what_moves_out_comes_back",
        ],
    ),
    (
        "vim's :wq leaves an error about 4913 and takes the pod away until the next rescan",
        &["after_vim_the_pod_is_back_at_a_rescan", "every_event_has_the_real_consequences"],
    ),
    (
        "sed -i leaves errors about its own file and is an edit for the rest",
        &["every_event_has_the_real_consequences"],
    ),
    (
        "a YAML error is told at once, with its line, and ends the pod at the rescan; each further rescan tells it again",
        &["a_yaml_error_is_told_with_its_line", "a_manifest_that_cannot_be_read_counts_at_the_rescans"],
    ),
    (
        "after its repair the server is ready in two or three seconds",
        &["a_manifest_that_cannot_be_read_counts_at_the_rescans"],
    ),
    (
        "what is moved out is gone after 30 s, what is moved back is ready within five",
        &["what_is_moved_out_ends_after_its_grace_and_what_is_moved_back_starts_at_once"],
    ),
    (
        "a node without containerd starts and ends nothing, and a kubelet that was stopped reads its files when it is back",
        &[
            "without_containerd_nothing_starts_or_ends_and_what_runs_goes_on",
            "a_stopped_kubelet_leaves_its_containers_and_reads_the_files_again_when_it_is_back",
        ],
    ),
];

/// Servers that end.
const FAILURES: &[Held] = &[
    (
        "a wrong flag, plugin, mode or number ends the server with status 1 and the real sentence",
        &[
            "wrong_command_lines_get_the_real_sentences",
            "wrong_settings_get_the_real_sentences",
            "command_lines_are_refused_as_by_the_real_programs",
            "every_event_has_the_real_consequences",
        ],
    ),
    ("two flags that name plugins add up", &["good_lines_are_read"]),
    (
        "attempt 1 comes at once, 2 after some 22 s, 3 after some 35 s, and so on",
        &["a_crash_loop_backs_off_and_a_repair_does_not_wait_for_it"],
    ),
    (
        "the back-off is 10, 20, 40, 80 s and so on, 5 minutes at most",
        &["back_offs_double_up_to_five_minutes", "a_crash_loop_backs_off_and_a_repair_does_not_wait_for_it"],
    ),
    (
        "of a crash loop the newest attempt is listed as Exited, and its log tells why",
        &["a_crash_loop_lists_the_newest_attempt_whose_log_says_why"],
    ),
    (
        "the repaired manifest is another pod, which waits for no back-off",
        &["a_crash_loop_backs_off_and_a_repair_does_not_wait_for_it"],
    ),
    (
        "without etcd, controller-manager or scheduler others fail as they really do",
        &[
            "every_event_has_the_real_consequences",
            "without_a_controller_manager_a_namespace_gets_no_service_account",
            "without_a_scheduler_pods_stay_pending",
        ],
    ),
    (
        "a refusal while a server starts is no answer of the plugin",
        &["a_server_that_is_down_or_starting_never_passes"],
    ),
];

/// What kubectl shows meanwhile.
const KUBECTL: &[Held] = &[
    (
        "kubectl says that the connection was refused, and first, where it knows no resources yet, five times why",
        &["kubectl_meanwhile", "a_kubectl_that_knows_nothing_yet_asks_five_times"],
    ),
    (
        "after an outage the mirror pod is the old one or Pending for a while",
        &[
            "the_mirror_pod_is_pending_until_its_status_is_written",
            "a_pod_is_ready_some_time_after_its_server_and_its_old_sandbox_goes_within_a_minute",
        ],
    ),
    (
        "a container that the kubelet does not know has no log to be had",
        &["logs_are_cut_stamped_and_refused"],
    ),
    (
        "a mirror pod has a uid of its own, four annotations, the node as its owner, its address and the highest priority",
        &["the_node_and_its_static_pods_are_told_to_the_api"],
    ),
    (
        "kubectl label tells labeled, not labeled, unlabeled, and what it refuses",
        &[
            "what_a_learner_finds_on_the_nodes",
            "built_in_v1_31_plugin_on",
            "stock_v1_31_plugin_on",
            "wrong_pairs_are_refused",
        ],
    ),
    (
        "a node whose kubelet is silent is unknown and tainted",
        &["a_node_whose_kubelet_stopped_becomes_unknown_and_is_tainted"],
    ),
    (
        "events tell what happened to pods and nodes",
        &["pods_and_the_node_have_events", "a_crash_loop_backs_off_in_the_events_too"],
    ),
];

/// Tools and files on the nodes.
const NODES: &[Held] = &[
    (
        "lines are klog's, with the file and line that wrote them; without -v=2 the kubelet is terse",
        &["a_line_looks_like_klogs", "lines_have_their_places_and_most_of_them_are_for_v_2"],
    ),
    (
        "systemctl status shows the unit, its drop-in and the documentation",
        &["what_a_learner_finds_on_the_nodes"],
    ),
    (
        "crictl's tables: the columns, cells at least 20 wide, ids of 13 digits, newest first",
        &[
            "tables_look_like_crictls",
            "cells_are_at_least_twenty_wide",
            "what_a_learner_finds_on_the_nodes",
            "a_crash_loop_lists_the_newest_attempt_whose_log_says_why",
        ],
    ),
    (
        "crictl has a column for the namespace from 1.32 on",
        &["a_newer_crictl_has_a_column_for_the_namespace"],
    ),
    ("ages are told as crictl tells them", &["ages_are_dockers"]),
    ("flags go before the id", &["flags_come_from_the_help"]),
    (
        "crictl's errors: no id, an unknown id, an endpoint that is none",
        &["crictl_says_and_exits_as_the_real_one_does", "what_is_wrong_is_said_as_crictl_says_it"],
    ),
    (
        "crictl ps of a control plane lists what the published lesson lists",
        &["what_a_learner_finds_on_the_nodes"],
    ),
    (
        "the log names the plugins in their order: one more with the plugin, which is in that one line only",
        &[
            "the_loaded_plugins_are_logged_as_the_real_server_does",
            "the_plugin_is_in_one_line_of_the_log_and_only_where_it_is_on",
            "the_published_lesson_headless",
        ],
    ),
    (
        "logs are files below /var/log/pods, and links to them below /var/log/containers",
        &["what_a_learner_finds_on_the_nodes", "logs_are_cut_stamped_and_refused"],
    ),
    (
        "node01 has kubelet.conf, manifests and pki, with the modes and names of a joined node",
        &[
            "what_a_learner_finds_on_the_nodes",
            "the_kubelets_kubeconfig_is_as_on_a_joined_node",
            "the_kubelets_certificate_names_its_node",
        ],
    ),
    (
        "ssh tells of the last login and that the connection was closed; k is kubectl",
        &["ssh_to_the_other_node_and_back", "a_shell_in_a_terminal"],
    ),
    (
        "addresses: controlplane 172.30.1.2, node01 172.30.2.2, the API server at 6443, pods in 192.168.0.0/16, services from 10.96.0.1 on",
        &["what_a_learner_finds_on_the_nodes", "both_nodes_reach_what_the_lab_listens_at"],
    ),
];

#[test]
fn each_statement_is_held_by_tests_that_are_there() {
    let mut found = Vec::new();
    for dir in ["src", "tests/it"] {
        tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join(dir), &mut found);
    }
    // Those that a macro makes have names of their own all the same.
    let made = [include_str!("kubectl.rs")].concat();
    let missing: Vec<_> = [FILES, EDITS, IDS, DEEDS, FAILURES, KUBECTL, NODES]
        .concat()
        .into_iter()
        .flat_map(|(statement, names)| names.iter().map(move |name| (statement, *name)))
        .filter(|(_, name)| !found.iter().any(|test| test == name) && !made.contains(&format!("{name}:")))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// A lab as it comes, looked at with a node's own tools.
#[test]
fn what_a_learner_finds_on_the_nodes() {
    let home = tempfile::tempdir().unwrap();
    let up = Up::start_with(home.path(), &[]);
    let said = |node: &str, script: &str| {
        let (status, out, err) = on(home.path(), node, script);
        (status, format!("{out}{err}").trim_end().to_owned())
    };
    let order = [
        "kube-apiserver",
        "calico-kube-controllers",
        "kube-controller-manager",
        "kube-scheduler",
        "local-path-provisioner",
        "kube-flannel",
        "calico-node",
        "kube-proxy",
        "etcd",
    ];
    until("all of the published list runs", LIMIT, || {
        let (_, list) = said("controlplane", "crictl ps");
        order.iter().all(|name| list.contains(&format!(" {name} ")))
    });
    let (_, list) = said("controlplane", "crictl ps -o json | grep createdAt | grep -o '[0-9]*'");
    let created: Vec<u64> = list.lines().map(|line| line.parse().unwrap()).collect();
    assert!(created.len() >= order.len() && created.is_sorted_by(|a, b| a >= b), "newest first: {created:?}");

    let kubectl = "kubectl() { ( exec -a kubectl /opt/cks-lab/cks-lab \"$@\" ); }; ";
    let ours = |words: &str| format!("{kubectl}kubectl label node node01 {words}");
    let (refused, none) =
        ("error: 'test/a' already has a value (1), and --overwrite is false", "label \"test/b\" not found.");
    let mut wrong = Vec::new();
    for (node, script, status, expected) in [
        ("node01", "cd /etc/kubernetes && stat -c '%A %U %G %n' *".to_owned(), 0, "-rw------- root root kubelet.conf\ndrwxrwxr-x root root manifests\ndrwxrwxr-x root root pki"),
        ("node01", "cat /var/lib/kubelet/pki/kubelet-client-current.pem | grep -c BEGIN".to_owned(), 0, "2"),
        ("controlplane", "ls /etc/kubernetes/manifests".to_owned(), 0, "etcd.yaml\nkube-apiserver.yaml\nkube-controller-manager.yaml\nkube-scheduler.yaml"),
        ("controlplane", "grep -c NodeRestriction /etc/kubernetes/manifests/kube-apiserver.yaml".to_owned(), 1, "0"),
        ("controlplane", "systemctl status kubelet | sed -n '1p; /Drop-In/,/└/p; /Docs/p'".to_owned(), 0, "● kubelet.service - kubelet: The Kubernetes Node Agent\n    Drop-In: /usr/lib/systemd/system/kubelet.service.d\n             └─10-kubeadm.conf\n       Docs: https://kubernetes.io/docs/"),
        ("controlplane", "systemctl status kubelet | grep -c 'Active: active (running) since '".to_owned(), 0, "1"),
        ("controlplane", "journalctl -u kubelet --no-pager | grep -c SyncLoop".to_owned(), 1, "0"),
        ("controlplane", "for link in /var/log/containers/etcd-controlplane_kube-system_etcd-*.log; do readlink $link | sed 's/_[0-9a-f]\\{32\\}/_UID/'; done".to_owned(), 0, "/var/log/pods/kube-system_etcd-controlplane_UID/etcd/0.log"),
        ("controlplane", "getent hosts controlplane node01 | awk '{print $1}'".to_owned(), 0, "172.30.1.2\n172.30.2.2"),
        ("controlplane", "kubectl get service kubernetes -o jsonpath='{.spec.clusterIP}'".to_owned(), 0, "10.96.0.1"),
        (
            "controlplane",
            "kubectl get pods -A -o jsonpath='{.items[*].status.podIP}' | tr ' ' '\\n' | sed 's/192.168.[01].[0-9]*/pod/' | sort -u"
                .to_owned(),
            0,
            "172.30.1.2\n172.30.2.2\npod",
        ),
        ("controlplane", "grep -o 'server: .*' /etc/kubernetes/admin.conf".to_owned(), 0, "server: https://172.30.1.2:6443"),
        ("controlplane", ours("test/a=1"), 0, "node/node01 labeled"),
        ("controlplane", ours("test/a=1"), 0, "node/node01 not labeled"),
        ("controlplane", ours("test/a=2"), 1, refused),
        ("controlplane", ours("test/b-"), 0, &format!("{none}\nnode/node01 not labeled")),
        ("controlplane", ours("test/a-"), 0, "node/node01 unlabeled"),
        ("controlplane", ours(""), 1, "error: at least one label update is required"),
    ] {
        let found = said(node, &script);
        if found != (status, expected.to_owned()) {
            wrong.push(format!("{node}: {script}\n{found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    drop(up);
}
