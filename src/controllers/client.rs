//! A small API client for controllers: paths and JSON values.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Api;
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::serving::Body;

const JSON: &str = "application/json";
/// Of every object of a list no more than its metadata.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Why a request did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused.
    #[error("{message}")]
    Api {
        /// The HTTP status.
        code: u16,
        /// `NotFound`, `Conflict`, ...
        reason: String,
        /// The server's sentence.
        message: String,
    },
    /// The server could not be reached, or its answer could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ClientError {
    /// Whether the server answered with this HTTP status.
    pub fn is_code(&self, wanted: u16) -> bool {
        matches!(self, Self::Api { code, .. } if *code == wanted)
    }
}

/// A client that acts as one user.
#[derive(Clone)]
pub struct Client {
    api: Arc<dyn Api>,
    user: UserInfo,
    /// Lists and watches, where that is somebody else: the controllers share their informers.
    reader: Option<UserInfo>,
    agent: String,
}

impl Client {
    /// Makes a client.
    pub fn new(api: Arc<dyn Api>, user: UserInfo, agent: impl Into<String>) -> Self {
        Self { api, user, reader: None, agent: agent.into() }
    }

    /// Lets `reader` list and watch in the user's place.
    #[must_use]
    pub fn reading_as(mut self, reader: UserInfo) -> Self {
        self.reader = Some(reader);
        self
    }

    /// The API this client talks to.
    pub fn api(&self) -> &Arc<dyn Api> {
        &self.api
    }

    /// Reads an object or a list.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(Method::GET, path, "", None).await
    }

    /// Creates an object in the collection at `path`.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, ClientError> {
        self.send(Method::POST, path, "application/json", Some(object)).await
    }

    /// Replaces an object.
    pub async fn update(&self, path: &str, object: &Value) -> Result<Value, ClientError> {
        self.send(Method::PUT, path, "application/json", Some(object)).await
    }

    /// Changes an object by a strategic merge patch.
    pub async fn patch(&self, path: &str, patch: &Value) -> Result<Value, ClientError> {
        self.send(Method::PATCH, path, "application/strategic-merge-patch+json", Some(patch)).await
    }

    /// Deletes an object, and by background propagation what it owns.
    pub async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        self.send(Method::DELETE, path, "application/json", Some(&options)).await
    }

    /// Deletes an object at once, whatever grace it asks for.
    pub async fn delete_now(&self, path: &str) -> Result<Value, ClientError> {
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
        self.send(Method::DELETE, path, "application/json", Some(&options)).await
    }

    /// The items of a list with the resource version it is from.
    pub async fn list(&self, path: &str) -> Result<(Vec<Value>, String), ClientError> {
        self.list_as(path, JSON).await
    }

    /// The same with no more of each item than its metadata.
    pub async fn list_metadata(&self, path: &str) -> Result<Vec<Value>, ClientError> {
        Ok(self.list_as(path, METADATA).await?.0)
    }

    async fn list_as(&self, path: &str, accept: &str) -> Result<(Vec<Value>, String), ClientError> {
        let request = self.request(Method::GET, path, accept, "", None)?;
        let mut list = self.answer(self.reader(), request).await?;
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        Ok((items, version))
    }

    /// Watches a collection from a resource version.
    pub async fn watch(&self, path: &str, from: &str) -> Result<Watch, ClientError> {
        let path = format!("{path}?watch=true&allowWatchBookmarks=true&resourceVersion={from}");
        let request = self.request(Method::GET, &path, JSON, "", None)?;
        let response = self.api.call(self.reader(), request).await?;
        if response.status().is_success() {
            return Ok(Watch { body: response.into_body(), buffer: BytesMut::new() });
        }
        Err(read_error(response.status().as_u16(), &read(response.into_body()).await?))
    }

    fn reader(&self) -> &UserInfo {
        self.reader.as_ref().unwrap_or(&self.user)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        self.answer(&self.user, self.request(method, path, JSON, content_type, body)?).await
    }

    async fn answer(&self, user: &UserInfo, request: Request<Bytes>) -> Result<Value, ClientError> {
        let response = self.api.call(user, request).await?;
        let status = response.status();
        let bytes = read(response.into_body()).await?;
        if !status.is_success() {
            return Err(read_error(status.as_u16(), &bytes));
        }
        serde_json::from_slice(&bytes)
            .map_err(|e| ClientError::Io(io::Error::new(io::ErrorKind::InvalidData, e)))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> io::Result<Request<Bytes>> {
        let mut builder = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept)
            .header("user-agent", &self.agent);
        if !content_type.is_empty() {
            builder = builder.header("content-type", content_type);
        }
        let body = body.map(|b| Bytes::from(b.to_string())).unwrap_or_default();
        builder.body(body).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
    }
}

async fn read(body: Body) -> io::Result<Bytes> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(never) => match never {},
    }
}

fn read_error(code: u16, bytes: &[u8]) -> ClientError {
    let status: Value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
    ClientError::Api { code, reason: text("reason"), message: text("message") }
}

/// A change of an object.
#[derive(serde::Deserialize)]
pub struct Change {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`.
    #[serde(rename = "type")]
    pub kind: String,
    object: Box<RawValue>,
}

impl Change {
    /// The object after the change; it is read only for those who look at it.
    pub fn object(&self) -> Value {
        serde_json::from_str(self.object.get()).unwrap_or_default()
    }
}

/// A stream of a collection's changes.
pub struct Watch {
    body: Body,
    buffer: BytesMut,
}

impl Watch {
    /// The next change; `None` at the end.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                return serde_json::from_slice(&line).ok();
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Err(never) => match never {},
            }
        }
    }
}
