//! Attempts to reach the machine, or to hurt it, from inside a node; each must be held.
//!
//! The attempts are the rows of [`attempts`]: what the script on the node prints, and what is seen from outside afterwards.
//! Every script is harmless by itself where nothing holds it: it makes at most a few hundred processes and files of a few
//! hundred megabytes, ends by itself, and its network attempts go to this machine's loopback and the lab's own addresses.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cks_lab::node::linux::Lab;
use cks_lab::node::plan::{self, Limits};
use cks_lab::node::{Command, Node};

mod attempts;
mod threats;

const LIMIT: Duration = Duration::from_secs(60);
/// Says that the attempts are made by an ordinary user whom this test has become, and with which copy of the program.
const COPY: &str = "CKS_LAB_ISOLATION_PROGRAM";

/// What the nodes of this suite may take: little, so that it is soon taken.
fn limits() -> Limits {
    Limits { processes: 150, memory: 192 << 20, total: 1 << 30, file: 24 << 20, disk: 96 << 20 }
}

/// Things of this machine that an attempt could reach, and the nodes that it is made from.
struct Ground {
    dir: tempfile::TempDir,
    lab: Lab,
    /// A process of this machine.
    bystander: Child,
    /// A service on this machine's loopback, where it has one.
    service: Option<(TcpListener, UdpSocket)>,
    _socket: UnixListener,
    /// The name of an abstract socket.
    abstract_name: String,
    _abstract: UnixListener,
    _inherited: std::fs::File,
}

impl Ground {
    /// `None` where this machine has no namespaces.
    async fn make() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let machine = dir.path().join("machine");
        std::fs::create_dir(&machine).unwrap();
        std::fs::write(machine.join("secret"), "of the machine").unwrap();
        let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|tcp| {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, tcp.local_addr()?.port()))?;
            tcp.set_nonblocking(true)?;
            udp.set_nonblocking(true)?;
            Ok((tcp, udp))
        });
        let abstract_name = format!("cks-lab-isolation{}", dir.path().display()).replace('/', "-");
        let address = {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(&abstract_name).unwrap()
        };
        let inherited = std::fs::File::open(machine.join("secret")).unwrap();
        rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
        let program = std::env::var_os(COPY).map_or(env!("CARGO_BIN_EXE_cks-lab").into(), PathBuf::from);
        let all = [("controlplane", 1), ("node01", 2)]
            .map(|(name, third)| (name.to_owned(), IpAddr::V4(Ipv4Addr::new(172, 30, third, 2))));
        let mut specs = Vec::new();
        for (name, address) in &all {
            let mut spec = plan::prepare(name, *address, &dir.path().join(name), &all, &program).unwrap();
            spec.limits = limits();
            specs.push(spec);
        }
        let lab = match Lab::start(specs, &program).await {
            Ok(lab) => lab,
            Err(e) => {
                assert!(std::env::var_os("CI").is_none(), "namespaces are needed in CI: {e}");
                return None;
            }
        };
        let socket = UnixListener::bind(machine.join("socket")).unwrap();
        let abstract_socket = UnixListener::bind_addr(&address).unwrap();
        let mut bystander = std::process::Command::new("sleep");
        bystander.arg("1000").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self {
            lab,
            bystander: bystander.spawn().unwrap(),
            service: service.ok(),
            _socket: socket,
            abstract_name,
            _abstract: abstract_socket,
            _inherited: inherited,
            dir,
        })
    }

    fn machine(&self) -> PathBuf {
        self.dir.path().join("machine")
    }

    fn node(&self, name: &str) -> Arc<dyn Node> {
        self.lab.node(name).unwrap()
    }

    /// Fills in what a script knows of the machine.
    fn script(&self, script: &str) -> String {
        let port = self.service.as_ref().map_or(1, |(tcp, _)| tcp.local_addr().unwrap().port());
        script
            .replace("MACHINE", &self.machine().display().to_string())
            .replace("BYSTANDER", &self.bystander.id().to_string())
            .replace("ABSTRACT", &self.abstract_name)
            .replace("PORT", &port.to_string())
    }

    /// Nothing of the machine was touched, and the nodes go on.
    async fn unharmed(&mut self, after: &str) {
        assert!(self.bystander.try_wait().unwrap().is_none(), "{after}: a process of the machine was ended");
        let mut names: Vec<_> =
            std::fs::read_dir(self.machine()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["secret", "socket"], "{after}: the machine's files");
        let secret = std::fs::read_to_string(self.machine().join("secret")).unwrap();
        assert_eq!(secret, "of the machine", "{after}");
        if let Some((tcp, udp)) = &self.service {
            assert!(tcp.accept().is_err(), "{after}: a service of the machine was reached");
            assert!(udp.recv(&mut [0; 8]).is_err(), "{after}: a service of the machine was reached");
        }
        for name in ["controlplane", "node01"] {
            let output = self.node(name).run(Command::new(["hostname"]), b"", LIMIT).await.unwrap();
            assert_eq!(output.text().trim(), name, "{after}: the node goes on");
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.bystander.kill();
        let _ = self.bystander.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_held() {
    let Some(mut ground) = Ground::make().await else { return };
    let node = ground.node("node01");
    let has_perl = node.run(Command::new(["perl", "-e", "1"]), b"", LIMIT).await.is_ok_and(|o| o.status == 0);
    let mut failed = Vec::new();
    for attempt in attempts::ALL {
        let perl = attempt.script.contains("perl");
        if perl && (!has_perl || cfg!(not(target_arch = "x86_64"))) {
            continue;
        }
        let script = ground.script(attempt.script);
        let output = node.run(Command::script(script), b"", LIMIT).await.unwrap();
        let (said, expected) = (output.text(), ground.script(attempt.held));
        if said.trim_end() != expected.trim_end() {
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            failed.push(format!("{}: {said:?} and not {expected:?}; {stderr}", attempt.name));
        }
        ground.unharmed(attempt.name).await;
    }
    assert!(failed.is_empty(), "{failed:#?}");
    ground.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_the_lab_nowhere_else() {
    let Some(mut ground) = Ground::make().await else { return };
    let node = ground.node("node01");
    let plant = ground.script(
        "ln -s MACHINE/secret /root/link; ln -s ../../../../../../../../../../MACHINE/secret /root/up
         rm -rf /var/log /etc/kubernetes/manifests; ln -s MACHINE /var/log; ln -s MACHINE /etc/kubernetes/manifests
         ln -s /proc/1/root /root/proc; ln -s /proc/self/fd /root/fd",
    );
    assert_eq!(node.run(Command::script(plant), b"", LIMIT).await.unwrap().status, 0);
    for path in ["/root/link", "/root/up", "/var/log/secret", "/root/proc/etc/passwd", "/root/fd/3"] {
        let read = node.read_file(path).await;
        assert!(!matches!(&read, Ok(Some(_))), "{path}: {read:?}");
    }
    for path in ["/var/log/new", "/etc/kubernetes/manifests/kube-apiserver.yaml"] {
        assert!(node.write_file(path, b"x").await.is_err(), "{path}");
    }
    assert_eq!(node.list_dir("/var/log").await.unwrap(), None);
    let _ = node.remove_file("/var/log/secret").await;
    node.write_file("/root/link", b"x").await.unwrap();
    ground.unharmed("links").await;
}

/// Fills the disk, but for no more than 400 megabytes, until it is ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fills_the_disk_is_stopped() {
    let Some(ground) = Ground::make().await else { return };
    let node = ground.node("node01");
    let fill =
        "for i in $(seq 20); do head -c 20M /dev/zero > /root/big$i || exit; done; sleep 50; echo never";
    let output = node.run(Command::script(fill), b"", LIMIT).await.unwrap();
    assert_eq!((output.status, output.text().as_str()), (137, ""));
    let output = node.run(Command::script("rm /root/big*; echo again"), b"", LIMIT).await.unwrap();
    assert_eq!((output.status, output.text().as_str()), (0, "again\n"));
}

/// What an ordinary lesson, editor or package needs is not among what is forbidden.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_learner_needs_goes_on_working() {
    let Some(ground) = Ground::make().await else { return };
    let node = ground.node("node01");
    for (what, script, expected) in [
        ("owners and modes", "touch x; chown 0:0 x; chmod 4750 x; stat -c '%a %U' x", "4750 root"),
        ("signals", "sleep 100 & kill $!; wait $!; echo $?", "143"),
        ("moving between directories", "mkdir -p a b; touch a/x; mv a/x b/y; ls b", "y"),
        ("hard links and pipes", "touch h; ln h i; mkfifo p; ls h i p", "h\ni\np"),
        ("background work", "(sleep 0; echo done) & wait", "done"),
        ("temporary files", "mktemp -d | cut -c -9; : > /dev/shm/x; ls /dev/shm", "/tmp/tmp.\nx"),
        ("low ports", "exec 3<>/dev/tcp/127.0.0.1/79; echo $?", "1"),
        ("the other node", "grep -c controlplane /etc/hosts", "1"),
        ("a large pipeline", "seq 100000 | sort -R | sort -n | tail -1", "100000"),
        ("top-level directories", "mkdir /data && mv /data /data2 && rmdir /data2 && echo ok", "ok"),
        (
            "threads and programs, where there is Python",
            "command -v python3 >/dev/null || { echo ok; exit; }
             /usr/bin/env -i PATH=/usr/bin python3 -c 'import threading,subprocess
t=[threading.Thread(target=lambda:None) for _ in range(20)]; [x.start() for x in t]; [x.join() for x in t]
subprocess.run([\"true\"],check=True); print(\"ok\")' || echo ok",
            "ok",
        ),
        (
            "git, where there is one",
            "command -v git >/dev/null || { echo ok; exit; }
             git init -q g && cd g && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && echo ok",
            "ok",
        ),
        (
            "tmux, where there is one",
            "command -v tmux >/dev/null || { echo ok; exit; }
             tmux new-session -d 'echo in > /root/t; sleep 100' && until [ -s /root/t ]; do :; done; tmux kill-server; echo ok",
            "ok",
        ),
    ] {
        let output = node.run(Command::script(script), b"", LIMIT).await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.text().trim_end(), expected, "{what}: {stderr}");
    }
}

/// The same attempts by a user who is not root, where this test is root's: with a copy of what that user cannot reach.
#[test]
fn an_ordinary_user_is_held_too() {
    if !rustix::process::geteuid().is_root() || std::env::var_os(COPY).is_some() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |from: &Path, name: &str| {
        let to = dir.path().join(name);
        // A second name for it costs no room, but is not to be had everywhere.
        if std::fs::hard_link(from, &to).is_err() {
            std::fs::copy(from, &to).unwrap();
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        to
    };
    let tests = copy(&std::env::current_exe().unwrap(), "it");
    let program = copy(Path::new(env!("CARGO_BIN_EXE_cks-lab")), "cks-lab");
    let home = dir.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(65_534), Some(65_534)).unwrap();
    let output = std::process::Command::new(&tests)
        .args(["--exact", "isolation::every_attempt_is_held", "isolation::links_lead_the_lab_nowhere_else"])
        .args(["isolation::what_a_learner_needs_goes_on_working"])
        .env(COPY, &program)
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .current_dir("/")
        .uid(65_534)
        .gid(65_534)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let _ = std::io::stderr().write_all(&output.stderr);
    assert!(output.status.success() && said.contains("3 passed"), "{said}");
}
