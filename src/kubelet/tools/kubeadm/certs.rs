//! `kubeadm certs`: how long the cluster's certificates are good, and new ones in their place.
//!
//! Upstream: `cmd/kubeadm/app/cmd/certs.go`, `cmd/kubeadm/app/phases/certs/renewal`.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::node::Node;
use super::{Failed, Said};
use crate::pki::kubeadm::write_pair;
use crate::pki::{Authority, Subject};

/// A certificate that can be renewed: its name, its file below `/etc/kubernetes`, its authority's name and file, and what it is for.
struct Row {
    name: &'static str,
    file: &'static str,
    authority: &'static str,
    signs: &'static str,
    long: &'static str,
}

const fn row(
    name: &'static str,
    file: &'static str,
    authority: &'static str,
    signs: &'static str,
    long: &'static str,
) -> Row {
    Row { name, file, authority, signs, long }
}

const CERTIFICATES: [Row; 11] = [
    row(
        "admin.conf",
        "admin.conf",
        "ca",
        "pki/ca",
        "certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself",
    ),
    row("apiserver", "pki/apiserver", "ca", "pki/ca", "certificate for serving the Kubernetes API"),
    row(
        "apiserver-etcd-client",
        "pki/apiserver-etcd-client",
        "etcd-ca",
        "pki/etcd/ca",
        "certificate the apiserver uses to access etcd",
    ),
    row(
        "apiserver-kubelet-client",
        "pki/apiserver-kubelet-client",
        "ca",
        "pki/ca",
        "certificate for the API server to connect to kubelet",
    ),
    row(
        "controller-manager.conf",
        "controller-manager.conf",
        "ca",
        "pki/ca",
        "certificate embedded in the kubeconfig file for the controller manager to use",
    ),
    row(
        "etcd-healthcheck-client",
        "pki/etcd/healthcheck-client",
        "etcd-ca",
        "pki/etcd/ca",
        "certificate for liveness probes to healthcheck etcd",
    ),
    row(
        "etcd-peer",
        "pki/etcd/peer",
        "etcd-ca",
        "pki/etcd/ca",
        "certificate for etcd nodes to communicate with each other",
    ),
    row("etcd-server", "pki/etcd/server", "etcd-ca", "pki/etcd/ca", "certificate for serving etcd"),
    row(
        "front-proxy-client",
        "pki/front-proxy-client",
        "front-proxy-ca",
        "pki/front-proxy-ca",
        "certificate for the front proxy client",
    ),
    row(
        "scheduler.conf",
        "scheduler.conf",
        "ca",
        "pki/ca",
        "certificate embedded in the kubeconfig file for the scheduler manager to use",
    ),
    row(
        "super-admin.conf",
        "super-admin.conf",
        "ca",
        "pki/ca",
        "certificate embedded in the kubeconfig file for the super-admin",
    ),
];
const AUTHORITIES: [(&str, &str, &str); 3] = [
    ("ca", "pki/ca", "apiserver"),
    ("etcd-ca", "pki/etcd/ca", "etcd/server"),
    ("front-proxy-ca", "pki/front-proxy-ca", "front-proxy-client"),
];

/// Whether the cluster's configuration can be read, as both commands do first, and what they say of it.
fn configuration(prefix: &str) -> String {
    let mut text = format!(
        "[{prefix}] Reading configuration from the cluster...\n[{prefix}] FYI: You can look at this config file with \
         'kubectl -n kube-system get cm kubeadm-config -o yaml'\n"
    );
    let read = super::node::kubeconfig(None).is_ok_and(|config| {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(config).args(["-n", "kube-system", "get", "cm", "kubeadm-config"]);
        command.args(["-o", "name", "--request-timeout=10s"]).output().is_ok_and(|o| o.status.success())
    });
    if !read {
        text += &format!(
            "[{prefix}] Error reading configuration from the Cluster. Falling back to default configuration\n"
        );
    }
    text + "\n"
}

impl Row {
    fn is_config(&self) -> bool {
        self.file.ends_with(".conf")
    }

    /// The file that has the certificate.
    fn path(&self) -> String {
        let ending = if self.is_config() { "" } else { ".crt" };
        format!("/etc/kubernetes/{}{ending}", self.file)
    }

    /// The certificate's text.
    fn certificate(&self, node: &Node) -> Option<String> {
        let text = node.read(&self.path()).ok()?;
        if !self.is_config() {
            return Some(text);
        }
        let config: Value = serde_yaml::from_str(&text).ok()?;
        let data = config["users"][0]["user"]["client-certificate-data"].as_str()?;
        String::from_utf8(STANDARD.decode(data).ok()?).ok()
    }
}

/// Whether an authority's key is somewhere else; an error where it is neither here nor has signed all that it has to.
fn external(node: &Node, (name, file, leaf): (&str, &str, &str)) -> Result<bool, Failed> {
    let there = |path: &str| node.path(path).exists();
    let base = if name == "etcd-ca" { "etcd/ca" } else { name };
    let fail = |why: String| {
        Err(format!("Error checking external CA condition for {base} certificate authority: {why}").into())
    };
    let certificate = format!("/etc/kubernetes/{file}.crt");
    if !there(&certificate) {
        return fail(format!(
            "failure loading certificate for CA: couldn't load the certificate file {certificate}: open {certificate}: no such file or directory"
        ));
    }
    if there(&format!("/etc/kubernetes/{file}.key")) {
        return Ok(false);
    }
    let key = format!("/etc/kubernetes/pki/{leaf}.key");
    if !there(&key) {
        return fail(format!(
            "failure loading key for {leaf}: couldn't load the private key file {key}: open {key}: no such file or directory"
        ));
    }
    Ok(true)
}

/// `kubeadm certs check-expiration`
pub(super) fn expiration(node: &Node) -> Said {
    let text = configuration("check-expiration");
    let checked = AUTHORITIES.iter().map(|row| external(node, *row)).collect::<Result<Vec<_>, _>>();
    let external = match checked {
        Ok(external) => external,
        Err(why) => {
            // What comes before the failure is said all the same.
            use std::io::Write;
            let _ = std::io::stdout().write_all(text.as_bytes());
            return Err(why);
        }
    };
    let now = node.now;
    let is_external =
        |name: &str| AUTHORITIES.iter().zip(&external).any(|((n, ..), external)| *n == name && *external);
    let yes = |external: bool| if external { "yes" } else { "no" }.to_owned();
    let head = |cells: &[&str]| vec![cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    let mut rows =
        head(&["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"]);
    for row in &CERTIFICATES {
        let end = row.certificate(node).and_then(|text| good_until(&text));
        rows.push(match end {
            Some(end) => {
                let external = yes(is_external(row.authority));
                vec![row.name.into(), date(end), residual(end, now), row.authority.into(), external]
            }
            None => [format!("!MISSING! {}", row.name)].into_iter().chain(vec![String::new(); 4]).collect(),
        });
    }
    let mut authorities = head(&["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"]);
    for ((name, file, _), external) in AUTHORITIES.iter().zip(&external) {
        let end = node.read(&format!("/etc/kubernetes/{file}.crt")).ok().and_then(|text| good_until(&text));
        if let Some(end) = end {
            authorities.push(vec![(*name).into(), date(end), residual(end, now), yes(*external)]);
        }
    }
    Ok(format!("{text}{}\n{}", table(&rows), table(&authorities)))
}

/// `kubeadm certs renew NAME`, or of all.
pub(super) fn renew(node: &Node, name: &str) -> Said {
    let wanted: Vec<&Row> = CERTIFICATES.iter().filter(|row| name == "all" || row.name == name).collect();
    if wanted.is_empty() {
        let why =
            format!("invalid subcommand {name:?}\nSee 'kubeadm certs renew -h' for help and examples\n");
        return Err(Failed(why, 1));
    }
    let mut text = configuration("renew");
    for row in wanted {
        let Some(certificate) = row.certificate(node) else {
            text += &format!("MISSING! {}\n", row.long);
            continue;
        };
        let file = format!("/etc/kubernetes/{}", row.signs);
        let (Ok(ca), Ok(key)) = (node.read(&format!("{file}.crt")), node.read(&format!("{file}.key"))) else {
            let base = row.signs.trim_start_matches("pki/");
            text += &format!("Detected external {base}, {} can't be renewed\n", row.long);
            continue;
        };
        again(node, row, &certificate, &ca, &key)
            .map_err(|why| format!("failed to renew certificate {}: {why}", row.name))?;
        text += &format!("{} renewed\n", row.long);
    }
    if name == "all" {
        text += "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that \
                 they can use the new certificates.\n";
    }
    Ok(text)
}

/// Issues a certificate once more, to whom it was issued, and puts it in its place.
fn again(node: &Node, row: &Row, certificate: &str, ca: &str, key: &str) -> Result<(), String> {
    let (subject, usage) = Subject::of(certificate).ok_or("the certificate cannot be read")?;
    let authority = Authority::from_pem(ca, key).map_err(|e| e.to_string())?;
    let leaf = authority.issue(&subject, usage, node.now).map_err(|e| e.to_string())?;
    let files = node.files();
    if !row.is_config() {
        let base = format!("etc/kubernetes/{}", row.file);
        let (certificate, key) = (format!("{base}.crt"), format!("{base}.key"));
        return write_pair(&files, Path::new(&certificate), Path::new(&key), &leaf)
            .map_err(|e| e.to_string());
    }
    let text = node.read(&row.path()).map_err(|e| e.to_string())?;
    let renewed: String = text
        .lines()
        .map(|line| {
            let (key, _) = line.split_once(':').unwrap_or((line, ""));
            let value = match key.trim_start_matches([' ', '-']) {
                "client-certificate-data" => &leaf.certificate,
                "client-key-data" => &leaf.key,
                _ => return format!("{line}\n"),
            };
            format!("{key}: {}\n", STANDARD.encode(value))
        })
        .collect();
    files.place(row.path().trim_start_matches('/'), &renewed, 0o600).map_err(|e| e.to_string())
}

/// Until when a certificate is good.
fn good_until(text: &str) -> Option<Timestamp> {
    let (_, block) = x509_parser::pem::parse_x509_pem(text.as_bytes()).ok()?;
    let end = block.parse_x509().ok()?.validity().not_after.timestamp();
    Timestamp::from_second(end).ok()
}

/// Columns whose last cell is padded too, but for the head's (`tabwriter` with a tab after every cell of a row).
fn table(rows: &[Vec<String>]) -> String {
    let padded = crate::kubelet::tools::text::columns(
        &rows.iter().map(|row| [row.as_slice(), &[String::new()]].concat()).collect::<Vec<_>>(),
        0,
        3,
    );
    padded
        .lines()
        .enumerate()
        .map(
            |(i, line)| {
                if i == 0 { format!("{}\n", line.trim_end()) } else { format!("{}      \n", line.trim_end()) }
            },
        )
        .collect()
}

fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%b %d, %Y %H:%M UTC").to_string()
}

/// How long something is still good, in its largest unit (`duration.ShortHumanDuration`).
pub(super) fn residual(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs();
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pki::kubeadm::{Layout, Member, ensure};

    #[test]
    fn what_is_left_is_told_in_its_largest_unit() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, text) in
            [(-90, "<invalid>"), (45, "45s"), (86_399, "23h"), (31_535_999, "364d"), (315_000_000, "9y")]
        {
            assert_eq!(residual(now + jiff::SignedDuration::from_secs(seconds), now), text);
        }
    }

    /// A control plane's files, made a year and a day ago.
    fn node(dir: &Path) -> Node {
        let node = Node::at(dir);
        let member = Member { name: "cp".into(), address: node.address, root: dir.into() };
        let layout = Layout {
            control_plane: member,
            workers: Vec::new(),
            server: "https://10.0.0.1:6443".into(),
            service_address: [10, 96, 0, 1].into(),
            path_prefix: |_| String::new(),
        };
        ensure(&layout, node.now - jiff::SignedDuration::from_hours(24 * 366)).unwrap();
        node
    }

    #[test]
    fn what_has_run_out_is_good_for_another_year() {
        let dir = tempfile::tempdir().unwrap();
        let node = node(dir.path());
        let before = expiration(&node).unwrap();
        assert_eq!(before.matches("<invalid>").count(), 11, "{before}");
        let server = node.read("/etc/kubernetes/pki/apiserver.crt").unwrap();
        assert!(
            renew(&node, "apiserver")
                .unwrap()
                .ends_with("\n\ncertificate for serving the Kubernetes API renewed\n")
        );
        let renewed = node.read("/etc/kubernetes/pki/apiserver.crt").unwrap();
        assert_eq!(Subject::of(&renewed), Subject::of(&server), "the same names");
        assert!(renewed != server && expiration(&node).unwrap().matches("<invalid>").count() == 10);
        std::fs::remove_file(node.path("/etc/kubernetes/pki/front-proxy-client.crt")).unwrap();
        let all = renew(&node, "all").unwrap();
        assert!(
            all.contains("MISSING! certificate for the front proxy client\n")
                && all.contains("\n\nDone renewing")
        );
        let after = expiration(&node).unwrap();
        assert!(!after.contains("<invalid>") && after.contains("\n!MISSING! front-proxy-client"), "{after}");
        std::fs::remove_file(node.path("/etc/kubernetes/pki/ca.key")).unwrap();
        assert!(renew(&node, "scheduler.conf").unwrap().ends_with(
            "Detected external ca, certificate embedded in the kubeconfig file for the scheduler manager to use can't be renewed\n"
        ));
        assert!(expiration(&node).unwrap().contains("364d            ca                      yes"));
        assert_eq!(
            renew(&node, "foo").unwrap_err().0,
            "invalid subcommand \"foo\"\nSee 'kubeadm certs renew -h' for help and examples\n"
        );
    }
}
