//! What kubeadm says of its release.

use serde_json::json;

use super::Said;
use crate::kubelet::runtime::images::IMAGES;
use crate::release::Release;

/// `kubeadm version`
pub(super) fn version(release: &Release, output: &str) -> Said {
    let field =
        |name: &str| release.version_fields.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value);
    let names = ["gitCommit", "gitTreeState", "buildDate", "goVersion"];
    let [commit, tree, date, go] = names.map(field);
    let (minor, version) = (release.minor.to_string(), release.git_version);
    let whole = json!({"clientVersion": {"major": "1", "minor": minor, "gitVersion": version, "gitCommit": commit,
        "gitTreeState": tree, "buildDate": date, "goVersion": go, "compiler": "gc", "platform": "linux/amd64"}});
    match output {
        "" => Ok(format!(
            "kubeadm version: &version.Info{{Major:\"1\", Minor:{minor:?}, GitVersion:{version:?}, GitCommit:{commit:?}, \
             GitTreeState:{tree:?}, BuildDate:{date:?}, GoVersion:{go:?}, Compiler:\"gc\", Platform:\"linux/amd64\"}}\n"
        )),
        "short" => Ok(format!("{version}\n")),
        "json" => Ok(format!("{}\n", serde_json::to_string_pretty(&whole).unwrap_or_default())),
        "yaml" => Ok(serde_yaml::to_string(&whole).unwrap_or_default()),
        other => Err(format!("invalid output format: {other}").into()),
    }
}

/// `kubeadm config images list`
pub(super) fn images(release: &Release) -> String {
    const ORDER: [&str; 7] = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
        "coredns/coredns",
        "pause",
        "etcd",
    ];
    let name = |short: &&str| {
        let whole = format!("registry.k8s.io/{short}");
        let image = IMAGES.iter().find(|image| image.repository == whole)?;
        Some(format!("{whole}:{}\n", release.image_tag(image.tag)))
    };
    ORDER.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::release::default_release;

    #[test]
    fn versions_and_images_are_the_releases() {
        let release = default_release();
        assert!(version(release, "").unwrap().starts_with("kubeadm version: &version.Info{Major:\"1\", Minor:\"31\", GitVersion:\"v1.31.0\", GitCommit:\"9edc"));
        assert_eq!(version(release, "short").unwrap(), "v1.31.0\n");
        assert!(images(release).ends_with("registry.k8s.io/pause:3.10\nregistry.k8s.io/etcd:3.5.15-0\n"));
        assert_eq!(images(release).lines().count(), 7);
    }
}
