//! kubeadm, on a cluster that is there: what looks at it, and what repairs it. Making another cluster is not emulated.
//!
//! | file | commands |
//! |---|---|
//! | [`certs`] | `certs check-expiration`, `certs renew` |
//! | [`phases`] | `init phase certs`, `kubeconfig`, `control-plane`, `etcd` |
//! | [`tokens`] | `token create`, `delete`, `generate`, `list` |
//! | [`reset`] | `reset` |
//! | [`release`] | `version`, `config images list` |
//!
//! Upstream: `cmd/kubeadm/app/cmd`; its texts are recorded from a real kubeadm, its help is in `assets/node/kubeadm-help.txt`.

use std::ffi::OsString;
use std::io::{self, Write};

use self::flags::Flags;

mod certs;
mod flags;
mod node;
mod phases;
mod release;
mod reset;
mod tokens;

const TRACE: &str = "To see the stack trace of this error execute with --v=5 or higher\n";
const HELP: &str = include_str!("../../../assets/node/kubeadm-help.txt");

/// Why a command ended: the text on standard error, and the exit status.
#[derive(Debug, PartialEq, Eq)]
struct Failed(String, i32);

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self(format!("{why}\n{TRACE}"), 1)
    }
}

impl From<&str> for Failed {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

/// What a command prints, or why it does not.
type Said = Result<String, Failed>;

/// Runs kubeadm; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&words) {
        Ok(text) => i32::from(io::stdout().write_all(text.as_bytes()).is_err()),
        Err(Failed(why, status)) => {
            let _ = io::stderr().write_all(why.as_bytes());
            status
        }
    }
}

/// The help of a command.
fn help(command: &str) -> Option<&'static str> {
    HELP.split("== ").skip(1).find_map(|section| {
        let (name, text) = section.split_once('\n')?;
        (name == command).then_some(text)
    })
}

/// Commands that stand above others: without one of those they print their help, and the wrong ones they name.
const GROUPS: [&str; 3] = ["certs", "certs renew", "token"];
/// Commands that make or take apart clusters.
const NOT_HERE: [&str; 5] = ["completion", "init", "join", "kubeconfig", "upgrade"];

/// Flags by which a command would do something else or elsewhere, which it does not here.
const NOT_HONOURED: [&str; 11] = [
    "apiserver-advertise-address",
    "apiserver-bind-port",
    "cert-dir",
    "config",
    "control-plane-endpoint",
    "dry-run",
    "image-repository",
    "kubeconfig-dir",
    "node-name",
    "rootfs",
    "service-cidr",
];

/// The node, for a command that changes its files: never those of a machine on which no lab answers.
fn own_node() -> Result<node::Node, Failed> {
    let node = node::Node::find();
    if !node.known {
        return Err("the lab's node does not answer; nothing was changed".into());
    }
    Ok(node)
}

fn run(words: &[String]) -> Said {
    let (flags, plain) = Flags::parse(words)?;
    let mut plain: Vec<&str> = plain.iter().map(String::as_str).collect();
    if plain.first() == Some(&"certificates") {
        plain[0] = "certs";
    }
    let asked = plain.first() == Some(&"help");
    if asked {
        plain.remove(0);
    }
    if asked || flags.has("help") {
        let mut command = plain.as_slice();
        while !command.is_empty() && help(&command.join(" ")).is_none() {
            command = &command[..command.len() - 1];
        }
        return Ok(help(&command.join(" ")).unwrap_or_default().to_owned());
    }
    let changes = matches!(plain.first(), Some(&("init" | "reset" | "token")))
        || plain.starts_with(&["certs", "renew"]);
    if let Some(flag) = NOT_HONOURED.iter().find(|flag| changes && flags.has(flag)) {
        return Err(format!("--{flag} is not emulated in this lab; nothing was changed").into());
    }
    let whole = plain.join(" ");
    match plain.as_slice() {
        [] => Ok(help("").unwrap_or_default().to_owned()),
        ["version"] => release::version(node::release(), flags.get("output").unwrap_or_default()),
        ["config", "images", "list"] => Ok(release::images(node::release())),
        ["certs", "check-expiration"] => certs::expiration(&node::Node::find()),
        ["certs", "renew", name] => certs::renew(&own_node()?, name),
        ["certs", "renew", name, other, ..] => {
            Err(format!("unknown command {other:?} for \"kubeadm certs renew {name}\"").into())
        }
        ["token", "list"] => tokens::list(&flags),
        ["token", "generate"] => tokens::generate().map(|token| token + "\n"),
        ["token", "create", token @ ..] => tokens::create(&flags, token.first().copied()),
        ["token", "delete", tokens @ ..] => tokens::delete(&flags, tokens),
        ["init", "phase", phase, rest @ ..] => phases::run(&own_node()?, phase, rest, &flags),
        ["reset"] => reset::run(&own_node()?, &flags),
        _ if GROUPS.contains(&whole.as_str()) => Ok(help(&whole).unwrap_or_default().to_owned()),
        [group @ .., last] if GROUPS.contains(&group.join(" ").as_str()) => {
            let group = group.join(" ");
            Err(Failed(
                format!("invalid subcommand {last:?}\nSee 'kubeadm {group} -h' for help and examples\n"),
                1,
            ))
        }
        [first, ..] if NOT_HERE.contains(first) => Err(format!(
            "kubeadm {whole} is not emulated in this lab, whose cluster is there already; kubeadm certs, token, init phase (certs, kubeconfig, \
             control-plane, etcd), reset, config images list and version are"
        )
        .into()),
        [other, ..] => Err(format!("unknown command {other:?} for \"kubeadm\"").into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn say(text: &str) -> Said {
        run(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn wrong_commands_are_told_as_kubeadm_does() {
        let refused = |text: &str| say(text).unwrap_err();
        for command in [
            "reset -f --dry-run",
            "certs renew all --cert-dir /tmp",
            "init phase kubeconfig all --kubeconfig-dir x",
        ] {
            assert!(
                refused(command).0.contains("is not emulated in this lab; nothing was changed"),
                "{command}"
            );
        }
        // No lab answers where the tests run: this machine's files stay.
        for command in ["reset -f", "certs renew all", "init phase certs all"] {
            assert!(
                refused(command).0.starts_with("the lab's node does not answer; nothing was changed\n"),
                "{command}"
            );
        }
        assert!(refused("join 1.2.3.4").0.contains("kubeadm join 1.2.3.4 is not emulated in this lab"));
        for (command, why) in [
            ("nonsense", "unknown command \"nonsense\" for \"kubeadm\""),
            ("certs renew apiserver foo", "unknown command \"foo\" for \"kubeadm certs renew apiserver\""),
            ("token list --foo", "unknown flag: --foo"),
            (
                "token create bad",
                "the bootstrap token \"bad\" was not of the form \"\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z\"",
            ),
            (
                "token create --ttl 5x",
                "invalid argument \"5x\" for \"--ttl\" flag: time: unknown unit \"x\" in duration \"5x\"",
            ),
        ] {
            assert_eq!(refused(command), Failed(format!("{why}\n{TRACE}"), 1), "{command}");
        }
        assert_eq!(
            refused("token foo").0,
            "invalid subcommand \"foo\"\nSee 'kubeadm token -h' for help and examples\n"
        );
        assert_eq!(
            refused("certs foo").0,
            "invalid subcommand \"foo\"\nSee 'kubeadm certs -h' for help and examples\n"
        );
        assert_eq!(refused("token create --usages foo").1, 3);
    }

    #[test]
    fn every_group_has_its_help() {
        for command in ["", "certs", "certs renew", "token", "init phase certs"] {
            assert!(help(command).unwrap().contains("Usage:\n  kubeadm"), "{command}");
        }
        assert_eq!(say("token").unwrap(), help("token").unwrap());
        assert_eq!(say("certs renew").unwrap(), help("certs renew").unwrap());
        assert_eq!(say("token create --help").unwrap(), help("token create").unwrap());
    }
}
