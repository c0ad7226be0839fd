//! The built-in kubectl, for machines that have none: kubectl v1.31's commands, texts and exit statuses.
//!
//! ```text
//! argv -> args -> Session (kubeconfig, client, discovery) -> one command -> select -> requests -> printer
//! ```
//!
//! Commands live in [`commands`], one file each. Nothing here knows of labs or lessons: it talks to whatever API
//! server the kubeconfig names.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

mod args;
mod client;
mod commands;
mod describe;
mod discovery;
mod fail;
mod jsonpath;
mod kubeconfig;
mod merge;
mod out;
mod printer;
mod select;
mod table;
mod tabs;
use crate::go_yaml as yaml;
use args::Args;
use client::Client;
use discovery::{Discovery, Resource};
use fail::{Fail, Result};
use kubeconfig::Kubeconfig;

/// The release that this kubectl behaves like.
pub const VERSION: &str = "v1.31.0";

/// Runs a kubectl command line and gives its exit status; the program's name is not among the arguments.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.into_iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            out::say_err(&format!("error: {e}\n"));
            return 1;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = commands::run(&words) => result,
            _ = tokio::signal::ctrl_c() => Err(Fail::Exit(130)),
        }
    });
    runtime.shutdown_background();
    match result {
        Ok(()) => 0,
        Err(fail) => {
            let (text, status) = fail.render();
            out::say_err(&text);
            status
        }
    }
}

/// What a running command has at hand; made as it is asked for.
pub(crate) struct Session {
    /// The command line.
    pub args: Args,
    config: OnceLock<Kubeconfig>,
    client: OnceLock<Arc<Client>>,
    discovery: Option<Discovery>,
}

impl Session {
    fn new(args: Args) -> Self {
        Self { args, config: OnceLock::new(), client: OnceLock::new(), discovery: None }
    }

    /// The merged kubeconfig.
    pub fn config(&self) -> Result<&Kubeconfig> {
        if self.config.get().is_none() {
            let config = Kubeconfig::load(&self.args)?;
            for missing in &config.missing {
                let now = jiff::Zoned::now().strftime("%m%d %H:%M:%S%.6f").to_string();
                let pid = std::process::id();
                out::say_err(&format!(
                    "W{now} {pid:>7} loader.go:222] Config not found: {}\n",
                    missing.display()
                ));
            }
            let _ = self.config.set(config);
        }
        self.config.get().ok_or(Fail::Exit(1))
    }

    /// The client for the server and user in force.
    pub fn client(&self) -> Result<Arc<Client>> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let target = self.config()?.target(&self.args)?;
        let mut headers = Vec::new();
        if let Some(user) = self.args.text("as") {
            headers.push(("Impersonate-User".to_owned(), user.to_owned()));
        }
        headers.extend(self.args.all("as-group").into_iter().map(|g| ("Impersonate-Group".to_owned(), g)));
        headers.extend(self.args.text("as-uid").map(|uid| ("Impersonate-Uid".to_owned(), uid.to_owned())));
        if headers.first().is_some_and(|(name, _)| name != "Impersonate-User") {
            let (_, context) = self.config()?.context(&self.args)?;
            let user = context["user"].as_str().unwrap_or_default();
            return fail::plain(format!(
                "requesting uid, groups or user-extra for {user} without impersonating a user"
            ));
        }
        let timeout = self.args.timeout()?;
        let client = Arc::new(Client::new(target, headers, timeout)?);
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// What the server serves.
    pub async fn discovery(&mut self) -> Result<&mut Discovery> {
        if self.discovery.is_none() {
            let client = self.client()?;
            let home = std::env::var_os("HOME").filter(|h| !h.is_empty());
            let cache = self
                .args
                .text("cache-dir")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("KUBECACHEDIR").map(PathBuf::from))
                .or_else(|| home.map(|home| PathBuf::from(home).join(".kube/cache")));
            self.discovery = Some(Discovery::load(&client, cache).await?);
        }
        self.discovery.as_mut().ok_or(Fail::Exit(1))
    }

    /// What a word means: `no`, `pods`, `deploy.apps`.
    pub async fn resolve(&mut self, word: &str) -> Result<Resource> {
        let client = self.client()?;
        self.discovery().await?.resolve(&client, word).await
    }

    /// The namespace in force and whether the command line gave it.
    pub fn namespace(&self) -> Result<(String, bool)> {
        self.config()?.namespace(&self.args)
    }

    /// The namespace for objects of a resource.
    pub fn namespace_for(&self, resource: &Resource) -> Option<String> {
        if resource.namespaced { self.namespace().ok().map(|(namespace, _)| namespace) } else { None }
    }
}

/// Escapes text for a path or a query.
pub(crate) fn percent(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(byte as char);
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// A path with a query.
pub(crate) fn with_query(path: &str, query: &[(&str, String)]) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let pairs: Vec<String> = query.iter().map(|(k, v)| format!("{k}={}", percent(v))).collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The machine's architecture in Go's words.
pub(crate) fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A length of time as kubectl shows ages: `3s`, `5m30s`, `2d4h`.
///
/// After `k8s.io/apimachinery/pkg/util/duration.HumanDuration`.
pub(crate) fn human_duration(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let pair = |a: i64, au: &str, b: i64, bu: &str| {
        if b == 0 { format!("{a}{au}") } else { format!("{a}{au}{b}{bu}") }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => pair(days, "d", hours % 24, "h"),
        () if days < 730 => format!("{days}d"),
        () if days < 2920 => pair(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

/// The age of a thing made at this time.
pub(crate) fn age(timestamp: &str) -> String {
    match timestamp.parse::<jiff::Timestamp>() {
        Ok(then) => human_duration(jiff::Timestamp::now().as_second() - then.as_second()),
        Err(_) => "<unknown>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (seconds, wanted) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (10800, "3h"),
            (11100, "3h5m"),
            (172_800, "2d"),
            (180_000, "2d2h"),
            (-5, "<invalid>"),
        ] {
            assert_eq!(human_duration(seconds), wanted);
        }
    }

    #[test]
    fn words_are_quoted_and_escaped() {
        assert_eq!(crate::go_quote::quote("a\"b\n"), "\"a\\\"b\\n\"");
        assert_eq!(with_query("/p", &[("labelSelector", "a=1,b".into())]), "/p?labelSelector=a%3D1%2Cb");
    }
}
