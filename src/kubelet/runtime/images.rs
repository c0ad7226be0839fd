//! The images on a node: ids, sizes, and the first lines that their programs write.

use crate::klog::Severity;
use crate::release::Release;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// `registry.k8s.io/pause`
    pub repository: &'static str,
    /// `3.5`; capital letters stand for the release's, see [`crate::release::Release::image_tag`].
    pub tag: &'static str,
    /// As crictl shows it.
    pub size: &'static str,
}

const fn image(repository: &'static str, tag: &'static str, size: &'static str) -> Image {
    Image { repository, tag, size }
}

/// What kubeadm and the addons pulled.
pub const IMAGES: [Image; 12] = [
    image("docker.io/calico/kube-controllers", "v3.24.1", "31.1MB"),
    image("docker.io/calico/node", "v3.24.1", "80.2MB"),
    image("docker.io/rancher/local-path-provisioner", "v0.0.28", "18.6MB"),
    image("docker.io/rancher/mirrored-flannelcni-flannel", "v0.19.2", "20.5MB"),
    image("registry.k8s.io/coredns/coredns", "COREDNS", "18.2MB"),
    image("registry.k8s.io/etcd", "ETCD", "56.9MB"),
    image("registry.k8s.io/kube-apiserver", "VERSION", "28.1MB"),
    image("registry.k8s.io/kube-controller-manager", "VERSION", "26.2MB"),
    image("registry.k8s.io/kube-proxy", "VERSION", "30.2MB"),
    image("registry.k8s.io/kube-scheduler", "VERSION", "20.2MB"),
    image("registry.k8s.io/pause", "PAUSE", "320kB"),
    image("registry.k8s.io/pause", "3.5", "301kB"),
];

/// An image's id: 64 hex digits that depend on its name alone.
pub fn id(name: &str) -> String {
    crate::digest::sha256(name.as_bytes())
}

/// Public images whose pods the lab lets run: what exercises and manifests of the documentation use.
const PUBLIC: [&str; 12] = [
    "docker.io/library/alpine",
    "docker.io/library/bash",
    "docker.io/library/busybox",
    "docker.io/library/debian",
    "docker.io/library/httpd",
    "docker.io/library/memcached",
    "docker.io/library/mysql",
    "docker.io/library/nginx",
    "docker.io/library/postgres",
    "docker.io/library/python",
    "docker.io/library/redis",
    "docker.io/library/ubuntu",
];

/// The whole name of an image: registry, repository and tag.
pub fn full_name(image: &str) -> String {
    let first = image.split('/').next().unwrap_or_default();
    let with_registry = match image.contains('/') {
        false => format!("docker.io/library/{image}"),
        true if first.contains(['.', ':']) || first == "localhost" => image.to_owned(),
        true => format!("docker.io/{image}"),
    };
    let last = with_registry.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { with_registry } else { format!("{with_registry}:latest") }
}

/// The image of a name among those that every node has.
fn own(image: &str, release: &Release) -> Option<&'static Image> {
    let name = full_name(image);
    IMAGES.iter().find(|i| release.image_tag(&format!("{}:{}", i.repository, i.tag)) == name)
}

/// Whether every node has an image from its beginning.
pub fn is_here(image: &str, release: &Release) -> bool {
    own(image, release).is_some()
}

/// How many bytes an image is said to have: those of a node's own as listed, else a number that depends on its name alone.
pub fn size(image: &str, release: &Release) -> u64 {
    match own(image, release) {
        Some(own) => {
            let digits = own.size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = if own.size.ends_with("MB") { 1e6 } else { 1e3 };
            (digits.parse::<f64>().unwrap_or(0.0) * unit) as u64
        }
        None => full_name(image)
            .bytes()
            .fold(20_000_000, |sum, byte| 20_000_000 + (sum * 31 + u64::from(byte)) % 60_000_000),
    }
}

/// Whether an image can be had; the error is containerd's about a name or a tag that its registry does not have.
pub fn pull(image: &str, release: &Release) -> Result<(), String> {
    let name = full_name(image);
    let bare = name.split('@').next().unwrap_or_default();
    let repository = match bare.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => bare,
    };
    if is_here(image, release) || PUBLIC.contains(&repository) {
        return Ok(());
    }
    let what = format!("failed to pull and unpack image {name:?}: failed to resolve reference {name:?}");
    let known = IMAGES.iter().any(|i| i.repository == repository);
    Err(if known || !name.starts_with("docker.io/") {
        format!("rpc error: code = NotFound desc = {what}: {name}: not found")
    } else {
        format!(
            "rpc error: code = Unknown desc = {what}: pull access denied, repository does not exist or may require \
             authorization: server message: insufficient_scope: authorization failed"
        )
    })
}

/// The programs of an image that has nothing but these; `None` where any command is taken.
fn programs(image: &str) -> Option<&'static [&'static str]> {
    let repository = image.rsplit('/').next()?.split([':', '@']).next()?;
    Some(match repository {
        "etcd" => &["etcd", "etcdctl", "etcdutl"],
        "kube-apiserver" => &["kube-apiserver"],
        "kube-controller-manager" => &["kube-controller-manager"],
        "kube-scheduler" => &["kube-scheduler"],
        _ => return None,
    })
}

/// What images run by themselves: the end of the repository, and the words that a command's arguments follow.
const ENTRYPOINTS: [(&str, &str); 10] = [
    ("coredns/coredns", "/coredns"),
    ("calico/kube-controllers", "/usr/bin/kube-controllers"),
    ("calico/node", "runsvdir -P /etc/service/enabled"),
    ("mirrored-flannelcni-flannel", "/opt/bin/flanneld"),
    ("library/httpd", "httpd -DFOREGROUND"),
    ("library/nginx", "nginx: master process nginx -g daemon off;"),
    ("library/redis", "redis-server *:6379"),
    ("library/memcached", "memcached"),
    ("library/postgres", "postgres"),
    ("library/mysql", "mysqld"),
];

/// The words that a container's process shows: the image's own where it is given none, or only arguments.
pub fn title(image: &str, argv: &[String], name: &str) -> Vec<String> {
    if argv.first().is_some_and(|first| !first.starts_with('-')) {
        return argv.to_vec();
    }
    let whole = full_name(image);
    let repository =
        whole.split('@').next().and_then(|n| n.rsplit_once(':')).map_or("", |(repository, _)| repository);
    let own = ENTRYPOINTS.iter().find(|(end, _)| repository.ends_with(end)).map_or(name, |(_, words)| words);
    own.split(' ').map(str::to_owned).chain(argv.iter().cloned()).collect()
}

/// The digest by which a registry has an image, with its repository: what a pod's status names it by.
pub fn digest(image: &str) -> String {
    let whole = full_name(image);
    if whole.contains('@') {
        return whole;
    }
    let repository = whole.rsplit_once(':').map_or(whole.as_str(), |(repository, _)| repository);
    format!("{repository}@sha256:{}", crate::digest::sha256(format!("manifest of {whole}").as_bytes()))
}

/// Whether a command can be started in an image.
pub fn has_program(image: &str, argv: &[String]) -> bool {
    let (Some(programs), Some(first)) = (programs(image), argv.first()) else { return true };
    programs.iter().any(|p| first == p || *first == format!("/usr/local/bin/{p}"))
}

/// What comes of running a command in a container.
#[derive(Debug, PartialEq, Eq)]
pub enum Exec {
    /// It prints this.
    Prints(String),
    /// It is etcdctl with these words.
    Etcdctl(Vec<String>),
    /// The image has no such program.
    Missing,
    /// The image has it, the lab does not.
    NotHere,
}

/// What a command in a container of an image does.
pub fn output_of(image: &str, command: &[String], release: &Release) -> Exec {
    let Some(programs) = programs(image) else { return Exec::NotHere };
    let Some(program) = command.first().filter(|_| has_program(image, command)) else { return Exec::Missing };
    let name = program.rsplit('/').next().unwrap_or_default();
    let version = command.iter().skip(1).any(|word| word == "--version");
    match name {
        "etcdctl" => Exec::Etcdctl(command[1..].to_vec()),
        "etcd" | "etcdutl" if version => {
            let tag = release.image_tag("ETCD");
            let number = tag.split('-').next().unwrap_or_default();
            Exec::Prints(format!("{name} Version: {number}\nGo OS/Arch: linux/amd64\n"))
        }
        _ if version && programs.contains(&name) => {
            Exec::Prints(format!("Kubernetes {}\n", release.git_version))
        }
        _ => Exec::NotHere,
    }
}

type StartLine = (Severity, &'static str, &'static str);

const PROXY: [StartLine; 4] = [
    (Severity::Info, "server_linux.go:66", "\"Using iptables proxy\""),
    (Severity::Info, "server.go:677", "\"Successfully retrieved node IP(s)\" IPs=[\"172.30.1.2\"]"),
    (Severity::Info, "config.go:197", "\"Starting service config controller\""),
    (Severity::Info, "shared_informer.go:320", "Caches are synced for service config"),
];
const FLANNEL: [StartLine; 2] = [
    (
        Severity::Info,
        "main.go:204",
        "CLI flags config: {etcdEndpoints:http://127.0.0.1:4001,http://127.0.0.1:2379 kubeSubnetMgr:true ipMasq:true}",
    ),
    (Severity::Info, "kube.go:120", "Waiting 10m0s for node controller to sync"),
];
const OTHER: [StartLine; 0] = [];

/// The first lines that an image's program writes.
pub fn start_lines(image: &str) -> &'static [StartLine] {
    if image.contains("kube-proxy") {
        &PROXY
    } else if image.contains("flannel") {
        &FLANNEL
    } else {
        &OTHER
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_completed_and_what_no_registry_has_is_refused() {
        let release = crate::release::default_release();
        for (image, full, refused) in [
            ("nginx", "docker.io/library/nginx:latest", None),
            ("nginx:1.27", "docker.io/library/nginx:1.27", None),
            ("bitnami/nginxx", "docker.io/bitnami/nginxx:latest", Some("pull access denied")),
            (
                "registry.k8s.io/kube-apiserver:v0.1",
                "registry.k8s.io/kube-apiserver:v0.1",
                Some("v0.1: not found"),
            ),
            ("localhost:5000/a", "localhost:5000/a:latest", Some("code = NotFound")),
        ] {
            assert_eq!(full_name(image), full);
            match (pull(image, release), refused) {
                (Ok(()), None) => {}
                (Err(why), Some(part)) => assert!(why.contains(part), "{why}"),
                other => panic!("{image}: {other:?}"),
            }
        }
        let own = format!("registry.k8s.io/kube-apiserver:{}", release.git_version);
        pull(&own, release).unwrap();
        assert!(has_program(&own, &["kube-apiserver".into()]));
        assert!(!has_program(&own, &["kube-apiservr".into()]));
        assert!(has_program("nginx", &["anything".into()]));
    }

    #[test]
    fn processes_are_named_by_their_images_where_the_pod_does_not() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let coredns = "registry.k8s.io/coredns/coredns:v1.11.1";
        assert_eq!(
            title(coredns, &words("-conf /etc/coredns/Corefile"), "c").join(" "),
            "/coredns -conf /etc/coredns/Corefile"
        );
        assert_eq!(title("nginx", &[], "web").join(" "), "nginx: master process nginx -g daemon off;");
        assert_eq!(title("nginx", &words("sleep 1d"), "web").join(" "), "sleep 1d");
        assert_eq!(title("busybox", &[], "box"), ["box"]);
        assert!(digest("nginx").starts_with("docker.io/library/nginx@sha256:"));
        assert_eq!(digest("a.b/c@sha256:1"), "a.b/c@sha256:1");
    }
}
