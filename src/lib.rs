//! A terminal lab for CKS practice: a two-node Kubernetes cluster with a security hole, real shells on its
//! nodes, and checks against the live cluster.
//!
//! `ARCHITECTURE.md` draws how data flows; in short:
//!
//! | room | what it does |
//! |---|---|
//! | [`cli`] | one file a subcommand; the only room that prints |
//! | [`lab`] | one running lab: cluster + lesson + progress; what the command line and the TUI both drive |
//! | [`lesson`], [`check`], [`grade`], [`progress`], [`report`] | content, verdicts, scores, their keeping and showing |
//! | [`exam`] | several lessons against the clock |
//! | [`cluster`] | the trait behind which a lab's cluster stands, and the sandbox that implements it |
//! | [`node`] | shells and files of a node: namespaces, the plain fallback, ssh, the tools found on a node |
//! | [`kubelet`], [`controllers`] | static pods and their container runtime; what controller-manager and scheduler do |
//! | [`apiserver`] | the Kubernetes API server of the sandbox; knows nothing of lessons |
//! | [`kubectl`] | the built-in kubectl for machines that have none |
//! | [`terminal`], [`tui`] | terminal emulation, and the program a learner sits in |
//! | [`clock`], [`container_fs`], [`error`], [`klog`], [`pki`], [`release`], [`state_dir`], [`text`] | what several rooms share |

pub mod apiserver;
pub mod check;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod container_fs;
pub mod controllers;
pub mod digest;
pub mod editor;
pub mod error;
pub mod exam;
mod go_quote;
mod go_value;
mod go_yaml;
pub mod grade;
pub mod klog;
pub mod kubectl;
pub mod kubelet;
pub mod lab;
pub mod lesson;
pub mod node;
pub mod pki;
pub mod progress;
pub mod release;
pub mod report;
pub mod rooted;
pub mod state_dir;
pub mod terminal;
pub mod text;
pub mod tui;
