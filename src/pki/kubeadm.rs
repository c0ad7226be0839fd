//! What `kubeadm init` and `kubeadm join` leave under `/etc/kubernetes` and `/var/lib/kubelet/pki`.
//!
//! Names and subjects: upstream `cmd/kubeadm/app/phases/certs/certlist.go`, `.../kubeconfig/kubeconfig.go`.
//! Everything is made once; a lab that is resumed keeps its keys.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::kubeconfig::{Credentials, Kubeconfig};
use super::{Authority, Leaf, Subject, Usage, authority};
use crate::error::{Context, Result};
use crate::rooted::Rooted;
use crate::text::tr;

/// The directory of the cluster's certificates.
pub const PKI: &str = "etc/kubernetes/pki";
/// The kubelet's certificate and key, on every node.
pub const KUBELET_CLIENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// A node of the cluster whose files are made.
#[derive(Debug, Clone)]
pub struct Member {
    /// The node's name.
    pub name: String,
    /// The node's address.
    pub address: IpAddr,
    /// The node's root file system on this machine.
    pub root: PathBuf,
}

/// The cluster whose files are made.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The control plane.
    pub control_plane: Member,
    /// The other nodes.
    pub workers: Vec<Member>,
    /// The API server as nodes reach it.
    pub server: String,
    /// The first address of the service range.
    pub service_address: IpAddr,
    /// What makes paths in kubeconfigs right for whoever reads them: empty where a node has a root of its own.
    pub path_prefix: fn(&Member) -> String,
}

/// The authorities: file below the certificates' directory, common name.
pub const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "kubernetes"), ("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca")];

/// A certificate of the control plane.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its file below the certificates' directory, without an ending.
    pub file: &'static str,
    /// The file of the authority that signs it.
    pub authority: &'static str,
    /// Whom it names.
    pub subject: Subject,
    /// What it may be used for.
    pub usage: Usage,
}

/// Client certificates that the cluster's authority issues into kubeconfigs: file, user, group.
pub const KUBECONFIGS: [(&str, &str, &str); 4] = [
    ("admin.conf", "kubernetes-admin", "kubeadm:cluster-admins"),
    ("super-admin.conf", "kubernetes-super-admin", "system:masters"),
    ("controller-manager.conf", "system:kube-controller-manager", ""),
    ("scheduler.conf", "system:kube-scheduler", ""),
];

/// Makes whatever is missing, and returns the cluster's authority.
pub fn ensure(layout: &Layout, now: Timestamp) -> Result<Authority> {
    let files = Rooted::new(&layout.control_plane.root);
    let pki = Path::new(PKI);
    let ca = ensure_authority(&files, pki, "ca", "kubernetes", now)?;
    ensure_server_side(layout, &ca, &files, now)?;
    kubeconfigs(layout, &ca, now, false)?;
    for worker in &layout.workers {
        let files = Rooted::new(&worker.root);
        files.place_missing(pki.join("ca.crt"), ca.certificate(), 0o644)?;
        let manifests = "etc/kubernetes/manifests";
        files
            .create_dir_all(manifests, 0o755)
            .context_what(|| tr!(file_cannot_be_made { file: files.shown(manifests).display() }))?;
    }
    Ok(ca)
}

/// Writes the kubeconfigs anew, for a layout that turned out to be another than the one they were made for.
pub fn change_layout(layout: &Layout, ca: &Authority, now: Timestamp) -> Result<()> {
    kubeconfigs(layout, ca, now, true)
}

/// Makes the kubeconfigs on all nodes, those that are there too where `anew`.
fn kubeconfigs(layout: &Layout, ca: &Authority, now: Timestamp, anew: bool) -> Result<()> {
    let files = Rooted::new(&layout.control_plane.root);
    for (file, user, group) in KUBECONFIGS {
        let path = Path::new("etc/kubernetes").join(file);
        if anew || !files.exists(&path) {
            let leaf = ca.issue(&Subject::client(user, group), Usage::Client, now)?;
            let credentials = Credentials::Embedded(leaf);
            files.place(&path, &kubeconfig(layout, ca, "kubernetes", user, credentials).render(), 0o600)?;
        }
    }
    kubelet_config(layout, &layout.control_plane, true, ca, now, anew)?;
    layout.workers.iter().try_for_each(|worker| kubelet_config(layout, worker, false, ca, now, anew))
}

/// A kubeconfig with an embedded certificate, for use from this machine.
pub fn external(ca: &Authority, server: &str, user: &str, group: &str, now: Timestamp) -> Result<String> {
    let leaf = ca.issue(&Subject::client(user, group), Usage::Client, now)?;
    Ok(Kubeconfig {
        cluster: "kubernetes".into(),
        user: user.into(),
        context: format!("{user}@kubernetes"),
        namespace: None,
        server: server.into(),
        authority: ca.certificate().into(),
        credentials: Credentials::Embedded(leaf),
    }
    .render())
}

fn kubeconfig(
    layout: &Layout,
    ca: &Authority,
    cluster: &str,
    user: &str,
    credentials: Credentials,
) -> Kubeconfig {
    Kubeconfig {
        cluster: cluster.into(),
        user: user.into(),
        context: format!("{user}@{cluster}"),
        namespace: None,
        server: layout.server.clone(),
        authority: ca.certificate().into(),
        credentials,
    }
}

/// The certificates of a control plane, in the order in which `kubeadm init phase certs all` makes them.
pub fn certificates(name: &str, address: IpAddr, service_address: IpAddr) -> Vec<Certificate> {
    let names = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let api_server = Subject {
        common_name: "kube-apiserver".into(),
        dns: names(&[
            name,
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
        ]),
        addresses: vec![service_address, address, loopback],
        ..Subject::default()
    };
    let etcd_member = Subject {
        common_name: name.into(),
        dns: names(&[name, "localhost"]),
        addresses: vec![address, loopback, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])],
        ..Subject::default()
    };
    let client = Subject::client;
    let (front, etcd) = ("front-proxy-ca", "etcd/ca");
    let kubelet_client = client("kube-apiserver-kubelet-client", "kubeadm:cluster-admins");
    [
        ("apiserver", "ca", api_server, Usage::Server),
        ("apiserver-kubelet-client", "ca", kubelet_client, Usage::Client),
        ("front-proxy-client", front, client("front-proxy-client", ""), Usage::Client),
        ("etcd/server", etcd, etcd_member.clone(), Usage::Both),
        ("etcd/peer", etcd, etcd_member, Usage::Both),
        ("etcd/healthcheck-client", etcd, client("kube-etcd-healthcheck-client", ""), Usage::Client),
        ("apiserver-etcd-client", etcd, client("kube-apiserver-etcd-client", ""), Usage::Client),
    ]
    .into_iter()
    .map(|(file, authority, subject, usage)| Certificate { file, authority, subject, usage })
    .collect()
}

fn ensure_server_side(layout: &Layout, ca: &Authority, files: &Rooted, now: Timestamp) -> Result<()> {
    let pki = Path::new(PKI);
    let etcd = ensure_authority(files, &pki.join("etcd"), "ca", "etcd-ca", now)?;
    let front_proxy = ensure_authority(files, pki, "front-proxy-ca", "front-proxy-ca", now)?;
    let member = &layout.control_plane;
    for Certificate { file, authority, subject, usage } in
        certificates(&member.name, member.address, layout.service_address)
    {
        let authority = match authority {
            "ca" => ca,
            "front-proxy-ca" => &front_proxy,
            _ => &etcd,
        };
        let certificate = pki.join(format!("{file}.crt"));
        let key = pki.join(format!("{file}.key"));
        if !files.exists(&certificate) || !files.exists(&key) {
            write_pair(files, &certificate, &key, &authority.issue(&subject, usage, now)?)?;
        }
    }
    let (private, public) = (pki.join("sa.key"), pki.join("sa.pub"));
    if !files.exists(&private) || !files.exists(&public) {
        let (key, public_key) = authority::key_pair()?;
        files.place(&private, &key, 0o600)?;
        files.place(&public, &public_key, 0o600)?;
    }
    Ok(())
}

fn ensure_authority(
    files: &Rooted,
    dir: &Path,
    file: &str,
    common_name: &str,
    now: Timestamp,
) -> Result<Authority> {
    let (certificate, key) = (dir.join(format!("{file}.crt")), dir.join(format!("{file}.key")));
    if files.exists(&certificate) && files.exists(&key) {
        let read = |path: &Path| {
            files
                .read_to_string(path)
                .context_what(|| tr!(file_cannot_be_read { file: files.shown(path).display() }))
        };
        return Authority::from_pem(&read(&certificate)?, &read(&key)?)
            .map_err(|e| e.hint(tr!(pki_pair_damaged { file: files.shown(&certificate).display() })));
    }
    let authority = Authority::new(common_name, now)?;
    write_pair(files, &certificate, &key, &authority.to_leaf())?;
    Ok(authority)
}

/// The kubelet's client certificate (a dated file and the link to the current one) and its kubeconfig.
fn kubelet_config(
    layout: &Layout,
    member: &Member,
    init: bool,
    ca: &Authority,
    now: Timestamp,
    anew: bool,
) -> Result<()> {
    let files = Rooted::new(&member.root);
    let current = Path::new(KUBELET_CLIENT);
    let user = format!("system:node:{}", member.name);
    // Not what it leads to: on a plain node it says a path of this machine.
    let there = files.symlink_metadata(current).is_ok();
    if anew || !there {
        let leaf = ca.issue(&Subject::client(&user, "system:nodes"), Usage::Client, now)?;
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d-%H-%M-%S").to_string();
        let dated = format!("kubelet-client-{stamp}.pem");
        files.place(current.with_file_name(&dated), &format!("{}{}", leaf.certificate, leaf.key), 0o600)?;
        let target = format!("{}/var/lib/kubelet/pki/{dated}", (layout.path_prefix)(member));
        let old = if there { files.remove_file(current) } else { Ok(()) };
        old.and_then(|()| files.symlink(target, current))
            .context_what(|| tr!(node_link_not_made { path: files.shown(current).display() }))?;
    }
    let path = "etc/kubernetes/kubelet.conf";
    if !anew && files.exists(path) {
        return Ok(());
    }
    let credentials = Credentials::File(format!("{}{KUBELET_CLIENT}", (layout.path_prefix)(member)));
    let config = if init {
        kubeconfig(layout, ca, "kubernetes", &user, credentials)
    } else {
        Kubeconfig {
            cluster: "default-cluster".into(),
            user: "default-auth".into(),
            context: "default-context".into(),
            namespace: Some("default".into()),
            server: layout.server.clone(),
            authority: ca.certificate().into(),
            credentials,
        }
    };
    files.place(path, &config.render(), 0o600)
}

/// Writes a certificate for all to read and its key for its owner.
pub fn write_pair(files: &Rooted, certificate: &Path, key: &Path, leaf: &Leaf) -> Result<()> {
    files.place(certificate, &leaf.certificate, 0o644)?;
    files.place(key, &leaf.key, 0o600)
}

/// Writes a file of this machine with this mode, whatever the umask, by way of a temporary name; a node's are
/// [`Rooted::place`]'s.
pub fn write_file(path: &Path, text: &str, mode: u32) -> Result<()> {
    let what = || tr!(file_cannot_be_written { file: path.display() });
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).context_what(what)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let temporary = parent.join(name);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        .context_what(what)?;
    file.write_all(text.as_bytes()).context_what(what)?;
    file.set_permissions(fs::Permissions::from_mode(mode)).context_what(what)?;
    fs::rename(&temporary, path).context_what(what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn layout(dir: &Path) -> Layout {
        let member = |name: &str, last| Member {
            name: name.into(),
            address: IpAddr::from([172, 30, last, 2]),
            root: dir.join(name),
        };
        Layout {
            control_plane: member("controlplane", 1),
            workers: vec![member("node01", 2)],
            server: "https://172.30.1.2:6443".into(),
            service_address: IpAddr::from([10, 96, 0, 1]),
            path_prefix: |_| String::new(),
        }
    }

    #[test]
    fn a_second_call_keeps_every_file() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let first = ensure(&layout(dir.path()), now).unwrap();
        let before = fs::read(dir.path().join("node01/etc/kubernetes/kubelet.conf")).unwrap();
        let again = ensure(&layout(dir.path()), now).unwrap();
        assert_eq!(first.certificate(), again.certificate());
        assert_eq!(before, fs::read(dir.path().join("node01/etc/kubernetes/kubelet.conf")).unwrap());
    }

    #[test]
    fn another_layout_changes_the_kubeconfigs_and_no_certificate_of_the_servers() {
        let dir = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let mut layout = layout(dir.path());
        let ca = ensure(&layout, now).unwrap();
        let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
        let server = "controlplane/etc/kubernetes/pki/apiserver.crt";
        let before = read(server);
        layout.server = "https://127.0.0.1:7".into();
        layout.path_prefix = |member| member.root.display().to_string();
        change_layout(&layout, &ca, now).unwrap();
        assert_eq!(read(server), before);
        for file in ["controlplane/etc/kubernetes/admin.conf", "controlplane/etc/kubernetes/kubelet.conf"] {
            assert!(read(file).contains("server: https://127.0.0.1:7\n"), "{file}");
        }
        let config = read("node01/etc/kubernetes/kubelet.conf");
        let current = dir.path().join("node01/var/lib/kubelet/pki/kubelet-client-current.pem");
        assert!(config.contains(&format!("client-key: {}\n", current.display())), "{config}");
        assert!(fs::read_to_string(current).unwrap().contains("PRIVATE KEY"), "by its path of this machine");
    }

    #[test]
    fn the_kubelets_kubeconfig_is_as_on_a_joined_node() {
        let dir = tempfile::tempdir().unwrap();
        ensure(&layout(dir.path()), Timestamp::from_second(1_800_000_000).unwrap()).unwrap();
        let path = dir.path().join("node01/etc/kubernetes/kubelet.conf");
        let text = fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(value["clusters"][0]["name"], "default-cluster");
        assert_eq!(value["clusters"][0]["cluster"]["server"], "https://172.30.1.2:6443");
        assert_eq!(value["contexts"][0]["name"], "default-context");
        assert_eq!(value["contexts"][0]["context"]["namespace"], "default");
        assert_eq!(value["users"][0]["name"], "default-auth");
        assert_eq!(value["users"][0]["user"]["client-certificate"], KUBELET_CLIENT);
        assert_eq!(value["users"][0]["user"]["client-key"], KUBELET_CLIENT);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = dir.path().join("node01/var/lib/kubelet/pki/kubelet-client-current.pem");
        assert!(fs::read_link(link).unwrap().starts_with("/var/lib/kubelet/pki"));
    }

    #[test]
    fn the_kubelets_certificate_names_its_node() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        ensure(&layout(dir.path()), now).unwrap();
        let pki = dir.path().join("node01/var/lib/kubelet/pki");
        let dated = fs::read_dir(&pki)
            .unwrap()
            .find(|e| e.as_ref().unwrap().file_name() != "kubelet-client-current.pem");
        let pem = fs::read(dated.unwrap().unwrap().path()).unwrap();
        let (_, block) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
        let certificate = block.parse_x509().unwrap();
        assert_eq!(certificate.subject().to_string(), "O=system:nodes, CN=system:node:node01");
        assert_eq!(certificate.validity().not_before.timestamp(), now.as_second() - 300);
    }
}
