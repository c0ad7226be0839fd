//! A node of a live cluster: shells and files by way of a command (ssh, docker exec, ...).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::drivers::{Form, Way};
use super::scripts::{self, MARK, Owner};
use crate::digest::sha256;
use crate::error::{Context, Error, Result};
use crate::node::{Command, Io, Isolation, Node, Output, Process, plain};
use crate::text::tr;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

/// How long reading, writing or listing may take; ssh through several hops needs some of it to connect.
const LIMIT: Duration = Duration::from_secs(40);

/// A file as it is on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bytes.
    pub content: Vec<u8>,
    /// Whose it is.
    pub owner: Owner,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The new content is there.
    Done,
    /// The file was not what it was expected to be; nothing was written.
    Changed,
}

/// A node.
#[derive(Debug, Clone)]
pub struct LiveNode {
    /// What lessons call it.
    name: String,
    /// What the cluster calls it.
    real: String,
    way: Way,
}

impl LiveNode {
    /// The node `name` of the lesson, `real` in the cluster, reached by `way`.
    pub fn new(name: &str, real: &str, way: Way) -> Self {
        Self { name: name.into(), real: real.into(), way }
    }

    /// How it is reached.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// What the cluster calls it.
    pub fn real(&self) -> &str {
        &self.real
    }

    fn lost(&self, doing: &str, output: &Output) -> Error {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.trim().lines().rev().take(3).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("; ");
        let why = if last.is_empty() { tr!(live_exit_status { status: output.status }) } else { last };
        let error = Error::new(tr!(live_cannot { doing, node: self.real })).why(&why);
        if why.contains("No space left") {
            return error.hint(tr!(live_disk_full_there { node: self.real }));
        }
        let error = error.hint(tr!(live_way_there { way: self.way.shown() }));
        let asks = |words: &[&str]| words.iter().any(|word| why.contains(word));
        if asks(&["password is required", "terminal is required", "askpass"]) {
            return error.hint(tr!(live_no_password { node: self.real }));
        }
        if asks(&["Host key verification failed", "authenticity of host"]) {
            return error.hint(tr!(live_host_key { node: self.real }));
        }
        error
    }

    /// Runs a script with root's power and `stdin`.
    pub async fn script(&self, script: &str, stdin: &[u8]) -> Result<Output> {
        self.raw(script, stdin, LIMIT).await
    }

    async fn raw(&self, script: &str, stdin: &[u8], limit: Duration) -> Result<Output> {
        let raw = Raw(self);
        let begun = std::time::Instant::now();
        crate::node::local::run(&raw, Command::new([script]), stdin, limit).await.map_err(|e| {
            if begun.elapsed() < limit {
                return e;
            }
            // The generic words would quote the script.
            let (node, seconds) = (&self.real, limit.as_secs());
            Error::new(tr!(live_silent_for { node, seconds }))
                .hint(tr!(live_the_way_is { way: self.way.shown() }))
                .hint(tr!(live_may_ask))
        })
    }

    fn start(&self, script: &str, io: Io) -> Result<Process> {
        let what = || tr!(live_not_reached_by { node: self.real, way: self.way.shown() });
        let plain::Ends { term, master, stdio } = plain::ends(io).context_what(what)?;
        let argv = self.way.argv(script, master.is_some());
        let child = match master {
            // A terminal must become the command's own before the command runs.
            Some(_) => {
                let program = std::env::current_exe().context_what(what)?;
                let mut child = tokio::process::Command::new(program);
                child.arg0(plain::SESSION).arg(&argv[0]).args(&argv).env("TERM", term);
                child
            }
            None => {
                let mut child = tokio::process::Command::new(&argv[0]);
                child.args(&argv[1..]).process_group(0);
                // Nobody sees a question of ssh's here: it is to fail at once, and not to wait for an answer.
                if std::env::var_os("SSH_ASKPASS").is_none() {
                    child.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
                }
                child
            }
        };
        plain::start_process(child, master, stdio).map_err(|e| {
            let error = Error::new(what()).why(&e);
            match e.kind() {
                std::io::ErrorKind::NotFound => error.hint(tr!(live_installed_here { program: argv[0] })),
                _ => error,
            }
        })
    }

    /// Reads a file with its owner; `Ok(None)` where there is none.
    pub async fn fetch(&self, path: &str) -> Result<Option<Found>> {
        let doing = tr!(live_doing_read { path });
        let output = self.script(&scripts::read(path), b"").await?;
        let found = after(&output.stdout, &format!("{MARK}:file ")).and_then(|rest| {
            let end = rest.iter().position(|b| *b == b'\n')?;
            let head = std::str::from_utf8(&rest[..end]).ok()?;
            let mut words = head.split(' ');
            let size: usize = words.next()?.parse().ok()?;
            let mode = u32::from_str_radix(words.next()?, 8).ok()?;
            let owner = Owner { mode, uid: words.next()?.parse().ok()?, gid: words.next()?.parse().ok()? };
            let content = rest.get(end + 1..end + 1 + size)?;
            let tail = &rest[end + 1 + size..];
            after(tail, &format!("{MARK}:end"))?;
            Some(Found { content: content.to_vec(), owner })
        });
        // Whatever the content says: only where no file was announced there is none.
        let announced = after(&output.stdout, &format!("{MARK}:file ")).is_some();
        let none = after(&output.stdout, &format!("{MARK}:none")).is_some();
        if !announced && none && output.status == 0 {
            return Ok(None);
        }
        found.map(Some).ok_or_else(|| self.lost(&doing, &output))
    }

    /// Writes a file atomically; see [`scripts::write`].
    pub async fn store(
        &self,
        path: &str,
        content: &[u8],
        expected: Option<&str>,
        owner: Option<Owner>,
    ) -> Result<Written> {
        let script = scripts::write(path, content.len(), &sha256(content), expected, owner);
        let output = self.script(&script, content).await?;
        let says = |word: &str| after(&output.stdout, &format!("{MARK}:{word}")).is_some();
        match output.status {
            0 if says("done") => Ok(Written::Done),
            4 if says("changed") => Ok(Written::Changed),
            3 if says("short") => {
                Err(self.lost(&tr!(live_doing_write { path }), &output).why(tr!(live_content_broke_off)))
            }
            _ => Err(self.lost(&tr!(live_doing_write { path }), &output)),
        }
    }

    /// Runs a script that ends with `cks-lab:done`.
    pub async fn must(&self, doing: &str, script: &str) -> Result<()> {
        let output = self.script(script, b"").await?;
        match after(&output.stdout, &format!("{MARK}:done")) {
            Some(_) if output.status == 0 => Ok(()),
            _ => Err(self.lost(doing, &output)),
        }
    }

    /// Whether the way leads there and to root: the node's own name, or why not.
    pub async fn probe(&self) -> Result<String> {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let output = self.raw(&scripts::probe(&nonce), b"", LIMIT).await?;
        let text = output.text();
        let answer = text.lines().find_map(|l| l.trim_end().strip_prefix(&format!("{MARK}:probe {nonce} ")));
        match answer.and_then(|a| a.split_once(' ')) {
            Some(("0", name)) => Ok(name.to_owned()),
            Some((uid, _)) => Err(Error::new(tr!(live_not_root { node: self.real, uid }))
                .hint(tr!(live_the_way_is { way: self.way.shown() }))
                .hint(tr!(live_end_in_sudo))),
            None => Err(self.lost(tr!(live_doing_run), &output)),
        }
    }

    /// The same node by a command of one's own whose form is found out by trying.
    pub async fn by_command(name: &str, real: &str, command: Vec<String>) -> Result<Self> {
        let mut first = None;
        for form in [Form::Line, Form::Words] {
            let node = Self::new(name, real, Way::of_command(command.clone(), form));
            match node.probe().await {
                Ok(_) => return Ok(node),
                // That one gets there, but not as root, says more than that the other form does not work.
                Err(e) if e.what.starts_with("the way to") => first = Some(e),
                Err(e) => first = first.or(Some(e)),
            }
        }
        Err(first.unwrap_or_else(|| Error::new(tr!(live_not_reached { real }))))
    }
}

/// What follows a line that begins with `start`.
fn after<'a>(bytes: &'a [u8], start: &str) -> Option<&'a [u8]> {
    let start = start.as_bytes();
    let at = (0..bytes.len().saturating_sub(start.len() - 1))
        .find(|i| bytes[*i..].starts_with(start) && (*i == 0 || bytes[i - 1] == b'\n'))?;
    Some(&bytes[at + start.len()..])
}

/// A node whose commands are scripts, nothing put before them.
struct Raw<'a>(&'a LiveNode);

#[async_trait]
impl Node for Raw<'_> {
    fn name(&self) -> &str {
        self.0.real()
    }
    fn isolation(&self) -> Isolation {
        Isolation::Remote
    }
    fn root(&self) -> Option<PathBuf> {
        None
    }
    async fn spawn(&self, command: Command, io: Io) -> Result<Process> {
        self.0.start(command.argv.first().map_or("", String::as_str), io)
    }
    async fn run(&self, command: Command, stdin: &[u8], limit: Duration) -> Result<Output> {
        crate::node::local::run(self, command, stdin, limit).await
    }
    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.0.read_file(path).await
    }
    async fn write_file(&self, path: &str, content: &[u8]) -> Result<()> {
        self.0.write_file(path, content).await
    }
    async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>> {
        self.0.list_dir(path).await
    }
    async fn remove_file(&self, path: &str) -> Result<()> {
        self.0.remove_file(path).await
    }
    async fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        self.0.listen(address).await
    }
}

#[async_trait]
impl Node for LiveNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn isolation(&self) -> Isolation {
        Isolation::Remote
    }

    fn root(&self) -> Option<PathBuf> {
        None
    }

    async fn spawn(&self, command: Command, io: Io) -> Result<Process> {
        let mut env = command.env;
        if let Io::Pty { term, .. } = &io {
            env.push(("TERM".into(), term.clone()));
        }
        self.start(&scripts::command(&command.argv, &env, command.cwd.as_deref()), io)
    }

    async fn run(&self, command: Command, stdin: &[u8], limit: Duration) -> Result<Output> {
        crate::node::local::run(self, command, stdin, limit).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.fetch(path).await?.map(|found| found.content))
    }

    async fn write_file(&self, path: &str, content: &[u8]) -> Result<()> {
        self.store(path, content, None, None).await.map(|_| ())
    }

    async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>> {
        let output = self.script(&scripts::list(path), b"").await?;
        let Some(names) = after(&output.stdout, &format!("{MARK}:list\n")) else {
            let none = after(&output.stdout, &format!("{MARK}:none")).is_some() && output.status == 0;
            return if none { Ok(None) } else { Err(self.lost(&tr!(live_doing_list { path }), &output)) };
        };
        let text = String::from_utf8_lossy(names);
        // The way may say goodbye after the list; a file may be called as its end is.
        let lines: Vec<&str> = text.lines().collect();
        let end = lines.iter().rposition(|line| *line == format!("{MARK}:end"));
        let Some(end) = end else { return Err(self.lost(&tr!(live_doing_list { path }), &output)) };
        let mut names: Vec<String> = lines[..end].iter().map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        Ok(Some(names))
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        self.must(&tr!(live_doing_remove { path }), &scripts::remove(path)).await
    }

    async fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        Err(Error::new(tr!(live_cannot_listen { address, node: self.real })))
    }
}
