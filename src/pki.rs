//! The lab's own certificate authority, leaf certificates and kubeconfigs.
//!
//! | file | what it holds |
//! |---|---|
//! | [`authority`] | an authority and the leaf certificates it issues |
//! | [`kubeadm`] | which certificates and kubeconfigs a kubeadm cluster has, as a table, and where they lie |
//! | [`kubeconfig`] | the text of a kubeconfig |

pub mod authority;
pub mod kubeadm;
pub mod kubeconfig;

pub use authority::{Authority, Leaf, Subject, Usage};
