//! The sandbox: an in-process API server, a kubelet, and two nodes with real bash.
