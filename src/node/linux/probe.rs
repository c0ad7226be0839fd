//! Tries each layer of the kernel that nodes are made of by itself, for `cks-lab doctor`: in children of a process without threads.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{identity, init, network};

/// The name that this program is called by when it is to try the kernel.
pub const NAME: &str = "cks-lab-probe";

/// A layer that nodes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A kind of namespace, inside a user namespace of its own: its name, flag, and kernel option.
    Namespace(&'static str, libc::c_int, &'static str),
    /// Pairs of network interfaces.
    Cables,
    /// Mounts that translate owners, which root's nodes have.
    IdmappedMounts,
    /// Changing what a whole tree of mounts allows (`mount_setattr(2)`).
    MountAttributes,
}

impl Layer {
    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace(name, ..) => name,
            Self::Cables => "veth",
            Self::IdmappedMounts => "idmap",
            Self::MountAttributes => "mounts",
        }
    }
}

/// All layers that are tried here; Landlock, seccomp and control groups tell of themselves.
pub static LAYERS: &[Layer] = &[
    Layer::Namespace("user", 0, "CONFIG_USER_NS"),
    Layer::Namespace("mount", libc::CLONE_NEWNS, "CONFIG_NAMESPACES"),
    Layer::Namespace("pid", libc::CLONE_NEWPID, "CONFIG_PID_NS"),
    Layer::Namespace("uts", libc::CLONE_NEWUTS, "CONFIG_UTS_NS"),
    Layer::Namespace("ipc", libc::CLONE_NEWIPC, "CONFIG_IPC_NS"),
    Layer::Namespace("network", libc::CLONE_NEWNET, "CONFIG_NET_NS"),
    Layer::Namespace("cgroup", libc::CLONE_NEWCGROUP, "CONFIG_CGROUPS"),
    Layer::Cables,
    Layer::IdmappedMounts,
    Layer::MountAttributes,
];

/// What came of trying a layer: the error's text where it is not there.
pub type Tried = (Layer, Result<(), String>);

/// Tries all layers; `home` is where labs keep their nodes' files.
pub fn all(home: &Path) -> io::Result<Vec<Tried>> {
    use std::os::unix::process::CommandExt;
    let output = Command::new(std::env::current_exe()?)
        .arg0(NAME)
        .arg(home)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = |layer: &Layer| {
        let line = text.lines().find_map(|line| line.strip_prefix(layer.name())?.strip_prefix('\t'));
        match line {
            Some("") => Ok(()),
            Some(why) => Err(why.to_owned()),
            None => Err("the attempt did not end".to_owned()),
        }
    };
    Ok(LAYERS.iter().map(|layer| (*layer, told(layer))).collect())
}

/// Tries all layers and tells of them on standard output.
pub fn main(args: Vec<OsString>) -> i32 {
    let home = args.first().map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let mut out = io::stdout();
    for layer in LAYERS {
        let why = apart(|| attempt(*layer, &home)).err().map(|e| e.to_string()).unwrap_or_default();
        if writeln!(out, "{}\t{}", layer.name(), why.replace('\n', " ")).is_err() {
            return 1;
        }
    }
    0
}

fn attempt(layer: Layer, home: &Path) -> io::Result<()> {
    match layer {
        Layer::Namespace(_, flag, _) => init::unshare(libc::CLONE_NEWUSER | flag),
        Layer::Cables => {
            init::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
            network::try_cable()
        }
        Layer::IdmappedMounts => identity::try_translation(home),
        Layer::MountAttributes => {
            init::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS)?;
            super::mounts::try_attributes()
        }
    }
}

/// Does something in a child, whose end takes all of it back.
fn apart(attempt: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let (mut reader, mut writer) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(reader);
        let number = attempt().err().map_or(0, |e| e.raw_os_error().unwrap_or(libc::EIO));
        let _ = writer.write_all(&number.to_ne_bytes());
        // SAFETY: ends this process.
        unsafe { libc::_exit(0) };
    }
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    drop(writer);
    let mut number = [0; 4];
    let told = reader.read_exact(&mut number);
    // SAFETY: the status is a place of ours to write to.
    unsafe { libc::waitpid(child, &mut 0, 0) };
    told?;
    match i32::from_ne_bytes(number) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}
