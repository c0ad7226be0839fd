//! Where crictl's settings come from: its flags, the environment, `/etc/crictl.yaml`; and `crictl config`.
//!
//! Upstream: `cmd/crictl/{main,config}.go`, `pkg/common/file.go`.

use serde_json::Value;

use super::args::Options;
use super::{Failure, log};
use crate::kubelet::tools::client;
use crate::kubelet::tools::text::columns;

/// The first of crictl's own endpoints, which containerd has.
pub const CONTAINERD: &str = "unix:///run/containerd/containerd.sock";

/// What a file of settings may have, and what it is without one.
const KEYS: [(&str, &str); 6] = [
    ("runtime-endpoint", ""),
    ("image-endpoint", ""),
    ("timeout", "0"),
    ("debug", "false"),
    ("pull-image-on-create", "false"),
    ("disable-pull-on-run", "false"),
];

/// A file of settings, by key.
type Settings = Vec<(String, String)>;

/// Where the settings are, and whether somebody named the file.
fn place(options: &Options) -> (String, bool) {
    let named = options.value("config").map(str::to_owned);
    let named = named.or_else(|| std::env::var("CRI_CONFIG_FILE").ok().filter(|f| !f.is_empty()));
    let is_named = named.is_some();
    (named.unwrap_or_else(|| "/etc/crictl.yaml".into()), is_named)
}

/// A file of settings, and what is in it.
pub struct Global {
    file: String,
    settings: Settings,
}

/// Reads the settings; none where there are none.
pub fn read_settings(options: &Options, newer: bool) -> Result<Global, Failure> {
    let file = place(options).0;
    Ok(Global { settings: settings(options, newer)?, file })
}

fn settings(options: &Options, says_what_next: bool) -> Result<Settings, Failure> {
    let (file, named) = place(options);
    let failed = |why: String| Failure::Fatal(format!("load config file: {why}"));
    match std::fs::read_to_string(&file) {
        Ok(text) => read(&text).map_err(failed),
        Err(error) if named => {
            let beside = "/usr/bin/crictl.yaml";
            if says_what_next && error.kind() == std::io::ErrorKind::NotFound {
                log("warning", &format!("Config {file:?} does not exist, trying next: {beside:?}"));
            }
            Err(failed(format!("stat {beside}: no such file or directory")))
        }
        Err(_) => Ok(Settings::new()),
    }
}

fn read(text: &str) -> Result<Settings, String> {
    let value: Value = serde_yaml::from_str(text).map_err(|error| {
        format!("yaml: line {}: {}", error.location().map_or(1, |at| at.line()), words(&error))
    })?;
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(key, value)| {
            if !KEYS.iter().any(|(known, _)| known == key) {
                return Err(format!("Config option '{key}' is not valid"));
            }
            Ok((key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
        .collect()
}

fn words(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// The endpoint of a service, `runtime` or `image`; a word for people where it is crictl's own choice.
pub fn endpoint(options: &Options, global: &Global, service: &str) -> String {
    let (flag, variable) = match service {
        "image" => ("image-endpoint", "IMAGE_SERVICE_ENDPOINT"),
        _ => ("runtime-endpoint", "CONTAINER_RUNTIME_ENDPOINT"),
    };
    let given = options.value(flag).map(str::to_owned);
    let given = given.or_else(|| std::env::var(variable).ok().filter(|e| !e.is_empty()));
    let given = given.or_else(|| value(&global.settings, flag).map(str::to_owned)).filter(|e| !e.is_empty());
    // A node without a root of its own has no settings of its own either.
    let own = std::env::var_os(client::VARIABLE).is_some().then(|| CONTAINERD.to_owned());
    match (given.or(own), service) {
        (Some(endpoint), _) => endpoint,
        (None, "image") => endpoint(options, global, "runtime"),
        (None, _) => String::new(),
    }
}

fn value<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

/// `crictl config`: shows settings, or writes one down.
pub fn config(global: &Global, options: &Options, newer: bool) -> Result<String, Failure> {
    let known = |key: &str| KEYS.iter().find(|(known, _)| *known == key).map(|(_, otherwise)| *otherwise);
    let shown = |key: &str, otherwise: &str| value(&global.settings, key).unwrap_or(otherwise).to_owned();
    if let Some(key) = options.value("get") {
        let otherwise = known(key).ok_or_else(|| format!("no configuration option named {key}"))?;
        return Ok(format!("{}\n", shown(key, otherwise)));
    }
    let pairs: Vec<&str> = options.all("set").flat_map(|text| text.split(',')).collect();
    if options.has("list") && pairs.is_empty() {
        let mut rows = vec![vec!["KEY".to_owned(), "VALUE".into()]];
        rows.extend(KEYS.iter().map(|(key, otherwise)| vec![(*key).to_owned(), shown(key, otherwise)]));
        return Ok(format!("{}{}", super::stats::CLEAR, columns(&rows, 20, 3)));
    }
    let mut settings = global.settings.clone();
    for pair in &pairs {
        let wrong = || Failure::Fatal(format!("incorrectly specified option: {pair}"));
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        set(&mut settings, key, value)?;
    }
    if pairs.is_empty() {
        let key = options.arguments.first().ok_or(Failure::Help)?;
        let value = options.arguments.get(1).map_or("", String::as_str);
        if newer {
            log(
                "info",
                &format!("No --get, --set or --list provided, setting key {key:?} to value {value:?}"),
            );
        }
        set(&mut settings, key, value)?;
    }
    let text: String = settings.iter().map(|(key, value)| format!("{key}: {}\n", plain(value))).collect();
    std::fs::write(&global.file, text).map_err(|e| format!("open {}: {e}", global.file))?;
    Ok(String::new())
}

fn set(settings: &mut Settings, key: &str, value: &str) -> Result<(), Failure> {
    if !KEYS.iter().any(|(known, _)| *known == key) {
        return Err(format!("no configuration option named {key}").into());
    }
    match settings.iter_mut().find(|(k, _)| k == key) {
        Some((_, old)) => *old = value.to_owned(),
        None => settings.push((key.to_owned(), value.to_owned())),
    }
    Ok(())
}

fn plain(value: &str) -> String {
    if value.is_empty() { "\"\"".into() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_are_those_that_crictl_knows() {
        let found = read("runtime-endpoint: unix:///x\ntimeout: 2\ndebug: false\n").unwrap();
        assert_eq!(
            (value(&found, "timeout"), value(&found, "runtime-endpoint")),
            (Some("2"), Some("unix:///x"))
        );
        assert_eq!(read("nonsense: 3").unwrap_err(), "Config option 'nonsense' is not valid");
        let broken = read("{{{{").unwrap_err();
        assert!(broken.starts_with("yaml: line 1: "), "{broken}");
    }
}
