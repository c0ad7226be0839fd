//! The sandbox's nodes: their files, and starting them in namespaces or plainly.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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

/// The running nodes.
pub struct Nodes {
    nodes: Vec<Arc<dyn Node>>,
    lab: Option<linux::Lab>,
    ssh: Mutex<Option<ssh::Servers>>,
}

/// Nodes that were started, with what a person should know of it.
pub struct Started {
    /// The nodes.
    pub nodes: Nodes,
    /// Why they are not in namespaces.
    pub notice: Option<String>,
    /// The cluster's authority.
    pub authority: Authority,
}

impl Nodes {
    /// A node by its name.
    pub fn find(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.iter().find(|n| n.name() == name).cloned()
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

/// Makes what a node cannot be started without, where it is missing.
fn prepare(options: &Options) -> Result<Vec<NodeSpec>> {
    let program = program()?;
    let all = [(CONTROL_PLANE.to_owned(), CONTROL_PLANE_ADDRESS), (WORKER.to_owned(), WORKER_ADDRESS)];
    let mut specs = Vec::new();
    for (name, address) in &all {
        let mut spec = plan::prepare(name, *address, &options.dir.node_root(name), &all, &program)?;
        for (program, file) in options.real.iter().flat_map(|real| PROGRAMS.iter().zip(&real.files)) {
            plan::add_program(&mut spec, file, &Path::new(process::DIRECTORY).join(program))?;
        }
        machine::units(&spec.root)?;
        if Path::new("/").join(machine::UNITS).is_dir() {
            plan::add_directory(&mut spec, machine::OWN_UNITS, machine::UNITS);
        }
        specs.push(spec);
    }
    Ok(specs)
}

/// Makes the nodes' files and starts them; `outside` is the API server's address on this machine's loopback.
pub async fn start(options: &Options, outside: SocketAddr) -> Result<Started> {
    let program = program()?;
    let specs = prepare(options)?;
    let mut plain = options.plain_nodes;
    let mut notice = None;
    if !plain {
        match linux::Lab::start(specs.clone(), &program).await {
            Ok(lab) => {
                let authority = keys(options, outside, false)?;
                let nodes: Vec<_> = specs
                    .iter()
                    .filter_map(|spec| lab.node(&spec.name))
                    .map(|n| n as Arc<dyn Node>)
                    .collect();
                let nodes = reachable(nodes, Some(lab), options, &program).await?;
                return Ok(Started { nodes, notice, authority });
            }
            Err(why) if options.real.is_some() => {
                return Err(Error::new(tr!(local_needs_namespaces))
                    .why(why)
                    .hint(tr!(sandbox_doctor_more))
                    .hint(tr!(local_sandbox_no_namespaces)));
            }
            Err(why) => {
                notice = Some(tr!(sandbox_plain_nodes { why }));
                plain = true;
            }
        }
    }
    if options.real.is_some() {
        return Err(Error::new(tr!(local_no_plain_nodes)));
    }
    let authority = keys(options, outside, plain)?;
    specs.iter().try_for_each(|spec| plain::link_tools(&spec.root, &program))?;
    let nodes: Vec<_> = plain::start(&specs, &program).into_iter().map(|n| n as Arc<dyn Node>).collect();
    let nodes = reachable(nodes, None, options, &program).await?;
    Ok(Started { nodes, notice, authority })
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

/// Makes certificates and kubeconfigs, those for use from this machine too.
fn keys(options: &Options, outside: SocketAddr, plain: bool) -> Result<Authority> {
    let dir = &options.dir;
    let member =
        |name: &str, address: IpAddr| Member { name: name.into(), address, root: dir.node_root(name) };
    let inside = format!("https://{CONTROL_PLANE_ADDRESS}:{}", super::API_PORT);
    let outside = format!("https://{outside}");
    let layout = Layout {
        control_plane: member(CONTROL_PLANE, CONTROL_PLANE_ADDRESS),
        workers: vec![member(WORKER, WORKER_ADDRESS)],
        server: if plain { outside.clone() } else { inside },
        service_address: SERVICE_ADDRESS,
        path_prefix: if plain { |member| member.root.display().to_string() } else { |_| String::new() },
    };
    let now = options.clock.now();
    // What was there when the lesson began is the lab's own: what became of it on the nodes since is the learner's doing.
    let authority = match pristine::authority(dir)? {
        Some(authority) => authority,
        None => new_files(options, &layout)?,
    };
    for (who, user, group) in [
        ("admin", "kubernetes-admin".to_owned(), "system:masters"),
        (CONTROL_PLANE, format!("system:node:{CONTROL_PLANE}"), "system:nodes"),
        (WORKER, format!("system:node:{WORKER}"), "system:nodes"),
    ] {
        write_file(
            &dir.kubeconfig(who),
            &kubeadm::external(&authority, &outside, &user, group, now)?,
            0o600,
        )?;
    }
    Ok(authority)
}

/// Makes what kubeadm leaves on nodes that were never part of a cluster.
fn new_files(options: &Options, layout: &Layout) -> Result<Authority> {
    let authority = kubeadm::ensure(layout, options.clock.now())?;
    for (name, address) in [(CONTROL_PLANE, CONTROL_PLANE_ADDRESS), (WORKER, WORKER_ADDRESS)] {
        let root = options.dir.node_root(name);
        machine::write(&root, name, address, name == CONTROL_PLANE, options.release, &options.clock)?;
    }
    let files = Rooted::new(options.dir.node_root(CONTROL_PLANE));
    let (config, admin) = ("root/.kube/config", "etc/kubernetes/admin.conf");
    if !files.exists(config) {
        let text = files
            .read_to_string(admin)
            .context_what(|| tr!(file_cannot_be_read { file: files.shown(admin).display() }))?;
        files.place(config, &text, 0o600)?;
    }
    Ok(authority)
}
