//! Variables in texts, scripts and checks: `{{name}}`, filled in once for one cluster.
//!
//! Only names that are known are replaced, so that `{{exec}}`, `{{copy}}` and a Helm `{{ .Values.x }}` stay as they are.

use std::collections::BTreeMap;

use crate::cluster::Cluster;

/// Names that mean something else in a text.
pub const RESERVED: &[&str] = &["exec", "copy", "execute"];

/// Values by name.
pub type Variables = BTreeMap<String, String>;

/// What every lesson may use of a cluster.
///
/// Each node by its lesson name; `manifests`, the directory as the control plane knows it, for checks; and for what
/// people and scripts type, `<node>_root`, to be put before an absolute path (empty but on plain nodes), and
/// `manifests_path`.
pub fn of_cluster(cluster: &dyn Cluster) -> Variables {
    let facts = cluster.facts();
    let shown = |node: &str, path: &str| match cluster.node(node) {
        Some(node) => node.shown_path(path).trim_end_matches('/').to_owned(),
        None => path.trim_end_matches('/').to_owned(),
    };
    let mut all: Variables = facts.nodes.iter().cloned().collect();
    for (node, _) in &facts.nodes {
        all.insert(format!("{node}_root"), shown(node, "/"));
    }
    if let Some((control_plane, _)) = facts.nodes.first() {
        all.insert("manifests_path".into(), shown(control_plane, &facts.manifests));
    }
    all.insert("manifests".into(), facts.manifests);
    all
}

/// What stands in for a cluster when a lesson is only looked at.
pub fn of_nodes(nodes: &[String]) -> Variables {
    let names = nodes.iter().map(|n| (n.clone(), n.clone()));
    let roots = nodes.iter().map(|n| (format!("{n}_root"), String::new()));
    let mut all: Variables = names.chain(roots).collect();
    for name in ["manifests", "manifests_path"] {
        all.insert(name.into(), crate::cluster::sandbox::MANIFESTS.into());
    }
    all
}

/// Replaces each known `{{name}}`.
pub fn fill(text: &str, variables: &Variables) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        let known = from[2..]
            .find("}}")
            .and_then(|end| variables.get(&from[2..2 + end]).map(|value| (value, end + 4)));
        let used = match known {
            Some((value, used)) => {
                filled.push_str(value);
                used
            }
            None => {
                filled.push_str("{{");
                2
            }
        };
        rest = &from[used..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_filled_in() {
        let variables = Variables::from([("node01".into(), "worker-1".into())]);
        for (text, expected) in [
            ("ssh {{node01}}", "ssh worker-1"),
            ("`x`{{exec}} {{ .Values.a }} {{", "`x`{{exec}} {{ .Values.a }} {{"),
            ("{{{node01}}}", "{{{node01}}}"),
            ("{{{{node01}}", "{{worker-1"),
            ("äö {{node01}}{{node01}}", "äö worker-1worker-1"),
        ] {
            assert_eq!(fill(text, &variables), expected);
        }
    }
}
