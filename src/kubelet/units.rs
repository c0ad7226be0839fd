//! The files of a node's units, and the command that comes of them.

use std::path::PathBuf;

use crate::rooted::Rooted;

/// Where units are.
pub const DIRECTORY: &str = "/usr/lib/systemd/system";
/// Where they are on nodes whose `/usr` is the machine's and that have no mounts.
const COPIES: &str = "/opt/cks-lab/units";

/// A node's files: as the lab reaches them, or as they are for whoever is there.
pub enum Files {
    /// Below the node's root.
    Of(Rooted),
    /// Below this process's, or where a node has none of its own, below this directory.
    Here(Option<PathBuf>),
}

impl Files {
    /// Those of the node on which this process is.
    pub fn here() -> Self {
        Self::Here(std::env::var_os("CKS_LAB_NODE_ROOT").map(PathBuf::from))
    }

    fn path(root: Option<&PathBuf>, inside: &str) -> PathBuf {
        root.map_or_else(|| inside.into(), |root| root.join(inside.trim_start_matches('/')))
    }

    fn read(&self, file: &str) -> Option<String> {
        match self {
            Self::Of(files) => files.read_to_string(file).ok(),
            Self::Here(root) => std::fs::read_to_string(Self::path(root.as_ref(), file)).ok(),
        }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let mut names: Vec<_> = match self {
            Self::Of(files) => files.list(dir).unwrap_or_default(),
            Self::Here(root) => {
                let entries = std::fs::read_dir(Self::path(root.as_ref(), dir)).into_iter().flatten();
                entries.flatten().map(|e| e.file_name()).collect()
            }
        };
        names.sort();
        names.iter().filter_map(|name| name.to_str().map(str::to_owned)).collect()
    }

    /// The files of a unit with their texts, the main one first.
    pub fn of_unit(&self, unit: &str) -> Vec<(String, String)> {
        let mut names = vec![format!("{unit}.service")];
        if unit == "kubelet" {
            names.push("kubelet.service.d/10-kubeadm.conf".into());
        }
        let found = names.iter().filter_map(|name| {
            let file = format!("{DIRECTORY}/{name}");
            let text = self.read(&format!("{COPIES}/{name}")).or_else(|| self.read(&file))?;
            Some((file, text))
        });
        let local = format!("/etc/systemd/system/{unit}.service.d");
        let more = self.list(&local).into_iter().filter(|name| name.ends_with(".conf"));
        let more = more.filter_map(|name| {
            let file = format!("{local}/{name}");
            self.read(&file).map(|text| (file, text))
        });
        found.chain(more).collect()
    }

    /// The command of a unit, its variables filled in from the files that the unit names.
    pub fn command(&self, unit: &str) -> String {
        let mut exec = format!("/usr/bin/{unit}");
        let mut variables: Vec<(String, String)> = Vec::new();
        for line in self.of_unit(unit).iter().flat_map(|(_, text)| text.lines()) {
            if let Some(command) = line.strip_prefix("ExecStart=").filter(|command| !command.is_empty()) {
                exec = command.to_owned();
            } else if let Some(one) = line.strip_prefix("Environment=") {
                variables
                    .extend(one.trim_matches('"').split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
            } else if let Some(file) = line.strip_prefix("EnvironmentFile=") {
                let text = self.read(file.trim_start_matches('-')).unwrap_or_default();
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                variables
                    .extend(pairs.map(|(k, v)| (k.trim().to_owned(), v.trim().trim_matches('"').to_owned())));
            }
        }
        let words = exec.split(' ').map(|word| match word.strip_prefix('$') {
            Some(name) => {
                variables.iter().rev().find(|(k, _)| k == name).map_or(String::new(), |(_, v)| v.clone())
            }
            None => word.to_owned(),
        });
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
