//! Variables in texts, scripts and checks: `{{name}}`, filled in once for one cluster.
//!
//! Only names that are known are replaced, so that `{{exec}}`, `{{copy}}` and a Helm `{{ .Values.x }}` stay as they are.
//! A part between `{{#name}}` and `{{/name}}` is there where the variable is not empty, one between `{{^name}}` and
//! `{{/name}}` where it is; a line that only holds such a mark goes with it.

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
/// `manifests_path`. What the release can do is `yes` or empty: `kubelets_read_nodes`, whether a kubelet may read other Nodes.
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
    all.insert(READS_NODES.into(), yes(crate::release::kubelets_read_nodes(&facts.version)));
    all
}

/// Whether a kubelet may read Nodes other than its own.
const READS_NODES: &str = "kubelets_read_nodes";

fn yes(holds: bool) -> String {
    if holds { "yes".into() } else { String::new() }
}

/// What stands in for a cluster when a lesson is only looked at.
pub fn of_nodes(nodes: &[String]) -> Variables {
    let names = nodes.iter().map(|n| (n.clone(), n.clone()));
    let roots = nodes.iter().map(|n| (format!("{n}_root"), String::new()));
    let mut all: Variables = names.chain(roots).collect();
    for name in ["manifests", "manifests_path"] {
        all.insert(name.into(), crate::cluster::sandbox::MANIFESTS.into());
    }
    all.insert(READS_NODES.into(), yes(true));
    all
}

/// Keeps the parts that are meant for these variables, and replaces each known `{{name}}`.
pub fn fill(text: &str, variables: &Variables) -> String {
    let text = variables.keys().fold(text.to_owned(), |text, name| choose(text, name, &variables[name]));
    let text = text.as_str();
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

/// Keeps or drops the parts that a variable decides on.
fn choose(mut text: String, name: &str, value: &str) -> String {
    let end = format!("{{{{/{name}}}}}");
    for (mark, keep) in [('#', !value.is_empty()), ('^', value.is_empty())] {
        let start = format!("{{{{{mark}{name}}}}}");
        while let Some(from) = text.find(&start) {
            let Some(to) = text[from..].find(&end).map(|length| from + length) else { break };
            let opening = with_line(&text, from, from + start.len());
            let closing = with_line(&text, to, to + end.len());
            let inner = if keep { text[opening.1..closing.0].to_owned() } else { String::new() };
            text.replace_range(opening.0..closing.1, &inner);
        }
    }
    text
}

/// A mark, with its whole line where nothing else is on it.
fn with_line(text: &str, from: usize, to: usize) -> (usize, usize) {
    let before = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let after = text[to..].find('\n').map_or(text.len(), |at| to + at + 1);
    let alone = text[before..from].trim().is_empty() && text[to..after].trim().is_empty();
    if alone { (before, after) } else { (from, to) }
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

    #[test]
    fn parts_are_there_for_those_whom_they_concern() {
        let text =
            "a\n{{#r}}\nread {{n}}\n{{/r}}\n{{^r}}\nwrite\n{{/r}}\nb {{#r}}x{{/r}}{{^r}}y{{/r}}.\n{{#other}}";
        let with = |value: &str| {
            fill(text, &Variables::from([("r".into(), value.into()), ("n".into(), "1".into())]))
        };
        assert_eq!(with("yes"), "a\nread 1\nb x.\n{{#other}}");
        assert_eq!(with(""), "a\nwrite\nb y.\n{{#other}}");
    }
}
