//! kubeadm, as far as it looks at a cluster: certificates, tokens, images, its version. What would change one is not emulated.
//!
//! Upstream: `cmd/kubeadm/app/cmd/{certs,token,version,config}.go`, recorded on a kubeadm cluster.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::client::{self, Whom};
use crate::kubelet::runtime::images::IMAGES;
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};

const TRACE: &str = "To see the stack trace of this error execute with --v=5 or higher\n";
/// Certificates: the name in the table, the file, the authority. A kubeconfig's is in it.
const CERTIFICATES: [(&str, &str, &str); 11] = [
    ("admin.conf", "admin.conf", "ca"),
    ("apiserver", "pki/apiserver.crt", "ca"),
    ("apiserver-etcd-client", "pki/apiserver-etcd-client.crt", "etcd-ca"),
    ("apiserver-kubelet-client", "pki/apiserver-kubelet-client.crt", "ca"),
    ("controller-manager.conf", "controller-manager.conf", "ca"),
    ("etcd-healthcheck-client", "pki/etcd/healthcheck-client.crt", "etcd-ca"),
    ("etcd-peer", "pki/etcd/peer.crt", "etcd-ca"),
    ("etcd-server", "pki/etcd/server.crt", "etcd-ca"),
    ("front-proxy-client", "pki/front-proxy-client.crt", "front-proxy-ca"),
    ("scheduler.conf", "scheduler.conf", "ca"),
    ("super-admin.conf", "super-admin.conf", "ca"),
];
const AUTHORITIES: [(&str, &str); 3] =
    [("ca", "pki/ca.crt"), ("etcd-ca", "pki/etcd/ca.crt"), ("front-proxy-ca", "pki/front-proxy-ca.crt")];
/// The commands that there are.
const COMMANDS: [&str; 11] = [
    "certs",
    "completion",
    "config",
    "help",
    "init",
    "join",
    "kubeconfig",
    "reset",
    "token",
    "upgrade",
    "version",
];

/// Runs kubeadm; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&words) {
        Ok(text) => i32::from(io::stdout().write_all(text.as_bytes()).is_err()),
        Err(why) => {
            let _ = io::stderr().write_all(format!("{why}\n{TRACE}").as_bytes());
            1
        }
    }
}

fn release() -> &'static Release {
    let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State).ok();
    state.and_then(|s| Release::find(&s.version)).unwrap_or_else(default_release)
}

fn kubernetes(file: &str) -> PathBuf {
    let root = std::env::var_os("CKS_LAB_NODE_ROOT").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    root.join("etc/kubernetes").join(file)
}

fn run(words: &[String]) -> Result<String, String> {
    let output = words
        .iter()
        .position(|w| w == "-o" || w == "--output")
        .and_then(|at| words.get(at + 1).cloned())
        .or_else(|| {
            words
                .iter()
                .find_map(|w| w.strip_prefix("-o").or_else(|| w.strip_prefix("--output=")))
                .map(|w| w.trim_start_matches('=').to_owned())
        });
    let plain: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let output = output.unwrap_or_default();
    match plain.as_slice() {
        [] | ["help", ..] => Ok(usage()),
        ["version", ..] => version(release(), &output),
        ["certs" | "certificates", "check-expiration", ..] => expiration(Timestamp::now()),
        ["token", "list", ..] => tokens(&output),
        ["config", "images", "list", ..] => Ok(images(release())),
        [first, ..] if COMMANDS.contains(first) => Err(format!(
            "kubeadm {} is not emulated in this lab: kubeadm certs check-expiration, token list, config images list and version are",
            plain.join(" ")
        )),
        [other, ..] => Err(format!("unknown command {other:?} for \"kubeadm\"")),
    }
}

fn usage() -> String {
    "Usage:\n  kubeadm [command]\n\nAvailable Commands:\n  certs       Commands related to handling kubernetes certificates\n  config      \
     Manage configuration for a kubeadm cluster persisted in a ConfigMap in the cluster\n  help        Help about any command\n  \
     token       Manage bootstrap tokens\n  version     Print the version of kubeadm\n\nUse \"kubeadm [command] --help\" for more \
     information about a command.\n"
        .into()
}

fn version(release: &Release, output: &str) -> Result<String, String> {
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
        other => Err(format!("invalid output format: {other}")),
    }
}

fn images(release: &Release) -> String {
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

/// Until when the certificate in a file is good.
fn good_until(file: &Path) -> Option<Timestamp> {
    let mut text = std::fs::read(file).ok()?;
    if file.extension().is_some_and(|e| e == "conf") {
        let config: Value = serde_yaml::from_slice(&text).ok()?;
        text = STANDARD.decode(config["users"][0]["user"]["client-certificate-data"].as_str()?).ok()?;
    }
    let (_, block) = x509_parser::pem::parse_x509_pem(&text).ok()?;
    let end = block.parse_x509().ok()?.validity().not_after.timestamp();
    Timestamp::from_second(end).ok()
}

fn expiration(now: Timestamp) -> Result<String, String> {
    let key = kubernetes("pki/apiserver.key");
    if std::fs::metadata(&key).is_err() {
        return Err(
            "Error checking external CA condition for ca certificate authority: failure loading key for apiserver: couldn't load the \
             private key file /etc/kubernetes/pki/apiserver.key: open /etc/kubernetes/pki/apiserver.key: no such file or directory"
                .into(),
        );
    }
    let mut rows = vec![
        ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (name, file, authority) in CERTIFICATES {
        rows.push(match good_until(&kubernetes(file)) {
            Some(end) => vec![name.into(), date(end), residual(end, now), authority.into(), "no".into()],
            None => {
                vec![format!("!MISSING! {name}"), String::new(), String::new(), String::new(), String::new()]
            }
        });
    }
    let mut out = "[check-expiration] Reading configuration from the cluster...\n[check-expiration] FYI: You can look at this config file with \
                   'kubectl -n kube-system get cm kubeadm-config -o yaml'\n\n"
        .to_owned();
    out += &table(&rows);
    let mut rows = vec![
        ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (name, file) in AUTHORITIES {
        if let Some(end) = good_until(&kubernetes(file)) {
            rows.push(vec![name.into(), date(end), residual(end, now), "no".into()]);
        }
    }
    Ok(out + "\n" + &table(&rows))
}

/// Columns whose last cell is padded too, but for the head's (`tabwriter` with a tab after every cell of a row).
fn table(rows: &[Vec<String>]) -> String {
    let padded = super::text::columns(
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
fn residual(until: Timestamp, now: Timestamp) -> String {
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

/// The bootstrap tokens, which are Secrets of a type.
fn tokens(output: &str) -> Result<String, String> {
    let config = [kubernetes("admin.conf"), PathBuf::from("/root/.kube/config")]
        .into_iter()
        .find(|file| file.is_file());
    let Some(config) = config else {
        return Err(
            "failed to load admin kubeconfig: open /root/.kube/config: no such file or directory".into()
        );
    };
    let answer = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(config)
        .args([
            "-n",
            "kube-system",
            "get",
            "secrets",
            "--field-selector",
            "type=bootstrap.kubernetes.io/token",
            "-o",
            "json",
        ])
        .output()
        .map_err(|e| format!("failed to list bootstrap tokens: {e}"))?;
    if !answer.status.success() {
        return Err(format!(
            "failed to list bootstrap tokens: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        ));
    }
    let list: Value = serde_json::from_slice(&answer.stdout).map_err(|e| e.to_string())?;
    let now = Timestamp::now();
    let mut rows = vec![
        ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"].map(str::to_owned).to_vec(),
    ];
    for secret in list["items"].as_array().into_iter().flatten() {
        rows.push(token(secret, now));
    }
    if rows.len() == 1 {
        return Ok(String::new());
    }
    if output == "json" {
        let all: Vec<Value> = rows.iter().skip(1).map(|row| json!({"kind": "BootstrapToken", "apiVersion": "output.kubeadm.k8s.io/v1alpha3", "token": row[0]})).collect();
        return Ok(all
            .iter()
            .map(|one| format!("{}\n", serde_json::to_string_pretty(one).unwrap_or_default()))
            .collect());
    }
    Ok(super::text::columns(&rows, 10, 3))
}

fn token(secret: &Value, now: Timestamp) -> Vec<String> {
    let field = |name: &str| {
        let bytes = STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let usages: Vec<&str> = ["authentication", "signing"]
        .into_iter()
        .filter(|usage| field(&format!("usage-bootstrap-{usage}")) == "true")
        .collect();
    let expires = field("expiration");
    let left = expires.parse().map_or("<forever>".to_owned(), |end: Timestamp| residual(end, now));
    vec![
        format!("{}.{}", field("token-id"), field("token-secret")),
        left,
        if expires.is_empty() { "<never>".into() } else { expires },
        or_none(usages.join(",")),
        or_none(field("description")),
        or_none(field("auth-extra-groups")),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_and_images_are_the_releases() {
        let release = default_release();
        assert!(version(release, "").unwrap().starts_with("kubeadm version: &version.Info{Major:\"1\", Minor:\"31\", GitVersion:\"v1.31.0\", GitCommit:\"9edc"));
        assert_eq!(version(release, "short").unwrap(), "v1.31.0\n");
        assert!(images(release).ends_with("registry.k8s.io/pause:3.10\nregistry.k8s.io/etcd:3.5.15-0\n"));
        assert_eq!(images(release).lines().count(), 7);
    }

    #[test]
    fn what_is_left_is_told_in_its_largest_unit() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, text) in
            [(-90, "<invalid>"), (45, "45s"), (86_399, "23h"), (31_535_999, "364d"), (315_000_000, "9y")]
        {
            assert_eq!(residual(now + jiff::SignedDuration::from_secs(seconds), now), text);
        }
    }

    #[test]
    fn a_token_is_read_from_its_secret() {
        let encode = |text: &str| STANDARD.encode(text);
        let secret = json!({"data": {"token-id": encode("vezz1m"), "token-secret": encode("iqtgws42mroxlty4"),
            "usage-bootstrap-signing": encode("true"), "usage-bootstrap-authentication": encode("true"),
            "expiration": encode("2026-11-25T19:28:01Z")}});
        let now: Timestamp = "2026-11-24T20:00:00Z".parse().unwrap();
        let row = token(&secret, now);
        assert_eq!(
            row,
            [
                "vezz1m.iqtgws42mroxlty4",
                "23h",
                "2026-11-25T19:28:01Z",
                "authentication,signing",
                "<none>",
                "<none>"
            ]
        );
    }

    #[test]
    fn others_are_not_emulated_or_not_known() {
        let run = |text: &str| run(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap_err();
        assert!(run("join 1.2.3.4").contains("kubeadm join 1.2.3.4 is not emulated in this lab"));
        assert_eq!(run("nonsense"), "unknown command \"nonsense\" for \"kubeadm\"");
    }
}
