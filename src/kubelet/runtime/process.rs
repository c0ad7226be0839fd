//! The real kube-apiserver and etcd, as processes in the namespaces of their node.
//!
//! They run with exactly the words of their manifest, and a few more that no manifest needs to show: etcd does not wait
//! for the disk, and the API server writes its audit record to standard output, from which it never reaches the log.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Container, ContainerSpec};
use crate::apiserver::audit::{self, evidence};
use crate::controllers::remote::Remote;
use crate::klog::SharedLog;
use crate::kubelet::timing::Timing;
use crate::node::{Command, Io, Node};

mod policy;

/// Where a node sees the programs, without the leading slash.
pub const DIRECTORY: &str = "opt/cks-lab/real";
/// The programs that run as processes.
pub const PROGRAMS: [&str; 2] = ["kube-apiserver", "etcd"];

/// How often a server that is not ready yet, and one that is, are asked how they are.
const PROBES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The least time that a server which was ready may be in no health before it is killed, however short the lab's waits are:
/// a busy machine makes the real programs slow.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of a process's output is waited for when the process is gone.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What a container runtime says of a program that cannot be started.
const CANNOT_START: i32 = 128;

/// Runs containers as processes of a node.
pub struct Processes {
    /// The node.
    pub node: Arc<dyn Node>,
    /// How the API server that is started here is reached.
    pub api: Arc<Remote>,
    /// Where its record of requests goes.
    pub audit: Arc<audit::Log>,
}

impl Processes {
    /// The program of a container, where it is one that runs as a process.
    pub fn program(&self, spec: &ContainerSpec) -> Option<&'static str> {
        PROGRAMS.into_iter().find(|name| spec.program() == Some(*name))
    }

    /// Runs a container's program to its end; the exit status comes back.
    pub async fn run(
        &self,
        container: &Container,
        log: SharedLog,
        (term, kill): (&CancellationToken, &CancellationToken),
        timing: &Timing,
        ready: &(dyn Fn(bool) + Send + Sync),
        started: &(dyn Fn(u32) + Send + Sync),
    ) -> i32 {
        let Some(program) = self.program(&container.spec) else { return CANNOT_START };
        let api_server = program == "kube-apiserver";
        let recorded = api_server && evidence::may_be_taken(&container.spec.argv);
        let argv = match self.words(program, &container.spec.argv, recorded) {
            Ok(argv) => argv,
            Err(error) => return refuse(&log, program, &error),
        };
        let (process, out, err) = match self.spawn(argv).await {
            Ok(started) => started,
            Err(why) => return refuse(&log, program, &why),
        };
        let audit = recorded.then(|| self.audit.clone());
        if api_server {
            self.api.set_recorded(recorded);
        }
        let readers = tokio::spawn({
            let (second, log) = (log.clone(), log);
            async move { tokio::join!(read(out, false, second, audit), read(err, true, log, None)) }
        });
        let crate::node::Process { pid, signal, exit, .. } = process;
        if let Some(pid) = pid {
            started(pid);
        }
        let unhealthy = CancellationToken::new();
        let ended = async {
            tokio::pin!(exit);
            let (mut asked, mut killed) = (false, false);
            loop {
                tokio::select! {
                    status = &mut exit => break status.unwrap_or(137),
                    () = term.cancelled(), if !asked => {
                        asked = true;
                        let _ = signal.send(rustix::process::Signal::TERM.as_raw());
                    }
                    // As the liveness probe has it: the kubelet ends the container, and starts it again.
                    () = unhealthy.cancelled(), if !asked => {
                        asked = true;
                        let _ = signal.send(rustix::process::Signal::TERM.as_raw());
                        if let Ok(status) = tokio::time::timeout(timing.grace_period, &mut exit).await {
                            break status.unwrap_or(137);
                        }
                        killed = true;
                        let _ = signal.send(rustix::process::Signal::KILL.as_raw());
                    }
                    () = kill.cancelled(), if !killed => {
                        killed = true;
                        let _ = signal.send(rustix::process::Signal::KILL.as_raw());
                    }
                }
            }
        };
        let probes = async {
            if api_server {
                self.probe(&container.id, timing.liveness.max(LEAST_PATIENCE), ready).await;
                unhealthy.cancel();
            } else {
                ready(true);
            }
            std::future::pending::<()>().await;
        };
        let status = tokio::select! {
            status = ended => status,
            () = probes => CANNOT_START,
        };
        self.api.release(&container.id);
        let _ = tokio::time::timeout(LAST_WORDS, readers).await;
        status
    }

    /// The words that the process is started with.
    fn words(&self, program: &str, argv: &[String], recorded: bool) -> io::Result<Vec<String>> {
        let mut words = argv.to_vec();
        if let Some(first) = words.first_mut() {
            *first = program.to_owned();
        }
        if program == "etcd" {
            words.push("--unsafe-no-fsync".into());
        }
        if recorded {
            let root = self.node.root().ok_or(io::Error::from(io::ErrorKind::Unsupported))?;
            words.extend(policy::flags(&root)?);
        }
        Ok(words)
    }

    async fn spawn(
        &self,
        argv: Vec<String>,
    ) -> Result<(crate::node::Process, pipe::Receiver, pipe::Receiver), String> {
        let text = |e: io::Error| e.to_string();
        let (out, stdout) = io::pipe().map_err(text)?;
        let (err, stderr) = io::pipe().map_err(text)?;
        let stdin = std::fs::File::open("/dev/null").map_err(text)?;
        let path = format!("/{DIRECTORY}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let command = Command { argv, env: vec![("PATH".into(), path)], cwd: Some("/".into()) };
        let fds = Io::Fds { stdin: stdin.into(), stdout: stdout.into(), stderr: stderr.into() };
        let process = self.node.spawn(command, fds).await.map_err(|e| e.why.unwrap_or(e.what))?;
        let receiver = |fd: OwnedFd| pipe::Receiver::from_owned_fd(fd).map_err(text);
        Ok((process, receiver(out.into())?, receiver(err.into())?))
    }

    /// Tells how a server does, as its probes see it, until one that was ready has been in no health for longer than it may.
    async fn probe(&self, container: &str, patience: Duration, ready: &(dyn Fn(bool) + Send + Sync)) {
        let mut was = false;
        let mut healthy: Option<Instant> = None;
        loop {
            let is = self.api.probe(container).await;
            if is != was {
                ready(is);
                was = is;
            }
            if is {
                healthy = Some(Instant::now());
            } else if healthy.is_some_and(|last| last.elapsed() > patience) {
                return;
            }
            tokio::time::sleep(if is { PROBES.1 } else { PROBES.0 }).await;
        }
    }
}

fn refuse(log: &SharedLog, program: &str, why: &dyn std::fmt::Display) -> i32 {
    log.write_line(true, &format!("exec: {program:?}: {why}"));
    CANNOT_START
}

/// Reads a process's output by lines until its end: records to the audit log, everything else to the container's.
async fn read(from: pipe::Receiver, stderr: bool, log: SharedLog, audit: Option<Arc<audit::Log>>) {
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Some(audit) = &audit
            && let Some(event) = evidence::event(&line)
        {
            if let Some(entry) = evidence::entry(&event) {
                audit.push(entry);
            }
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        log.write_line(stderr, text.trim_end_matches('\n'));
    }
}
