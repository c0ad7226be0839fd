//! Whether a host is who it was: known hosts, the question about a new one, the warning of a changed one (OpenSSH's sshconnect.c).
#![allow(clippy::print_stderr)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::client;
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};

use super::options::{Strict, Target};

/// Checks a host's key against the known ones.
pub struct HostKey {
    /// How the host is called among the known ones.
    name: String,
    address: Option<IpAddr>,
    known: Vec<PathBuf>,
    strict: Strict,
    batch: bool,
    quiet: bool,
}

/// A line of a file of known hosts.
#[derive(Debug)]
struct Line {
    file: PathBuf,
    number: usize,
    names: String,
    key: PublicKey,
}

/// What the known hosts say of a key.
#[derive(Debug)]
enum Seen {
    Known,
    Changed(Line),
    /// With the lines that have the key under other names.
    New(Vec<Line>),
}

impl HostKey {
    pub(super) fn new(target: &Target, address: Option<IpAddr>) -> Self {
        let alias = &target.alias;
        // A name with a port of its own, unless it is one that stands for host and port.
        let own = target.port == crate::node::ssh::PORT || *alias != target.host;
        Self {
            name: if own { alias.clone() } else { format!("[{alias}]:{}", target.port) },
            address,
            known: target.known.clone(),
            strict: target.strict,
            batch: target.batch,
            quiet: target.quiet,
        }
    }

    fn seen(&self, key: &PublicKey) -> Seen {
        let (mut changed, mut others) = (None, Vec::new());
        for line in self.known.iter().flat_map(|file| lines(file)) {
            let same = line.key.key_data() == key.key_data();
            match (has_name(&line.names, &self.name), same) {
                (true, true) => return Seen::Known,
                (true, false) if line.key.algorithm() == key.algorithm() => {
                    changed.get_or_insert(line);
                }
                (false, true) => others.push(line),
                _ => {}
            }
        }
        changed.map_or(Seen::New(others), Seen::Changed)
    }

    /// Whether the host's key is taken.
    fn accepts(&self, key: &PublicKey) -> bool {
        let kind = kind(key);
        match self.seen(key) {
            Seen::Known => true,
            Seen::New(others) => {
                let taken = match self.strict {
                    Strict::No | Strict::AcceptNew => true,
                    Strict::Yes => {
                        eprintln!(
                            "No {kind} host key is known for {} and you have requested strict checking.",
                            self.name
                        );
                        false
                    }
                    Strict::Ask => !self.batch && self.ask(key, &others),
                };
                if taken {
                    self.learn(key);
                }
                taken
            }
            Seen::Changed(line) => {
                let first = self.known.first().map_or(Path::new(""), PathBuf::as_path);
                eprintln!("{}", changed(&self.name, key, &line, first));
                if self.strict == Strict::No {
                    eprintln!(
                        "Password authentication is disabled to avoid man-in-the-middle attacks.\n\
                         Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.\n\
                         UpdateHostkeys is disabled because the host key is not trusted."
                    );
                    return true;
                }
                eprintln!("Host key for {} has changed and you have requested strict checking.", self.name);
                false
            }
        }
    }

    /// Asks at the terminal, whatever standard input is.
    fn ask(&self, key: &PublicKey, others: &[Line]) -> bool {
        let Ok(mut terminal) = fs::OpenOptions::new().read(true).write(true).open("/dev/tty") else {
            return false;
        };
        let Ok(reader) = terminal.try_clone() else { return false };
        let mut reader = BufReader::new(reader);
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let mut question = question(&self.name, self.address, key, others);
        loop {
            let mut answer = String::new();
            if write!(terminal, "{question}").is_err() || !matches!(reader.read_line(&mut answer), Ok(1..)) {
                return false;
            }
            match answer.trim() {
                "" | "no" => return false,
                "yes" => return true,
                given if given == fingerprint => return true,
                _ => question = "Please type 'yes', 'no' or the fingerprint: ".to_owned(),
            }
        }
    }

    fn learn(&self, key: &PublicKey) {
        let Some(file) = self.known.first() else { return };
        let mut bare = key.clone();
        bare.set_comment("");
        let Ok(line) = bare.to_openssh() else { return };
        let written = append(file, &format!("{} {}\n", self.name, line.trim()));
        match written {
            Ok(()) if self.quiet => {}
            Ok(()) => eprintln!(
                "Warning: Permanently added '{}' ({}) to the list of known hosts.",
                self.name,
                kind(key)
            ),
            Err(_) => eprintln!("Failed to add the host to the list of known hosts ({}).", file.display()),
        }
    }
}

fn append(file: &Path, line: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(directory) = file.parent().filter(|d| !d.is_dir()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let before = fs::read(file).unwrap_or_default();
    let gap = if before.last().is_some_and(|last| *last != b'\n') { "\n" } else { "" };
    let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    file.write_all(format!("{gap}{line}").as_bytes())
}

/// The lines of a file that have a key.
fn lines(file: &Path) -> Vec<Line> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = |(at, line): (usize, &str)| {
        let (names, key) = line.trim().split_once([' ', '\t'])?;
        if names.starts_with(['#', '@']) {
            return None;
        }
        let key = PublicKey::from_openssh(key.trim()).ok()?;
        Some(Line { file: file.into(), number: at + 1, names: names.into(), key })
    };
    text.lines().enumerate().filter_map(line).collect()
}

/// Whether names of a line, some of them perhaps hashed (`HashKnownHosts`), are a host's.
fn has_name(names: &str, host: &str) -> bool {
    names.split(',').any(|name| match name.strip_prefix("|1|").and_then(|rest| rest.split_once('|')) {
        Some((salt, hash)) => {
            let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
            ring::hmac::verify(&key, host.as_bytes(), &hash).is_ok()
        }
        None => name.eq_ignore_ascii_case(host),
    })
}

/// How messages name a key's algorithm.
fn kind(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        Algorithm::Ed25519 => "ED25519",
        Algorithm::Ecdsa { .. } => "ECDSA",
        Algorithm::Rsa { .. } => "RSA",
        _ => "unknown",
    }
}

fn question(name: &str, address: Option<IpAddr>, key: &PublicKey, others: &[Line]) -> String {
    let address = address.map_or_else(String::new, |address| format!(" ({address})"));
    let kind = kind(key);
    let mut text = format!(
        "The authenticity of host '{name}{address}' can't be established.\n{kind} key fingerprint is {}.\n",
        key.fingerprint(HashAlg::Sha256)
    );
    if others.is_empty() {
        text += "This key is not known by any other names.\n";
    } else {
        text += "This host key is known by the following other names/addresses:\n";
        for line in others {
            let names = if line.names.starts_with('|') { "[hashed name]" } else { &line.names };
            text += &format!("    {}:{}: {names}\n", tilde(&line.file), line.number);
        }
    }
    text + "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
}

/// A path with `~` for the home it is in.
fn tilde(file: &Path) -> String {
    file.strip_prefix(super::home())
        .map_or_else(|_| file.display().to_string(), |rest| format!("~/{}", rest.display()))
}

fn changed(name: &str, key: &PublicKey, line: &Line, first: &Path) -> String {
    let rule = "@".repeat(59);
    let (kind, old, file) = (kind(key), self::kind(&line.key), line.file.display());
    format!(
        "{rule}\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n{rule}\n\
         IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\n\
         Someone could be eavesdropping on you right now (man-in-the-middle attack)!\n\
         It is also possible that a host key has just been changed.\n\
         The fingerprint for the {kind} key sent by the remote host is\n{}.\n\
         Please contact your system administrator.\n\
         Add correct host key in {} to get rid of this message.\n\
         Offending {old} key in {file}:{}\n  remove with:\n  ssh-keygen -f \"{file}\" -R \"{name}\"",
        key.fingerprint(HashAlg::Sha256),
        first.display(),
        line.number
    )
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        Ok(self.accepts(key))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn names_and_hashed_names() {
        assert!(has_name("node01,172.30.2.2", "172.30.2.2"));
        assert!(!has_name("node01", "node0"));
        // As `HashKnownHosts` writes them.
        let salt = STANDARD.encode(b"12345678901234567890");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345678901234567890");
        let hash = STANDARD.encode(ring::hmac::sign(&key, b"node01"));
        assert!(has_name(&format!("|1|{salt}|{hash}"), "node01"));
        assert!(!has_name(&format!("|1|{salt}|{hash}"), "node02"));
    }

    #[test]
    fn a_line_is_known_changed_or_new() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        let key = PublicKey::from_openssh(KEY).unwrap();
        let check = |text: &str| {
            fs::write(&file, text).unwrap();
            let known = vec![file.clone()];
            let (name, address) = ("node01".to_owned(), None);
            HostKey { name, address, known, strict: Strict::Yes, batch: true, quiet: true }.seen(&key)
        };
        let other = KEY.replace("OIeZJ", "OIeZK");
        assert!(matches!(check(&format!("# a\nx,node01 {KEY} comment\n")), Seen::Known));
        assert!(matches!(check(&format!("# a\nnode01 {other}\n")), Seen::Changed(Line { number: 2, .. })));
        assert!(matches!(check(&format!("x {KEY}\n")), Seen::New(others) if others.len() == 1));
        assert!(matches!(check(""), Seen::New(others) if others.is_empty()));
    }
}
