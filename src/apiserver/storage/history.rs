//! The latest changes, for watches and lists that begin in the past.
//!
//! The newest are kept as they are, for the watches that wait for them. Of all others only the text is kept: as a value in
//! memory an object takes several times as much.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Event, EventType, Key, StorageError, footprint, version_of};

/// How many changes are kept.
pub(super) const WINDOW: usize = 1024;
/// How many bytes their texts may have.
const TEXTS: usize = 8 << 20;
/// How many bytes of memory the newest may take as values; one is kept so whatever it takes.
const VALUES: usize = 1 << 19;

/// An object as text.
#[derive(Debug, Clone)]
pub(super) struct Text(Arc<RawValue>);

impl Text {
    fn len(&self) -> usize {
        self.0.get().len()
    }

    /// The object.
    pub fn read(&self) -> io::Result<Arc<Value>> {
        Ok(Arc::new(serde_json::from_str(self.0.get())?))
    }
}

/// A change that is kept.
#[derive(Debug, Clone)]
pub(super) struct Change {
    kind: EventType,
    /// Of which object.
    pub key: Arc<Key>,
    /// The change's resource version.
    pub resource_version: u64,
    object: Text,
    previous: Option<Text>,
    /// The change as a value, while it is one of the newest.
    event: Option<Event>,
    /// How many bytes of texts are forgotten with it: a text that the next change has too is forgotten with that.
    texts: usize,
}

impl Change {
    /// The change as watchers get it.
    pub fn event(self) -> io::Result<Event> {
        if let Some(event) = self.event {
            return Ok(event);
        }
        Ok(Event {
            kind: self.kind,
            key: self.key,
            object: self.object.read()?,
            previous: self.previous.map(|text| text.read()).transpose()?,
            resource_version: self.resource_version,
            told: Arc::default(),
        })
    }
}

/// The latest changes.
pub(super) struct History {
    /// Oldest first.
    changes: VecDeque<Change>,
    /// How many changes were forgotten, and how long the texts of all others are.
    forgot: usize,
    texts: usize,
    /// What each of the newest takes as a value, oldest first, and all together.
    values: VecDeque<usize>,
    value: usize,
    /// Which of all changes is an object's latest, while that is kept.
    latest: HashMap<Arc<Key>, usize>,
    /// Nothing before this version is kept.
    oldest: u64,
    /// The latest change of each resource (group and plural name) that is not kept any more.
    forgotten: HashMap<(String, String), u64>,
}

impl History {
    /// A history that begins after a version.
    pub fn since(oldest: u64) -> Self {
        Self {
            changes: VecDeque::new(),
            forgot: 0,
            texts: 0,
            values: VecDeque::new(),
            value: 0,
            latest: HashMap::new(),
            oldest,
            forgotten: HashMap::new(),
        }
    }

    /// Whether all changes of a resource after a version are kept.
    pub fn reaches(&self, group: &str, resource: &str, version: u64) -> Result<(), StorageError> {
        let forgotten = self.forgotten.get(&(group.to_owned(), resource.to_owned()));
        let oldest = forgotten.copied().unwrap_or(0).max(self.oldest);
        if version < oldest { Err(StorageError::TooOld { wanted: version, oldest }) } else { Ok(()) }
    }

    /// The changes after a version, oldest first.
    pub fn after(&self, version: u64) -> impl Iterator<Item = &Change> {
        self.changes.range(self.changes.partition_point(|change| change.resource_version <= version)..)
    }

    /// What the objects that were changed after a version were like at that version; nothing of those that were not there.
    pub fn undone(&self, version: u64, wanted: impl Fn(&Key) -> bool) -> HashMap<Arc<Key>, Option<Text>> {
        let mut then = HashMap::new();
        for change in self.after(version).filter(|change| wanted(&change.key)) {
            then.entry(change.key.clone()).or_insert_with(|| change.previous.clone());
        }
        then
    }

    /// Keeps a change with its object's text, and forgets the oldest where there are too many or they are too large.
    pub fn remember(&mut self, event: Event, text: Box<RawValue>) {
        let object = Text(text.into());
        let previous = event.previous.as_deref().and_then(|previous| self.take_text(&event.key, previous));
        let texts = object.len() + previous.as_ref().map_or(0, Text::len);
        let value = footprint::of(&event.object);
        self.latest.insert(event.key.clone(), self.forgot + self.changes.len());
        self.changes.push_back(Change {
            kind: event.kind,
            key: event.key.clone(),
            resource_version: event.resource_version,
            object,
            previous,
            event: Some(event),
            texts,
        });
        self.texts += texts;
        self.values.push_back(value);
        self.value += value;
        self.shrink();
    }

    /// The text of an object as it was before a change, to be forgotten with that change.
    fn take_text(&mut self, key: &Arc<Key>, object: &Value) -> Option<Text> {
        let latest = self.latest.get(key).and_then(|at| self.changes.get_mut(at.checked_sub(self.forgot)?));
        match latest {
            Some(change) if change.resource_version == version_of(object) => {
                let length = change.object.len();
                change.texts -= length;
                self.texts -= length;
                Some(change.object.clone())
            }
            _ => super::log::text(object).ok().map(|text| Text(text.into())),
        }
    }

    fn shrink(&mut self) {
        while self.value > VALUES && self.values.len() > 1 {
            let at = self.changes.len() - self.values.len();
            self.value -= self.values.pop_front().unwrap_or(0);
            if let Some(change) = self.changes.get_mut(at) {
                change.event = None;
            }
        }
        while self.changes.len() > WINDOW || self.texts > TEXTS && self.changes.len() > 1 {
            let Some(change) = self.changes.pop_front() else { break };
            if self.values.len() > self.changes.len() {
                self.value -= self.values.pop_front().unwrap_or(0);
            }
            if self.latest.get(&change.key) == Some(&self.forgot) {
                self.latest.remove(&change.key);
            }
            self.forgot += 1;
            self.texts -= change.texts;
            let resource = (change.key.group.clone(), change.key.resource.clone());
            self.forgotten.insert(resource, change.resource_version);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Arc<Key> {
        Arc::new(Key::new("", "configmaps", "", name))
    }

    fn object(version: u64, filler: usize) -> Arc<Value> {
        Arc::new(json!({"metadata": {"resourceVersion": version.to_string()}, "data": "x".repeat(filler)}))
    }

    fn change(
        history: &mut History,
        name: &str,
        version: u64,
        filler: usize,
        previous: Option<Arc<Value>>,
    ) -> Arc<Value> {
        let object = object(version, filler);
        let kind = if previous.is_some() { EventType::Modified } else { EventType::Added };
        let text = super::super::log::text(&object).unwrap();
        let told = Arc::default();
        let event =
            Event { kind, key: key(name), object: object.clone(), previous, resource_version: version, told };
        history.remember(event, text);
        object
    }

    /// The bytes of all texts that are held, each counted once.
    fn held(history: &History) -> usize {
        let texts = history.changes.iter().flat_map(|c| std::iter::once(&c.object).chain(&c.previous));
        let all: HashMap<*const u8, usize> = texts.map(|t| (t.0.get().as_ptr(), t.len())).collect();
        all.values().sum()
    }

    #[test]
    fn what_is_read_from_text_is_what_was_told() {
        let mut history = History::since(1);
        let mut previous = None;
        for version in 2..50 {
            previous = Some(change(&mut history, "a", version, 40_000, previous));
        }
        let all: Vec<_> = history.after(1).cloned().collect();
        let last = all.last().unwrap();
        assert!(all[0].event.is_none() && last.event.is_some());
        for kept in &all {
            let mut read = kept.clone();
            read.event = None;
            let read = read.event().unwrap();
            let version = kept.resource_version;
            assert_eq!((read.object, read.resource_version), (object(version, 40_000), version));
            assert_eq!(read.previous, (version > 2).then(|| object(version - 1, 40_000)));
        }
    }

    #[test]
    fn everything_that_is_held_is_counted_and_bounded() {
        let mut history = History::since(1);
        let (mut objects, mut version) = (HashMap::new(), 1);
        for round in 0..3000_usize {
            version += 1;
            let name = format!("o{}", round * round % 37);
            // Large ones that become small: the change holds the large one still.
            let filler = if round % 3 == 0 { 200_000 } else { round % 50 };
            let previous = objects.remove(&name);
            objects.insert(name.clone(), change(&mut history, &name, version, filler, previous));
            assert_eq!(held(&history), history.texts);
            assert!(history.texts <= TEXTS + 400_200 && history.changes.len() <= WINDOW);
            let values = history.changes.iter().filter(|c| c.event.is_some()).count();
            assert_eq!(values, history.values.len());
            assert!(history.value <= VALUES || values == 1);
            let last = history.changes.back().unwrap();
            assert!(history.latest.len() <= history.changes.len() && last.event.is_some());
        }
        assert!(history.reaches("", "configmaps", 1).is_err());
        assert!(history.reaches("", "pods", 1).is_ok());
    }

    #[test]
    fn what_was_is_undone_to_the_oldest_that_is_wanted() {
        let mut history = History::since(1);
        let first = change(&mut history, "a", 2, 1, None);
        let second = change(&mut history, "a", 3, 2, Some(first.clone()));
        change(&mut history, "a", 4, 3, Some(second));
        change(&mut history, "b", 5, 1, None);
        let then = history.undone(2, |_| true);
        assert_eq!(then[&key("a")].as_ref().unwrap().read().unwrap(), first);
        assert!(then[&key("b")].is_none());
        assert_eq!(history.undone(2, |key| key.name == "b").len(), 1);
    }
}
