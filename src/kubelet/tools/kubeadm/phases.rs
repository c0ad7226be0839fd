//! `kubeadm init phase`: certificates, kubeconfigs and manifests that are missing, as a new cluster would have them.
//!
//! Upstream: `cmd/kubeadm/app/cmd/phases/init/{certs,kubeconfig,controlplane,etcd}.go`, `cmd/kubeadm/app/phases`.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::flags::Flags;
use super::node::{Node, PKI, release};
use super::{Failed, Said, help};
use crate::pki::authority::key_pair;
use crate::pki::kubeadm::{AUTHORITIES, Certificate, KUBECONFIGS, certificates, external, write_pair};
use crate::pki::{Authority, Usage};

/// The first address of services.
const SERVICES: [u8; 4] = [10, 96, 0, 1];
/// The manifests of `control-plane`: the command's word, the component.
const COMPONENTS: [(&str, &str); 3] = [
    ("apiserver", "kube-apiserver"),
    ("controller-manager", "kube-controller-manager"),
    ("scheduler", "kube-scheduler"),
];
/// The files of `kubeconfig`, in the order of `all`.
const CONFIGS: [&str; 5] = ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"];

/// Runs a phase.
pub(super) fn run(node: &Node, phase: &str, rest: &[&str], flags: &Flags) -> Said {
    let group = format!("init phase {phase}");
    match (phase, rest) {
        ("certs", ["all"]) => {
            let mut text = format!("[certs] Using certificateDir folder {PKI:?}\n");
            for name in order() {
                text += &certificate(node, name, flags)?;
            }
            Ok(text + &service_accounts(node)?)
        }
        ("certs", ["sa"]) => service_accounts(node),
        ("certs", [name]) if order().contains(&file_of(name)) => certificate(node, file_of(name), flags),
        ("kubeconfig", ["all"]) => {
            let mut text = "[kubeconfig] Using kubeconfig folder \"/etc/kubernetes\"\n".to_owned();
            for name in CONFIGS {
                text += &kubeconfig(node, name)?;
            }
            Ok(text)
        }
        ("kubeconfig", [name]) if CONFIGS.contains(name) => kubeconfig(node, name),
        ("control-plane", ["all"]) => {
            let mut text = "[control-plane] Using manifest folder \"/etc/kubernetes/manifests\"\n".to_owned();
            for (_, component) in COMPONENTS {
                text += &manifest(node, component)?;
            }
            Ok(text)
        }
        ("control-plane", [name]) if COMPONENTS.iter().any(|(word, _)| word == name) => {
            let component = COMPONENTS.iter().find(|(word, _)| word == name).map_or("", |(_, c)| c);
            manifest(node, component)
        }
        ("etcd", ["local"]) => {
            manifest(node, "etcd")?;
            Ok("[etcd] Creating static Pod manifest for local etcd in \"/etc/kubernetes/manifests\"\n".into())
        }
        ("certs" | "kubeconfig" | "control-plane" | "etcd", []) => {
            Ok(help(&group).unwrap_or_default().to_owned())
        }
        ("certs" | "kubeconfig" | "control-plane" | "etcd", [other, ..]) => {
            Err(format!("unknown command {other:?} for \"kubeadm {group}\"").into())
        }
        _ => Err(format!(
            "kubeadm {group} is not emulated in this lab: the phases certs, kubeconfig, control-plane and etcd are"
        )
        .into()),
    }
}

/// The files of certificates below their directory, in the order of `all`.
fn order() -> Vec<&'static str> {
    let mut files = Vec::new();
    for certificate in certificates("", IpAddr::from(SERVICES), IpAddr::from(SERVICES)) {
        if !files.contains(&certificate.authority) {
            files.push(certificate.authority);
        }
        files.push(certificate.file);
    }
    files
}

/// The file that a command's word stands for.
fn file_of(name: &str) -> &str {
    match name {
        "etcd-ca" => "etcd/ca",
        "etcd-server" => "etcd/server",
        "etcd-peer" => "etcd/peer",
        "etcd-healthcheck-client" => "etcd/healthcheck-client",
        name => name,
    }
}

/// An authority with its key; why not, in kubeadm's words.
fn authority(node: &Node, file: &str) -> Result<Authority, String> {
    let read = |ending: &str| node.read(&format!("{PKI}/{file}.{ending}")).ok();
    let (Some(certificate), Some(key)) = (read("crt"), read("key")) else {
        return Err(format!(
            "couldn't load CA certificate {file}: couldn't load {file} certificate authority from {PKI}"
        ));
    };
    Authority::from_pem(&certificate, &key).map_err(|e| format!("couldn't load CA certificate {file}: {e}"))
}

fn phase_failed(phase: &str, why: impl std::fmt::Display) -> Failed {
    format!("error execution phase {phase}: {why}").into()
}

fn certificate(node: &Node, file: &str, flags: &Flags) -> Said {
    let there = |ending: &str| node.path(&format!("{PKI}/{file}.{ending}")).exists();
    let phase = format!("certs/{}", file.replace('/', "-"));
    let base = format!("etc/kubernetes/pki/{file}");
    let write = |leaf| {
        let (certificate, key) = (format!("{base}.crt"), format!("{base}.key"));
        write_pair(&node.files(), Path::new(&certificate), Path::new(&key), &leaf)
            .map_err(|why| phase_failed(&phase, why))
    };
    if let Some((_, name)) = AUTHORITIES.iter().find(|(authority, _)| *authority == file) {
        return match (there("crt"), there("key")) {
            (true, true) => Ok(format!("[certs] Using existing {file} certificate authority\n")),
            (true, false) => Ok(format!("[certs] Using existing {file} keyless certificate authority\n")),
            _ => {
                let made = Authority::new(name, node.now).map_err(|why| phase_failed(&phase, why))?;
                write(made.to_leaf())?;
                Ok(format!("[certs] Generating {file:?} certificate and key\n"))
            }
        };
    }
    if there("crt") && there("key") {
        return Ok(format!("[certs] Using existing {file} certificate and key on disk\n"));
    }
    let all = certificates(&node.name, node.address, IpAddr::from(SERVICES));
    let Some(Certificate { authority: signs, mut subject, usage, .. }) =
        all.into_iter().find(|certificate| certificate.file == file)
    else {
        return Err(phase_failed(&phase, "no such certificate"));
    };
    if file == "apiserver" {
        for name in flags.list("apiserver-cert-extra-sans").unwrap_or_default() {
            match name.parse() {
                Ok(address) => subject.addresses.push(address),
                Err(_) => subject.dns.push(name),
            }
        }
    }
    let authority = authority(node, signs).map_err(|why| phase_failed(&phase, why))?;
    write(authority.issue(&subject, usage, node.now).map_err(|why| phase_failed(&phase, why))?)?;
    let mut text = format!("[certs] Generating {file:?} certificate and key\n");
    if usage != Usage::Client {
        let addresses: Vec<_> = subject.addresses.iter().map(ToString::to_string).collect();
        text += &format!(
            "[certs] {file} serving cert is signed for DNS names [{}] and IPs [{}]\n",
            subject.dns.join(" "),
            addresses.join(" ")
        );
    }
    Ok(text)
}

fn service_accounts(node: &Node) -> Said {
    if node.path(&format!("{PKI}/sa.key")).exists() {
        return Ok("[certs] Using the existing \"sa\" key\n".into());
    }
    let fail = |why: crate::error::Error| phase_failed("certs/sa", why);
    let (key, public) = key_pair().map_err(fail)?;
    let files = node.files();
    for (name, text) in [("sa.key", key), ("sa.pub", public)] {
        files.place(format!("etc/kubernetes/pki/{name}"), &text, 0o600).map_err(fail)?;
    }
    Ok("[certs] Generating \"sa\" key and public key\n".into())
}

fn kubeconfig(node: &Node, name: &str) -> Said {
    let file = format!("{name}.conf");
    let (path, phase) = (format!("/etc/kubernetes/{file}"), format!("kubeconfig/{name}"));
    let ca = node.read(&format!("{PKI}/ca.crt"));
    let Ok(ca) = ca else {
        return Err(phase_failed(
            &phase,
            format!(
                "the CA files do not exist, please run `kubeadm init phase certs ca` to generate it: failed to load certificate: couldn't \
                 load the certificate file {PKI}/ca.crt: open {PKI}/ca.crt: no such file or directory"
            ),
        ));
    };
    if let Ok(text) = node.read(&path) {
        let config: Value = serde_yaml::from_str(&text).unwrap_or_default();
        let data =
            config["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap_or_default();
        let old = STANDARD.decode(data).unwrap_or_default();
        if old.trim_ascii() != ca.as_bytes().trim_ascii() {
            return Err(phase_failed(
                &phase,
                format!("a kubeconfig file {path:?} exists already but has got the wrong CA cert"),
            ));
        }
        return Ok(format!("[kubeconfig] Using existing kubeconfig file: {path:?}\n"));
    }
    let authority = authority(node, "ca").map_err(|why| phase_failed(&phase, why))?;
    let kubelet = (format!("system:node:{}", node.name), "system:nodes".to_owned());
    let (user, group) = KUBECONFIGS
        .iter()
        .find(|(config, ..)| *config == file)
        .map_or(kubelet, |(_, user, group)| ((*user).to_owned(), (*group).to_owned()));
    let fail = |why: crate::error::Error| phase_failed(&phase, why);
    let config = external(&authority, &node.server(), &user, &group, node.now).map_err(fail)?;
    node.files().place(path.trim_start_matches('/'), &config, 0o600).map_err(fail)?;
    Ok(format!("[kubeconfig] Writing {file:?} kubeconfig file\n"))
}

/// A component's manifest as kubeadm writes it: with the plugin that lessons take off.
fn manifest(node: &Node, component: &str) -> Said {
    let file = format!("{component}.yaml");
    let found = release().assets.manifests.iter().find(|(name, _)| *name == file);
    let (_, text) = found.ok_or_else(|| Failed::from(format!("no manifest of {component}")))?;
    let text = if component == "kube-apiserver" && !text.contains("--enable-admission-plugins") {
        let authority = "    - --client-ca-file=/etc/kubernetes/pki/ca.crt\n";
        text.replacen(authority, &format!("{authority}    - --enable-admission-plugins=NodeRestriction\n"), 1)
    } else {
        (*text).to_owned()
    };
    node.files()
        .place(format!("etc/kubernetes/manifests/{file}"), &text, 0o600)
        .map_err(|why| phase_failed("control-plane", why))?;
    Ok(format!("[control-plane] Creating static Pod manifest for {component:?}\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::Subject;

    fn play(node: &Node, words: &str) -> Said {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let (flags, plain) = Flags::parse(&words).unwrap();
        let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
        run(node, plain[0], &plain[1..], &flags)
    }

    #[test]
    fn a_control_plane_is_made_whole_again() {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::at(dir.path());
        assert_eq!(
            play(&node, "certs apiserver").unwrap_err().0.lines().next().unwrap(),
            "error execution phase certs/apiserver: couldn't load CA certificate ca: couldn't load ca certificate authority from /etc/kubernetes/pki"
        );
        let all = play(&node, "certs all").unwrap();
        let names: Vec<_> = all.lines().filter_map(|line| line.strip_prefix("[certs] Generating ")).collect();
        let words = "\"ca\" \"apiserver\" \"apiserver-kubelet-client\" \"front-proxy-ca\" \"front-proxy-client\" \"etcd/ca\" \"etcd/server\" \
                     \"etcd/peer\" \"etcd/healthcheck-client\" \"apiserver-etcd-client\" \"sa\"";
        assert_eq!(names.iter().map(|n| n.split(' ').next().unwrap()).collect::<Vec<_>>().join(" "), words);
        assert!(play(&node, "certs all").unwrap().ends_with("[certs] Using the existing \"sa\" key\n"));
        std::fs::remove_file(node.path("/etc/kubernetes/pki/apiserver.crt")).unwrap();
        let said = play(&node, "certs apiserver --apiserver-cert-extra-sans=lab.example,1.2.3.4").unwrap();
        assert!(said.contains("lab.example] and IPs [10.96.0.1 10.0.0.1 127.0.0.1 1.2.3.4]\n"), "{said}");
        let made = node.read("/etc/kubernetes/pki/apiserver.crt").unwrap();
        assert!(Subject::of(&made).unwrap().0.dns.contains(&"lab.example".to_owned()));
        assert_eq!(
            play(&node, "kubeconfig admin").unwrap(),
            "[kubeconfig] Writing \"admin.conf\" kubeconfig file\n"
        );
        assert_eq!(
            play(&node, "kubeconfig admin").unwrap(),
            "[kubeconfig] Using existing kubeconfig file: \"/etc/kubernetes/admin.conf\"\n"
        );
        for file in ["crt", "key"] {
            std::fs::remove_file(node.path(&format!("/etc/kubernetes/pki/ca.{file}"))).unwrap();
        }
        play(&node, "certs ca").unwrap();
        assert!(play(&node, "kubeconfig admin").unwrap_err().0.contains("has got the wrong CA cert"));
        assert_eq!(
            play(&node, "kubeconfig foo").unwrap_err().0.lines().next().unwrap(),
            "unknown command \"foo\" for \"kubeadm init phase kubeconfig\""
        );
        assert_eq!(
            play(&node, "control-plane apiserver").unwrap(),
            "[control-plane] Creating static Pod manifest for \"kube-apiserver\"\n"
        );
        let manifest = node.read("/etc/kubernetes/manifests/kube-apiserver.yaml").unwrap();
        assert!(manifest.contains("    - --enable-admission-plugins=NodeRestriction\n"));
    }
}
