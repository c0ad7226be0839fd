#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::history::WINDOW;
use super::*;

fn key(name: &str) -> Key {
    Key::new("", "nodes", "", name)
}

fn object(name: &str, value: u32) -> Value {
    json!({"metadata": {"name": name}, "value": value})
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_change_has_a_version_of_its_own() {
    let store = Store::in_memory();
    let a = store.create(key("a"), object("a", 1)).unwrap();
    assert!(matches!(store.create(key("a"), object("a", 1)), Err(StorageError::Exists)));
    let b = store.update(&key("a"), version(&a), object("a", 2)).unwrap();
    assert_eq!(version(&b), version(&a) + 1);
    assert!(matches!(store.update(&key("a"), version(&a), object("a", 3)), Err(StorageError::Conflict)));
    let same = store.update(&key("a"), version(&b), object("a", 2)).unwrap();
    assert_eq!(version(&same), version(&b));
    assert!(matches!(store.delete(&key("a"), Some(version(&a))), Err(StorageError::Conflict)));
    let gone = store.delete(&key("a"), None).unwrap();
    assert_eq!(version(&gone), version(&b) + 1);
    assert!(store.get(&key("a")).is_none());
}

#[test]
fn lists_keep_to_their_resource_and_namespace() {
    let store = Store::in_memory();
    for (resource, namespace, name) in
        [("pods", "a", "x"), ("pods", "b", "y"), ("pods", "ab", "z"), ("podsx", "a", "w")]
    {
        store.create(Key::new("", resource, namespace, name), object(name, 0)).unwrap();
    }
    let names = |namespace: &str| -> Vec<String> {
        store
            .list("", "pods", namespace)
            .1
            .iter()
            .map(|o| o["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("a"), ["x"]);
    assert_eq!(names(""), ["x", "z", "y"]);
}

#[tokio::test]
async fn a_watch_sees_what_came_before_and_after_it_began() {
    let store = Store::in_memory();
    let first = store.create(key("a"), object("a", 1)).unwrap();
    store.create(key("b"), object("b", 1)).unwrap();
    store.create(Key::new("", "pods", "n", "p"), object("p", 1)).unwrap();
    let mut watch = store.watch("", "nodes", "", version(&first)).unwrap();
    store.delete(&key("a"), None).unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!((event.kind, event.key.name.as_str()), (EventType::Added, "b"));
    let event = watch.next().await.unwrap();
    assert_eq!((event.kind, event.key.name.as_str()), (EventType::Deleted, "a"));
    assert_eq!(event.previous, Some(first));
    assert_eq!(watch.resource_version(), store.resource_version());
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_so() {
    let store = Store::in_memory();
    store.create(key("a"), object("a", 0)).unwrap();
    let mut late = store.watch("", "nodes", "", 0).unwrap();
    for value in 1..=u32::try_from(WINDOW).unwrap() + 1 {
        store.update(&key("a"), store.resource_version(), object("a", value)).unwrap();
    }
    assert!(late.next().await.is_none());
    assert!(matches!(store.watch("", "nodes", "", 2), Err(StorageError::TooOld { wanted: 2, .. })));
}

#[test]
fn what_was_stored_is_there_after_a_restart_cut_at_any_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    store.create(key("a"), object("a", 1)).unwrap();
    store.create(key("b"), object("b", 1)).unwrap();
    store.delete(&key("b"), None).unwrap();
    let whole = std::fs::metadata(dir.path().join("log")).unwrap().len();
    store.create(key("c"), object("c", 1)).unwrap();
    drop(store);
    let bytes = std::fs::read(dir.path().join("log")).unwrap();
    for cut in usize::try_from(whole).unwrap()..bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("log"), &bytes[..cut]).unwrap();
        let (store, notices) = Store::open(dir.path()).unwrap();
        assert!(
            store.get(&key("a")).is_some()
                && store.get(&key("b")).is_none()
                && store.get(&key("c")).is_none()
        );
        assert_eq!(notices.len(), usize::from(cut as u64 != whole), "cut at {cut}");
        let next = store.create(key("c"), object("c", 2)).unwrap();
        drop(store);
        let (store, notices) = Store::open(dir.path()).unwrap();
        assert_eq!(store.get(&key("c")), Some(next));
        assert!(notices.is_empty());
    }
}

#[test]
fn a_store_of_noise_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("log"), b"this is no store").unwrap();
    let (store, notices) = Store::open(dir.path()).unwrap();
    assert_eq!(notices.len(), 1);
    assert_eq!(std::fs::read(dir.path().join("damaged-1")).unwrap(), b"this is no store");
    store.create(key("a"), object("a", 1)).unwrap();
}

#[test]
fn the_file_does_not_grow_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    store.create(key("other"), object("other", 1)).unwrap();
    store.create(key("a"), object("a", 0)).unwrap();
    let filler = "x".repeat(100_000);
    for value in 0..200 {
        let object = json!({"metadata": {"name": "a"}, "value": value, "filler": filler});
        store.update(&key("a"), store.resource_version(), object).unwrap();
    }
    let last = store.get(&key("a"));
    let revision = store.resource_version();
    drop(store);
    assert!(std::fs::metadata(dir.path().join("log")).unwrap().len() < 10 << 20);
    let (store, _) = Store::open(dir.path()).unwrap();
    assert_eq!(store.get(&key("a")), last);
    assert!(store.get(&key("other")).is_some());
    assert_eq!(store.resource_version(), revision);
}

#[tokio::test]
async fn events_of_both_groups_are_the_same() {
    let store = Store::in_memory();
    let place = |group: &str| Key::new(group, "events", "default", "e");
    let mut core = store.watch("", "events", "default", 0).unwrap();
    let mut other = store.watch("events.k8s.io", "events", "", 0).unwrap();
    let event =
        json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "note": "n"});
    let made = store.create(place("events.k8s.io"), event).unwrap();
    assert_eq!((&made["note"], &made["apiVersion"]), (&json!("n"), &json!("events.k8s.io/v1")));
    let seen = store.get(&place("")).unwrap();
    assert_eq!((&seen["message"], &seen["apiVersion"]), (&json!("n"), &json!("v1")));
    assert_eq!(core.next().await.unwrap().object, seen);
    assert_eq!(other.next().await.unwrap().object, made);
    assert_eq!(store.list("events.k8s.io", "events", "").1, std::slice::from_ref(&made));
    assert!(matches!(store.create(place(""), json!({})), Err(StorageError::Exists)));
    let mut changed = (*seen).clone();
    changed["message"] = json!("m");
    store.update(&place(""), version_of(&seen), changed).unwrap();
    assert_eq!(other.next().await.unwrap().previous, Some(made));
    assert_eq!(store.delete(&place("events.k8s.io"), None).unwrap()["note"], "m");
    assert!(store.get(&place("")).is_none());
}
