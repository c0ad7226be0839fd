//! The sandbox's nodes: their files, and starting them in namespaces or plainly.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use tokio::sync::watch;

use super::pristine::{self, Extent};
use super::{
    CONTROL_PLANE, CONTROL_PLANE_ADDRESS, Options, SERVICE_ADDRESS, WORKER, WORKER_ADDRESS, machine,
};
use crate::error::{Context, Error, Result};
use crate::kubelet::runtime::process::{self, PROGRAMS};
use crate::node::plan::{self, NodeSpec};
use crate::node::{Node, linux, plain, ssh};
use crate::pki::Authority;
use crate::pki::kubeadm::{self, Layout, Member, write_file};
use crate::rooted::Rooted;
use crate::text::tr;

/// The nodes' names and addresses, the control plane's first.
pub const MEMBERS: [(&str, IpAddr); 2] = [(CONTROL_PLANE, CONTROL_PLANE_ADDRESS), (WORKER, WORKER_ADDRESS)];

/// The running nodes.
pub struct Nodes {
    nodes: Vec<Arc<dyn Node>>,
    lab: Option<linux::Lab>,
    ssh: Mutex<Option<ssh::Servers>>,
}

/// Nodes that are being started.
pub struct Starting {
    nodes: Vec<Arc<dyn Node>>,
    /// Their namespaces, while they are made.
    lab: Option<(linux::Lab, linux::Beginnings)>,
    made: watch::Sender<bool>,
    specs: Vec<NodeSpec>,
    program: PathBuf,
    keys: Keys,
    notice: Option<String>,
}

/// The cluster's authority, and what its files were made for.
struct Keys {
    authority: Authority,
    /// Whether they were made now.
    new: bool,
    outside: SocketAddr,
}

impl Starting {
    /// A node by its name; what it is asked it does once it is there.
    pub fn find(&self, name: &str) -> Result<Arc<dyn Node>> {
        let found = self.nodes.iter().find(|n| n.name() == name).cloned();
        found.ok_or_else(|| Error::new(tr!(sandbox_no_node { name })))
    }

    /// Tells whether the nodes are there.
    pub fn made(&self) -> watch::Receiver<bool> {
        self.made.subscribe()
    }

    /// The cluster's authority.
    pub fn authority(&self) -> &Authority {
        &self.keys.authority
    }

    /// Waits until the nodes are there; where namespaces are refused they are plain ones, and the reason comes back.
    pub async fn finish(mut self, options: &Options) -> Result<(Nodes, Option<String>)> {
        if let Some((lab, beginnings)) = self.lab.take() {
            match linux::begun(beginnings).await {
                Ok(()) => {
                    self.made.send_replace(true);
                    let nodes = reachable(self.nodes, Some(lab), options, &self.program).await?;
                    return Ok((nodes, self.notice));
                }
                Err(why) => self.fall_back(options, why)?,
            }
        }
        let nodes = reachable(self.nodes, None, options, &self.program).await?;
        Ok((nodes, self.notice))
    }

    /// Makes plain nodes of those that could not be started.
    fn fall_back(&mut self, options: &Options, why: String) -> Result<()> {
        if options.real.is_some() {
            return Err(no_namespaces(why));
        }
        if self.keys.new {
            let layout = layout(options, self.keys.outside, true);
            kubeadm::change_layout(&layout, &self.keys.authority, options.clock.now())?;
            root_config(options, true)?;
        }
        self.nodes = plain_nodes(&self.specs, &self.program)?;
        self.notice = Some(tr!(sandbox_plain_nodes { why }));
        Ok(())
    }
}

fn no_namespaces(why: String) -> Error {
    Error::new(tr!(local_needs_namespaces))
        .why(why)
        .hint(tr!(sandbox_doctor_more))
        .hint(tr!(local_sandbox_no_namespaces))
}

fn plain_nodes(specs: &[NodeSpec], program: &Path) -> Result<Vec<Arc<dyn Node>>> {
    specs.iter().try_for_each(|spec| plain::link_tools(&spec.root, program))?;
    Ok(plain::start(specs, program).into_iter().map(|n| n as Arc<dyn Node>).collect())
}

impl Nodes {
    /// A node by its name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.iter().find(|n| n.name() == name).cloned()
    }

    /// Whether they have a network of their own.
    pub fn have_a_network(&self) -> bool {
        self.lab.is_some()
    }

    /// Puts their files back; the names of nodes and what was not as it should be come back.
    pub fn mend(&self, options: &Options, extent: Extent) -> Result<Vec<(&'static str, Vec<PathBuf>)>> {
        let specs = prepare(options)?;
        if self.lab.is_none() {
            let program = program()?;
            specs.iter().try_for_each(|spec| plain::link_tools(&spec.root, &program))?;
        }
        let mut changed = Vec::new();
        for name in [CONTROL_PLANE, WORKER] {
            changed.push((name, pristine::put_back(&options.dir, name, extent)?));
        }
        if let Some(servers) = &*self.ssh.lock().unwrap_or_else(PoisonError::into_inner) {
            servers.mend()?;
        }
        Ok(changed)
    }

    /// Ends everything that runs on them.
    pub async fn stop(&self) {
        self.ssh.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(lab) = &self.lab {
            lab.stop().await;
        }
    }
}

fn program() -> Result<PathBuf> {
    std::env::current_exe().context_what(|| tr!(sandbox_where_program).into())
}

/// Makes what nodes cannot be started without, where it is missing.
fn prepare(options: &Options) -> Result<Vec<NodeSpec>> {
    let program = program()?;
    on_both(|name, address| prepare_one(options, name, address, &program))
}

fn prepare_one(options: &Options, name: &str, address: IpAddr, program: &Path) -> Result<NodeSpec> {
    let all = MEMBERS.map(|(name, address)| (name.to_owned(), address));
    let mut spec = plan::prepare(name, address, &options.dir.node_root(name), &all, program)?;
    for (program, file) in options.real.iter().flat_map(|real| PROGRAMS.iter().zip(&real.files)) {
        plan::add_program(&mut spec, file, &Path::new(process::DIRECTORY).join(program))?;
    }
    machine::units(&spec.root)?;
    if Path::new("/").join(machine::UNITS).is_dir() {
        plan::add_directory(&mut spec, machine::OWN_UNITS, machine::UNITS);
    }
    Ok(spec)
}

/// Does the same for every node, side by side.
fn on_both<T: Send>(what: impl Fn(&'static str, IpAddr) -> Result<T> + Sync) -> Result<Vec<T>> {
    let what = &what;
    std::thread::scope(|scope| {
        let others: Vec<_> = MEMBERS[1..].iter().map(|m| beside(scope, move || what(m.0, m.1))).collect();
        let first = what(MEMBERS[0].0, MEMBERS[0].1);
        let others = others.into_iter().map(|other| other.and_then(ended));
        std::iter::once(first).chain(others).collect()
    })
}

/// Does something on a thread of its own.
fn beside<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    what: impl FnOnce() -> Result<T> + Send + 's,
) -> Result<ScopedJoinHandle<'s, Result<T>>> {
    std::thread::Builder::new().spawn_scoped(scope, what).context_what(|| tr!(cli_no_threads).into())
}

/// Waits for what is done on a thread of its own.
fn ended<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(Error::new(tr!(cli_no_threads))))
}

/// Makes the nodes' files and begins to start them; `outside` is the API server's address on this machine's loopback.
pub async fn begin(options: &Options, outside: SocketAddr) -> Result<Starting> {
    let program = program()?;
    let specs = prepare(options)?;
    let made = watch::Sender::new(false);
    if options.plain_nodes {
        if options.real.is_some() {
            return Err(Error::new(tr!(local_no_plain_nodes)));
        }
        let keys = keys(options, outside, true)?;
        let nodes = plain_nodes(&specs, &program)?;
        return Ok(Starting { nodes, lab: None, made, specs, program, keys, notice: None });
    }
    // The namespaces are made while the keys are.
    let (begun, keys) =
        tokio::join!(linux::Lab::begin(specs.clone(), &program, linux::Kernel::default()), async {
            keys(options, outside, false)
        });
    let mut starting =
        Starting { nodes: Vec::new(), lab: None, made, specs, program, keys: keys?, notice: None };
    let (lab, mut beginnings) = match begun {
        Ok(begun) => begun,
        Err(why) => {
            starting.fall_back(options, why)?;
            return Ok(starting);
        }
    };
    if options.real.is_some() {
        linux::begun(std::mem::take(&mut beginnings)).await.map_err(no_namespaces)?;
        starting.made.send_replace(true);
    }
    let nodes = starting.specs.iter().filter_map(|spec| lab.node(&spec.name));
    starting.nodes = nodes.map(|n| n as Arc<dyn Node>).collect();
    starting.lab = Some((lab, beginnings));
    Ok(starting)
}

/// Has each node be reached from the other by ssh.
async fn reachable(
    nodes: Vec<Arc<dyn Node>>,
    lab: Option<linux::Lab>,
    options: &Options,
    program: &Path,
) -> Result<Nodes> {
    // A host whose key was removed is still known by it to the other.
    for node in &nodes {
        pristine::put_back_below(&options.dir, node.name(), Path::new("etc/ssh"), Extent::Missing)?;
    }
    let addresses = [CONTROL_PLANE_ADDRESS, WORKER_ADDRESS];
    let hosts: Vec<_> = nodes
        .iter()
        .zip(addresses)
        .map(|(node, address)| ssh::Host { node: node.clone(), address })
        .collect();
    let servers = ssh::serve(&hosts, program, &options.clock).await?;
    Ok(Nodes { nodes, lab, ssh: Mutex::new(Some(servers)) })
}

/// Where the cluster's files are, and what they say.
fn layout(options: &Options, outside: SocketAddr, plain: bool) -> Layout {
    let member = |(name, address): (&str, IpAddr)| Member {
        name: name.into(),
        address,
        root: options.dir.node_root(name),
    };
    let inside = format!("https://{CONTROL_PLANE_ADDRESS}:{}", super::API_PORT);
    Layout {
        control_plane: member(MEMBERS[0]),
        workers: MEMBERS[1..].iter().copied().map(member).collect(),
        server: if plain { format!("https://{outside}") } else { inside },
        service_address: SERVICE_ADDRESS,
        path_prefix: if plain { |member| member.root.display().to_string() } else { |_| String::new() },
    }
}

/// Makes certificates and kubeconfigs, those for use from this machine too.
fn keys(options: &Options, outside: SocketAddr, plain: bool) -> Result<Keys> {
    let dir = &options.dir;
    let now = options.clock.now();
    // What was there when the lesson began is the lab's own: what became of it on the nodes since is the learner's doing.
    let (authority, new) = match pristine::authority(dir)? {
        Some(authority) => (authority, false),
        None => (new_files(options, &layout(options, outside, plain))?, true),
    };
    let server = format!("https://{outside}");
    for (who, user, group) in [
        ("admin", "kubernetes-admin".to_owned(), "system:masters"),
        (CONTROL_PLANE, format!("system:node:{CONTROL_PLANE}"), "system:nodes"),
        (WORKER, format!("system:node:{WORKER}"), "system:nodes"),
    ] {
        write_file(&dir.kubeconfig(who), &kubeadm::external(&authority, &server, &user, group, now)?, 0o600)?;
    }
    Ok(Keys { authority, new, outside })
}

/// Makes what kubeadm leaves on nodes that were never part of a cluster.
fn new_files(options: &Options, layout: &Layout) -> Result<Authority> {
    let (authority, written) = std::thread::scope(|scope| {
        let machines = beside(scope, || {
            MEMBERS.iter().try_for_each(|(name, address)| {
                let root = options.dir.node_root(name);
                machine::write(&root, name, *address, *name == CONTROL_PLANE, options.release, &options.clock)
            })
        });
        let authority = kubeadm::ensure(layout, options.clock.now());
        (authority, machines.and_then(ended))
    });
    let authority = authority?;
    written?;
    root_config(options, false)?;
    Ok(authority)
}

/// Gives root of the control plane the admin's kubeconfig, another than what is there only where `anew`.
fn root_config(options: &Options, anew: bool) -> Result<()> {
    let files = Rooted::new(options.dir.node_root(CONTROL_PLANE));
    let (config, admin) = ("root/.kube/config", "etc/kubernetes/admin.conf");
    if !anew && files.exists(config) {
        return Ok(());
    }
    let text = files
        .read_to_string(admin)
        .context_what(|| tr!(file_cannot_be_read { file: files.shown(admin).display() }))?;
    files.place(config, &text, 0o600)
}
