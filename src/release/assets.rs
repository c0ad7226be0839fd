//! Which files are a release's.

/// The assets of a release by its name, `"1.31"`.
macro_rules! assets {
    ($release:literal) => {
        Assets {
            flags: include_str!(concat!("../../assets/apiserver-flags-", $release, ".txt")),
            feature_gates: include_str!(concat!("../../assets/feature-gates-", $release, ".txt")),
            start_log: include_str!(concat!("../../assets/apiserver-start-", $release, ".txt")),
            rbac_policy: include_str!(concat!("../../assets/rbac/bootstrap-", $release, ".jsonl")),
            go_types: include_str!(concat!("../../assets/go-types-", $release, ".txt")),
            schema: include_bytes!(concat!("../../assets/schema-", $release, ".txt.gz")),
            columns: include_bytes!(concat!("../../assets/columns-", $release, ".json.gz")),
            kubelet: KubeletFiles {
                config: include_str!(concat!("../../assets/node/kubelet/config-", $release, ".yaml")),
                flags: include_str!(concat!("../../assets/node/kubelet/flags-", $release, ".env")),
            },
            manifests: [
                ("etcd.yaml", include_str!(concat!("../../assets/manifests/etcd-", $release, ".yaml"))),
                (
                    "kube-apiserver.yaml",
                    include_str!(concat!("../../assets/manifests/kube-apiserver-", $release, ".yaml")),
                ),
                (
                    "kube-controller-manager.yaml",
                    include_str!(concat!(
                        "../../assets/manifests/kube-controller-manager-",
                        $release,
                        ".yaml"
                    )),
                ),
                (
                    "kube-scheduler.yaml",
                    include_str!(concat!("../../assets/manifests/kube-scheduler-", $release, ".yaml")),
                ),
            ],
        }
    };
}
