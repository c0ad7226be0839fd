//! Volumes that are a file or directory of the node.
//!
//! Upstream: `pkg/volume/hostpath/host_path.go`; what containerd makes where nothing is: `internal/cri/server/container_create.go`.

use std::fs::Metadata;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::container_fs::{Mount, reason};
use crate::node::plan;
use crate::rooted::Rooted;

/// What a volume's `hostPath` says.
fn sources(pod: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| {
        Some((volume["name"].as_str()?, volume.get("hostPath").filter(|v| v.is_object())?))
    })
}

/// Checks and makes what a pod's volumes need; what cannot be had, by the volume's name, in upstream's words.
pub(super) fn set_up(root: &Rooted, pod: &Value) -> Vec<(String, String)> {
    let failed = |(name, source): (&str, &Value)| {
        let path = source["path"].as_str().unwrap_or_default();
        let why = check(root, path, source["type"].as_str().unwrap_or_default()).err()?;
        Some((name.to_owned(), why))
    };
    sources(pod).filter_map(failed).collect()
}

/// `checkTypeInternal`
fn check(root: &Rooted, path: &str, kind: &str) -> Result<(), String> {
    let machine = Rooted::new("/");
    let shared = plan::is_shared(path);
    let found = if shared { &machine } else { root }.metadata(path).ok();
    let is = |what: fn(&Metadata) -> bool| found.as_ref().is_some_and(what);
    let make = |made: std::io::Result<()>, word: &str| {
        made.map_err(|error| format!("{word} {path}: {}", reason(&error)))
    };
    let (right, word) = match kind {
        "" => return Ok(()),
        // Of what the machine lends to its nodes everything is there that can be.
        _ if shared && found.is_none() && kind.ends_with("OrCreate") => return Ok(()),
        "DirectoryOrCreate" if found.is_none() => return make(root.create_dir_all(path, 0o755), "mkdir"),
        "FileOrCreate" if found.is_none() => return make(root.append(path, 0o644).map(|_| ()), "open"),
        "Directory" | "DirectoryOrCreate" => (is(Metadata::is_dir), "directory"),
        "File" | "FileOrCreate" => (is(|found| found.is_file()), "file"),
        "Socket" => (is(|found| found.file_type().is_socket()), "socket file"),
        "CharDevice" => (is(|found| found.file_type().is_char_device()), "character device"),
        "BlockDevice" => (is(|found| found.file_type().is_block_device()), "block device"),
        other => return Err(format!("{other} is an invalid volume type")),
    };
    if right { Ok(()) } else { Err(format!("hostPath type check failed: {path} is not a {word}")) }
}

/// Where a volume is on the node; nothing of one whose content comes from the API.
fn volume(pod: &Value, name: &str) -> Option<PathBuf> {
    if let Some((_, source)) = sources(pod).find(|(of, _)| *of == name) {
        return source["path"].as_str().map(PathBuf::from);
    }
    let volume = pod["spec"]["volumes"].as_array()?.iter().find(|volume| volume["name"] == name)?;
    let uid = pod["metadata"]["uid"].as_str().filter(|_| volume.get("emptyDir").is_some())?;
    Some(format!("/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/{name}").into())
}

/// The node's files that a container sees.
pub(crate) fn of_container(pod: &Value, container: &Value) -> Vec<Mount> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let mount = |mount: &Value| {
        let source = volume(pod, mount["name"].as_str()?)?;
        let source = match mount["subPath"].as_str() {
            Some(inner) => source.join(inner),
            None => source,
        };
        Some(Mount {
            source: clean(&source),
            target: clean(Path::new(mount["mountPath"].as_str()?)),
            read_only: mount["readOnly"] == true,
        })
    };
    mounts.filter_map(mount).collect()
}

/// A path without `.` and doubled slashes.
fn clean(path: &Path) -> String {
    let parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    let path: PathBuf = std::iter::once(Component::RootDir).chain(parts).collect();
    path.display().to_string()
}

/// Makes a directory wherever a mount's source is missing, as a container runtime does.
pub(crate) fn make_missing(root: &Rooted, mounts: &[Mount]) {
    for mount in mounts.iter().filter(|mount| !plan::is_shared(&mount.source)) {
        if !root.exists(&mount.source) {
            // What cannot be made cannot be seen either.
            let _ = root.create_dir_all(&mount.source, 0o755);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_checked_in_upstreams_words() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/kubernetes/audit")).unwrap();
        std::fs::write(dir.path().join("etc/kubernetes/policy.yaml"), "x").unwrap();
        let root = Rooted::new(dir.path());
        for (path, kind, expected) in [
            ("/etc/kubernetes/policy.yaml", "File", Ok(())),
            ("/etc/kubernetes/policy.yaml", "", Ok(())),
            ("/nowhere", "", Ok(())),
            ("/nowhere", "File", Err("hostPath type check failed: /nowhere is not a file")),
            (
                "/etc/kubernetes/audit",
                "FileOrCreate",
                Err("hostPath type check failed: /etc/kubernetes/audit is not a file"),
            ),
            (
                "/etc/kubernetes/policy.yaml",
                "DirectoryOrCreate",
                Err("hostPath type check failed: /etc/kubernetes/policy.yaml is not a directory"),
            ),
            (
                "/var/log/audit/audit.log",
                "FileOrCreate",
                Err("open /var/log/audit/audit.log: no such file or directory"),
            ),
            ("/var/log/audit", "DirectoryOrCreate", Ok(())),
            ("/var/log/audit/audit.log", "FileOrCreate", Ok(())),
            (
                "/var/log/audit/audit.log",
                "Socket",
                Err("hostPath type check failed: /var/log/audit/audit.log is not a socket file"),
            ),
        ] {
            assert_eq!(check(&root, path, kind), expected.map_err(str::to_owned), "{path} {kind}");
        }
        assert!(dir.path().join("var/log/audit/audit.log").is_file());
    }

    #[test]
    fn a_container_sees_what_it_mounts() {
        let pod = json!({"metadata": {"uid": "u"}, "spec": {"volumes": [{"name": "a", "hostPath": {"path": "/var/log/audit/"}},
            {"name": "b", "emptyDir": {}}, {"name": "d", "secret": {"secretName": "s"}}, {"name": "c", "hostPath": {"path": "/etc/p.yaml", "type": "File"}}]}});
        let container = json!({"volumeMounts": [{"name": "a", "mountPath": "/var/log/kubernetes//audit/"},
            {"name": "b", "mountPath": "/var/log/kubernetes/audit/scratch"}, {"name": "d", "mountPath": "/d"}, {"name": "c", "mountPath": "/etc/p.yaml", "readOnly": true}]});
        let seen: Vec<_> =
            of_container(&pod, &container).into_iter().map(|m| (m.source, m.target, m.read_only)).collect();
        assert_eq!(
            seen,
            [
                ("/var/log/audit".into(), "/var/log/kubernetes/audit".into(), false),
                (
                    "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/b".into(),
                    "/var/log/kubernetes/audit/scratch".into(),
                    false
                ),
                ("/etc/p.yaml".to_owned(), "/etc/p.yaml".to_owned(), true)
            ]
        );
        let dir = tempfile::tempdir().unwrap();
        make_missing(&Rooted::new(dir.path()), &of_container(&pod, &container));
        assert!(dir.path().join("etc/p.yaml").is_dir());
    }
}
