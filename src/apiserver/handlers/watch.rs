//! watch.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/watch.go`, `.../storage/cacher` (bookmarks, initial events).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::list::Selection;
use super::negotiate::{Form, Format, accepted_stream, partial, table_options};
use super::{Call, Reply, options};
use crate::apiserver::registry::ordered::InOrder;
use crate::apiserver::registry::{ResourceType, protobuf, zero};
use crate::apiserver::serving;
use crate::apiserver::status::Status;
use crate::apiserver::storage::{Event, EventType, StorageError, Watch};
use crate::apiserver::table::{self, IncludeObject, TableOptions};
use crate::go_value::escape_html_bytes;

/// How often a watch that asks for it gets a bookmark.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long before a watch ends it gets its last bookmark.
const BEFORE_THE_END: Duration = Duration::from_secs(2);
/// How long a watch lasts when the client does not say (upstream: 30 to 60 minutes).
const LASTS: Duration = Duration::from_secs(45 * 60);

/// Stands for an event that would have to be a list: the watch ends there.
const NOT_A_LIST: Bytes = Bytes::new();

/// Answers with a stream of changes.
pub(super) fn watch(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    options::check_list(call.query, true, call.core.dependencies.release)?;
    let from = options::resource_version(call.query, false)?;
    let selection = Selection::of(call, rt)?;
    let accepted = accepted_stream(call.headers)?;
    let form = accepted.form;
    let seconds = options::number(call.query, "timeoutSeconds")?.and_then(|s| u64::try_from(s).ok());
    let lasts = seconds.filter(|seconds| *seconds > 0).map_or(LASTS, Duration::from_secs);
    let namespace = call.namespace(rt);
    let name = call.info.parts.get(1).cloned().unwrap_or_default();
    let table = match form {
        Form::Table(version) => Some(table_options(call.query, version, call.now())?),
        _ => None,
    };
    let format = accepted.format;
    let mut writer = Writer { rt, form, format, table, clock: call.core.dependencies.clock.clone() };
    let mut ready = VecDeque::new();
    let release = call.core.dependencies.release;
    let bookmarks = call.query.truth("allowWatchBookmarks");
    let unsaid = call.query.get("sendInitialEvents").is_none();
    let from_any = from.is_none_or(|version| version == 0);
    let initial = call.query.truth("sendInitialEvents") || from_any && unsaid;
    // Who asks for no version is taken for somebody who asks for the beginning (`SetListOptionsDefaults`).
    let by_default = release.gates.watch_list && unsaid && call.query.get("resourceVersionMatch").is_none();
    let tells_the_end = initial && bookmarks && (!unsaid || by_default);
    let opened = if initial {
        let (version, objects) = call.store().list(rt.group, rt.plural, namespace);
        for object in objects.iter().filter(|object| is_named(object, &name) && selection.takes(object)) {
            ready.push_back(writer.event("ADDED", object));
        }
        if tells_the_end {
            ready.push_back(writer.bookmark(version, true));
        }
        call.store().watch(rt.group, rt.plural, namespace, version)
    } else {
        call.store().watch(rt.group, rt.plural, namespace, from.unwrap_or(0))
    };
    let changes = match opened {
        Ok(changes) => Some(changes),
        Err(error) => {
            ready.push_back(writer.expired(&error));
            None
        }
    };
    let now = Instant::now();
    let stream = Stream {
        changes,
        ready,
        selection,
        name,
        writer,
        bookmarks: if bookmarks { next_bookmark(now, now + lasts) } else { None },
        ends: now + lasts,
        stop: call.core.stop.clone(),
    };
    let pieces = futures::stream::unfold(stream, |mut stream| async move {
        let piece = stream.next().await?;
        Some((piece, stream))
    });
    Ok(Reply {
        code: 200,
        content_type: match format {
            Format::Protobuf => format!("{};stream=watch", format.media()),
            _ => "application/json".into(),
        },
        body: serving::streamed(pieces),
        headers: Vec::new(),
        said: None,
    })
}

/// When the next bookmark is due: the last one comes a little before the end (`cacheWatcher.nextBookmarkTime`).
fn next_bookmark(now: Instant, ends: Instant) -> Option<Instant> {
    let last = ends.checked_sub(BEFORE_THE_END)?;
    Some(last.min(now + BOOKMARKS)).filter(|at| *at > now)
}

fn is_named(object: &Value, name: &str) -> bool {
    name.is_empty() || object["metadata"]["name"] == name
}

/// Writes events in the form that was asked for.
struct Writer {
    rt: &'static ResourceType,
    form: Form,
    format: Format,
    table: Option<TableOptions>,
    clock: crate::clock::SharedClock,
}

impl Writer {
    fn event(&mut self, kind: &str, object: &Arc<Value>) -> Bytes {
        match (self.form, &mut self.table) {
            (Form::Table(_), Some(options)) => {
                options.now = self.clock.now();
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let table = table::render(self.rt, std::slice::from_ref(object), metadata, options);
                // The columns are told once.
                options.no_headers = true;
                self.frame(kind, &table)
            }
            (Form::Metadata(version), _) => self.frame(kind, &partial(object, version)),
            (Form::MetadataList(_), _) => NOT_A_LIST,
            _ => self.frame(kind, object),
        }
    }

    /// Whether whole objects are told.
    fn is_whole(&self) -> bool {
        match self.form {
            Form::Table(_) => self.table.as_ref().is_some_and(|table| table.include == IncludeObject::Object),
            Form::Metadata(_) | Form::MetadataList(_) => false,
            _ => true,
        }
    }

    /// Whether nothing but whole objects is told, as JSON.
    fn is_plain(&self) -> bool {
        self.is_whole() && !matches!(self.form, Form::Table(_)) && self.format == Format::Json
    }

    /// The event that ends a watch from too long ago.
    fn expired(&self, error: &StorageError) -> Bytes {
        let status = Status::new(410, "Expired", error.to_string()).to_value();
        self.frame("ERROR", &status)
    }

    /// An event as it is sent: a line of JSON, or a message with its length.
    fn frame(&self, kind: &str, object: &Value) -> Bytes {
        let release = self.rt.release;
        if self.format == Format::Protobuf {
            return protobuf::watch_event(kind, &protobuf::answer(release, object).unwrap_or_default())
                .into();
        }
        let mut bytes = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
        let written = serde_json::to_vec(&InOrder::object(release, object)).unwrap_or_default();
        bytes.extend(escape_html_bytes(written));
        bytes.extend_from_slice(b"}\n");
        bytes.into()
    }

    fn bookmark(&mut self, version: u64, initial_ends: bool) -> Bytes {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".into(), json!(version.to_string()));
        if initial_ends {
            metadata.insert("annotations".into(), json!({"k8s.io/initial-events-end": "true"}));
        }
        self.event("BOOKMARK", &Arc::new(zero::object(self.rt, metadata, self.is_whole())))
    }
}

struct Stream {
    changes: Option<Watch>,
    ready: VecDeque<Bytes>,
    selection: Selection,
    name: String,
    writer: Writer,
    bookmarks: Option<Instant>,
    ends: Instant,
    stop: tokio_util::sync::CancellationToken,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return (piece != NOT_A_LIST).then_some(piece);
            }
            let changes = self.changes.as_mut()?;
            let wakes = self.bookmarks.unwrap_or(self.ends).min(self.ends);
            tokio::select! {
                () = self.stop.cancelled() => return None,
                event = changes.next() => {
                    let event = event?;
                    let piece = self.written(&event);
                    self.ready.extend(piece);
                }
                () = tokio::time::sleep_until(wakes) => {
                    let over = Instant::now() >= self.ends;
                    let version = changes.resource_version();
                    if self.bookmarks.is_some_and(|at| Instant::now() >= at) {
                        self.bookmarks = next_bookmark(Instant::now(), self.ends);
                        let bookmark = self.writer.bookmark(version, false);
                        self.ready.push_back(bookmark);
                    }
                    if over {
                        self.changes = None;
                    }
                }
            }
        }
    }

    /// A change as this watcher sees it: an object may come into or leave what was selected.
    fn written(&mut self, event: &Event) -> Option<Bytes> {
        if !self.name.is_empty() && event.key.name != self.name {
            return None;
        }
        let takes = |object: &Value| self.selection.takes(object);
        let is = event.kind != EventType::Deleted && takes(&event.object);
        let was = event.previous.as_ref().is_some_and(|previous| takes(previous));
        let kind = match (was, is) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        if kind == "DELETED" && event.kind != EventType::Deleted {
            // Its last state that was selected, at the version of the change.
            let mut last = event.previous.as_deref().cloned().unwrap_or_default();
            last["metadata"]["resourceVersion"] = json!(event.resource_version.to_string());
            return Some(self.writer.event(kind, &Arc::new(last)));
        }
        if self.writer.is_plain() && kind == event.kind.as_str() {
            return Some(event.told.get_or_init(|| self.writer.frame(kind, &event.object)).clone());
        }
        Some(self.writer.event(kind, &event.object))
    }
}
