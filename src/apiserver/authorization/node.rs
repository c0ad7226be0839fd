//! The Node authorizer: what a kubelet may do, by the graph of what its pods refer to.
