//! The tools found on a node, by the name they are called by (the zeroth argument).

use std::ffi::OsString;

mod jq;
mod nc;
mod sudo;

/// When a node has the lab's tool under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always: it speaks to the lab.
    Always,
    /// Only where the machine has no program of that name.
    Missing,
    /// Only where the machine has no program of that name, nor of this one.
    MissingToo(&'static str),
}

/// A tool of the lab.
pub struct Tool {
    /// The name it is called by.
    pub name: &'static str,
    /// When a node has it.
    pub when: When,
    /// Runs it; arguments without the name; the exit status comes back.
    pub run: fn(Vec<OsString>) -> i32,
}

/// All tools.
pub static TOOLS: &[Tool] = &[
    Tool { name: "apt", when: When::Always, run: sudo::apt_main },
    Tool { name: "apt-get", when: When::Always, run: sudo::apt_main },
    Tool { name: "containerd", when: When::Always, run: crate::kubelet::tools::others::containerd_main },
    Tool { name: "crictl", when: When::Always, run: crate::kubelet::tools::crictl::main },
    Tool { name: "ctr", when: When::Always, run: crate::kubelet::tools::others::ctr_main },
    Tool { name: "etcdctl", when: When::Always, run: crate::kubelet::tools::etcdctl::main },
    Tool { name: "ip", when: When::Always, run: crate::kubelet::tools::network::main },
    Tool { name: "jq", when: When::Missing, run: jq::main },
    Tool { name: "journalctl", when: When::Always, run: crate::kubelet::tools::journalctl::main },
    Tool { name: "kubeadm", when: When::Always, run: crate::kubelet::tools::kubeadm::main },
    Tool { name: "kubelet", when: When::Always, run: crate::kubelet::tools::others::kubelet_main },
    Tool { name: "kubectl", when: When::Missing, run: crate::kubectl::main },
    Tool { name: "nano", when: When::Missing, run: crate::editor::program::nano_main },
    Tool { name: "nc", when: When::Missing, run: nc::main },
    Tool { name: "netstat", when: When::Always, run: crate::kubelet::tools::processes::netstat_main },
    Tool { name: "ps", when: When::Always, run: crate::kubelet::tools::processes::ps_main },
    Tool { name: "reboot", when: When::Always, run: crate::kubelet::tools::systemctl::reboot_main },
    Tool { name: "scp", when: When::Missing, run: super::ssh::scp::main },
    Tool { name: "sftp", when: When::Missing, run: super::ssh::sftp::shell::main },
    Tool { name: "sftp-server", when: When::Missing, run: super::ssh::sftp::server::main },
    Tool { name: "ss", when: When::Always, run: crate::kubelet::tools::processes::ss_main },
    Tool { name: "ssh", when: When::Missing, run: super::ssh::client::main },
    Tool { name: "sudo", when: When::Always, run: sudo::main },
    Tool { name: "systemctl", when: When::Always, run: crate::kubelet::tools::systemctl::main },
    Tool { name: "vi", when: When::Missing, run: crate::editor::program::vi_main },
    Tool { name: "vim", when: When::MissingToo("vi"), run: crate::editor::program::vi_main },
    Tool { name: "watch", when: When::Missing, run: super::watch::main },
];

/// The names that a node gets, by whether the machine has a program of a name.
pub fn on_node(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let wanted = |tool: &&Tool| match tool.when {
        When::Always => true,
        When::Missing => !has(tool.name),
        When::MissingToo(other) => !has(tool.name) && !has(other),
    };
    TOOLS.iter().filter(wanted).map(|tool| tool.name).collect()
}

/// Runs the tool that this process was called as, if it was called as one.
///
/// To be called before any thread exists: the nodes' first processes begin here too.
pub fn dispatch(mut arguments: Vec<OsString>) -> Option<i32> {
    let called = std::path::Path::new(arguments.first()?).file_name()?.to_str()?.to_owned();
    arguments.remove(0);
    if called == super::linux::INIT {
        return Some(super::linux::init_main());
    }
    if called == super::linux::probe::NAME {
        return Some(super::linux::probe::main(arguments));
    }
    if called == super::plain::SESSION {
        return Some(super::plain::session_main(arguments));
    }
    TOOLS.iter().find(|tool| tool.name == called).map(|tool| (tool.run)(arguments))
}

#[cfg(test)]
mod tests {
    use super::on_node;

    #[test]
    fn a_bare_machine_gets_everything_and_a_full_one_what_speaks_to_the_lab() {
        let bare = on_node(|_| false);
        for name in ["jq", "kubectl", "ssh", "vi", "vim", "nano", "watch", "crictl"] {
            assert!(bare.contains(&name), "{name}: {bare:?}");
        }
        let full = on_node(|_| true);
        for name in ["crictl", "etcdctl", "journalctl", "kubeadm", "ps", "ss", "systemctl"] {
            assert!(full.contains(&name), "{name}: {full:?}");
        }
        for name in ["jq", "kubectl", "ssh", "vi", "vim", "nano", "watch"] {
            assert!(!full.contains(&name), "{name}: {full:?}");
        }
        let with_vi = on_node(|name| name == "vi");
        assert!(!with_vi.contains(&"vim"), "a machine's own vi is not shadowed by another vim");
    }
}
