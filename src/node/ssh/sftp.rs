//! SFTP version 3 (draft-ietf-secsh-filexfer-02), both sides of it, for machines without OpenSSH's.
//!
//! ```text
//! sftp, scp -> transfer -> client -> ssh -s HOST sftp -> session -> server (on the other node)
//! ```
//! [`wire`] is what both sides put into packets. A client's end of a copy is a [`place::Place`], this machine's files or the
//! other's, so that [`transfer`] knows one way of copying. `SSH_FXP_SYMLINK` has its arguments as OpenSSH has them.

mod act;
pub(super) mod client;
mod commands;
pub(super) mod glob;
mod listing;
pub(super) mod local;
pub(super) mod place;
mod progress;
pub mod server;
pub mod shell;
pub(super) mod transfer;
mod wire;
mod words;
