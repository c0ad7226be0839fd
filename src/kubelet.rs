//! The kubelet of each node: static pods from the manifests directory, ordinary pods from the API, node status, logs.
//!
//! ```text
//! manifest file -> file source -> pod workers -> container runtime: emulated programs | real processes
//! ```
//! Upstream: `k8s.io/kubernetes/pkg/kubelet`, `config/file*.go`, `pod_workers.go`, `kuberuntime`.

pub mod timing;
