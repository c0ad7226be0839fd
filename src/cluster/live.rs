//! A cluster that somebody already has: what it is, what is changed on it with consent, and the undo.
//!
//! | file | what it does |
//! |---|---|
//! | `connect` | clients for a context of a kubeconfig |
//! | `drivers`, `debug`, `access`, `scripts`, `quote` | ways to nodes; shells and files there |
//! | `discover`, `kinds`, `guards` | what the cluster is like, and is not; rights, doubts, the Lease |
//! | `plan`, `prepare` | the change of the manifest, agreed and made |
//! | `asked` | the requests of checks, as this program saw them itself |
//! | `record` | the audit log, where the API server keeps one |
//! | `journal`, `restore` | what was changed, and its undo |

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use self::access::LiveNode;
use self::connect::Connection;
use self::journal::{Journal, Record};
use self::prepare::Plan;
use super::{Change, Cluster, ClusterKind, Facts, Identity};
use crate::apiserver::audit;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::state_dir::LabDir;
use crate::text::tr;

pub mod access;
mod asked;
pub mod connect;
pub mod debug;
pub mod discover;
pub mod drivers;
pub mod guards;
pub mod journal;
pub mod kinds;
pub mod plan;
pub mod prepare;
pub mod quote;
pub mod record;
pub mod restore;
pub mod scripts;
mod watch;

/// What the command line says of a live cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The context; the current one where it is `None`.
    pub context: Option<String>,
    /// The kubeconfig; where kubectl looks where it is `None`.
    pub kubeconfig: Option<PathBuf>,
    /// `NAME=COMMAND`, `NAME=DRIVER`, `COMMAND` or `DRIVER`.
    pub node_access: Vec<String>,
    /// Agreed beforehand.
    pub yes: bool,
    /// Leave the cluster prepared at the end.
    pub keep: bool,
    /// Grade without changing anything.
    pub read_only: bool,
    /// Clusters with more nodes are asked about once more.
    pub max_nodes: usize,
    /// How long a restarted API server may take.
    pub wait: Duration,
    /// The digest of the plan that was agreed to.
    pub agreed: Option<String>,
}

impl Options {
    /// Whether one of the ways to nodes makes pods.
    fn makes_pods(&self) -> bool {
        self.node_access.iter().any(|way| way.rsplit('=').next().map(str::trim) == Some(debug::DRIVER))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            context: None,
            kubeconfig: None,
            node_access: Vec::new(),
            yes: false,
            keep: false,
            read_only: false,
            max_nodes: 6,
            wait: Duration::from_secs(180),
            agreed: None,
        }
    }
}

/// What a lesson wants of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The lesson's id.
    pub lesson: String,
    /// The nodes as it calls them.
    pub nodes: Vec<String>,
    /// Admission plugins that must be off when it begins.
    pub without_plugins: Vec<String>,
    /// What it does to the cluster, as its author tells the owner.
    pub changes: String,
    /// API paths of objects that it makes; see [`crate::lesson::schema::Needs::creates`].
    pub creates: Vec<String>,
    /// Whether its scripts write the API server's manifest: whatever becomes of that is the lesson's doing.
    pub breaks_manifest: bool,
}

/// A running lab's live cluster.
pub struct Live {
    connection: Connection,
    facts: Facts,
    nodes: Vec<Arc<LiveNode>>,
    up: Arc<AtomicBool>,
    changes: broadcast::Sender<Change>,
    tasks: tokio_util::sync::CancellationToken,
    read_only: bool,
    record: Option<Arc<audit::Log>>,
    asked: Arc<audit::Log>,
    /// Worth telling the person.
    pub notices: Vec<String>,
}

impl Live {
    /// Looks at the cluster and works out what would be changed; changes nothing but that `kubectl debug`, where that is the
    /// way to a node, makes a pod there.
    pub async fn plan(options: &Options, needs: &Needs) -> Result<Plan> {
        if options.read_only && options.makes_pods() {
            return Err(Error::new(tr!(live_debug_makes_pods)).hint(tr!(live_other_way_to_grade)));
        }
        let plan = Self::look(options, needs).await;
        if plan.is_err() {
            Self::forget_look(options).await;
        }
        plan
    }

    /// Takes away what looking left on the cluster: the pods of `kubectl debug`, where that was the way.
    pub async fn forget_look(options: &Options) {
        if !options.makes_pods() {
            return;
        }
        let opened = Connection::open(options.kubeconfig.as_deref(), options.context.as_deref()).await;
        if let Ok(connection) = opened {
            let _ = debug::sweep(&connection, "").await;
        }
    }

    async fn look(options: &Options, needs: &Needs) -> Result<Plan> {
        let found = discover::discover(options, &needs.nodes).await?;
        let worker = found.nodes.last().map_or("", |(n, _)| n.real());
        let mut rights = guards::rights(worker, options.read_only);
        if !options.read_only {
            rights.extend(guards::rights_for(&needs.creates));
        }
        guards::check_rights(&found.connection, &rights).await?;
        if !options.read_only
            && let Some(other) = guards::held_by_another(&found.connection, "").await?
        {
            return Err(other);
        }
        let plugins = if options.read_only { &[][..] } else { &needs.without_plugins };
        for path in needs.creates.iter().filter(|_| !options.read_only) {
            if !found.connection.get(path).await?.is_null() {
                return Err(Error::new(tr!(live_makes_already { path })).hint(tr!(live_rename_or_remove)));
            }
        }
        let plan = Plan::new(found, needs, plugins)?;
        plan.fits_the_server().await?;
        Ok(plan)
    }

    /// Makes the cluster what the lesson wants, as agreed, or takes up a lab that did so before.
    pub async fn start(options: &Options, needs: &Needs, lab: &LabDir) -> Result<Arc<Self>> {
        if options.read_only {
            let plan = Self::plan(options, needs).await?;
            let nodes = plan.found.nodes.iter().map(|(n, _)| n.clone()).collect();
            let found = plan.found;
            let cluster =
                Self::assemble(found.connection, &found.version, nodes, &found.manifests, found.notes, true);
            return cluster.run(lab).await;
        }
        if let Some(journal) = Journal::open(lab)? {
            let record = &journal.record;
            if !record.prepared || record.undoing || record.lesson != needs.lesson {
                return Err(Error::new(tr!(live_not_undone)).hint(tr!(live_undo_it_first)));
            }
            let connection = Connection::open(Some(&record.kubeconfig), Some(&record.context)).await?;
            if connection.ready().await {
                if connection.cluster_uid().await? != record.cluster_uid {
                    return Err(Error::new(tr!(live_leads_elsewhere { context: record.context })));
                }
                // Somebody may have taken it away, and have begun a lab of their own.
                guards::take_lease(&connection, &record.id).await?;
            }
            return Self::of_record(connection, record).run(lab).await;
        }
        let plan = Self::plan(options, needs).await?;
        if options.agreed.as_deref() != Some(&plan.digest()) {
            Self::forget_look(options).await;
            return Err(Error::new(tr!(live_changed_since)).hint(tr!(live_start_again)));
        }
        let journal = prepare::prepare(&plan, lab, &needs.lesson, options.wait).await?;
        Self::of_record(plan.found.connection, &journal.record).run(lab).await
    }

    fn of_record(connection: Connection, record: &Record) -> Self {
        let nodes = record.nodes.iter().map(|n| LiveNode::new(&n.name, &n.real, n.way.clone())).collect();
        Self::assemble(connection, &record.kubernetes, nodes, &record.manifest.dir, Vec::new(), false)
    }

    fn assemble(
        connection: Connection,
        version: &str,
        nodes: Vec<LiveNode>,
        manifests: &str,
        notices: Vec<String>,
        read_only: bool,
    ) -> Self {
        let facts = Facts {
            kind: ClusterKind::Live,
            version: version.into(),
            server: connection.server.clone(),
            nodes: nodes.iter().map(|n| (n.name().to_owned(), n.real().to_owned())).collect(),
            manifests: manifests.into(),
        };
        let nodes = nodes.into_iter().map(Arc::new).collect();
        let (changes, _) = broadcast::channel(64);
        let (tasks, up) = (tokio_util::sync::CancellationToken::new(), Arc::new(AtomicBool::new(true)));
        let asked = Arc::default();
        Self { connection, facts, nodes, up, changes, tasks, read_only, record: None, asked, notices }
    }

    /// Begins to watch it, and to follow its audit log where there is one.
    async fn run(mut self, lab: &LabDir) -> Result<Arc<Self>> {
        watch::start(
            &self.connection,
            &self.nodes,
            &self.facts.manifests,
            &self.up,
            &self.changes,
            &self.tasks,
        );
        if let Some(node) = self.nodes.first() {
            let file = format!("{}/{}", self.facts.manifests, discover::MANIFEST);
            let manifest = node.read_file(&file).await.ok().flatten();
            if let Some(path) = manifest.as_deref().and_then(record::path) {
                let file = lab.root().join("audit");
                self.record =
                    record::follow(node.clone(), &path, &self.connection, &file, &self.tasks).await?;
                if self.record.is_none() {
                    self.notices.push(record::notice(&path));
                }
            }
        }
        Ok(Arc::new(self))
    }
}

#[async_trait]
impl Cluster for Live {
    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn client(&self, identity: &Identity) -> Result<kube::Client> {
        let client = self.connection.client(identity)?;
        Ok(asked::client(client, self.asked.clone(), &self.connection.owner, identity))
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        let found = self.nodes.iter().find(|n| n.name() == name || n.real() == name)?;
        Some(found.clone())
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        self.record.clone()
    }

    async fn record_settles(&self) -> bool {
        match (&self.record, self.nodes.first()) {
            (Some(log), Some(node)) => record::has_settled(log, &self.connection, node.real()).await,
            _ => true,
        }
    }

    fn asked(&self) -> Option<Arc<audit::Log>> {
        Some(self.asked.clone())
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn server_up(&self) -> bool {
        self.up.load(Ordering::SeqCst)
    }

    fn kubeconfig(&self) -> Option<PathBuf> {
        Some(self.connection.kubeconfig.clone())
    }

    fn may_change(&self) -> bool {
        !self.read_only
    }

    async fn shutdown(&self) {
        self.tasks.cancel();
    }
}
