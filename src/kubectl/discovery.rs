//! What the server serves, and what a word on the command line means: `no`, `pods`, `deployments.v1.apps`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::fail::{Fail, Result};

/// One resource of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version in the group.
    pub version: String,
    /// Plural name, as in the URL.
    pub name: String,
    /// Singular name.
    pub singular: String,
    /// Kind of its objects.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Short names.
    pub short: Vec<String>,
    /// Categories, as `all`.
    pub categories: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Names of its subresources.
    pub subresources: Vec<String>,
    /// Whether its version is the one the group prefers.
    pub preferred: bool,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub fn group_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `nodes`, `deployments.apps`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.name.clone() } else { format!("{}.{}", self.name, self.group) }
    }

    /// `node`, `deployment.apps`: what kubectl puts before a name.
    pub fn shown(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    /// The path of the collection, or of an object in it.
    pub fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if let Some(namespace) = namespace.filter(|n| self.namespaced && !n.is_empty()) {
            path += &format!("/namespaces/{}", super::percent(namespace));
        }
        path += &format!("/{}", self.name);
        if let Some(name) = name {
            path += &format!("/{}", super::percent(name));
        }
        path
    }

    fn answers_to(&self, word: &str) -> bool {
        self.name == word
            || self.singular == word
            || self.short.iter().any(|s| s == word)
            || self.kind.to_lowercase() == word
    }
}

/// The server's resources, kept on disk for a while as kubectl keeps them.
pub struct Discovery {
    /// All of them, the core group first.
    pub resources: Vec<Resource>,
    cache: Option<PathBuf>,
    fresh: bool,
}

/// How long what was found is good for.
const CACHE_TTL: Duration = Duration::from_secs(6 * 3600);
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

impl Discovery {
    /// Reads the kept list, or asks the server.
    pub async fn load(client: &Client, cache_dir: Option<PathBuf>) -> Result<Self> {
        let cache =
            cache_dir.map(|dir| dir.join("discovery").join(host_dir(client.server())).join("resources.json"));
        if let Some(resources) = cache.as_ref().and_then(read_cache) {
            return Ok(Self { resources, cache, fresh: false });
        }
        let mut found = Self { resources: Vec::new(), cache, fresh: false };
        found.ask(client).await?;
        Ok(found)
    }

    /// Asks the server and keeps the answer.
    pub async fn ask(&mut self, client: &Client) -> Result<()> {
        let resources = match fetch(client).await {
            Ok(resources) => resources,
            Err(fail) => {
                // kubectl asks five times before it gives up, and says so each time.
                let cause = match &fail {
                    Fail::Connect { .. } => fail.message().replace("/api\": ", "/api?timeout=32s\": "),
                    other => other.message(),
                };
                for _ in 0..5 {
                    log_error(
                        "memcache.go:265",
                        &format!("couldn't get current server API group list: {cause}"),
                    );
                }
                return Err(fail);
            }
        };
        self.resources = resources;
        self.fresh = true;
        if let (Some(path), Ok(text)) = (&self.cache, serde_json::to_vec(&self.resources))
            && let Some(dir) = path.parent()
        {
            let _ = std::fs::create_dir_all(dir);
            let temp = dir.join(format!(".resources.{}", std::process::id()));
            if std::fs::write(&temp, text).is_ok() {
                let _ = std::fs::rename(&temp, path);
            }
        }
        Ok(())
    }

    /// Finds what a word means; asks the server anew before it says that there is no such thing.
    pub async fn resolve(&mut self, client: &Client, word: &str) -> Result<Resource> {
        if let Some(found) = find(&self.resources, word) {
            return Ok(found.clone());
        }
        if !self.fresh {
            self.ask(client).await?;
            if let Some(found) = find(&self.resources, word) {
                return Ok(found.clone());
            }
        }
        Err(Fail::Plain(format!("the server doesn't have a resource type \"{word}\"")))
    }

    /// The resources of a category, as `all`.
    pub fn category(&self, word: &str) -> Vec<Resource> {
        let mut found: Vec<Resource> = Vec::new();
        for resource in &self.resources {
            let seen = found.iter().any(|f| f.group == resource.group && f.name == resource.name);
            if resource.categories.iter().any(|c| c == word) && !seen {
                found.push(resource.clone());
            }
        }
        found
    }

    /// The resource whose objects have this `apiVersion` and `kind`.
    pub async fn of_kind(
        &mut self,
        client: &Client,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Resource>> {
        let find = |all: &[Resource]| {
            all.iter().find(|r| r.kind == kind && r.group_version() == api_version).cloned()
        };
        if let Some(found) = find(&self.resources) {
            return Ok(Some(found));
        }
        if !self.fresh {
            self.ask(client).await?;
        }
        Ok(find(&self.resources))
    }
}

/// Finds what a word means among resources: plural, singular, kind or short name, with `.version.group` or `.group`.
pub fn find<'a>(resources: &'a [Resource], word: &str) -> Option<&'a Resource> {
    let word = word.to_lowercase();
    let (name, suffix) = word.split_once('.').unwrap_or((&word, ""));
    let fits = |r: &Resource| {
        suffix.is_empty()
            || r.group == suffix
            || suffix == format!("{}.{}", r.version, r.group)
            || (r.group.is_empty() && (suffix == r.version || suffix == format!("{}.", r.version)))
            || r.group.starts_with(&format!("{suffix}."))
    };
    let tests: [&dyn Fn(&Resource) -> bool; 2] = [&|r| r.name == name, &|r| r.answers_to(name)];
    tests.iter().find_map(|test| {
        let all = || resources.iter().filter(|r| test(r) && fits(r));
        all().find(|r| r.preferred).or_else(|| all().next())
    })
}

async fn fetch(client: &Client) -> Result<Vec<Resource>> {
    let mut all = Vec::new();
    for root in ["/api", "/apis"] {
        let answer = client.json(Method::GET, root, AGGREGATED, None).await?;
        if answer["kind"] == "APIGroupDiscoveryList" {
            aggregated(&answer, &mut all);
        } else {
            legacy(client, &answer, &mut all).await?;
        }
    }
    Ok(all)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Reads an aggregated discovery document.
fn aggregated(list: &Value, into: &mut Vec<Resource>) {
    for group in list["items"].as_array().into_iter().flatten() {
        for (i, version) in group["versions"].as_array().into_iter().flatten().enumerate() {
            for r in version["resources"].as_array().into_iter().flatten() {
                into.push(Resource {
                    group: text(&group["metadata"]["name"]),
                    version: text(&version["version"]),
                    name: text(&r["resource"]),
                    singular: text(&r["singularResource"]),
                    kind: text(&r["responseKind"]["kind"]),
                    namespaced: r["scope"] == "Namespaced",
                    short: strings(&r["shortNames"]),
                    categories: strings(&r["categories"]),
                    verbs: strings(&r["verbs"]),
                    subresources: r["subresources"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|s| text(&s["subresource"]))
                        .collect(),
                    preferred: i == 0,
                });
            }
        }
    }
}

/// Walks the old discovery documents: one request a version.
async fn legacy(client: &Client, list: &Value, into: &mut Vec<Resource>) -> Result<()> {
    let mut wanted = Vec::new();
    if list["kind"] == "APIVersions" {
        for (i, version) in strings(&list["versions"]).into_iter().enumerate() {
            wanted.push((String::new(), version.clone(), format!("/api/{version}"), i == 0));
        }
    }
    for group in list["groups"].as_array().into_iter().flatten() {
        for version in group["versions"].as_array().into_iter().flatten() {
            let gv = text(&version["groupVersion"]);
            let preferred = group["preferredVersion"]["groupVersion"] == version["groupVersion"];
            wanted.push((text(&group["name"]), text(&version["version"]), format!("/apis/{gv}"), preferred));
        }
    }
    for (group, version, path, preferred) in wanted {
        let Ok(answer) = client.get(&path).await else { continue };
        let listed = answer["resources"].as_array().cloned().unwrap_or_default();
        for r in &listed {
            let name = text(&r["name"]);
            if name.contains('/') {
                continue;
            }
            let below = format!("{name}/");
            let subresources = listed
                .iter()
                .filter_map(|s| s["name"].as_str()?.strip_prefix(&below).map(str::to_owned))
                .collect();
            into.push(Resource {
                group: group.clone(),
                version: version.clone(),
                singular: text(&r["singularName"]),
                kind: text(&r["kind"]),
                namespaced: r["namespaced"] == true,
                short: strings(&r["shortNames"]),
                categories: strings(&r["categories"]),
                verbs: strings(&r["verbs"]),
                subresources,
                preferred,
                name,
            });
        }
    }
    Ok(())
}

/// The directory that a server's answers are kept in: its host and port, odd characters replaced.
fn host_dir(server: &str) -> String {
    let host = server.split_once("://").map_or(server, |(_, rest)| rest);
    host.chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect()
}

fn read_cache(path: &PathBuf) -> Option<Vec<Resource>> {
    let age = SystemTime::now().duration_since(std::fs::metadata(path).ok()?.modified().ok()?).ok()?;
    if age > CACHE_TTL {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// A warning in klog's form on standard error.
pub fn warn(place: &str, message: &str) {
    let now = jiff::Zoned::now();
    super::out::say_err(&format!(
        "W{} {:>7} {place}] {message}\n",
        now.strftime("%m%d %H:%M:%S%.6f"),
        std::process::id(),
    ));
}

/// A line in klog's form on standard error.
pub fn log_error(place: &str, message: &str) {
    let now = jiff::Zoned::now();
    super::out::say_err(&format!(
        "E{} {:>7} {place}] \"Unhandled Error\" err={}\n",
        now.strftime("%m%d %H:%M:%S%.6f"),
        std::process::id(),
        crate::go_quote::quote(message)
    ));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn resource(
        group: &str,
        version: &str,
        name: &str,
        singular: &str,
        short: &str,
        preferred: bool,
    ) -> Resource {
        Resource {
            group: group.into(),
            version: version.into(),
            name: name.into(),
            singular: singular.into(),
            short: vec![short.into()],
            preferred,
            ..Resource::default()
        }
    }

    #[test]
    fn words_mean_resources() {
        let all = [
            resource("", "v1", "nodes", "node", "no", true),
            resource("", "v1", "events", "event", "ev", true),
            resource("apps", "v1", "deployments", "deployment", "deploy", true),
            resource("events.k8s.io", "v1", "events", "event", "ev", true),
            resource(
                "autoscaling",
                "v1",
                "horizontalpodautoscalers",
                "horizontalpodautoscaler",
                "hpa",
                false,
            ),
            resource("autoscaling", "v2", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", true),
        ];
        let find = |word: &str| find(&all, word).map(|r| format!("{} {}", r.group_version(), r.name));
        assert_eq!(find("no").as_deref(), Some("v1 nodes"));
        assert_eq!(find("Node").as_deref(), Some("v1 nodes"));
        assert_eq!(find("ev").as_deref(), Some("v1 events"));
        assert_eq!(find("events.events.k8s.io").as_deref(), Some("events.k8s.io/v1 events"));
        assert_eq!(find("deploy.apps").as_deref(), Some("apps/v1 deployments"));
        assert_eq!(find("deployments.v1.apps").as_deref(), Some("apps/v1 deployments"));
        assert_eq!(find("hpa").as_deref(), Some("autoscaling/v2 horizontalpodautoscalers"));
        assert_eq!(find("hpa.v1.autoscaling").as_deref(), Some("autoscaling/v1 horizontalpodautoscalers"));
        assert_eq!(find("absents"), None);
    }
}
