//! The lab's own certificate authority, leaf certificates and kubeconfigs.
