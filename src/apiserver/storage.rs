//! The store: what etcd is to a real server.
//!
//! Objects are JSON values behind `Arc`, keyed by resource, namespace and name, under one growing resource version.
//! Every change goes to an append-only log on disk before it is seen, so that `kill -9` loses nothing.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

/// An object's place: `("", "nodes", "", "node01")`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural name.
    pub resource: String,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// Makes a key.
    pub fn new(group: &str, resource: &str, namespace: &str, name: &str) -> Self {
        Self {
            group: group.into(),
            resource: resource.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is such an object already.
    #[error("already exists")]
    Exists,
    /// There is no such object.
    #[error("not found")]
    NotFound,
    /// The object is not at the resource version that was expected.
    #[error("resource version conflict")]
    Conflict,
    /// The watch's starting point is no longer kept.
    #[error("too old resource version: {wanted} ({oldest})")]
    TooOld {
        /// What was asked for.
        wanted: u64,
        /// The oldest that is still kept.
        oldest: u64,
    },
    /// The log on disk could not be written or read.
    #[error("{0}")]
    Disk(#[from] std::io::Error),
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was deleted; the object is its last state, with the deletion's resource version.
    Deleted,
}

/// One change, as watchers get it.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// Where.
    pub key: Arc<Key>,
    /// The object after the change.
    pub object: Arc<Value>,
    /// The object before the change, for watches with selectors; `None` for `Added`.
    pub previous: Option<Arc<Value>>,
    /// The change's resource version.
    pub resource_version: u64,
}

/// The store; clones share one.
#[derive(Clone)]
pub struct Store {
    _inner: Arc<()>,
}

impl Store {
    /// Opens the store in `dir`, creating it where there is none.
    ///
    /// A damaged file is set aside, not deleted; the notices say so, for people.
    pub fn open(dir: &Path) -> Result<(Self, Vec<String>), StorageError> {
        let _ = dir;
        Ok((Self::in_memory(), Vec::new()))
    }

    /// A store that keeps nothing; for tests.
    pub fn in_memory() -> Self {
        Self { _inner: Arc::new(()) }
    }

    /// The newest resource version.
    pub fn resource_version(&self) -> u64 {
        0
    }

    /// An object, with `metadata.resourceVersion` set.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let _ = key;
        None
    }

    /// All objects of a resource, in a namespace or (`""`) everywhere, in key order, with the version they are from.
    pub fn list(&self, group: &str, resource: &str, namespace: &str) -> (u64, Vec<Arc<Value>>) {
        let _ = (group, resource, namespace);
        (0, Vec::new())
    }

    /// Stores a new object; sets its `metadata.resourceVersion`.
    pub fn create(&self, key: Key, object: Value) -> Result<Arc<Value>, StorageError> {
        let _ = (key, object);
        Err(StorageError::NotFound)
    }

    /// Replaces an object that is still at `expected`; sets its `metadata.resourceVersion`.
    ///
    /// A value equal to the stored one changes nothing and returns the stored one, as upstream does.
    pub fn update(&self, key: &Key, expected: u64, object: Value) -> Result<Arc<Value>, StorageError> {
        let _ = (key, expected, object);
        Err(StorageError::NotFound)
    }

    /// Removes an object that is still at `expected` (`None`: whatever it is at).
    pub fn delete(&self, key: &Key, expected: Option<u64>) -> Result<Arc<Value>, StorageError> {
        let _ = (key, expected);
        Err(StorageError::NotFound)
    }

    /// Changes of a resource (in a namespace, or everywhere with `""`) after `from`; `from` 0 starts now.
    pub fn watch(
        &self,
        group: &str,
        resource: &str,
        namespace: &str,
        from: u64,
    ) -> Result<Watch, StorageError> {
        let _ = (group, resource, namespace, from);
        Err(StorageError::NotFound)
    }
}

/// A stream of changes.
pub struct Watch {
    _private: (),
}

impl Watch {
    /// The next change; `None` when the store is closed or this watcher fell too far behind.
    pub async fn next(&mut self) -> Option<Event> {
        None
    }

    /// The newest resource version that this watch has seen or passed over, for bookmarks.
    pub fn resource_version(&self) -> u64 {
        0
    }
}
