//! What a node is made of, as data: mounts, directories, files, links, environment.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tools;
use crate::error::{Context, Result};
use crate::rooted::Rooted;
use crate::text::tr;

/// Where the lab's own program is on a node.
pub const PROGRAM: &str = "/opt/cks-lab/cks-lab";
/// What becomes `/usr/local` of a node, below its root.
const LOCAL: &str = "opt/cks-lab/local";

/// A node that is to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// The node's name and host name.
    pub name: String,
    /// The node's address in the lab's network.
    pub address: IpAddr,
    /// The node's root file system on this machine.
    pub root: PathBuf,
    /// What is mounted into it, in order.
    pub mounts: Vec<Mount>,
    /// How much of this machine it may take.
    pub limits: Limits,
}

/// How much of this machine a node may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many processes and threads there may be at once.
    pub processes: u64,
    /// How many bytes of memory of its own a process may have.
    pub memory: u64,
    /// How many bytes of memory all nodes of a lab may have together, where the machine can be told so.
    pub total: u64,
    /// How large a file may become, in bytes.
    pub file: u64,
    /// How many bytes all files of the node may come to before whatever runs on it is ended.
    pub disk: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { processes: 1024, memory: 2 << 30, total: 4 << 30, file: 1 << 30, disk: 2 << 30 }
    }
}

/// A part of this machine that a node sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The file or directory of this machine.
    pub source: PathBuf,
    /// Where the node sees it, without the leading slash.
    pub target: PathBuf,
    /// Whether the node may write to it.
    pub writable: bool,
}

/// Directories of this machine that every node sees, read-only, where they exist.
const SHARED_DIRS: [&str; 13] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/vim",
    "/etc/terminfo",
    "/etc/bash_completion.d",
];
/// Files of this machine that every node sees, read-only, where they exist.
const SHARED_FILES: [&str; 6] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/localtime",
    "/etc/nanorc",
    "/etc/inputrc",
    "/etc/bash_completion",
];
/// Whether a path of a node is of what the machine lends to it.
pub fn is_shared(path: &str) -> bool {
    let path = Path::new(path);
    let mut lent = SHARED_DIRS.iter().chain(&SHARED_FILES);
    lent.any(|lent| path.starts_with(lent)) && !path.starts_with("/usr/local")
}

/// Programs that a node takes from this machine wherever they are on its PATH.
const WANTED: [&str; 12] =
    ["kubectl", "jq", "yq", "vim", "vi", "nano", "less", "watch", "tmux", "helm", "openssl", "tree"];

/// The directories of a node with their modes.
const DIRS: [(&str, u32); 26] = [
    ("", 0o755),
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/kubernetes", 0o775),
    ("etc/kubernetes/manifests", 0o775),
    ("etc/kubernetes/pki", 0o775),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("opt/cks-lab", 0o755),
    ("opt/cks-lab/local", 0o755),
    ("opt/cks-lab/local/bin", 0o755),
    ("opt/cks-lab/local/share", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("root/.ssh", 0o700),
    ("run", 0o755),
    ("run/containerd", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// Makes a node's directories and files where they are missing, and returns what to start it with.
///
/// `others` are the names and addresses of all nodes, `program` is the lab's own program on this machine.
pub fn prepare(
    name: &str,
    address: IpAddr,
    root: &Path,
    others: &[(String, IpAddr)],
    program: &Path,
) -> Result<NodeSpec> {
    let what = || tr!(dir_cannot_be_made { dir: root.display() });
    if !root.is_dir() {
        fs::create_dir_all(root).context_what(what)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).context_what(what)?;
    }
    let below = Rooted::new(root);
    for (dir, mode) in DIRS {
        make_dir(&below, dir, mode)?;
    }
    for (path, mode, text) in files(name, others) {
        below.place_missing(path, &text, mode)?;
    }
    let mut mounts = shared(&below)?;
    mounts.push(Mount { source: root.join(LOCAL), target: "usr/local".into(), writable: true });
    bind_file(&below, program, Path::new(PROGRAM.trim_start_matches('/')), &mut mounts)?;
    for tool in WANTED {
        if let Some(found) = outside_usr(tool) {
            touch(&below, &Path::new(LOCAL).join("bin").join(tool))?;
            mounts.push(Mount {
                source: found,
                target: Path::new("usr/local/bin").join(tool),
                writable: false,
            });
        }
    }
    for tool in tools::on_node(|name| find_program(name).is_some()) {
        link(&below, Path::new(PROGRAM), &Path::new(LOCAL).join("bin").join(tool))?;
    }
    let limits = Limits::default();
    Ok(NodeSpec { name: name.into(), address, root: root.into(), mounts, limits })
}

/// Lets a node see a program of this machine at a path without its leading slash; for before it is started.
pub fn add_program(spec: &mut NodeSpec, source: &Path, target: &Path) -> Result<()> {
    let below = Rooted::new(&spec.root);
    bind_file(&below, source, target, &mut spec.mounts)
}

/// Lets a node see one of its own directories at another place too; both without their leading slash.
pub fn add_directory(spec: &mut NodeSpec, own: &str, target: &str) {
    spec.mounts.push(Mount { source: spec.root.join(own), target: target.into(), writable: true });
}

/// What a learner may set for the shells of all nodes: `off` for a prompt without the kubeconfig's name.
const PASSED: &str = "CKS_LAB_PROMPT";

/// The environment of every command on a node.
pub fn environment(term: &str) -> Vec<(String, String)> {
    let passed = std::env::var(PASSED).ok().map(|value| (PASSED.to_owned(), value));
    let own = [
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/bash"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("LANG", "C.UTF-8"),
        ("TERM", term),
    ];
    own.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().chain(passed).collect()
}

fn shared(below: &Rooted) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for path in SHARED_DIRS {
        let source = Path::new(path);
        let target = Path::new(path.trim_start_matches('/'));
        let Ok(metadata) = fs::symlink_metadata(source) else { continue };
        if metadata.is_symlink() && !path.starts_with("/etc") {
            let to = fs::read_link(source).context_what(|| tr!(node_link_not_read { path }))?;
            link(below, &to, target)?;
        } else if source.is_dir() {
            make_dir(below, target, 0o755)?;
            mounts.push(Mount { source: source.into(), target: target.into(), writable: false });
        }
    }
    for path in SHARED_FILES {
        if let Ok(source) = fs::canonicalize(path).filter_file() {
            bind_file(below, &source, Path::new(path.trim_start_matches('/')), &mut mounts)?;
        }
    }
    Ok(mounts)
}

trait FilterFile {
    fn filter_file(self) -> Self;
}

impl FilterFile for std::io::Result<PathBuf> {
    fn filter_file(self) -> Self {
        self.and_then(|p| if p.is_file() { Ok(p) } else { Err(std::io::ErrorKind::NotFound.into()) })
    }
}

fn bind_file(below: &Rooted, source: &Path, target: &Path, mounts: &mut Vec<Mount>) -> Result<()> {
    touch(below, target)?;
    mounts.push(Mount { source: source.into(), target: target.into(), writable: false });
    Ok(())
}

/// A program on this machine's PATH, links resolved.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())?;
    let real = fs::canonicalize(found).ok()?;
    let mut magic = [0; 4];
    use std::io::Read;
    fs::File::open(&real).ok()?.read_exact(&mut magic).ok()?;
    // A wrapper script would look for its own surroundings, which a node does not have.
    (&magic == b"\x7fELF").then_some(real)
}

/// A program that a node would not see as part of `/usr`.
fn outside_usr(name: &str) -> Option<PathBuf> {
    let found = find_program(name)?;
    let hidden = !found.starts_with("/usr") || found.starts_with("/usr/local");
    let shadowed = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).map(|d| d.join(name)).find(|f| f.is_file()))
        .and_then(|first| first.map(|f| f.starts_with("/usr/local") || !f.starts_with("/usr")))
        .unwrap_or(false);
    (hidden || shadowed).then_some(found)
}

/// Makes a directory where the path leads to none; whatever else has the name goes.
fn make_dir(below: &Rooted, path: impl AsRef<Path>, mode: u32) -> Result<()> {
    let path = path.as_ref();
    let what = || tr!(dir_cannot_be_made { dir: below.shown(path).display() });
    if below.metadata(path).is_ok_and(|m| m.is_dir()) {
        return Ok(());
    }
    if below.symlink_metadata(path).is_ok() {
        below.remove_file(path).context_what(what)?;
    }
    below.create_dir_all(path, mode).context_what(what)
}

/// Makes a file that something can be mounted on.
fn touch(below: &Rooted, path: &Path) -> Result<()> {
    make_dir(below, path.parent().unwrap_or(Path::new("")), 0o755)?;
    let what = || tr!(file_cannot_be_made { file: below.shown(path).display() });
    match below.symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(_) => below.remove_file(path).context_what(what)?,
        Err(_) => {}
    }
    below.create(path, 0o644).context_what(what).map(|_| ())
}

fn link(below: &Rooted, to: &Path, at: &Path) -> Result<()> {
    if let Ok(there) = below.symlink_metadata(at) {
        if there.is_dir() || below.read_link(at).is_ok_and(|old| old == to) {
            return Ok(());
        }
        let what = || tr!(file_cannot_be_removed { file: below.shown(at).display() });
        below.remove_file(at).context_what(what)?;
    }
    below.symlink(to, at).context_what(|| tr!(node_link_not_made { path: below.shown(at).display() }))
}

/// The files of a node: path, mode, text.
fn files(name: &str, others: &[(String, IpAddr)]) -> Vec<(&'static str, u32, String)> {
    let mut hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    for (other, address) in others {
        hosts += &format!("{address} {other}\n");
    }
    vec![
        ("etc/hostname", 0o644, format!("{name}\n")),
        ("etc/hosts", 0o644, hosts),
        ("etc/passwd", 0o644, include_str!("../../assets/node/passwd").into()),
        ("etc/group", 0o644, include_str!("../../assets/node/group").into()),
        ("etc/nsswitch.conf", 0o644, "passwd: files\ngroup: files\nhosts: files\n".into()),
        ("etc/resolv.conf", 0o644, "# The lab's network reaches nothing but the lab.\n".into()),
        ("etc/os-release", 0o644, include_str!("../../assets/node/os-release").into()),
        ("etc/profile", 0o644, include_str!("../../assets/node/profile").into()),
        ("root/.bashrc", 0o644, include_str!("../../assets/node/bashrc").into()),
        ("root/.profile", 0o644, "[ -n \"$BASH_VERSION\" ] && [ -f ~/.bashrc ] && . ~/.bashrc\n".into()),
        ("root/.vimrc", 0o644, include_str!("../../assets/node/vimrc").into()),
        (
            "opt/cks-lab/kubectl-completion.bash",
            0o644,
            include_str!("../../assets/node/kubectl-completion.bash").into(),
        ),
    ]
}
