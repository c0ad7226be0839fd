//! The ways to a node, as a table of command templates.

use serde::{Deserialize, Serialize};

use super::{debug, quote};
use crate::text::tr;

/// How a script is handed to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As one last argument, a line that a shell at the other end reads.
    Line,
    /// As arguments of their own: program, option, script.
    Words,
}

/// A way to nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// What `--node-access` calls it.
    pub name: &'static str,
    /// The command without a terminal; `{node}`, `{host}`, `{profile}`, `{kubeconfig}` and `{context}` are filled in.
    pub command: &'static [&'static str],
    /// The command with a terminal.
    pub terminal: &'static [&'static str],
    /// How a script follows.
    pub form: Form,
    /// What stands before the script's shell, to become root.
    pub root: &'static [&'static str],
}

const SSH: &[&str] = &["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "{host}"];
const SSH_TERMINAL: &[&str] = &["ssh", "-tt", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "{host}"];
const SUDO: &[&str] = &["sudo", "-n"];

/// All of them. The ones of a name are tried in this order: without sudo first.
pub const DRIVERS: &[Driver] = &[
    Driver { name: "local", command: &[], terminal: &[], form: Form::Words, root: &[] },
    Driver { name: "local", command: &[], terminal: &[], form: Form::Words, root: SUDO },
    Driver { name: "ssh", command: SSH, terminal: SSH_TERMINAL, form: Form::Line, root: &[] },
    Driver { name: "ssh", command: SSH, terminal: SSH_TERMINAL, form: Form::Line, root: SUDO },
    Driver {
        name: "docker",
        command: &["docker", "exec", "-i", "{node}"],
        terminal: &["docker", "exec", "-it", "{node}"],
        form: Form::Words,
        root: &[],
    },
    Driver {
        name: "minikube",
        command: &["minikube", "-p", "{profile}", "ssh", "-n", "{node}", "--native-ssh=false", "--"],
        terminal: &["minikube", "-p", "{profile}", "ssh", "-n", "{node}", "--native-ssh=false", "--", "-t"],
        form: Form::Line,
        root: SUDO,
    },
    Driver {
        name: "lima",
        command: &["limactl", "shell", "{node}"],
        terminal: &["limactl", "shell", "{node}"],
        form: Form::Words,
        root: SUDO,
    },
    Driver {
        name: "multipass",
        command: &["multipass", "exec", "{node}", "--"],
        terminal: &["multipass", "exec", "{node}", "--"],
        form: Form::Words,
        root: SUDO,
    },
    Driver {
        name: "vagrant",
        // Its own choice is a terminal, in which line ends change and standard error is no longer apart.
        command: &["vagrant", "ssh", "{node}", "--no-tty", "-c"],
        terminal: &["vagrant", "ssh", "{node}", "--tty", "-c"],
        form: Form::Line,
        root: SUDO,
    },
    Driver {
        name: debug::DRIVER,
        command: &["sh", "-c", debug::SCRIPT, "cks-lab-debug", "{kubeconfig}", "{context}", "{node}", "-i"],
        terminal: &["sh", "-c", debug::SCRIPT, "cks-lab-debug", "{kubeconfig}", "{context}", "{node}", "-it"],
        form: Form::Words,
        root: &[],
    },
];

/// What templates are filled with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The Node's name in the cluster.
    pub node: String,
    /// What ssh calls it.
    pub host: String,
    /// The minikube profile.
    pub profile: String,
    /// The kubeconfig's path, or the paths of several as `KUBECONFIG` lists them.
    pub kubeconfig: String,
    /// The context's name.
    pub context: String,
}

/// The words of a command without the password that one of them may be: what is shown is also logged.
fn secrets_hidden(words: &[String]) -> Vec<String> {
    const HIDDEN: &str = "***";
    let sshpass = words.iter().any(|w| w == "sshpass" || w.ends_with("/sshpass"));
    let mut shown = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default().to_ascii_uppercase();
        let secret = ["PASS", "TOKEN", "SECRET"].iter().any(|s| name.contains(s));
        if sshpass && word.starts_with("-p") && word.len() > 2 {
            shown.push(format!("-p{HIDDEN}"));
        } else if secret && let Some(at) = word.find('=') {
            shown.push(format!("{}{HIDDEN}", &word[..=at]));
        } else if word == "--password" || word == "--token" || sshpass && word == "-p" {
            shown.push(word.clone());
            shown.extend(words.next().map(|_| HIDDEN.to_owned()));
        } else {
            shown.push(word.clone());
        }
    }
    shown
}

/// Whether a name that a cluster gives may stand in a command line: none may be taken for an option.
///
/// Addresses of Nodes are what their kubelets say, and nobody checks them: `-oProxyCommand=...` would be a command of
/// ssh's on this machine.
pub fn is_plain(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b':');
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:%-".contains(&b))
}

/// A way to one node, ready to be used; kept in the journal, so that an undo goes the same way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The driver's name, or `command` for a template of the person's own.
    pub driver: String,
    /// Program and arguments without a terminal; empty for this machine.
    pub command: Vec<String>,
    /// Program and arguments with a terminal.
    pub terminal: Vec<String>,
    /// How a script follows.
    pub form: Option<Form>,
    /// What stands before the script's shell.
    pub root: Vec<String>,
}

impl Way {
    /// The driver's template for a place.
    pub fn of_driver(driver: &Driver, place: &Place) -> Self {
        let fill = |words: &[&str]| {
            let one = |word: &&str| {
                word.replace("{node}", &place.node)
                    .replace("{host}", &place.host)
                    .replace("{profile}", &place.profile)
                    .replace("{kubeconfig}", &place.kubeconfig)
                    .replace("{context}", &place.context)
            };
            words.iter().map(one).collect()
        };
        Self {
            driver: driver.name.into(),
            command: fill(driver.command),
            terminal: fill(driver.terminal),
            form: Some(driver.form),
            root: driver.root.iter().map(|w| (*w).to_owned()).collect(),
        }
    }

    /// A command of the person's own that takes a script in this form.
    pub fn of_command(command: Vec<String>, form: Form) -> Self {
        // ssh asks for a terminal at the other end only when it is told to.
        let mut terminal = command.clone();
        if terminal.first().is_some_and(|p| p == "ssh" || p.ends_with("/ssh")) {
            terminal.insert(1, "-tt".into());
        }
        Self { driver: "command".into(), command, terminal, form: Some(form), root: Vec::new() }
    }

    /// Program and arguments that run `script` on the node.
    pub fn argv(&self, script: &str, terminal: bool) -> Vec<String> {
        let mut argv = if terminal { self.terminal.clone() } else { self.command.clone() };
        let words = self.root.iter().cloned().chain(quote::script(script));
        match self.form.unwrap_or(Form::Words) {
            Form::Words => argv.extend(words),
            Form::Line => argv.push(quote::line(&words.collect::<Vec<_>>())),
        }
        argv
    }

    /// How a person would call it.
    pub fn shown(&self) -> String {
        if self.command.is_empty() {
            return tr!(live_this_machine).into();
        }
        // Its script is no sight.
        match (self.needs_server(), self.command.as_slice()) {
            (true, [_, _, _, _, _, context, node, _]) => {
                format!("kubectl --context={context} debug node/{node}")
            }
            _ => quote::line(&secrets_hidden(&self.command)),
        }
    }

    /// Whether it needs the API server, so that it cannot mend one that is down.
    pub fn needs_server(&self) -> bool {
        self.driver == debug::DRIVER
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_script_follows_in_the_drivers_form() {
        let place = Place { node: "w1".into(), host: "10.0.0.1".into(), ..Place::default() };
        let [sh, c, word] = quote::script("id");
        for (name, expected) in [
            ("docker", vec!["docker", "exec", "-i", "w1", &sh, &c, &word]),
            ("lima", vec!["limactl", "shell", "w1", "sudo", "-n", &sh, &c, &word]),
        ] {
            let driver = DRIVERS.iter().find(|d| d.name == name).unwrap();
            assert_eq!(Way::of_driver(driver, &place).argv("id", false), expected);
        }
        let ssh = DRIVERS.iter().rfind(|d| d.name == "ssh").unwrap();
        let argv = Way::of_driver(ssh, &place).argv("id", true);
        assert_eq!(&argv[..3], ["ssh", "-tt", "-o"]);
        assert_eq!(argv.last().unwrap(), &format!("sudo -n sh -c {}", quote::quote(&word)));
    }

    #[test]
    fn passwords_in_commands_are_not_shown() {
        let way = |text: &str| Way::of_command(quote::split(text).unwrap(), Form::Line).shown();
        for text in [
            "sshpass -p geheim ssh cp",
            "sshpass -pgeheim ssh cp",
            "sshpass -pgeheim=geheim ssh cp",
            "env SSHPASS=geheim sshpass -e ssh cp",
            "env SSH_TOKEN=geheim ssh cp",
            "x --password geheim",
        ] {
            let shown = way(text);
            assert!(!shown.contains("geheim") && shown.contains("***"), "{shown}");
        }
        assert_eq!(way("ssh -p 22 cp sudo -i"), "ssh -p 22 cp sudo -i");
    }

    #[test]
    fn no_name_is_taken_for_an_option() {
        for name in [
            "node01",
            "10.0.0.1",
            "ip-10-0-0-1.eu-central-1.compute.internal",
            "fd00::1",
            "fe80::1%eth0",
            "::1",
        ] {
            assert!(is_plain(name), "{name}");
        }
        for name in
            ["", "-oProxyCommand=touch /tmp/x", "--", "a b", "a;b", "$(id)", "a\nb", "root@h", "\u{1b}[2J"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn ones_own_ssh_gets_a_terminal_for_shells() {
        let way = Way::of_command(vec!["ssh".into(), "-J".into(), "jump".into(), "cp".into()], Form::Line);
        assert_eq!(&way.argv("id", true)[..4], ["ssh", "-tt", "-J", "jump"]);
        assert_eq!(&way.argv("id", false)[..3], ["ssh", "-J", "jump"]);
    }
}
