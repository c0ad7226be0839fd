//! The store: what etcd is to a real server.
//!
//! Objects are JSON values behind `Arc`, keyed by resource, namespace and name, under one growing resource version.
//! Every change goes to an append-only log on disk before it is seen, so that `kill -9` loses nothing.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;

use self::history::{Change, History};

mod aliases;
mod footprint;
mod history;
mod log;

/// An object's place: `("", "nodes", "", "node01")`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
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

impl EventType {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
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
    /// The change as it is told to watchers who want the whole object as JSON: it is written once for all of them.
    pub told: Arc<OnceLock<Bytes>>,
}

/// An object with its place.
pub type Placed = (Arc<Key>, Arc<Value>);

/// The resource version in an object's metadata; 0 where there is none.
pub fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The store; clones share one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Tells the newest resource version.
    news: watch::Sender<u64>,
}

struct State {
    objects: BTreeMap<Arc<Key>, Stored>,
    revision: u64,
    /// The latest changes.
    history: History,
    log: Option<log::Log>,
}

struct Stored {
    object: Arc<Value>,
    revision: u64,
}

impl Store {
    /// Opens the store in `dir`, creating it where there is none.
    ///
    /// A damaged file is set aside, not deleted; the notices say so, for people.
    pub fn open(dir: &Path) -> Result<(Self, Vec<String>), StorageError> {
        let (log, kept, notices) = log::Log::open(dir)?;
        let mut state = State::new(Some(log));
        state.revision = kept.revision.max(1);
        state.history = History::since(state.revision);
        for (key, revision, object) in kept.objects {
            state.objects.insert(Arc::new(key), Stored { object: Arc::new(object), revision });
        }
        Ok((Self::from_state(state), notices))
    }

    /// A store that keeps nothing; for tests.
    pub fn in_memory() -> Self {
        Self::from_state(State::new(None))
    }

    fn from_state(state: State) -> Self {
        let news = watch::channel(state.revision).0;
        Self { inner: Arc::new(Inner { state: Mutex::new(state), news }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest resource version.
    pub fn resource_version(&self) -> u64 {
        self.lock().revision
    }

    /// An object, with `metadata.resourceVersion` set.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        if let Some(home) = aliases::home(key) {
            return self.get(&home).map(|event| Arc::new(aliases::shown(&event)));
        }
        self.lock().objects.get(key).map(|stored| stored.object.clone())
    }

    /// What `take` makes of everything that is stored, by key, version and object, in the order of the keys; and the newest version.
    pub fn everything<T>(&self, mut take: impl FnMut(&Key, u64, &Value) -> Option<T>) -> (u64, Vec<T>) {
        let state = self.lock();
        let all = state.objects.iter().filter_map(|(key, stored)| take(key, stored.revision, &stored.object));
        (state.revision, all.collect())
    }

    /// All objects of a resource, in a namespace or (`""`) everywhere, in key order, with the version they are from.
    pub fn list(&self, group: &str, resource: &str, namespace: &str) -> (u64, Vec<Arc<Value>>) {
        if aliases::is_alias(group, resource) {
            let (version, events) = self.list("", resource, namespace);
            return (version, events.iter().map(|event| Arc::new(aliases::shown(event))).collect());
        }
        let state = self.lock();
        let first = Key::new(group, resource, namespace, "");
        let objects = state
            .objects
            .range(Arc::new(first)..)
            .take_while(|(key, _)| key.is_in(group, resource, namespace))
            .map(|(_, stored)| stored.object.clone())
            .collect();
        (state.revision, objects)
    }

    /// As [`Store::list`], as it was at an earlier version, with each object's key.
    pub fn list_at(
        &self,
        group: &str,
        resource: &str,
        namespace: &str,
        version: u64,
    ) -> Result<Vec<Placed>, StorageError> {
        if aliases::is_alias(group, resource) {
            let events = self.list_at("", resource, namespace, version)?;
            let shown = |(key, event): Placed| (key, Arc::new(aliases::shown(&event)));
            return Ok(events.into_iter().map(shown).collect());
        }
        let state = self.lock();
        state.history.reaches(group, resource, version)?;
        let mut objects: BTreeMap<Arc<Key>, Arc<Value>> = state
            .objects
            .range(Arc::new(Key::new(group, resource, namespace, ""))..)
            .take_while(|(key, _)| key.is_in(group, resource, namespace))
            .map(|(key, stored)| (key.clone(), stored.object.clone()))
            .collect();
        let then = state.history.undone(version, |key| key.is_in(group, resource, namespace));
        drop(state);
        for (key, object) in then {
            match object {
                Some(object) => objects.insert(key, object.read()?),
                None => objects.remove(&key),
            };
        }
        Ok(objects.into_iter().collect())
    }

    /// Stores a new object; sets its `metadata.resourceVersion`.
    pub fn create(&self, key: Key, object: Value) -> Result<Arc<Value>, StorageError> {
        if let Some(home) = aliases::home(&key) {
            return self.create(home, aliases::kept(object)).map(|event| Arc::new(aliases::shown(&event)));
        }
        let mut state = self.lock();
        if state.objects.contains_key(&key) {
            return Err(StorageError::Exists);
        }
        let object = state.put(Arc::new(key), object, None)?;
        self.tell(state);
        Ok(object)
    }

    /// Replaces an object that is still at `expected`; sets its `metadata.resourceVersion`.
    ///
    /// A value equal to the stored one changes nothing and returns the stored one, as upstream does.
    pub fn update(&self, key: &Key, expected: u64, mut object: Value) -> Result<Arc<Value>, StorageError> {
        if let Some(home) = aliases::home(key) {
            let updated = self.update(&home, expected, aliases::kept(object));
            return updated.map(|event| Arc::new(aliases::shown(&event)));
        }
        let mut state = self.lock();
        let (key, stored) = state.objects.get_key_value(key).ok_or(StorageError::NotFound)?;
        if stored.revision != expected {
            return Err(StorageError::Conflict);
        }
        set_revision(&mut object, stored.revision);
        if object == *stored.object {
            return Ok(stored.object.clone());
        }
        let (key, previous) = (key.clone(), stored.object.clone());
        let object = state.put(key, object, Some(previous))?;
        self.tell(state);
        Ok(object)
    }

    /// Removes an object that is still at `expected` (`None`: whatever it is at).
    pub fn delete(&self, key: &Key, expected: Option<u64>) -> Result<Arc<Value>, StorageError> {
        if let Some(home) = aliases::home(key) {
            return self.delete(&home, expected).map(|event| Arc::new(aliases::shown(&event)));
        }
        let mut state = self.lock();
        let (key, stored) = state.objects.get_key_value(key).ok_or(StorageError::NotFound)?;
        if expected.is_some_and(|wanted| wanted != stored.revision) {
            return Err(StorageError::Conflict);
        }
        let (key, previous) = (key.clone(), stored.object.clone());
        let revision = state.revision + 1;
        state.write(log::Record::Delete { key: &key, revision })?;
        let mut last = (*previous).clone();
        set_revision(&mut last, revision);
        let last = Arc::new(last);
        state.revision = revision;
        state.objects.remove(&key);
        let event = Event {
            kind: EventType::Deleted,
            key,
            object: last.clone(),
            previous: Some(previous),
            resource_version: revision,
            told: Arc::default(),
        };
        let text = log::text(&last)?;
        state.history.remember(event, text);
        self.tell(state);
        Ok(last)
    }

    /// Changes of a resource (in a namespace, or everywhere with `""`) after `from`; `from` 0 starts now.
    pub fn watch(
        &self,
        group: &str,
        resource: &str,
        namespace: &str,
        from: u64,
    ) -> Result<Watch, StorageError> {
        if aliases::is_alias(group, resource) {
            let kept = self.watch("", resource, namespace, from)?;
            return Ok(Watch { alias: true, ..kept });
        }
        let state = self.lock();
        let position = if from == 0 { state.revision } else { from };
        state.history.reaches(group, resource, position)?;
        let news = self.inner.news.subscribe();
        let place = Key::new(group, resource, namespace, "");
        Ok(Watch { store: self.clone(), news, place, position, ready: VecDeque::new(), alias: false })
    }

    fn tell(&self, state: MutexGuard<'_, State>) {
        let revision = state.revision;
        drop(state);
        self.inner.news.send_replace(revision);
    }
}

impl Key {
    /// Whether the object is of this resource, and in this namespace unless that is empty.
    fn is_in(&self, group: &str, resource: &str, namespace: &str) -> bool {
        self.group == group
            && self.resource == resource
            && (namespace.is_empty() || self.namespace == namespace)
    }
}

impl State {
    fn new(log: Option<log::Log>) -> Self {
        // A real etcd's first revision is 1.
        Self { objects: BTreeMap::new(), revision: 1, history: History::since(1), log }
    }

    fn put(
        &mut self,
        key: Arc<Key>,
        mut object: Value,
        previous: Option<Arc<Value>>,
    ) -> Result<Arc<Value>, StorageError> {
        let revision = self.revision + 1;
        set_revision(&mut object, revision);
        let text = log::text(&object)?;
        self.write(log::Record::Put { key: &key, revision, object: &text })?;
        self.revision = revision;
        let object = Arc::new(object);
        self.objects.insert(key.clone(), Stored { object: object.clone(), revision });
        let kind = if previous.is_some() { EventType::Modified } else { EventType::Added };
        let told = Arc::default();
        let event = Event { kind, key, object: object.clone(), previous, resource_version: revision, told };
        self.history.remember(event, text);
        Ok(object)
    }

    /// Writes a record to the log.
    fn write(&mut self, record: log::Record<'_>) -> Result<(), StorageError> {
        let Some(log) = &mut self.log else { return Ok(()) };
        log.append(&record)?;
        if log.wants_compaction() {
            let live = self.objects.iter().map(|(key, stored)| (&**key, stored.revision, &*stored.object));
            // The change itself is in the old file only: it is written once more after the live objects.
            log.compact(self.revision, live, &record)?;
        }
        Ok(())
    }
}

fn set_revision(object: &mut Value, revision: u64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), json!(revision.to_string()));
    }
}

/// A stream of changes. It keeps its place in the store's window of changes and has no queue that could grow.
pub struct Watch {
    store: Store,
    news: watch::Receiver<u64>,
    place: Key,
    position: u64,
    ready: VecDeque<Change>,
    /// Whether the changes are shown as those of another group.
    alias: bool,
}

impl Watch {
    /// The next change; `None` when this watcher fell too far behind.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                // A text that was written here cannot but be read.
                let mut event = change.event().ok()?;
                if self.alias {
                    event.told = Arc::default();
                    event.object = Arc::new(aliases::shown(&event.object));
                    event.previous = event.previous.map(|previous| Arc::new(aliases::shown(&previous)));
                }
                return Some(event);
            }
            self.news.mark_unchanged();
            if !self.gather() {
                return None;
            }
            if self.ready.is_empty() {
                self.news.changed().await.ok()?;
            }
        }
    }

    /// Takes what happened since; false where some of it is no longer kept.
    fn gather(&mut self) -> bool {
        let state = self.store.lock();
        let Key { group, resource, namespace, .. } = &self.place;
        if state.history.reaches(group, resource, self.position).is_err() {
            return false;
        }
        let later = state.history.after(self.position);
        self.ready.extend(later.filter(|c| c.key.is_in(group, resource, namespace)).cloned());
        self.position = state.revision.max(self.position);
        true
    }

    /// The newest resource version that this watch has seen or passed over, for bookmarks.
    pub fn resource_version(&self) -> u64 {
        self.ready.front().map_or(self.position, |next| next.resource_version.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests;
