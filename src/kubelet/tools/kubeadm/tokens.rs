//! `kubeadm token`: bootstrap tokens, which are Secrets of a type in kube-system.
//!
//! Upstream: `cmd/kubeadm/app/cmd/token.go`, `k8s.io/cluster-bootstrap/token`.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SecureRandom;
use serde_json::{Value, json};

use super::certs::residual;
use super::flags::Flags;
use super::{Failed, Said, TRACE, node};
use crate::apiserver::flags::numbers::duration;

const PATTERN: &str = r"\A([a-z0-9]{6})\.([a-z0-9]{16})\z";
const ID_PATTERN: &str = r"\A([a-z0-9]{6})\z";
const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const USAGES: [&str; 2] = ["signing", "authentication"];
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Whether a word has so many letters of a token.
fn fits(word: &str, letters: usize) -> bool {
    word.len() == letters && word.bytes().all(|b| LETTERS.contains(&b))
}

/// The parts of a whole token.
fn parts(token: &str) -> Option<(&str, &str)> {
    token.split_once('.').filter(|(id, secret)| fits(id, 6) && fits(secret, 16))
}

/// Makes a token up.
pub(super) fn generate() -> Said {
    let random = ring::rand::SystemRandom::new();
    let mut token = String::new();
    while token.len() < 23 {
        let mut byte = [0];
        random.fill(&mut byte).map_err(|_| Failed::from("cannot read random numbers"))?;
        if token.len() == 6 {
            token.push('.');
        }
        // As many values as fit whole, so that each letter is as likely as another.
        if byte[0] < 252 {
            token.push(LETTERS[usize::from(byte[0] % 36)].into());
        }
    }
    Ok(token)
}

/// Asks kubectl; the error is what client-go says of it, with `what` before it.
fn kubectl(
    flags: &Flags,
    what: &str,
    request: &str,
    words: &[&str],
    input: Option<&str>,
) -> Result<Vec<u8>, Failed> {
    let config = node::kubeconfig(flags.get("kubeconfig"))?;
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(config).args(["-n", "kube-system"]).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |why: String| Failed::from(format!("{what}: {why}"));
    let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
    }
    let answer = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if answer.status.success() {
        return Ok(answer.stdout);
    }
    Err(failed(go_error(&String::from_utf8_lossy(&answer.stderr), request)))
}

/// What client-go says where kubectl said something for people.
fn go_error(said: &str, request: &str) -> String {
    let said = said.lines().last().unwrap_or_default().trim();
    let refused = said
        .strip_prefix("The connection to the server ")
        .and_then(|rest| rest.split_once(" was refused"))
        .map(|(host, _)| host);
    if let Some(host) = refused {
        let (verb, path) = request.split_once(' ').unwrap_or((request, ""));
        return format!("{verb} \"https://{host}{path}\": dial tcp {host}: connect: connection refused");
    }
    said.split_once("): ")
        .filter(|_| said.starts_with("Error from server"))
        .map_or(said, |(_, why)| why)
        .to_owned()
}

/// `kubeadm token list`
pub(super) fn list(flags: &Flags) -> Said {
    let output = flags.get("output").unwrap_or("text");
    if !["text", "json", "yaml"].contains(&output) {
        return Err(format!(
            "could not construct output printer: unable to match a printer suitable for the output format {output:?}, allowed formats are: \
             go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,template,templatefile,text,yaml"
        )
        .into());
    }
    const SELECTOR: [&str; 6] =
        ["get", "secrets", "--field-selector", "type=bootstrap.kubernetes.io/token", "-o", "json"];
    let request =
        "Get /api/v1/namespaces/kube-system/secrets?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken";
    let answer = kubectl(flags, "failed to list bootstrap tokens", request, &SELECTOR, None)?;
    let list: Value = serde_json::from_slice(&answer).map_err(|e| e.to_string())?;
    let secrets = list["items"].as_array().cloned().unwrap_or_default();
    let now = Timestamp::now();
    match output {
        "text" => {
            let mut text = String::new();
            for (at, secret) in secrets.iter().enumerate() {
                let head = ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"];
                let mut rows: Vec<_> =
                    (at == 0).then(|| head.map(str::to_owned).to_vec()).into_iter().collect();
                rows.push(token(secret, now));
                // Each token is laid out by itself, as upstream flushes its table after each.
                text += &crate::kubelet::tools::text::columns(&rows, 10, 3);
            }
            Ok(text)
        }
        _ => Ok(secrets.iter().map(|secret| described(secret, output)).collect()),
    }
}

fn field(secret: &Value, name: &str) -> String {
    let bytes = STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn usages(secret: &Value) -> Vec<&'static str> {
    // Sorted, as upstream has them.
    ["authentication", "signing"]
        .into_iter()
        .filter(|usage| field(secret, &format!("usage-bootstrap-{usage}")) == "true")
        .collect()
}

/// A token as an object, in the order of its fields.
fn described(secret: &Value, output: &str) -> String {
    let groups = field(secret, "auth-extra-groups");
    let groups: Vec<&str> = groups.split(',').filter(|group| !group.is_empty()).collect();
    let token = format!("{}.{}", field(secret, "token-id"), field(secret, "token-secret"));
    let fields = [
        ("kind", json!("BootstrapToken")),
        ("apiVersion", json!("output.kubeadm.k8s.io/v1alpha3")),
        ("token", token.into()),
        ("description", field(secret, "description").into()),
        ("expires", field(secret, "expiration").into()),
        ("usages", json!(usages(secret))),
        ("groups", json!(groups)),
    ];
    let mut fields: Vec<_> = fields.into_iter().filter(|(_, v)| *v != json!("") && *v != json!([])).collect();
    if output == "yaml" {
        fields.sort_by_key(|(name, _)| *name);
        return fields
            .into_iter()
            .map(|(name, value)| serde_yaml::to_string(&json!({name: value})).unwrap_or_default())
            .collect();
    }
    let lines = fields.iter().map(|(name, value)| match value.as_array() {
        None => format!("    {name:?}: {value}"),
        Some(all) => {
            let all: Vec<_> = all.iter().map(|value| format!("        {value}")).collect();
            format!("    {name:?}: [\n{}\n    ]", all.join(",\n"))
        }
    });
    format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n"))
}

fn token(secret: &Value, now: Timestamp) -> Vec<String> {
    let field = |name: &str| field(secret, name);
    let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
    let expires = field("expiration");
    let left = expires.parse().map_or("<forever>".to_owned(), |end: Timestamp| residual(end, now));
    vec![
        format!("{}.{}", field("token-id"), field("token-secret")),
        format!("{left:<9}"),
        if expires.is_empty() { "<never>".into() } else { expires },
        format!("{:<22}", or_none(usages(secret).join(","))),
        format!("{:<56}", or_none(field("description"))),
        or_none(field("auth-extra-groups")),
    ]
}

/// How long a token lives, in whole seconds.
fn ttl(text: &str) -> Result<i64, Failed> {
    let nanoseconds = duration(text)
        .map_err(|why| Failed::from(format!("invalid argument {text:?} for \"--ttl\" flag: {why}")))?;
    Ok(nanoseconds / 1_000_000_000)
}

/// `kubeadm token create`
pub(super) fn create(flags: &Flags, given: Option<&str>) -> Said {
    let seconds = ttl(flags.get("ttl").unwrap_or("24h0m0s"))?;
    let token = match given {
        Some(token) => token.to_owned(),
        None => generate()?,
    };
    let Some((id, secret)) = parts(&token) else {
        return Err(format!("the bootstrap token {token:?} was not of the form {PATTERN:?}").into());
    };
    let wanted = flags.list("usages").unwrap_or_else(|| USAGES.map(str::to_owned).to_vec());
    let groups = flags.list("groups").unwrap_or_else(|| vec![GROUP.to_owned()]);
    validate(&wanted, &groups)?;
    let mut data = json!({"token-id": id, "token-secret": secret});
    for usage in &wanted {
        data[format!("usage-bootstrap-{usage}")] = "true".into();
    }
    if !groups.is_empty() {
        data["auth-extra-groups"] = groups.join(",").into();
    }
    if let Some(description) = flags.get("description").filter(|d| !d.is_empty()) {
        data["description"] = description.into();
    }
    if seconds > 0 {
        let end = Timestamp::now() + SignedDuration::from_secs(seconds);
        data["expiration"] = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    }
    let name = format!("bootstrap-token-{id}");
    let object = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": name, "namespace": "kube-system"}, "stringData": data})
    .to_string();
    let request = "Post /api/v1/namespaces/kube-system/secrets?timeout=10s";
    let made = kubectl(flags, "failed to create", request, &["create", "-f", "-"], Some(&object));
    if let Err(Failed(why, _)) = made {
        return Err(if why.contains("already exists") {
            format!("a token with id {id:?} already exists").into()
        } else {
            Failed(why.replacen("failed to create: ", "", 1), 1)
        });
    }
    if flags.has("print-join-command") { join(flags, &token) } else { Ok(token + "\n") }
}

fn validate(usages: &[String], groups: &[String]) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    let quoted = |list: &[String]| {
        format!("[]string{{{}}}", list.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "))
    };
    let unknown: Vec<&str> = usages.iter().map(String::as_str).filter(|u| !USAGES.contains(u)).collect();
    if !unknown.is_empty() {
        wrong.push(format!(
            "bootstrapTokens.0.usages: Invalid value: {}: invalid bootstrap token usage string: {}, valid usage options: signing,authentication",
            quoted(usages),
            unknown.join(",")
        ));
    }
    if !groups.is_empty() && !usages.iter().any(|usage| usage == "authentication") {
        wrong.push(format!(
            "bootstrapTokens.0.groups: Invalid value: {}: token groups cannot be specified unless --usages includes \"authentication\"",
            quoted(groups)
        ));
    }
    let is_group = |group: &str| {
        group.strip_prefix("system:bootstrappers:").is_some_and(|rest| {
            let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b":-".contains(&b);
            rest.len() <= 256
                && rest.bytes().all(fine)
                && rest.bytes().last().is_some_and(|b| !b":-".contains(&b))
        })
    };
    for group in groups.iter().filter(|group| !is_group(group)) {
        wrong.push(format!(
            "bootstrapTokens.0.groups: Invalid value: {}: bootstrap group {group:?} is invalid (must match \\Asystem:bootstrappers:[a-z0-9:-]{{0,255}}[a-z0-9]\\z)",
            quoted(groups)
        ));
    }
    match wrong.as_slice() {
        [] => Ok(()),
        [one] => Err(Failed(format!("{one}\n{TRACE}"), 3)),
        all => Err(Failed(format!("[{}]\n{TRACE}", all.join(", ")), 3)),
    }
}

/// What a node joins the cluster with.
fn join(flags: &Flags, token: &str) -> Said {
    let failed = |why: &str| Failed::from(format!("failed to get join command: {why}"));
    let text = std::fs::read_to_string(node::kubeconfig(flags.get("kubeconfig"))?)
        .map_err(|e| failed(&e.to_string()))?;
    let config: Value = serde_yaml::from_str(&text).map_err(|e| failed(&e.to_string()))?;
    let cluster = &config["clusters"][0]["cluster"];
    let host = cluster["server"].as_str().unwrap_or_default().trim_start_matches("https://").to_owned();
    let pem = STANDARD.decode(cluster["certificate-authority-data"].as_str().unwrap_or_default());
    let pin = pem
        .ok()
        .and_then(|pem| {
            let (_, block) = x509_parser::pem::parse_x509_pem(&pem).ok()?;
            let key = block.parse_x509().ok()?.public_key().raw.to_vec();
            Some(crate::digest::sha256(&key))
        })
        .ok_or_else(|| failed("no CA certificates found in kubeconfig"))?;
    Ok(format!("kubeadm join {host} --token {token} --discovery-token-ca-cert-hash sha256:{pin} \n"))
}

/// `kubeadm token delete`
pub(super) fn delete(flags: &Flags, tokens: &[&str]) -> Said {
    if tokens.is_empty() {
        return Err(format!(
            "missing argument; 'token delete' is missing token of form {PATTERN:?} or {ID_PATTERN:?}"
        )
        .into());
    }
    let mut text = String::new();
    for token in tokens {
        let id = if fits(token, 6) { Some(*token) } else { parts(token).map(|(id, _)| id) };
        let Some(id) = id else {
            return Err(format!("given token didn't match pattern {PATTERN:?} or {ID_PATTERN:?}").into());
        };
        let name = format!("bootstrap-token-{id}");
        let request = format!("Delete /api/v1/namespaces/kube-system/secrets/{name}?timeout=10s");
        let what = format!("failed to delete bootstrap token {id:?}");
        kubectl(flags, &what, &request, &["delete", "secret", &name, "--wait=false"], None)?;
        text += &format!("bootstrap token {id:?} deleted\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_read_from_its_secret() {
        let encode = |text: &str| STANDARD.encode(text);
        let secret = json!({"data": {"token-id": encode("vezz1m"), "token-secret": encode("iqtgws42mroxlty4"),
            "usage-bootstrap-signing": encode("true"), "usage-bootstrap-authentication": encode("true"),
            "expiration": encode("2026-11-25T19:28:01Z")}});
        let now: Timestamp = "2026-11-24T20:00:00Z".parse().unwrap();
        let row = token(&secret, now);
        assert_eq!(
            row.iter().map(|cell| cell.trim_end()).collect::<Vec<_>>(),
            [
                "vezz1m.iqtgws42mroxlty4",
                "23h",
                "2026-11-25T19:28:01Z",
                "authentication,signing",
                "<none>",
                "<none>"
            ]
        );
        assert!(described(&secret, "json").starts_with("{\n    \"kind\": \"BootstrapToken\","));
    }

    #[test]
    fn tokens_times_and_errors() {
        let token = generate().unwrap();
        assert!(parts(&token).is_some(), "{token}");
        for (text, seconds) in [("0", 0), ("24h0m0s", 86_400), ("1h30m", 5400), ("1.5s", 1)] {
            assert_eq!(ttl(text).unwrap(), seconds, "{text}");
        }
        assert!(ttl("99999999h").unwrap_err().0.contains("time: invalid duration \"99999999h\"\n"));
        let why = ttl("5").unwrap_err().0;
        assert!(
            why.starts_with(
                "invalid argument \"5\" for \"--ttl\" flag: time: missing unit in duration \"5\"\n"
            ),
            "{why}"
        );
        assert_eq!(
            go_error("The connection to the server 1.2.3.4:6443 was refused - did you specify", "Get /api"),
            "Get \"https://1.2.3.4:6443/api\": dial tcp 1.2.3.4:6443: connect: connection refused"
        );
        assert_eq!(
            go_error("Error from server (NotFound): secrets \"x\" not found", "Delete /x"),
            "secrets \"x\" not found"
        );
    }
}
