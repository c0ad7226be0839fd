//! The agreed plan, and doing it: a journal first, a copy on the node, the manifest, and waiting for the new server.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::access::{LiveNode, Written};
use super::connect::Connection;
use super::discover::{Discovery, MANIFEST};
use super::guards;
use super::journal::{Journal, ManifestRecord, NodeRecord, Record, Step};
use super::{plan, restore, scripts};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::state_dir::LabDir;
use crate::text::tr;

/// Where copies are kept on a node.
pub const COPIES: &str = "/var/lib/cks-lab";

/// How long between two looks at a server that restarts.
const AGAIN: Duration = Duration::from_millis(150);
/// How many good looks in a row it takes.
const STEADY: u32 = 4;

/// What is going to be done.
pub struct Plan {
    /// What was found.
    pub found: Discovery,
    /// The manifest that the lesson begins with, if it differs.
    pub changed: Option<String>,
    /// The plugins that go.
    pub plugins: Vec<String>,
    /// What the lesson asked for.
    pub needs: super::Needs,
}

impl Plan {
    /// Works it out: `plugins` go, of those that the lesson does not want.
    pub fn new(found: Discovery, needs: &super::Needs, plugins: &[String]) -> Result<Self> {
        let text = std::str::from_utf8(&found.manifest.content)
            .map_err(|e| Error::new(tr!(live_manifest_no_text)).why(e))?;
        let changed = plan::without_plugins(text, plugins)?;
        Ok(Self { found, changed, plugins: plugins.to_vec(), needs: needs.clone() })
    }

    /// Whether the API server that the kubeconfig names restricts kubelets as the manifest has it.
    ///
    /// Else another API server answers there, behind a load balancer, or the flag is written in a way that is not
    /// understood: the lesson would begin on something else than what it changes.
    pub async fn fits_the_server(&self) -> Result<()> {
        const NAME: &str = "NodeRestriction";
        if !self.plugins.iter().any(|p| p == NAME) {
            return Ok(());
        }
        let named = plan::enabled(&self.found.manifest.content).iter().any(|p| p == NAME);
        let worker = self.found.nodes.last().map_or("", |(n, _)| n.real());
        let server = &self.found.connection.server;
        match self.found.connection.restricts(worker).await? {
            Some(restricts) if restricts != named => {
                let why = match restricts {
                    true => tr!(live_restricts_unnamed { path: self.path() }),
                    false => tr!(live_named_unrestricted { path: self.path() }),
                };
                Err(Error::new(tr!(live_server_unlike { server }))
                    .why(why)
                    .hint(tr!(live_name_that_server))
                    .hint(tr!(live_nothing_changed)))
            }
            _ => Ok(()),
        }
    }

    /// The manifest's path.
    pub fn path(&self) -> String {
        format!("{}/{MANIFEST}", self.found.manifests)
    }

    fn control(&self) -> Result<&LiveNode> {
        self.found.nodes.first().map(|(n, _)| n).ok_or_else(|| Error::new(tr!(live_lesson_no_node)))
    }

    /// What a person agrees to.
    pub fn text(&self) -> Result<String> {
        let control = self.control()?;
        let found = &self.found;
        let connection = &found.connection;
        let mut lines = vec![tr!(plan_cluster {
            context: connection.context,
            server: connection.server,
            version: found.version
        })];
        for (node, _) in &found.nodes {
            lines.push(tr!(plan_node { node: node.name(), real: node.real(), way: node.way().shown() }));
        }
        lines.extend(found.notes.iter().map(|note| tr!(live_note { note })));
        if control.way().needs_server() {
            lines.push(tr!(live_note { note: tr!(plan_way_needs_server) }));
        }
        lines.push(format!("\n{}", tr!(plan_changes)));
        match &self.changed {
            Some(changed) => {
                lines.push(tr!(plan_manifest { path: self.path(), node: control.real() }));
                let diff =
                    plan::diff(&self.path(), &String::from_utf8_lossy(&found.manifest.content), changed);
                lines.push(format!("\n{}", diff.trim_end_matches('\n')));
            }
            None => lines.push(tr!(plan_no_manifest).to_owned()),
        }
        lines.push(tr!(plan_copy { dir: COPIES, node: control.real() }));
        lines.push(tr!(plan_lease).to_owned());
        if found.nodes.iter().any(|(n, _)| n.way().needs_server()) {
            lines.push(tr!(plan_debug_pods).to_owned());
        }
        lines.push(match self.needs.changes.as_str() {
            "" => tr!(plan_lesson).to_owned(),
            changes => tr!(plan_lesson_then { changes }),
        });
        let text = lines.join("\n") + "\n";
        Ok(text)
    }

    /// What tells this plan from another: agreeing to one is no agreement to another.
    pub fn digest(&self) -> String {
        let key = format!(
            "{}\n{}\n{}\n{}",
            self.found.cluster_uid,
            self.path(),
            sha256(&self.found.manifest.content),
            self.changed.as_deref().map(|c| sha256(c.as_bytes())).unwrap_or_default()
        );
        sha256(key.as_bytes())
    }

    fn record(&self, lesson: &str) -> Result<Record> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let found = &self.found;
        let prepared =
            self.changed.as_ref().map_or_else(|| found.manifest.content.clone(), |c| c.clone().into_bytes());
        let manifest = ManifestRecord {
            dir: found.manifests.clone(),
            path: self.path(),
            original: STANDARD.encode(&found.manifest.content),
            owner: found.manifest.owner,
            prepared: sha256(&prepared),
            copy: format!("{COPIES}/{id}/{MANIFEST}"),
            names: found.names.clone(),
            hash: found.hash.clone(),
        };
        let nodes = found.nodes.iter().map(|(node, hostname)| NodeRecord {
            name: node.name().into(),
            real: node.real().into(),
            hostname: hostname.clone(),
            way: node.way().clone(),
        });
        Ok(Record {
            version: 0,
            id,
            lesson: lesson.into(),
            kubeconfig: found.connection.kubeconfig.clone(),
            context: found.connection.context.clone(),
            server: found.connection.server.clone(),
            kubernetes: found.version.clone(),
            cluster_uid: found.cluster_uid.clone(),
            nodes: nodes.collect(),
            manifest,
            objects: found.objects.clone(),
            prepared: false,
            undoing: false,
            left_alone: false,
            creates: self.needs.creates.clone(),
            breaks_manifest: self.needs.breaks_manifest,
            steps: Vec::new(),
        })
    }
}

/// Does what was agreed. Whatever fails is undone at once, or the error says how to.
pub async fn prepare(plan: &Plan, lab: &LabDir, lesson: &str, wait: Duration) -> Result<Journal> {
    let mut journal = Journal::create(lab, plan.record(lesson)?)?;
    let Err(failed) = carry_out(plan, &mut journal, wait).await else { return Ok(journal) };
    let undo = restore::Restore {
        connection: Some(plan.found.connection.clone()),
        wait,
        overwrite: false,
        node_access: Vec::new(),
    };
    match undo.run(journal).await {
        Ok(said) => {
            let left = said.iter().find(|s| s.contains("left alone")).cloned();
            Err(failed.hint(left.unwrap_or_else(|| tr!(live_as_it_was).into())))
        }
        Err(e) => Err(failed
            .hint(tr!(live_not_undone_itself { e: e.to_string().replace('\n', " ") }))
            .hint(tr!(live_undo_with_restore))),
    }
}

async fn carry_out(plan: &Plan, journal: &mut Journal, wait: Duration) -> Result<()> {
    let connection = &plan.found.connection;
    let control = plan.control()?;
    let record = journal.record.clone();
    let original = &plan.found.manifest;
    journal.begin(Step::TakeLease)?;
    guards::take_lease(connection, &record.id).await?;
    journal.done(Step::TakeLease)?;
    let (dir, _) = record.manifest.copy.rsplit_once('/').unwrap_or((COPIES, ""));
    journal.begin(Step::MakeDirectory)?;
    control.must(&tr!(live_doing_make { dir }), &scripts::make_dir(dir)).await?;
    journal.done(Step::MakeDirectory)?;
    journal.begin(Step::Copy)?;
    control.store(&record.manifest.copy, &original.content, None, Some(original.owner)).await?;
    journal.done(Step::Copy)?;
    journal.begin(Step::ReadCopy)?;
    if control.read_file(&record.manifest.copy).await?.as_ref() != Some(&original.content) {
        return Err(Error::new(tr!(live_copy_differs { copy: record.manifest.copy, node: control.real() })));
    }
    journal.done(Step::ReadCopy)?;
    if let Some(changed) = &plan.changed {
        journal.begin(Step::Manifest)?;
        let path = &record.manifest.path;
        let written = control
            .store(path, changed.as_bytes(), Some(&sha256(&original.content)), Some(original.owner))
            .await?;
        if written == Written::Changed {
            journal.change(|record| record.left_alone = true)?;
            let now = control.read_file(path).await?.unwrap_or_default();
            let diff =
                plan::diff(path, &String::from_utf8_lossy(&original.content), &String::from_utf8_lossy(&now));
            return Err(Error::new(tr!(live_changed_meanwhile { path, node: control.real() }))
                .why(format!("{}\n{diff}", tr!(live_alone)))
                .hint(tr!(live_look_and_start)));
        }
        journal.done(Step::Manifest)?;
        journal.begin(Step::NewServer)?;
        let off = (plan.plugins.iter().any(|p| p == "NodeRestriction")).then_some(false);
        await_server(connection, &record, false, off, wait).await?;
        journal.done(Step::NewServer)?;
    }
    journal.begin(Step::Prepared)?;
    journal.change(|record| record.prepared = true)?;
    journal.done(Step::Prepared)
}

/// The hash of the API server's pod as its kubelet last said: what tells a new pod from the old one.
pub async fn running_hash(connection: &Connection, node: &str) -> Option<String> {
    let pod =
        connection.get(&format!("/api/v1/namespaces/kube-system/pods/kube-apiserver-{node}")).await.ok()?;
    pod.pointer("/metadata/annotations/kubernetes.io~1config.hash").and_then(Value::as_str).map(str::to_owned)
}

/// Waits until the server answers, is the pod of the original manifest or is not (`original`), and restricts kubelets
/// or does not (`restricts`).
pub async fn await_server(
    connection: &Connection,
    record: &Record,
    original: bool,
    restricts: Option<bool>,
    limit: Duration,
) -> Result<()> {
    let end = Instant::now() + limit;
    let mut good = 0;
    let control = record.nodes.first().map_or("", |n| n.real.as_str());
    let hash = &record.manifest.hash;
    let worker = record.nodes.last().map_or("", |n| n.real.as_str());
    loop {
        let why = if !connection.ready().await {
            tr!(live_not_ready)
        } else if hash.is_some() && (running_hash(connection, control).await == *hash) != original {
            tr!(live_not_new_yet)
        } else if restricts.is_some() && connection.restricts(worker).await? != restricts {
            match restricts {
                Some(true) => tr!(live_not_restricting_yet),
                _ => tr!(live_still_restricting),
            }
        } else {
            // One good look may still be the old server, whose kubelet has not seen the file yet.
            good += 1;
            if good >= STEADY {
                return Ok(());
            }
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        good = 0;
        if Instant::now() >= end {
            return Err(Error::new(tr!(live_not_back_within { seconds: limit.as_secs() }))
                .why(why)
                .hint(tr!(live_crictl_on { control })));
        }
        tokio::time::sleep(AGAIN).await;
    }
}
