//! Clients for a context of a kubeconfig.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::apiserver::authentication::x509;
use crate::check::http as api;
use crate::cluster::Identity;
use crate::error::{Context, Error, Result};
use crate::text::tr;

/// A way to an API server.
#[derive(Clone)]
pub struct Connection {
    config: Config,
    /// The context's name.
    pub context: String,
    /// The kubeconfig's path, or the paths of several as `KUBECONFIG` lists them.
    pub kubeconfig: PathBuf,
    /// The server's address.
    pub server: String,
    /// Whom the kubeconfig is of.
    pub owner: Owner,
}

/// Whom a kubeconfig's context is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The certificate's name, or what the kubeconfig calls the user.
    pub user: String,
    /// The certificate's groups.
    pub groups: Vec<String>,
    /// Whether a client certificate says so.
    pub certificate: bool,
}

/// The files that a kubeconfig is read from: those named, else those of `KUBECONFIG`, else `~/.kube/config`.
///
/// What is named is one file, or a list as in `KUBECONFIG`: that is how a journal remembers several.
fn files(named: Option<&Path>) -> Vec<PathBuf> {
    let split = |list: &OsStr| std::env::split_paths(list).filter(|p| !p.as_os_str().is_empty()).collect();
    match (named, std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty())) {
        (Some(path), _) if path.exists() => vec![path.to_path_buf()],
        (Some(path), _) => split(path.as_os_str()),
        (None, Some(list)) => split(&list),
        (None, None) => {
            std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config")).into_iter().collect()
        }
    }
}

fn unreadable(path: Option<&Path>, why: impl std::fmt::Display) -> Error {
    let what = match path {
        Some(path) => tr!(live_kubeconfig_not_read { file: path.display() }),
        None => tr!(live_no_kubeconfig).to_owned(),
    };
    Error::new(what).why(why).hint(tr!(live_name_kubeconfig))
}

/// Refuses a file of which the client library would make a panic; one that is missing or broken YAML is its to name.
fn is_a_mapping(path: &Path) -> Result<()> {
    let Ok(bytes) = std::fs::read(path) else { return Ok(()) };
    let refused = |why: &str| Err(unreadable(Some(path), why));
    let Ok(text) = std::str::from_utf8(&bytes) else { return refused(tr!(live_kubeconfig_not_utf8)) };
    if text.trim().len() < 4 {
        return refused(tr!(live_kubeconfig_empty));
    }
    for document in serde_yaml::Deserializer::from_str(text) {
        let Ok(value) = <serde_yaml::Value as serde::Deserialize>::deserialize(document) else {
            return Ok(());
        };
        if !value.is_mapping() && !value.is_null() {
            return refused(tr!(live_kubeconfig_no_mapping));
        }
    }
    Ok(())
}

/// One kubeconfig of several files, the first word on a name being the last, as kubectl has it: of a list some may be
/// missing, not all.
fn merged(files: &[PathBuf]) -> Result<Kubeconfig> {
    let alone = files.len() == 1;
    let there = files.iter().filter(|path| alone || path.exists());
    let mut all: Option<Kubeconfig> = None;
    for path in there {
        let one = Kubeconfig::read_from(path).map_err(|e| unreadable(Some(path), e))?;
        all = Some(match all {
            None => one,
            Some(first) => first.merge(one).map_err(|e| unreadable(Some(path), e))?,
        });
    }
    let looked: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    all.ok_or_else(|| match looked.is_empty() {
        true => unreadable(None, tr!(live_no_home)),
        false => unreadable(None, tr!(live_none_of { files: looked.join(", ") })),
    })
}

impl Connection {
    /// Reads the kubeconfig (`--kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`) and picks the context.
    pub async fn open(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Self> {
        let files = files(kubeconfig);
        files.iter().try_for_each(|path| is_a_mapping(path))?;
        let found = merged(&files)?;
        let names: Vec<String> = found.contexts.iter().map(|c| c.name.clone()).collect();
        let wanted = context.map(str::to_owned).or_else(|| found.current_context.clone()).unwrap_or_default();
        if !names.contains(&wanted) {
            let file = kubeconfig.map(|path| format!(" {}", path.display())).unwrap_or_default();
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Error::new(tr!(live_no_context { file, wanted })).hint(tr!(live_contexts { has })));
        }
        certificate_in_time(&found, &wanted)?;
        let owner = owner(&found, &wanted);
        let chosen = KubeConfigOptions { context: Some(wanted.clone()), ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(found, &chosen)
            .await
            .context_what(|| tr!(live_context_unusable { wanted }))?;
        config.connect_timeout = Some(Duration::from_secs(5));
        config.default_retry = false;
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let absolute = files.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        let path = std::env::join_paths(absolute).map(PathBuf::from).unwrap_or_default();
        Ok(Self { config, context: wanted, kubeconfig: path, server, owner })
    }

    /// A client that acts as `identity`.
    pub fn client(&self, identity: &Identity) -> Result<kube::Client> {
        let mut config = self.config.clone();
        if let Identity::Impersonated { user, groups } = identity {
            let value =
                |text: &str| HeaderValue::from_str(text).context_what(|| tr!(live_no_user_name { text }));
            config.headers.push((HeaderName::from_static("impersonate-user"), value(user)?));
            for group in groups {
                config.headers.push((HeaderName::from_static("impersonate-group"), value(group)?));
            }
        }
        kube::Client::try_from(config).context_what(|| tr!(live_no_client { server: self.server }))
    }

    /// The admin's client.
    pub fn admin(&self) -> Result<kube::Client> {
        self.client(&Identity::Admin)
    }

    /// Reads an object as the admin; null where there is none.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, None).await
    }

    /// Sends a request as the admin; null where the object is not there.
    pub async fn send(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Result<Value> {
        let what = || tr!(live_request_at { method, path, server: self.server });
        let mut request = http::Request::builder().method(method).uri(path);
        if let Some((content_type, _)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let bytes = body.map(|(_, value)| value.to_string().into_bytes()).unwrap_or_default();
        let request = request.body(bytes).context_what(what)?;
        let answer = api::send(&self.admin()?, request)
            .await
            .map_err(|e| Error::new(tr!(live_server_silent { server: self.server })).why(e.0))?;
        match answer.code {
            200..=299 => Ok(answer.body),
            404 if method != "POST" => Ok(Value::Null),
            401 => {
                Err(Error::new(tr!(live_credentials_refused { server: self.server, context: self.context }))
                    .why(answer.message())
                    .hint(tr!(live_expired)))
            }
            _ => Err(Error::new(tr!(live_failed { what: what() })).why(answer.message())),
        }
    }

    /// Whether `/readyz` says ok.
    pub async fn ready(&self) -> bool {
        let Ok(client) = self.admin() else { return false };
        matches!(api::get(&client, "/readyz").await, Ok(answer) if answer.code == 200)
    }

    /// The uid of the namespace kube-system: what tells one cluster from another.
    pub async fn cluster_uid(&self) -> Result<String> {
        let namespace = self.get("/api/v1/namespaces/kube-system").await?;
        let uid = namespace["metadata"]["uid"].as_str();
        uid.map(str::to_owned).ok_or_else(|| Error::new(tr!(live_no_kube_system { server: self.server })))
    }

    /// Whether NodeRestriction is at work: a kubelet's dry run on its own Node tells, and changes nothing.
    ///
    /// `Ok(None)` where neither its refusal nor a success came back, as while a server starts.
    pub async fn restricts(&self, node: &str) -> Result<Option<bool>> {
        let client = self.client(&Identity::kubelet(node))?;
        let path = format!("/api/v1/nodes/{node}?dryRun=All&fieldManager=cks-lab-check");
        let body = json!({"metadata": {"labels": {"node-restriction.kubernetes.io/cks-lab-probe": "1"}}});
        let answer = api::patch(&client, &path, "application/merge-patch+json", &body).await;
        Ok(match answer {
            Ok(answer) if answer.code == 200 => Some(false),
            Ok(answer)
                if answer.code == 403 && answer.message().contains("is not allowed to modify labels") =>
            {
                Some(true)
            }
            _ => None,
        })
    }
}

/// The user of a context, with the client certificate's PEM text where there is one.
fn user_of(kubeconfig: &Kubeconfig, context: &str) -> Option<(String, Option<Vec<u8>>)> {
    use base64::Engine;
    let user = kubeconfig.contexts.iter().find(|c| c.name == context)?.context.as_ref()?.user.clone()?;
    let info = kubeconfig.auth_infos.iter().find(|a| a.name == user).and_then(|a| a.auth_info.as_ref());
    let pem = info.and_then(|info| match (&info.client_certificate_data, &info.client_certificate) {
        (Some(data), _) => base64::engine::general_purpose::STANDARD.decode(data).ok(),
        (None, Some(file)) => std::fs::read(file).ok(),
        _ => None,
    });
    Some((user, pem))
}

/// Whom a context is of.
fn owner(kubeconfig: &Kubeconfig, context: &str) -> Owner {
    let Some((user, pem)) = user_of(kubeconfig, context) else { return Owner::default() };
    let plain = Owner { user, ..Owner::default() };
    let block = pem.and_then(|pem| Some(x509_parser::pem::parse_x509_pem(&pem).ok()?.1));
    let Some(certificate) = block.as_ref().and_then(|block| block.parse_x509().ok()) else { return plain };
    let (user, groups) = x509::subject(&certificate);
    Owner { user: user.unwrap_or(plain.user), groups, certificate: true }
}

/// Says that the context's certificate is out of time before a server does in fewer words.
fn certificate_in_time(kubeconfig: &Kubeconfig, context: &str) -> Result<()> {
    let Some((user, Some(pem))) = user_of(kubeconfig, context) else { return Ok(()) };
    let Ok((_, block)) = x509_parser::pem::parse_x509_pem(&pem) else { return Ok(()) };
    let Ok(certificate) = block.parse_x509() else { return Ok(()) };
    let (from, until) =
        (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let now = jiff::Timestamp::now().as_second();
    let shown = |second: i64| {
        jiff::Timestamp::from_second(second).map_or_else(|_| second.to_string(), |t| t.to_string())
    };
    let wrong = if now > until {
        tr!(live_expired_at { time: shown(until) })
    } else if now < from {
        tr!(live_not_before { time: shown(from) })
    } else {
        return Ok(());
    };
    Err(Error::new(tr!(live_certificate_time { user, context })).why(wrong).hint(tr!(live_new_credentials)))
}
