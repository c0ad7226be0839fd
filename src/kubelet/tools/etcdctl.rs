//! etcdctl 3.5 on the control plane: it reads what the lab's etcd holds, for whoever shows a certificate of etcd's authority.
//!
//! Upstream: `etcd-io/etcd` `etcdctl/ctlv3/command`. Where the lab runs the real etcd, the real etcdctl is needed.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use self::connect::{connect, deadline, plain};
use super::client::{self, Whom};
use super::text::columns;
use crate::kubelet::runtime::etcd::{Found, Pair};
use crate::kubelet::socket::{NodeState, Question};

mod connect;

/// Where etcd listens.
const ENDPOINTS: [&str; 2] = ["127.0.0.1:2379", "172.30.1.2:2379"];
/// The member's id and the cluster's.
const IDS: (&str, &str) = ("5ac41c3a5b8e3f0a", "5f4b1e8a9d2c7e61");

const USAGE: &str = "NAME:
\tetcdctl - A simple command line client for etcd3.

USAGE:
\tetcdctl [flags]

VERSION:
\t{version}

API VERSION:
\t3.5


COMMANDS:
\tendpoint health\tChecks the healthiness of endpoints specified in `--endpoints` flag
\tendpoint status\tPrints out the status of endpoints specified in `--endpoints` flag
\tget\t\tGets the key or a range of keys
\thelp\t\tHelp about any command
\tmember list\tLists all members in the cluster
\tsnapshot save\tStores an etcd node backend snapshot to a given file
\tsnapshot status\t[deprecated] Gets backend snapshot status of a given file
\tversion\t\tPrints the version of etcdctl

OPTIONS:
      --cacert=\"\"\t\t\t\tverify certificates of TLS-enabled secure servers using this CA bundle
      --cert=\"\"\t\t\t\t\tidentify secure client using this TLS certificate file
      --endpoints=[127.0.0.1:2379]\t\tgRPC endpoints
      --key=\"\"\t\t\t\t\tidentify secure client using this TLS key file
  -w, --write-out=\"simple\"\t\t\tset the output format (fields, json, protobuf, simple, table)
";

/// Flags that a value follows.
const VALUES: [&str; 13] = [
    "cacert",
    "cert",
    "key",
    "endpoints",
    "write-out",
    "limit",
    "command-timeout",
    "dial-timeout",
    "order",
    "sort-by",
    "rev",
    "consistency",
    "keepalive-time",
];
/// Flags without one.
const SWITCHES: [&str; 10] = [
    "prefix",
    "keys-only",
    "print-value-only",
    "count-only",
    "from-key",
    "hex",
    "insecure-skip-tls-verify",
    "insecure-transport",
    "debug",
    "cluster",
];

#[derive(Debug, Default)]
struct Options {
    switches: Vec<String>,
    values: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut out = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let short = match word.as_str() {
                "-w" => Some("write-out"),
                _ => None,
            };
            let Some(flag) = short.or_else(|| word.strip_prefix("--")) else {
                match word.strip_prefix("-w") {
                    Some(value) if !value.is_empty() => {
                        out.values.push(("write-out".into(), value.trim_start_matches('=').into()));
                    }
                    _ if word.starts_with('-') && word.len() > 1 => {
                        return Err(
                            format!("unknown shorthand flag: {:?} in {word}", &word[1..2]).replace('"', "'")
                        );
                    }
                    _ => out.arguments.push(word.clone()),
                }
                continue;
            };
            let (name, value) =
                flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_owned())));
            if SWITCHES.contains(&name) {
                if value.as_deref() != Some("false") {
                    out.switches.push(name.into());
                }
            } else if VALUES.contains(&name) {
                let value = value
                    .or_else(|| words.next().cloned())
                    .ok_or_else(|| format!("flag needs an argument: --{name}"))?;
                out.values.push((name.into(), value));
            } else {
                return Err(format!("unknown flag: --{name}"));
            }
        }
        Ok(out)
    }

    fn has(&self, name: &str) -> bool {
        self.switches.iter().any(|s| s == name)
    }

    /// A flag's value, else that of its variable (`ETCDCTL_CACERT`).
    fn value(&self, name: &str) -> Option<String> {
        let given = self.values.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        given.or_else(|| {
            let variable = format!("ETCDCTL_{}", name.replace('-', "_").to_uppercase());
            std::env::var(variable).ok().filter(|value| !value.is_empty())
        })
    }

    fn endpoints(&self) -> Vec<String> {
        let all = self.value("endpoints").unwrap_or_else(|| ENDPOINTS[0].into());
        all.split(',').map(str::to_owned).collect()
    }

    fn format(&self) -> String {
        self.value("write-out").unwrap_or_else(|| "simple".into())
    }
}

/// Why etcdctl does not do what it was asked to: what it writes, and its exit status.
struct Failure(String, i32);

/// Runs etcdctl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&words) {
        Ok(text) => i32::from(io::stdout().write_all(&text).is_err()),
        Err(Failure(text, status)) => {
            let _ = io::stderr().write_all(text.as_bytes());
            status
        }
    }
}

fn version() -> String {
    let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State).ok();
    let release = state
        .and_then(|s| crate::release::Release::find(&s.version))
        .unwrap_or_else(crate::release::default_release);
    release.image_tag("ETCD").split('-').next().unwrap_or_default().to_owned()
}

fn run(words: &[String]) -> Result<Vec<u8>, Failure> {
    let options = Options::parse(words).map_err(|why| Failure(format!("Error: {why}\n"), 1))?;
    let arguments: Vec<&str> = options.arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["help", ..] => Ok(USAGE.replace("{version}", &version()).into_bytes()),
        ["version"] => Ok(format!("etcdctl version: {}\nAPI version: 3.5\n", version()).into_bytes()),
        ["get"] => Err(bad("get command needs one argument as key and an optional argument as range_end")),
        ["get", key, rest @ ..] => get(&options, key, rest.first().copied()),
        ["endpoint", "health"] => health(&options),
        ["endpoint", "status"] => status(&options),
        ["member", "list"] => members(&options),
        ["snapshot", "save", file] => save(&options, Path::new(file)),
        ["snapshot", "save", ..] => Err(bad("snapshot save expects one argument")),
        ["snapshot", "status", file] => snapshot_status(&options, Path::new(file)),
        [
            "put" | "del" | "txn" | "snapshot" | "member" | "compaction" | "defrag" | "alarm" | "watch"
            | "lease" | "user" | "role" | "auth" | "lock" | "elect" | "move-leader" | "check" | "make-mirror"
            | "endpoint",
            ..,
        ] => Err(Failure(
            format!("Error: {} is not emulated in this lab: its etcd can be read\n", arguments.join(" ")),
            1,
        )),
        [other, ..] => Err(Failure(
            format!("Error: unknown command {other:?} for \"etcdctl\"\nRun 'etcdctl --help' for usage.\n"),
            1,
        )),
    }
}

/// What is wrong with the arguments (`ExitBadArgs`).
fn bad(why: &str) -> Failure {
    Failure(format!("Error: {why}\n"), 128)
}

/// The keys from one until another, of an etcd that runs.
fn range(options: &Options, from: &str, until: Option<String>) -> Result<Found, Failure> {
    let endpoint = options.endpoints().remove(0);
    let refused = |address: &str| {
        deadline(
            address,
            &format!(
                "latest balancer error: last connection error: connection error: desc = \\\"transport: Error while dialing: dial tcp {address}: connect: connection refused\\\""
            ),
        )
    };
    let address = endpoint.split("://").last().unwrap_or_default().to_owned();
    let found: Option<Found> = client::ask_one(Whom::Manager, &Question::Etcd { from: from.into(), until })
        .map_err(|_| refused(&address))?;
    let found = found.ok_or_else(|| refused(&address))?;
    connect(options, &endpoint)?;
    Ok(found)
}

/// What comes after all keys that begin with this one (`clientv3.GetPrefixRangeEnd`).
fn after(prefix: &str) -> String {
    let mut bytes = prefix.as_bytes().to_vec();
    while let Some(last) = bytes.pop() {
        if last < 0x7f {
            bytes.push(last + 1);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
    "\u{10ffff}".into()
}

fn get(options: &Options, key: &str, end: Option<&str>) -> Result<Vec<u8>, Failure> {
    if options.has("prefix") && end.is_some() {
        return Err(bad("`--prefix` and `--from-key` cannot be set at the same time, choose one"));
    }
    let until = match end {
        Some(end) => Some(end.to_owned()),
        None if options.has("prefix") => Some(after(key)),
        None if options.has("from-key") || key.is_empty() => Some("\u{10ffff}".into()),
        None => None,
    };
    let mut found = range(options, key, until)?;
    let count = found.pairs.len();
    if let Some(limit) = options.value("limit").and_then(|n| n.parse().ok()).filter(|n| *n > 0) {
        found.pairs.truncate(limit);
    }
    let mut out = Vec::new();
    if options.format() == "json" {
        let pairs: Vec<_> =
            found.pairs.iter().map(|pair| pair_json(pair, options.has("keys-only"))).collect();
        let kvs = match options.has("count-only") || pairs.is_empty() {
            true => String::new(),
            false => format!(",\"kvs\":[{}]", pairs.join(",")),
        };
        let more = if found.pairs.len() < count { ",\"more\":true" } else { "" };
        let count = if count > 0 { format!(",\"count\":{count}") } else { String::new() };
        return Ok(format!("{{\"header\":{}{kvs}{more}{count}}}\n", header_json(found.revision)).into_bytes());
    }
    if options.has("count-only") {
        return Ok(Vec::new());
    }
    for pair in &found.pairs {
        if !options.has("print-value-only") {
            out.extend_from_slice(pair.key.as_bytes());
            out.push(b'\n');
        }
        if !options.has("keys-only") {
            out.extend(STANDARD.decode(&pair.value).unwrap_or_default());
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn header(revision: u64) -> serde_json::Value {
    let id = |hex: &str| u64::from_str_radix(hex, 16).unwrap_or(0);
    json!({"cluster_id": id(IDS.1), "member_id": id(IDS.0), "revision": revision, "raft_term": 2})
}

/// The header of an answer, in the order of its fields.
fn header_json(revision: u64) -> String {
    let header = header(revision);
    let fields = ["cluster_id", "member_id", "revision", "raft_term"];
    format!("{{{}}}", fields.map(|name| format!("{name:?}:{}", header[name])).join(","))
}

/// A pair, in the order of its fields.
fn pair_json(pair: &Pair, keys_only: bool) -> String {
    let (key, revision) = (STANDARD.encode(&pair.key), pair.revision);
    let value = if keys_only { String::new() } else { format!(",\"value\":{:?}", pair.value) };
    format!(
        "{{\"key\":{key:?},\"create_revision\":{revision},\"mod_revision\":{revision},\"version\":1{value}}}"
    )
}

fn health(options: &Options) -> Result<Vec<u8>, Failure> {
    let mut out = String::new();
    for endpoint in options.endpoints() {
        let one = Options {
            values: [options.values.clone(), vec![("endpoints".into(), endpoint.clone())]].concat(),
            ..Options::default()
        };
        let one = Options { switches: options.switches.clone(), ..one };
        match range(&one, "health", None) {
            Ok(_) => {
                out += &format!("{endpoint} is healthy: successfully committed proposal: took = 9.164583ms\n")
            }
            Err(Failure(text, 1)) => {
                let text = text.replace("Error: context deadline exceeded\n", "");
                let tail = "Error: unhealthy cluster\n";
                return Err(Failure(
                    format!(
                        "{text}{out}{endpoint} is unhealthy: failed to commit proposal: context deadline exceeded\n{tail}"
                    ),
                    1,
                ));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(out.into_bytes())
}

/// Rows as etcdctl's `-w table` draws them.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|i| rows.iter().map(|r| r[i].len()).chain([head[i].len()]).max().unwrap_or(0) + 2)
        .collect();
    let line = widths.iter().map(|w| "-".repeat(*w)).collect::<Vec<_>>().join("+");
    let line = format!("+{line}+\n");
    let row = |cells: Vec<String>, centred: bool| {
        let cells: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| {
                let room = width - cell.len();
                let left = if centred { room / 2 } else { 1 };
                format!("{}{cell}{}", " ".repeat(left), " ".repeat(room - left))
            })
            .collect();
        format!("|{}|\n", cells.join("|"))
    };
    let mut out = line.clone() + &row(head.iter().map(|h| (*h).to_owned()).collect(), true) + &line;
    for cells in rows {
        let cells = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| {
                format!(
                    "{cell:>0$}",
                    if cell.starts_with(|c: char| c.is_ascii_digit()) && !cell.contains(['.', ':']) {
                        width - 2
                    } else {
                        0
                    }
                )
            })
            .collect();
        out += &row(cells, false);
    }
    out + &line
}

fn status(options: &Options) -> Result<Vec<u8>, Failure> {
    let found = range(options, "", Some("\u{10ffff}".into()))?;
    let bytes: usize = found.pairs.iter().map(|p| p.value.len() * 3 / 4 + p.key.len()).sum();
    let size =
        super::text::human_size(u64::try_from(bytes).unwrap_or(0)).replace("MB", " MB").replace("kB", " kB");
    let revision = found.revision.to_string();
    let rows: Vec<Vec<String>> = options
        .endpoints()
        .into_iter()
        .map(|endpoint| {
            vec![
                endpoint,
                IDS.0.into(),
                version(),
                size.clone(),
                "true".into(),
                "false".into(),
                "2".into(),
                revision.clone(),
                revision.clone(),
                String::new(),
            ]
        })
        .collect();
    let heads = [
        "ENDPOINT",
        "ID",
        "VERSION",
        "DB SIZE",
        "IS LEADER",
        "IS LEARNER",
        "RAFT TERM",
        "RAFT INDEX",
        "RAFT APPLIED INDEX",
        "ERRORS",
    ];
    let text = match options.format().as_str() {
        "table" => table(&heads, &rows),
        "json" => {
            let one = |row: &Vec<String>| {
                json!({"Endpoint": row[0], "Status": {"header": header(found.revision), "version": row[2], "dbSize": bytes,
                "leader": header(0)["member_id"], "raftIndex": found.revision, "raftTerm": 2, "raftAppliedIndex": found.revision, "dbSizeInUse": bytes}})
            };
            format!("{}\n", serde_json::Value::Array(rows.iter().map(one).collect()))
        }
        _ => rows.iter().map(|row| format!("{}\n", row.join(", "))).collect(),
    };
    Ok(text.into_bytes())
}

fn members(options: &Options) -> Result<Vec<u8>, Failure> {
    range(options, "members", None)?;
    let state: NodeState =
        client::ask_one(Whom::Manager, &Question::State).map_err(|e| Failure(format!("Error: {e}\n"), 1))?;
    let (peer, own) = (format!("https://{}:2380", state.address), format!("https://{}:2379", state.address));
    let row = vec![IDS.0.to_owned(), "started".into(), state.node.clone(), peer, own, "false".into()];
    let text = match options.format().as_str() {
        "table" => table(&["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"], &[row]),
        "json" => format!(
            "{}\n",
            json!({"header": header(0), "members": [{"ID": header(0)["member_id"], "name": row[2],
            "peerURLs": [row[3]], "clientURLs": [row[4]]}]})
        ),
        _ => format!("{}\n", row.join(", ")),
    };
    Ok(text.into_bytes())
}

/// What begins a snapshot of the lab's: it is none that a real etcd could be restored from.
const SNAPSHOT: &str = "cks-lab etcd snapshot\n";

fn save(options: &Options, file: &Path) -> Result<Vec<u8>, Failure> {
    let found = range(options, "", Some("\u{10ffff}".into()))?;
    let text = serde_json::to_string(&found).unwrap_or_default();
    let wrong =
        |e: io::Error| Failure(format!("Error: could not open {}.part ({})\n", file.display(), plain(&e)), 1);
    std::fs::write(file, format!("{SNAPSHOT}{text}")).map_err(wrong)?;
    Ok(format!("Snapshot saved at {}\n", file.display()).into_bytes())
}

fn snapshot_status(options: &Options, file: &Path) -> Result<Vec<u8>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure(format!("Error: stat {}: {}\n", file.display(), plain(&e)), 1))?;
    let found: Option<Found> = text.strip_prefix(SNAPSHOT).and_then(|text| serde_json::from_str(text).ok());
    let found = found.ok_or_else(|| {
        Failure("Error: snapshot file integrity check failed. invalid database\n".into(), 1)
    })?;
    let hash = &crate::digest::sha256(text.as_bytes())[..8];
    let size = super::text::human_size(u64::try_from(text.len()).unwrap_or(0))
        .replace("MB", " MB")
        .replace("kB", " kB");
    let row = vec![hash.to_owned(), found.revision.to_string(), found.pairs.len().to_string(), size];
    let out = match options.format().as_str() {
        "table" => table(&["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"], &[row]),
        _ => columns(&[vec![row.join(", ")]], 0, 0),
    };
    Ok(format!("Deprecated: Use `etcdutl snapshot status` instead.\n\n{out}").into_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn flags_are_etcdctls() {
        let words: Vec<String> =
            "--cacert=/a --cert /b --endpoints https://127.0.0.1:2379 get /registry --prefix --keys-only -w json"
                .split(' ')
                .map(str::to_owned)
                .collect();
        let options = Options::parse(&words).unwrap();
        assert_eq!(options.arguments, ["get", "/registry"]);
        assert!(options.has("prefix") && options.has("keys-only"));
        assert_eq!((options.value("cacert").as_deref(), options.format().as_str()), (Some("/a"), "json"));
        assert_eq!(Options::parse(&["--nope".into()]).unwrap_err(), "unknown flag: --nope");
    }

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(after("/registry/secrets"), "/registry/secrett");
        assert!("/registry/secrets/zzz" < after("/registry/secrets/").as_str());
    }

    #[test]
    fn without_tls_there_is_no_answer() {
        let options =
            |text: &str| Options::parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap();
        for (text, why) in [
            ("get a", "error reading server preface: EOF"),
            ("--endpoints=1.2.3.4:2379 get a", "connection refused"),
            ("--endpoints=https://127.0.0.1:2379 get a", "certificate signed by unknown authority"),
        ] {
            let options = options(text);
            let Failure(error, status) = connect(&options, &options.endpoints()[0]).unwrap_err();
            assert!(error.contains(why) && error.ends_with("Error: context deadline exceeded\n"), "{error}");
            assert_eq!(status, 1);
        }
    }
}
