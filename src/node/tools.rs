//! The tools found on a node, by the name they are called by (the zeroth argument).

use std::ffi::OsString;

/// When a node has the lab's tool under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always: it speaks to the lab.
    Always,
    /// Only where the machine has no program of that name.
    Missing,
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
    Tool { name: "crictl", when: When::Always, run: crate::kubelet::tools::crictl::main },
    Tool { name: "journalctl", when: When::Always, run: crate::kubelet::tools::journalctl::main },
    Tool { name: "kubectl", when: When::Missing, run: crate::kubectl::main },
    Tool { name: "ssh", when: When::Missing, run: super::ssh::client::main },
    Tool { name: "systemctl", when: When::Always, run: crate::kubelet::tools::systemctl::main },
];

/// The names that a node gets, by whether the machine has a program of a name.
pub fn on_node(has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    TOOLS.iter().filter(|t| t.when == When::Always || !has(t.name)).map(|t| t.name).collect()
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
    if called == super::plain::SESSION {
        return Some(super::plain::session_main(arguments));
    }
    TOOLS.iter().find(|tool| tool.name == called).map(|tool| (tool.run)(arguments))
}
