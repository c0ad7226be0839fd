//! The undo: everything as it was, looked up on the cluster rather than believed of the journal.
//!
//! The manifest comes first, by way of the node: that works while no API server answers. Labels and annotations follow
//! when one does. Doing it twice, or after being killed in the middle, gives the same.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::access::{LiveNode, Written};
use super::connect::Connection;
use super::discover::{self, is_server};
use super::journal::{Journal, ObjectRecord, Record, Step};
use super::prepare::await_server;
use super::{debug, guards, plan, scripts};
use crate::digest::sha256;
use crate::error::{Context, Error, Result};
use crate::node::Node;
use crate::text::tr;

/// An undo.
pub struct Restore {
    /// The API server, if the kubeconfig is still there.
    pub connection: Option<Connection>,
    /// How long a restarted API server may take.
    pub wait: Duration,
    /// Whether a manifest that somebody changed otherwise than the lesson does may be overwritten.
    pub overwrite: bool,
    /// Another way to the control plane than the journal's; see [`super::Options::node_access`].
    pub node_access: Vec<String>,
}

/// Field managers whose changes to Nodes are the cluster's own business.
const CLUSTER: &[&str] =
    &["kubelet", "kube-controller-manager", "cloud-controller-manager", "kube-scheduler", "kubeadm", "k3s"];

impl Restore {
    /// Undoes all of it; the sentences say what was done. The journal goes when everything is as it was.
    pub async fn run(&self, mut journal: Journal) -> Result<Vec<String>> {
        let mut said = Vec::new();
        journal.change(|record| record.undoing = true)?;
        journal.begin(Step::Undo)?;
        let record = journal.record.clone();
        if !journal.has(Step::TakeLease) {
            return self.nothing_begun(journal).await;
        }
        self.is_ones_own(&record).await?;
        let control = self.control(&record).await?;
        let original =
            STANDARD.decode(&record.manifest.original).context_what(|| tr!(live_copy_damaged).into())?;
        journal.begin(Step::Extras)?;
        self.take_extras_away(&control, &journal, &mut said).await?;
        journal.done(Step::Extras)?;
        journal.begin(Step::PutBack)?;
        if !record.left_alone {
            self.put_back(&control, &journal, &original, &mut said).await?;
        }
        journal.done(Step::PutBack)?;
        journal.begin(Step::ReadBack)?;
        if record.left_alone {
            said.push(tr!(live_left_alone { path: record.manifest.path }));
        } else {
            if let Some(connection) = self.connection.as_ref().filter(|_| control.way().needs_server()) {
                // The way goes with the server that the kubelet ends now, and comes back with the new one.
                await_server(connection, &record, true, None, self.wait).await?;
            }
            read_back(&control, &record, &original).await?;
            said.push(tr!(live_is_original { path: record.manifest.path, node: control.real() }));
        }
        journal.done(Step::ReadBack)?;
        self.with_server(&mut journal, &original, &mut said)
            .await
            .map_err(|e| e.hint(tr!(live_is_original_rest { path: record.manifest.path })))?;
        journal.begin(Step::Clean)?;
        let copy_dir = record.manifest.copy.rsplit_once('/').map_or("", |(d, _)| d);
        let copy = std::slice::from_ref(&record.manifest.copy);
        let clean = scripts::clean(copy, copy_dir, &record.manifest.dir);
        control.must(tr!(live_doing_own_files), &clean).await?;
        journal.done(Step::Clean)?;
        journal.begin(Step::DropLease)?;
        if let Some(connection) = &self.connection {
            remove_debuggers(connection, &record).await?;
            guards::drop_lease(connection, &record.id).await?;
        }
        journal.done(Step::DropLease)?;
        journal.remove()?;
        said.push(tr!(live_nothing_left).into());
        Ok(said)
    }

    /// The undo of a lab that came no further than to ask for the Lease: that goes if it is its own, and nothing else
    /// may be touched, since another may be at it.
    async fn nothing_begun(&self, journal: Journal) -> Result<Vec<String>> {
        let connection = self.connection.as_ref().ok_or_else(|| Error::new(tr!(live_lease_not_back)))?;
        remove_debuggers(connection, &journal.record).await?;
        guards::drop_lease(connection, &journal.record.id).await?;
        journal.remove()?;
        Ok(vec![tr!(live_nothing_left).into()])
    }

    /// Refuses to put things back under somebody who took the cluster since: their lab would end with this one's.
    async fn is_ones_own(&self, record: &Record) -> Result<()> {
        let Some(connection) = self.connection.as_ref().filter(|_| !self.overwrite) else { return Ok(()) };
        match guards::held_by_another(connection, &record.id).await {
            Ok(Some(other)) => Err(other.hint(tr!(live_overwrite))),
            // No API server that says so: the manifest comes first.
            _ => Ok(()),
        }
    }

    /// The control plane, and that it is the one it was.
    async fn control(&self, record: &Record) -> Result<LiveNode> {
        let first = record.nodes.first().ok_or_else(|| Error::new(tr!(live_journal_no_node)))?;
        let node = match discover::named(&self.node_access, &first.name, &first.real) {
            Some(command) => discover::by_words(&first.name, &first.real, command).await?,
            None => LiveNode::new(&first.name, &first.real, first.way.clone()),
        };
        let hostname = node.probe().await.map_err(|e| {
            e.hint(tr!(live_original_kept { copy: record.manifest.copy, node: first.real }))
                .hint(tr!(live_another_way { node: first.name }))
                .hint(tr!(live_when_reached))
                .hint(tr!(live_if_gone))
        })?;
        if hostname != first.hostname {
            return Err(Error::new(tr!(live_other_machine { node: first.real }))
                .why(tr!(live_was_called { hostname, before: first.hostname }))
                .hint(tr!(live_nothing_changed)));
        }
        Ok(node)
    }

    /// Manifests of the same pod that were not there: a kubelet would run one of them instead of the original.
    async fn take_extras_away(
        &self,
        control: &LiveNode,
        journal: &Journal,
        said: &mut Vec<String>,
    ) -> Result<()> {
        let record = &journal.record.manifest;
        for name in control.list_dir(&record.dir).await?.unwrap_or_default() {
            let path = format!("{}/{name}", record.dir);
            if record.names.contains(&name) || path == record.path {
                continue;
            }
            let Ok(Some(found)) = control.fetch(&path).await else { continue };
            if name.starts_with(scripts::TEMPORARY) || !is_server(&found.content) {
                if !name.starts_with('.') {
                    said.push(tr!(live_new_left { path }));
                }
                continue;
            }
            let kept = journal.set_aside(&name, &found.content)?;
            control.remove_file(&path).await?;
            said.push(tr!(live_taken_away { path, kept: kept.display() }));
        }
        Ok(())
    }

    /// Puts the manifest back.
    async fn put_back(
        &self,
        control: &LiveNode,
        journal: &Journal,
        original: &[u8],
        said: &mut Vec<String>,
    ) -> Result<()> {
        let record = &journal.record.manifest;
        let now = control.fetch(&record.path).await?;
        let Some(now) = now else {
            control.store(&record.path, original, None, Some(record.owner)).await?;
            said.push(tr!(live_was_gone { path: record.path }));
            return Ok(());
        };
        if now.content == original && now.owner == record.owner {
            return Ok(());
        }
        let ours = now.content == original
            || sha256(&now.content) == record.prepared
            || (journal.record.prepared
                && (journal.record.breaks_manifest || plan::same_but_plugins(original, &now.content)));
        let diff = plan::diff(
            &record.path,
            &String::from_utf8_lossy(&now.content),
            &String::from_utf8_lossy(original),
        );
        if !ours && !self.overwrite {
            return Err(Error::new(tr!(live_changed_otherwise { path: record.path, node: control.real() }))
                .why(format!("{}\n{diff}", tr!(live_alone_undo)))
                .hint(tr!(live_overwrite))
                .hint(tr!(live_original_is { copy: record.copy, node: control.real() })));
        }
        if sha256(&now.content) != record.prepared && now.content != original {
            let kept = journal.set_aside("kube-apiserver.yaml", &now.content)?;
            said.push(format!("{}\n{diff}", tr!(live_kept_as { path: record.path, file: kept.display() })));
        }
        match control.store(&record.path, original, Some(&sha256(&now.content)), Some(record.owner)).await? {
            Written::Done => Ok(()),
            Written::Changed => {
                Err(Error::new(tr!(live_changed_now { path: record.path })).hint(tr!(live_left_look)))
            }
        }
    }

    /// What needs the API server.
    async fn with_server(
        &self,
        journal: &mut Journal,
        original: &[u8],
        said: &mut Vec<String>,
    ) -> Result<()> {
        let connection = self.connection.as_ref().ok_or_else(|| Error::new(tr!(live_labels_not_back)))?;
        let record = journal.record.clone();
        journal.begin(Step::OldServer)?;
        let on = !record.left_alone && plan::enabled(original).iter().any(|p| p == "NodeRestriction");
        let mut wanted = record.clone();
        if record.left_alone {
            wanted.manifest.hash = None;
        }
        await_server(connection, &wanted, true, on.then_some(true), self.wait).await?;
        let uid = connection.cluster_uid().await?;
        if uid != record.cluster_uid {
            return Err(Error::new(tr!(live_leads_elsewhere { context: record.context }))
                .hint(tr!(live_name_right_one))
                .hint(tr!(live_if_gone)));
        }
        journal.done(Step::OldServer)?;
        said.push(if on { tr!(live_restricts_again) } else { tr!(live_server_answers) }.into());
        journal.begin(Step::Objects)?;
        for (name, then) in &record.objects {
            // A server that restarts once more in between is waited for, not an error.
            if put_labels_back(connection, name, then, said).await.is_err() {
                await_server(connection, &wanted, true, on.then_some(true), self.wait).await?;
                put_labels_back(connection, name, then, said).await?;
            }
        }
        for path in &record.creates {
            if !connection.get(path).await?.is_null() {
                connection.send("DELETE", path, None).await?;
                said.push(tr!(live_removed { path }));
            }
        }
        journal.done(Step::Objects)
    }
}

/// Whether the original is there, byte for byte, with its owner and mode.
async fn read_back(control: &LiveNode, record: &Record, original: &[u8]) -> Result<()> {
    let now = control.fetch(&record.manifest.path).await?;
    if now.is_some_and(|now| now.content == original && now.owner == record.manifest.owner) {
        return Ok(());
    }
    Err(Error::new(tr!(live_not_what_put { path: record.manifest.path }))
        .hint(tr!(live_copy_is { copy: record.manifest.copy, node: control.real() }))
        .hint(tr!(live_do_again)))
}

async fn put_labels_back(
    connection: &Connection,
    name: &str,
    then: &ObjectRecord,
    said: &mut Vec<String>,
) -> Result<()> {
    let path = format!("/api/v1/nodes/{name}");
    for _ in 0..3 {
        let now = connection.get(&path).await?;
        if !now.is_object() {
            said.push(tr!(live_node_gone { name }));
            return Ok(());
        }
        let patch = difference(&now, then);
        if patch.is_empty() {
            return Ok(());
        }
        for (part, keys) in &patch {
            let keys: Vec<&str> = keys.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
            said.push(tr!(live_as_they_were { name, part, keys: keys.join(", ") }));
        }
        let body = json!({"metadata": patch});
        let path = format!("{path}?fieldManager=cks-lab-restore");
        connection.send("PATCH", &path, Some(("application/merge-patch+json", &body))).await?;
    }
    Err(Error::new(tr!(live_do_not_stay { name })).why(tr!(live_somebody_sets)))
}

/// A merge patch of a Node's metadata that undoes what people did to it; what its kubelet and controllers did stays.
pub fn difference(now: &Value, then: &ObjectRecord) -> Map<String, Value> {
    let mut patch = Map::new();
    for (part, then_map) in [("labels", &then.labels), ("annotations", &then.annotations)] {
        let empty = Map::new();
        let now_map = now["metadata"][part].as_object().unwrap_or(&empty);
        let mut changes = Map::new();
        for (key, value) in now_map {
            let was = then_map.get(key);
            if was.map(String::as_str) != value.as_str() && !is_the_clusters(now, part, key, then) {
                changes.insert(key.clone(), was.map_or(Value::Null, |w| Value::String(w.clone())));
            }
        }
        for (key, value) in then_map {
            if !now_map.contains_key(key) {
                changes.insert(key.clone(), Value::String(value.clone()));
            }
        }
        if !changes.is_empty() {
            patch.insert(part.to_owned(), Value::Object(changes));
        }
    }
    patch
}

/// Whether all who own the key are the cluster's own programs, or looked after this Node before.
fn is_the_clusters(now: &Value, part: &str, key: &str, then: &ObjectRecord) -> bool {
    let pointer = format!("/fieldsV1/f:metadata/f:{part}/f:{}", key.replace('~', "~0").replace('/', "~1"));
    let managed = now["metadata"]["managedFields"].as_array();
    let owners: Vec<&str> = managed
        .into_iter()
        .flatten()
        .filter(|entry| entry.pointer(&pointer).is_some())
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    let known =
        |m: &&str| !m.starts_with("kubectl") && (CLUSTER.contains(m) || then.managers.iter().any(|t| t == m));
    !owners.is_empty() && owners.iter().all(known)
}

/// The pods by which nodes were reached.
async fn remove_debuggers(connection: &Connection, record: &Record) -> Result<()> {
    match record.nodes.iter().any(|n| n.way.needs_server()) {
        true => debug::sweep(connection, &record.id).await,
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn then() -> ObjectRecord {
        ObjectRecord {
            labels: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into(),
            annotations: [("flannel/x".to_owned(), "1".to_owned())].into(),
            managers: vec!["flanneld".into()],
        }
    }

    #[test]
    fn what_people_did_is_undone_and_what_the_cluster_did_stays() {
        let now = json!({"metadata": {
            "labels": {"a": "9", "c": "3", "kubernetes.io/os": "linux", "killercoda/one": "123"},
            "annotations": {"flannel/x": "2", "note": "y"},
            "managedFields": [
                {"manager": "kubectl-label", "fieldsV1": {"f:metadata": {"f:labels": {"f:killercoda/one": {}, "f:a": {}}}}},
                {"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:labels": {"f:kubernetes.io/os": {}}}}},
                {"manager": "flanneld", "fieldsV1": {"f:metadata": {"f:annotations": {"f:flannel/x": {}}}}},
            ],
        }});
        let patch = Value::Object(difference(&now, &then()));
        assert_eq!(
            patch,
            json!({
                "labels": {"a": "1", "b": "2", "c": null, "killercoda/one": null},
                "annotations": {"note": null},
            })
        );
    }

    #[test]
    fn what_is_as_it_was_needs_nothing() {
        let now = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"flannel/x": "1"}}});
        assert!(difference(&now, &then()).is_empty());
        assert_eq!(difference(&json!({"metadata": {}}), &then()).len(), 2);
    }
}
