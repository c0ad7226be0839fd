//! What the sandbox serves: of the real server's discovery only that is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::apiserver::ask;

/// Groups, and the resources of each version of them.
#[derive(Clone, Default)]
pub struct Served {
    groups: BTreeSet<String>,
    resources: BTreeMap<String, BTreeSet<String>>,
    paths: BTreeSet<String>,
}

fn names(value: &Value, key: &str) -> BTreeSet<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(|item| item[key].as_str().map(str::to_owned)).collect()
}

impl Served {
    /// Asks the sandbox.
    pub async fn of(dir: &Path, port: u16) -> Self {
        let get = async |path: &str| ask(dir, port, "admin", "GET", path, &[], &Value::Null).await.2;
        let mut served = Self::default();
        let groups = get("/apis").await;
        served.groups = names(&groups["groups"], "name");
        served.groups.insert(String::new());
        let mut versions = vec![("v1".to_owned(), "/api/v1".to_owned())];
        for group in groups["groups"].as_array().into_iter().flatten() {
            versions.extend(
                names(&group["versions"], "groupVersion")
                    .into_iter()
                    .map(|v| (v.clone(), format!("/apis/{v}"))),
            );
        }
        for (version, path) in versions {
            served.resources.insert(version, names(&get(&path).await["resources"], "name"));
        }
        let root = get("/").await;
        let paths = root["paths"].as_array().into_iter().flatten();
        served.paths = paths.filter_map(|path| path.as_str().map(str::to_owned)).collect();
        assert!(served.groups.len() > 3 && served.paths.len() > 10);
        served
    }

    /// Leaves out what the sandbox does not serve.
    pub fn narrow(&self, answer: &mut Value) {
        let version = answer["groupVersion"].as_str().unwrap_or("").to_owned();
        match answer["kind"].as_str().unwrap_or("") {
            "APIGroupList" => keep(&mut answer["groups"], |group| self.has_group(group["name"].as_str())),
            "APIResourceList" => {
                let known = self.resources.get(&version);
                keep(&mut answer["resources"], |resource| {
                    known.is_some_and(|known| {
                        resource["name"].as_str().is_some_and(|name| known.contains(name))
                    })
                });
            }
            "APIGroupDiscoveryList" => {
                keep(&mut answer["items"], |group| {
                    self.has_group(Some(group["metadata"]["name"].as_str().unwrap_or("")))
                });
                for group in answer["items"].as_array_mut().into_iter().flatten() {
                    let name = group["metadata"]["name"].as_str().unwrap_or("").to_owned();
                    for version in group["versions"].as_array_mut().into_iter().flatten() {
                        let short = version["version"].as_str().unwrap_or("");
                        let full = if name.is_empty() { short.to_owned() } else { format!("{name}/{short}") };
                        let known = self.resources.get(&full);
                        keep(&mut version["resources"], |resource| {
                            let name = resource["resource"].as_str();
                            known.is_some_and(|known| name.is_some_and(|name| known.contains(name)))
                        });
                    }
                }
            }
            _ if answer["paths"].is_array() => {
                keep(&mut answer["paths"], |path| {
                    path.as_str().is_some_and(|path| self.paths.contains(path))
                });
            }
            _ => {}
        }
    }

    fn has_group(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.groups.contains(name))
    }
}

fn keep(list: &mut Value, wanted: impl Fn(&Value) -> bool) {
    if let Some(list) = list.as_array_mut() {
        list.retain(wanted);
    }
}
