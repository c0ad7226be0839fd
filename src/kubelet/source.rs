//! Static pods from files: what a file says, and which pod wins when two files name the same one.
//!
//! Upstream: `pkg/kubelet/config/{file,common}.go`. A file is the pod `NAME-NODE`; its UID is a hash of the decoded
//! object, the node and the file's path, so that comments and spaces change nothing and every other edit makes a new pod.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Pod;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::mounts::validation;
use crate::apiserver::registry::yaml;
use crate::release::StaticPodHash;
use crate::rooted::Rooted;

/// A static pod.
#[derive(Debug, Clone, PartialEq)]
pub struct StaticPod {
    /// The file it is from, as the node sees it.
    pub path: String,
    /// The pod, its name, UID, node and annotations filled in.
    pub pod: Value,
}

impl StaticPod {
    /// `NAMESPACE/NAME`, by which two files are the same pod.
    pub fn full_name(&self) -> String {
        let text = |key: &str| self.pod["metadata"][key].as_str().unwrap_or_default();
        format!("{}/{}", text("namespace"), text("name"))
    }

    /// The hash that is its UID.
    pub fn uid(&self) -> &str {
        self.pod["metadata"]["uid"].as_str().unwrap_or_default()
    }
}

/// A manifest, or where and what the kubelet logs of one that cannot be used.
pub type Scanned = Result<StaticPod, (&'static str, String)>;

/// What earlier scans of a directory saw.
#[derive(Debug, Default)]
pub struct Seen {
    names: Option<(Stamp, Vec<OsString>)>,
    files: BTreeMap<String, (Stamp, Scanned)>,
}

/// By what a file or directory is known to be as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

/// How long ago something must have changed so that another change would be seen by its time.
const SETTLED_AFTER: i64 = 2;

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_settled(&self) -> bool {
        jiff::Timestamp::now().as_second() - self.changed.0 > SETTLED_AFTER
    }
}

/// The manifests directory of a node.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Where the node sees it.
    pub shown: String,
    /// The node's files.
    pub root: Rooted,
    /// The node's name.
    pub node: String,
    /// How the release makes uids.
    pub hash: StaticPodHash,
}

impl Directory {
    /// Reads every manifest in byte order; of what cannot be used comes the line that the kubelet logs: where, what.
    ///
    /// What is as it was in an earlier scan is not read again.
    pub fn scan(&self, seen: &mut Seen) -> Vec<Scanned> {
        let directory = self.root.metadata(&self.shown).ok().map(|m| Stamp::of(&m));
        let names = match (&seen.names, directory) {
            (Some((then, names)), Some(now)) if *then == now => names.clone(),
            _ => self.root.list(&self.shown).unwrap_or_default(),
        };
        seen.names = directory.filter(Stamp::is_settled).map(|now| (now, names.clone()));
        seen.files.retain(|name, _| names.iter().any(|there| there.to_str() == Some(name)));
        names
            .iter()
            .filter_map(|name| name.to_str())
            .filter(|name| !name.starts_with('.'))
            .map(|name| self.scan_file(name, seen))
            .collect()
    }

    fn scan_file(&self, name: &str, seen: &mut Seen) -> Scanned {
        let shown = format!("{}/{name}", self.shown);
        let metadata = match self.metadata(name) {
            Err(error) => {
                let why = format!("stat {shown}: {}", go_io_error(&error));
                return Err((
                    "file.go:176",
                    format!("\"Could not get metadata\" err={why:?} path={shown:?}"),
                ));
            }
            Ok(metadata) => metadata,
        };
        if metadata.is_dir() {
            return Err((
                "file.go:182",
                format!(
                    "\"Provided manifest path is a directory, not recursing into manifest path\" path={shown:?}"
                ),
            ));
        }
        if !metadata.is_file() {
            return Err(("file.go:193", special(&shown, &metadata)));
        }
        let now = Stamp::of(&metadata);
        if let Some((then, scanned)) = seen.files.get(name)
            && *then == now
        {
            return scanned.clone();
        }
        let scanned = self.read(name).map_err(|why| {
            ("file.go:187", format!("\"Could not process manifest file\" err={why:?} path={shown:?}"))
        });
        if now.is_settled() {
            seen.files.insert(name.to_owned(), (now, scanned.clone()));
        }
        scanned
    }

    /// The line about a pipe, a socket or a device of this name, which must not be opened: that could wait for ever.
    pub fn refuses(&self, name: &str) -> Option<(&'static str, String)> {
        let metadata = self.metadata(name).ok()?;
        let plain = metadata.is_file() || metadata.is_dir();
        (!plain).then(|| ("file.go:193", special(&format!("{}/{name}", self.shown), &metadata)))
    }

    /// Reads one file. The error is the sentence that the kubelet logs.
    pub fn read(&self, name: &str) -> Result<StaticPod, String> {
        let shown = format!("{}/{name}", self.shown);
        let bytes = self
            .root
            .read(self.path(name))
            .map_err(|error| format!("open {shown}: {}", go_io_error(&error)))?;
        decode(&bytes, &shown, &self.node, self.hash)
    }

    /// A file of this name, as the node sees it.
    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        Path::new(&self.shown).join(name)
    }

    /// Whether a name is a directory's.
    pub fn is_dir(&self, name: &str) -> bool {
        self.metadata(name).is_ok_and(|m| m.is_dir())
    }

    fn metadata(&self, name: &str) -> io::Result<fs::Metadata> {
        self.root.metadata(self.path(name))
    }
}

/// The line about something that is neither file nor directory, with its mode as Go prints it.
fn special(shown: &str, metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let kind = metadata.file_type();
    let letter = match () {
        () if kind.is_fifo() => "p",
        () if kind.is_socket() => "S",
        () if kind.is_char_device() => "Dc",
        () => "D",
    };
    let bits = metadata.permissions().mode();
    let permissions: String =
        (0..9).map(|i| if bits & (0o400 >> i) != 0 { ["r", "w", "x"][i % 3] } else { "-" }).collect();
    format!("\"Manifest path is not a directory or file\" path={shown:?} mode=\"{letter}{permissions}\"")
}

/// Go's words for an I/O error.
fn go_io_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

/// Reads a manifest: the first YAML document, unknown fields ignored.
pub fn decode(bytes: &[u8], shown: &str, node: &str, uids: StaticPodHash) -> Result<StaticPod, String> {
    let wrong = |why: String| format!("{shown}: couldn't parse as pod({why}), please check config file");
    let value = yaml::parse(bytes).map_err(wrong)?.to_value();
    let kind = value["kind"].as_str().unwrap_or_default();
    let version = value["apiVersion"].as_str().unwrap_or_default();
    let shown_value = || value.to_string();
    if !value.is_object() && !value.is_null() {
        return Err(wrong(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct \
             {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            match value {
                Value::Array(_) => "array",
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                _ => "string",
            }
        )));
    }
    if kind.is_empty() {
        return Err(wrong(format!("Object 'Kind' is missing in '{}'", shown_value())));
    }
    if version.is_empty() {
        return Err(wrong(format!("Object 'apiVersion' is missing in '{}'", shown_value())));
    }
    if (version, kind) != ("v1", "Pod") {
        return Err(wrong(format!(
            "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )));
    }
    // Fields that a pod does not have are ignored, values of a wrong type are not.
    let typed: Pod = serde_json::from_value(value).map_err(|why| wrong(why.to_string()))?;
    let mut pod = serde_json::to_value(typed).map_err(|why| wrong(why.to_string()))?;
    let name = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(why) = invalid(&pod, &name) {
        return Err(format!("invalid pod: {why}"));
    }
    let uid = match pod["metadata"]["uid"].as_str() {
        Some(uid) if !uid.is_empty() => uid.to_owned(),
        _ => hash(&pod, node, shown, uids),
    };
    if pod["metadata"]["namespace"].as_str().unwrap_or_default().is_empty() {
        pod["metadata"]["namespace"] = json!("default");
    }
    pod["metadata"]["name"] = json!(format!("{name}-{}", node.to_lowercase()));
    pod["metadata"]["uid"] = json!(uid);
    if !pod["metadata"]["annotations"].is_object() {
        pod["metadata"]["annotations"] = json!({});
    }
    pod["metadata"]["annotations"]["kubernetes.io/config.hash"] = json!(uid);
    pod["metadata"]["annotations"]["kubernetes.io/config.source"] = json!("file");
    pod["spec"]["nodeName"] = json!(node);
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.retain(|_, v| !v.is_null());
    }
    let everything = json!({"effect": "NoExecute", "operator": "Exists"});
    match pod["spec"]["tolerations"].as_array_mut() {
        Some(list) if list.contains(&everything) => {}
        Some(list) => list.push(everything),
        None => pod["spec"]["tolerations"] = json!([everything]),
    }
    Ok(StaticPod { path: shown.to_owned(), pod })
}

/// What a pod cannot do without.
fn invalid(pod: &Value, name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("metadata.name: Required value: name or generateName is required".into());
    }
    let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        return Some("spec.containers: Required value".into());
    }
    let mut errors = validation::volumes(pod);
    for (i, c) in containers.iter().enumerate() {
        let path = format!("spec.containers[{i}]");
        let missing = ["name", "image"].iter().filter(|key| c[**key].as_str().unwrap_or_default().is_empty());
        errors.extend(missing.map(|key| format!("{path}.{key}: Required value")));
        errors.extend(validation::volume_mounts(pod, c, &path));
    }
    match errors.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

/// 32 hex digits over what the manifest says, the node and the file's path.
fn hash(pod: &Value, node: &str, path: &str, kind: StaticPodHash) -> String {
    let mut known = pod.clone();
    prune(&mut known);
    let text = format!("{}host:{node}file:{path}", canonical(&known));
    match kind {
        StaticPodHash::Md5 => crate::digest::hex(&Md5::digest(text)),
        StaticPodHash::Fnv128a => format!("{:032x}", fnv128a(text.as_bytes())),
    }
}

/// FNV-1a of 128 bits (Go's `hash/fnv.New128a`).
fn fnv128a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// A text that does not depend on the order of keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(k, _)| k.as_str());
            let fields: Vec<_> = keys.iter().map(|(k, v)| format!("{k:?}:{}", canonical(v))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Drops what an object decoded into Go structs would not hold: nulls, and unknown fields at the top.
fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        map.retain(|_, v| !v.is_null());
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(prune),
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: c\n    image: i\n    command: [x, --y]\n";

    fn uid(text: &str, path: &str, node: &str) -> String {
        decode(text.as_bytes(), path, node, StaticPodHash::Md5).unwrap().uid().to_owned()
    }

    #[test]
    fn a_uid_tells_content_node_and_path() {
        let base = uid(POD, "/m/a.yaml", "n");
        assert_eq!(base.len(), 32);
        for (what, text, path, node, same) in [
            ("a comment", format!("# hi\n{POD}"), "/m/a.yaml", "n", true),
            ("blank lines", POD.replace("spec:", "\nspec:\n"), "/m/a.yaml", "n", true),
            ("a second document", format!("{POD}---\nkind: Other\n"), "/m/a.yaml", "n", true),
            (
                "a null",
                POD.replace("  name: a\n", "  name: a\n  creationTimestamp: null\n"),
                "/m/a.yaml",
                "n",
                true,
            ),
            ("an unknown field", format!("{POD}  nonsense: true\n"), "/m/a.yaml", "n", true),
            ("a flag", POD.replace("--y", "--z"), "/m/a.yaml", "n", false),
            ("another path", POD.to_owned(), "/m/a.yaml~", "n", false),
            ("another node", POD.to_owned(), "/m/a.yaml", "m", false),
        ] {
            assert_eq!(uid(&text, path, node) == base, same, "{what}");
        }
    }

    #[test]
    fn errors_are_the_kubelets() {
        for (text, why) in [
            ("", "Object 'Kind' is missing in 'null'"),
            ("kind: Pod\n", "Object 'apiVersion' is missing in '{\"kind\":\"Pod\"}'"),
            ("a:\n  b: 1\n c: 2\n", "yaml: line 2: did not find expected key"),
        ] {
            let error = decode(text.as_bytes(), "/m/f", "n", StaticPodHash::Md5).unwrap_err();
            assert_eq!(error, format!("/m/f: couldn't parse as pod({why}), please check config file"));
        }
        let error =
            decode(b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "/m/f", "n", StaticPodHash::Md5)
                .unwrap_err();
        assert_eq!(error, "invalid pod: spec.containers: Required value");
        let typed = POD.replace("[x, --y]", "x");
        assert!(
            decode(typed.as_bytes(), "/m/f", "n", StaticPodHash::Md5)
                .unwrap_err()
                .contains("couldn't parse as pod(")
        );
    }

    #[test]
    fn files_are_read_in_byte_order_without_dotfiles() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let directory = Directory {
            shown: "/m".into(),
            root: Rooted::new(&root),
            node: "n".into(),
            hash: StaticPodHash::Md5,
        };
        fs::create_dir_all(root.join("m/sub")).unwrap();
        fs::write(root.join("elsewhere"), POD.replace("name: a", "name: linked")).unwrap();
        std::os::unix::fs::symlink("/elsewhere", root.join("m/link")).unwrap();
        for (name, flag) in
            [("a.yaml", "--one"), ("a.yaml~", "--two"), (".a.swp", "--three"), ("A", "--zero")]
        {
            fs::write(root.join("m").join(name), POD.replace("--y", flag)).unwrap();
        }
        let scanned: Vec<_> = directory.scan(&mut Seen::default()).into_iter().flatten().collect();
        let paths: Vec<_> = scanned.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(paths, ["/m/A", "/m/a.yaml", "/m/a.yaml~", "/m/link"]);
    }

    #[test]
    fn the_newer_hash_is_fnv_1a_of_128_bits() {
        assert_eq!(format!("{:032x}", fnv128a(b"")), "6c62272e07bb014262b821756295c58d");
        assert_eq!(format!("{:032x}", fnv128a(b"a")), "d228cb696f1a8caf78912b704e4a8964");
    }
}
