//! Keys, known hosts and the client's configuration on the nodes' disks.

use std::net::SocketAddr;
use std::path::Path;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};

use super::Host;
use crate::error::{Context, Error, Result};
use crate::node::Isolation;
use crate::rooted::Rooted;
use crate::text::tr;

const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";
const USER_KEY: &str = "root/.ssh/id_ed25519";
const AUTHORIZED: &str = "root/.ssh/authorized_keys";
const KNOWN: &str = "root/.ssh/known_hosts";
const CONFIG: &str = "etc/ssh/ssh_config";
const CLIENTS: [&str; 3] =
    ["opt/cks-lab/local/bin/ssh", "opt/cks-lab/local/bin/scp", "opt/cks-lab/local/bin/sftp"];

/// Makes what is missing on every node, keeps what is there, and returns the host keys in order.
pub fn ensure(hosts: &[Host]) -> Result<Vec<PrivateKey>> {
    let mut known = String::new();
    let mut authorized = String::new();
    let mut keys = Vec::new();
    for host in hosts {
        let (name, files) = (host.node.name(), files(host)?);
        let key = key(&files, HOST_KEY, &format!("root@{name}"))?;
        let user = self::key(&files, USER_KEY, &format!("root@{name}"))?;
        known += &format!("{name},{} {}\n", host.address, public(key.public_key(), "")?);
        authorized += &format!("{}\n", public(user.public_key(), &format!("root@{name}"))?);
        keys.push(key);
    }
    for host in hosts {
        let files = files(host)?;
        for (path, text, mode) in [(KNOWN, &known, 0o644), (AUTHORIZED, &authorized, 0o600)] {
            add_lines(&files, path, text, mode)?;
        }
    }
    Ok(keys)
}

/// Tells the clients on a node how the others are reached.
pub fn configure(host: &Host, listening: &[(String, SocketAddr)]) -> Result<()> {
    files(host)?.place(CONFIG, &config(host, listening), 0o644)
}

fn config(host: &Host, listening: &[(String, SocketAddr)]) -> String {
    if host.node.isolation() != Isolation::Plain {
        // Where both nodes are one network, a node would seem to be called by itself without this.
        return format!("Host *\n    BindAddress {}\n    SendEnv LANG LC_*\n", host.address);
    }
    let host = |(name, at): &(String, SocketAddr)| {
        format!("Host {name}\n    HostName {}\n    Port {}\n    HostKeyAlias {name}\n", at.ip(), at.port())
    };
    listening.iter().map(host).collect()
}

/// Puts the lab's clients first on a plain node's `PATH`: the machine's own would look for keys in the machine's home.
pub fn install_clients(host: &Host, program: &Path) -> Result<()> {
    let files = files(host)?;
    for client in CLIENTS {
        let what = || tr!(node_link_not_made { path: files.shown(client).display() });
        if files.symlink_metadata(client).is_ok() {
            files.remove_file(client).context_what(what)?;
        }
        files.symlink(program, client).context_what(what)?;
    }
    Ok(())
}

fn files(host: &Host) -> Result<Rooted> {
    let name = host.node.name();
    let root = host.node.root();
    root.map(Rooted::new).ok_or_else(|| Error::new(tr!(node_no_files_here { name })))
}

/// Adds the lines that a file does not have yet; a learner's own stay.
fn add_lines(files: &Rooted, path: &str, lines: &str, mode: u32) -> Result<()> {
    let mut text = match files.read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => {
            return Err(Error::new(tr!(file_cannot_be_read { file: files.shown(path).display() })).why(e));
        }
    };
    let missing: Vec<_> = lines.lines().filter(|line| !text.lines().any(|there| there == *line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in missing {
        text += line;
        text.push('\n');
    }
    files.place(path, &text, mode)
}

fn public(key: &PublicKey, comment: &str) -> Result<String> {
    let mut key = key.clone();
    key.set_comment(comment);
    key.to_openssh()
        .context_what(|| tr!(node_public_key_not_written).into())
        .map(|line| line.trim_end().to_owned())
}

/// Reads an ed25519 key, or makes one; one that cannot be read is set aside.
fn key(files: &Rooted, path: &str, comment: &str) -> Result<PrivateKey> {
    if files.exists(path) {
        match files.read_to_string(path).map(PrivateKey::from_openssh) {
            Ok(Ok(key)) if !key.is_encrypted() => return Ok(key),
            _ => {
                files
                    .rename(path, format!("{path}.broken"))
                    .context_what(|| tr!(node_key_not_moved { file: files.shown(path).display() }))?;
            }
        }
    }
    let what = || tr!(node_key_not_made { file: files.shown(path).display() });
    let mut seed = [0; 32];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut seed)
        .map_err(|_| Error::new(what()).why(tr!(node_no_random)))?;
    let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let key = PrivateKey::new(data, comment).context_what(what)?;
    files.place(path, &key.to_openssh(LineEnding::LF).context_what(what)?, 0o600)?;
    let line = format!("{}\n", public(key.public_key(), comment)?);
    files.place(format!("{path}.pub"), &line, 0o644)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (files, path) = (Rooted::new(dir.path()), dir.path().join("etc/id_ed25519"));
        let key = || key(&files, "etc/id_ed25519", "root@x").unwrap();
        let first = key();
        assert_eq!(first.public_key(), key().public_key());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(
            fs::read_to_string(dir.path().join("etc/id_ed25519.pub"))
                .unwrap()
                .starts_with("ssh-ed25519 AAAA")
        );
        fs::write(&path, "garbage").unwrap();
        assert_ne!(first.public_key(), key().public_key());
        assert_eq!(fs::read_to_string(path.with_extension("broken")).unwrap(), "garbage");
    }

    #[test]
    fn lines_are_added_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        fs::write(&path, "mine").unwrap();
        let files = Rooted::new(dir.path());
        add_lines(&files, "known_hosts", "a\nb\n", 0o600).unwrap();
        add_lines(&files, "known_hosts", "b\na\n", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine\na\nb\n");
    }
}
