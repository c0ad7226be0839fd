//! The same nodes with the real kube-apiserver and etcd, which the kubelet starts from the manifests a learner edits.
//!
//! Everything else is the sandbox's: nodes, kubelets, controllers, certificates, addons.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::ClusterKind;
use super::sandbox::nodes::Starting;
use super::sandbox::plane::{Plane, record};
use super::sandbox::port::Held;
use super::sandbox::{API_PORT, CONTROL_PLANE, CONTROL_PLANE_ADDRESS, Options};
use crate::controllers::remote::Remote;
use crate::error::{Error, Result};
use crate::kubelet::runtime::Servers;
use crate::kubelet::runtime::process::{PROGRAMS, Processes};
use crate::release::{RELEASES, Release};
use crate::text::tr;

/// How long a first and a later start may take: real programs on a busy machine.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(180), Duration::from_secs(20));

/// The real programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The files of [`PROGRAMS`], in their order.
    pub files: Vec<PathBuf>,
    /// The release that kube-apiserver says it is.
    pub release: &'static Release,
}

impl Binaries {
    /// Finds them in `dir`, else in `KUBEBUILDER_ASSETS` and `PATH`; `asked` is the release that is wanted.
    pub fn find(dir: Option<&Path>, asked: Option<&str>) -> Result<Self> {
        let dirs: Vec<PathBuf> = match dir {
            Some(dir) => vec![dir.to_owned()],
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
                assets.into_iter().chain(std::env::split_paths(&path)).collect()
            }
        };
        let mut files = Vec::new();
        for program in PROGRAMS {
            let found = dirs.iter().map(|dir| dir.join(program)).find(|file| file.is_file());
            files.push(found.and_then(|file| file.canonicalize().ok()).ok_or_else(|| missing(program, dir))?);
        }
        let release = release(&files[0])?;
        if let Some(asked) = asked
            && Release::find(asked).is_none_or(|wanted| wanted.minor != release.minor)
        {
            return Err(Error::new(tr!(local_other_release {
                file: files[0].display(),
                version: release.git_version,
                asked
            }))
            .hint(tr!(local_programs_say)));
        }
        Ok(Self { files, release })
    }
}

fn missing(program: &str, dir: Option<&Path>) -> Error {
    let place = match dir {
        Some(dir) => tr!(local_in_dir { dir: dir.display() }),
        None => tr!(local_in_path).into(),
    };
    Error::new(tr!(local_needs_program { program, place }))
        .hint(tr!(local_binaries_dir))
        .hint(tr!(local_where_from))
        .hint(tr!(local_sandbox_needs_none))
}

/// What `kube-apiserver --version` says, as one of the releases that this program knows.
fn release(server: &Path) -> Result<&'static Release> {
    let cannot = |why: String| Error::new(tr!(local_no_version { program: server.display() })).why(why);
    let output = Command::new(server).arg("--version").output().map_err(|e| cannot(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.trim().strip_prefix("Kubernetes ").ok_or_else(|| {
        cannot(format!("{}{}", text.trim(), String::from_utf8_lossy(&output.stderr).trim()))
    })?;
    let known = Release::find(version).ok_or_else(|| {
        let known: Vec<_> = RELEASES.iter().map(Release::short).collect();
        Error::new(tr!(local_unknown_release { program: server.display(), version }))
            .hint(tr!(local_known { known: known.join(", ") }))
    })?;
    if known.git_version == version {
        return Ok(known);
    }
    // Another patch release of a known minor one: all that is told of it is its version. There is one a process.
    let git_version: &'static str = Box::leak(version.to_owned().into_boxed_str());
    Ok(Box::leak(Box::new(Release { git_version, ..*known })))
}

/// The control plane whose API server and etcd are the real ones; they can be reached at `outside` on this machine.
pub fn plane(
    options: &Options,
    starting: &Starting,
    outside: Held,
    stop: &CancellationToken,
) -> Result<Plane> {
    let root = options.dir.node_root(CONTROL_PLANE);
    let node = starting.find(CONTROL_PLANE)?;
    let authority = starting.authority().again()?;
    let address = SocketAddr::new(CONTROL_PLANE_ADDRESS, API_PORT);
    let remote = Remote::new(node, address, authority, options.clock.clone());
    let audit = record(options)?;
    tokio::spawn(stop.clone().run_until_cancelled_owned(forward(remote.clone(), outside)));
    let (record, api, recorded) = (audit.clone(), remote.clone(), remote.clone());
    let authority = starting.authority().again()?;
    Ok(Plane {
        kind: ClusterKind::Local,
        up: remote.up(),
        inside: None,
        api: remote,
        audit,
        recorded: Box::new(move || recorded.recorded()),
        servers: Box::new(move |node| {
            Servers::Real(Processes { node, api: api.clone(), audit: record.clone() })
        }),
        authority: Some(authority),
        meet: Box::new(|_, _| ()),
        first: !root.join("var/lib/etcd/member").exists(),
        patience: PATIENCE,
        notices: Vec::new(),
    })
}

/// Lets this machine reach the server, while it answers, ready or not, at an address of its loopback.
async fn forward(remote: Arc<Remote>, outside: Held) {
    let mut up: watch::Receiver<bool> = remote.answers();
    loop {
        if up.wait_for(|up| *up).await.is_err() {
            return;
        }
        let Ok(listener) = outside.listen().await else {
            // Connections of the last server may still be closing.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connections = CancellationToken::new();
        let _ends = connections.clone().drop_guard();
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let pass = pass(remote.clone(), stream);
                tokio::spawn(connections.clone().run_until_cancelled_owned(pass));
            }
        };
        tokio::select! {
            () = accept => {}
            down = up.wait_for(|up| !up) => {
                if down.is_err() {
                    return;
                }
            }
        }
    }
}

async fn pass(remote: Arc<Remote>, mut from: TcpStream) {
    let Ok(mut to) = remote.connect().await else { return };
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn programs(version: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for program in PROGRAMS {
            let file = dir.path().join(program);
            std::fs::write(&file, format!("#!/bin/sh\necho 'Kubernetes {version}'\n")).unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    #[test]
    fn the_programs_say_which_release_it_is() {
        let dir = programs("v1.31.7");
        let found = Binaries::find(Some(dir.path()), None).unwrap();
        assert_eq!((found.release.minor, found.release.git_version), (31, "v1.31.7"));
        assert!(Binaries::find(Some(dir.path()), Some("1.31")).is_ok());
        let other = Binaries::find(Some(dir.path()), Some("1.36")).unwrap_err();
        assert!(other.what.contains("is v1.31.7, not the release that was asked for, 1.36"), "{other}");
    }

    #[test]
    fn what_is_missing_or_unknown_is_told_with_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let error = Binaries::find(Some(empty.path()), None).unwrap_err();
        assert!(error.what.contains("the real kube-apiserver, and there is none in "), "{error}");
        assert!(error.hints.iter().any(|hint| hint.contains("--binaries DIR")));
        assert_eq!(error.code, crate::error::ExitCode::Error);
        let old = Binaries::find(Some(programs("v1.20.0").path()), None).unwrap_err();
        assert!(old.what.contains("a release that this program does not know"), "{old}");
    }
}
