//! The integration tests, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod apiserver;
mod audit;
mod authors;
mod bad_input;
mod behaviours;
mod cli;
mod components;
mod conformance;
mod crictl;
mod differential;
mod editor;
mod exam;
mod expectations;
mod hostile;
mod isolation;
mod jq;
mod kubectl;
mod kubelet;
mod lessons;
mod live;
mod load;
mod local;
mod long;
mod nodes;
mod plain;
mod program;
mod rbac;
mod realserver;
mod shell;
mod terminal;
mod texts;
mod tui;
mod tui_habits;
mod tui_terminal;
mod window;
