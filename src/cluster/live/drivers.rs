//! The ways to a node, as a table of command templates.

use serde::{Deserialize, Serialize};

use super::quote;
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
        command: &["vagrant", "ssh", "{node}", "-c"],
        terminal: &["vagrant", "ssh", "{node}", "--tty", "-c"],
        form: Form::Line,
        root: SUDO,
    },
    Driver {
        name: "kubectl-debug",
        command: &[
            "env",
            "KUBECONFIG={kubeconfig}",
            "kubectl",
            "--context={context}",
            "debug",
            "node/{node}",
            "-q",
            "-i",
            "--profile=sysadmin",
            "--image=busybox",
            "--",
            "chroot",
            "/host",
        ],
        terminal: &[
            "env",
            "KUBECONFIG={kubeconfig}",
            "kubectl",
            "--context={context}",
            "debug",
            "node/{node}",
            "-q",
            "-it",
            "--profile=sysadmin",
            "--image=busybox",
            "--",
            "chroot",
            "/host",
        ],
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
        if self.command.is_empty() { tr!(live_this_machine).into() } else { quote::line(&self.command) }
    }

    /// Whether it needs the API server, so that it cannot mend one that is down.
    pub fn needs_server(&self) -> bool {
        self.driver == "kubectl-debug"
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
    fn ones_own_ssh_gets_a_terminal_for_shells() {
        let way = Way::of_command(vec!["ssh".into(), "-J".into(), "jump".into(), "cp".into()], Form::Line);
        assert_eq!(&way.argv("id", true)[..4], ["ssh", "-tt", "-J", "jump"]);
        assert_eq!(&way.argv("id", false)[..3], ["ssh", "-J", "jump"]);
    }
}
