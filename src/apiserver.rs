//! The Kubernetes API server of the sandbox.
//!
//! One request's way, as upstream's `DefaultBuildHandlerChain` and the handlers have it:
//!
//! ```text
//! TLS -> requestinfo -> authentication (+ impersonation) -> audit -> authorization -> handler
//!     -> mutating admission -> strategy (defaults, validation) -> validating admission -> storage -> watch
//! ```
//!
//! Everything below the connection is synchronous and in memory; only bodies, watches and log streams are async.
//! This room knows nothing of lessons.

pub mod admission;
pub mod audit;
pub mod authentication;
pub mod authorization;
pub mod discovery;
pub mod flags;
pub mod handlers;
pub mod openapi;
pub mod registry;
pub mod requestinfo;
pub mod selectors;
pub mod server;
pub mod serving;
pub mod status;
pub mod storage;
pub mod table;
pub mod version;
