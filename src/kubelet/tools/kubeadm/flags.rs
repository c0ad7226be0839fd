//! kubeadm's command line, as cobra and pflag read it.

use std::collections::BTreeMap;

use super::Failed;

/// Flags with a value: name, letter.
const VALUES: [(&str, &str); 21] = [
    ("apiserver-advertise-address", ""),
    ("apiserver-bind-port", ""),
    ("apiserver-cert-extra-sans", ""),
    ("cert-dir", ""),
    ("certificate-key", ""),
    ("config", ""),
    ("control-plane-endpoint", ""),
    ("cri-socket", ""),
    ("description", ""),
    ("groups", ""),
    ("image-repository", ""),
    ("kubeconfig", ""),
    ("kubeconfig-dir", ""),
    ("kubernetes-version", ""),
    ("node-name", ""),
    ("output", "o"),
    ("rootfs", ""),
    ("service-cidr", ""),
    ("ttl", ""),
    ("usages", ""),
    ("v", "v"),
];
/// Flags without one.
const SWITCHES: [(&str, &str); 6] = [
    ("cleanup-tmp-dir", ""),
    ("dry-run", ""),
    ("force", "f"),
    ("help", "h"),
    ("print-join-command", ""),
    ("skip-headers", ""),
];

/// The flags that were given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flags(BTreeMap<&'static str, String>);

impl Flags {
    /// Reads words: the flags, and what is none.
    pub(super) fn parse(words: &[String]) -> Result<(Self, Vec<String>), Failed> {
        let (mut flags, mut plain) = (Self::default(), Vec::new());
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-').filter(|f| !f.is_empty()) else {
                plain.push(word.clone());
                continue;
            };
            let (long, body) = match flag.strip_prefix('-') {
                Some("") => {
                    plain.extend(words.by_ref().cloned());
                    break;
                }
                Some(body) => (true, body),
                None => (false, flag),
            };
            let (name, given) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if !long && body.len() > 1 && body.is_char_boundary(1) => {
                    (&body[..1], Some(body[1..].to_owned()))
                }
                None => (body, None),
            };
            let is = |row: &&(&'static str, &'static str)| if long { row.0 == name } else { row.1 == name };
            if let Some((name, _)) = SWITCHES.iter().find(is) {
                flags.0.insert(name, given.unwrap_or_else(|| "true".into()));
            } else if let Some((name, _)) = VALUES.iter().find(is) {
                let value = given.or_else(|| words.next().cloned());
                let value = value.ok_or_else(|| format!("flag needs an argument: {word}"))?;
                flags.0.insert(name, value);
            } else if long {
                return Err(format!("unknown flag: --{name}").into());
            } else {
                return Err(format!("unknown shorthand flag: '{name}' in {word}").into());
            }
        }
        Ok((flags, plain))
    }

    /// The value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a switch is on.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }

    /// The values of a flag that takes a list.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        Some(self.get(name)?.split(',').filter(|v| !v.is_empty()).map(str::to_owned).collect())
    }
}
