//! The text of a kubeconfig, laid out as kubeadm writes it.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Leaf;

/// How a kubeconfig's user proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A certificate and key inside the kubeconfig.
    Embedded(Leaf),
    /// One file that holds both, as the kubelet's rotated certificate does.
    File(String),
}

/// What a kubeconfig says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The cluster's name in it.
    pub cluster: String,
    /// The user's name in it.
    pub user: String,
    /// The context's name in it.
    pub context: String,
    /// The context's namespace; `None` leaves it out.
    pub namespace: Option<String>,
    /// `https://172.30.1.2:6443`
    pub server: String,
    /// The authority's certificate in PEM.
    pub authority: String,
    /// How the user proves who it is.
    pub credentials: Credentials,
}

impl Kubeconfig {
    /// The file's text.
    pub fn render(&self) -> String {
        let Self { cluster, user, context, namespace, server, authority, credentials } = self;
        let mut out = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: {server}\n  name: \
             {cluster}\ncontexts:\n- context:\n    cluster: {cluster}\n",
            STANDARD.encode(authority)
        );
        if let Some(namespace) = namespace {
            let _ = writeln!(out, "    namespace: {namespace}");
        }
        let _ = write!(
            out,
            "    user: {user}\n  name: {context}\ncurrent-context: {context}\nkind: Config\npreferences: {{}}\nusers:\n- \
             name: {user}\n  user:\n"
        );
        let _ = match credentials {
            Credentials::Embedded(leaf) => write!(
                out,
                "    client-certificate-data: {}\n    client-key-data: {}\n",
                STANDARD.encode(&leaf.certificate),
                STANDARD.encode(&leaf.key)
            ),
            Credentials::File(path) => {
                write!(out, "    client-certificate: {path}\n    client-key: {path}\n")
            }
        };
        out
    }
}
