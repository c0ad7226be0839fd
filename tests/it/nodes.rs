//! Nodes in namespaces and plain ones: what a learner finds on them, how commands run, that nothing stays behind.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cks_lab::clock::{SharedClock, SystemClock};
use cks_lab::node::linux::Lab;
use cks_lab::node::plan::{self, NodeSpec};
use cks_lab::node::ssh::{self, Host};
use cks_lab::node::{Command, Io, Node, Output};

use crate::program;

mod fallbacks;
mod plain;
mod ports;
mod transfers;

const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = env!("CARGO_BIN_EXE_cks-lab");

fn all() -> [(String, IpAddr); 2] {
    [("controlplane", 1), ("node01", 2)]
        .map(|(name, third)| (name.to_owned(), IpAddr::V4(Ipv4Addr::new(172, 30, third, 2))))
}

fn specs(dir: &Path) -> Vec<NodeSpec> {
    let spec = |(name, address): &(String, IpAddr)| {
        plan::prepare(name, *address, &dir.join(name), &all(), Path::new(PROGRAM)).unwrap()
    };
    all().iter().map(spec).collect()
}

async fn start(dir: &Path) -> Result<Lab, String> {
    Lab::start(specs(dir), Path::new(PROGRAM)).await
}

pub(super) struct Running {
    lab: Lab,
    dir: tempfile::TempDir,
}

impl Running {
    /// `None` where this machine has no namespaces; there only the plain mode can be tested.
    pub(super) async fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        match start(dir.path()).await {
            Ok(lab) => Some(Self { lab, dir }),
            Err(e) => {
                assert!(std::env::var_os("CI").is_none(), "namespaces are needed in CI: {e}");
                None
            }
        }
    }

    pub(super) fn node(&self, name: &str) -> Arc<dyn Node> {
        self.lab.node(name).unwrap()
    }

    async fn serve_ssh(&self) -> ssh::Servers {
        let hosts = all().map(|(name, address)| Host { node: self.node(&name), address });
        let clock: SharedClock = Arc::new(SystemClock);
        ssh::serve(&hosts, Path::new(PROGRAM), &clock).await.unwrap()
    }
}

async fn sh(node: &Arc<dyn Node>, script: &str) -> Output {
    node.run(Command::script(script), b"", LIMIT).await.unwrap()
}

async fn text(node: &Arc<dyn Node>, script: &str) -> String {
    let output = sh(node, script).await;
    assert_eq!(output.status, 0, "{script}: {}", String::from_utf8_lossy(&output.stderr));
    output.text().trim_end().to_owned()
}

/// A terminal on a node, read by a thread so that waiting has a limit.
struct Terminal {
    master: std::fs::File,
    output: std::sync::mpsc::Receiver<Vec<u8>>,
    seen: String,
    exit: tokio::sync::oneshot::Receiver<i32>,
}

impl Terminal {
    async fn open(node: &Arc<dyn Node>, command: Command) -> Self {
        let io = Io::Pty { columns: 100, rows: 30, term: "xterm-256color".into() };
        let process = node.spawn(command, io).await.unwrap();
        let master = std::fs::File::from(process.pty.unwrap());
        let mut reader = master.try_clone().unwrap();
        let (sender, output) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { master, output, seen: String::new(), exit: process.exit }
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for `text` and forgets everything up to its end.
    fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(more) => self.seen.push_str(&String::from_utf8_lossy(&more)),
                Err(e) => panic!("waited for {text:?} ({e}), saw {:?}", self.seen),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_looks_like_a_machine_of_its_own() {
    let Some(running) = Running::start().await else { return };
    let (controlplane, node01) = (running.node("controlplane"), running.node("node01"));
    for (script, expected) in [
        ("hostname; cat /etc/hostname", "node01\nnode01"),
        ("id -u; id -un; echo ~; pwd", "0\nroot\n/root\n/root"),
        ("cat /proc/1/comm", "init"),
        ("ls /home /mnt /srv", "/home:\n\n/mnt:\n\n/srv:"),
        ("touch /usr/bin/x 2>&1", "touch: cannot touch '/usr/bin/x': Read-only file system"),
        ("mount -o remount,rw,bind /usr/bin 2>/dev/null || echo no", "no"),
        (
            "stat -c '%A %U %G' /etc/kubernetes /etc/kubernetes/manifests",
            "drwxrwxr-x root root\ndrwxrwxr-x root root",
        ),
        ("cut -f 1,2 /proc/net/route | tail -n +2 | sort", "enp1s0\t00011EAC\nenp1s0\t00021EAC"),
        ("getent hosts controlplane", "172.30.1.2      controlplane"),
        ("env | grep -c '^CARGO' || true", "0"),
        ("cd /etc; sudo pwd; sudo -i pwd; A=1 sudo B=2 bash -c 'echo $B'", "/etc\n/root\n2"),
        (
            "apt-get install -y tree 2>&1 | tail -n 1",
            "E: Install tree on the machine itself; the nodes see it at once.",
        ),
        ("echo hi >/dev/null && test -c /dev/ptmx && echo ok", "ok"),
    ] {
        let output = sh(&node01, script).await;
        assert_eq!(
            output.text().trim_end(),
            expected,
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(text(&controlplane, "hostname").await, "controlplane");
    let home = std::env::var("HOME").unwrap_or_else(|_| "/nonexistent".into());
    let here = running.dir.path().display();
    assert_ne!(
        sh(&node01, &format!("ls {here} {home}/.cargo")).await.status,
        0,
        "the machine's files are not there"
    );
    assert_eq!(
        text(&node01, "ls -A /tmp; ls /proc | grep -c '^[0-9]*$' | awk '{print ($1 < 9)}'").await,
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_end_as_they_should() {
    let Some(running) = Running::start().await else { return };
    let node = running.node("node01");
    assert_eq!(sh(&node, "exit 7").await.status, 7);
    assert_eq!(sh(&node, "kill -TERM $$").await.status, 128 + 15);
    let output = node.run(Command::new(["cat"]), b"in", LIMIT).await.unwrap();
    assert_eq!((output.status, output.stdout.as_slice()), (0, b"in".as_slice()));
    let e = node.run(Command::new(["no-such-program"]), b"", LIMIT).await.unwrap_err();
    assert!(e.to_string().contains("no-such-program") && e.to_string().contains("node01"), "{e}");
    let big = vec![b'x'; 1 << 20];
    assert_eq!(node.run(Command::new(["cat"]), &big, LIMIT).await.unwrap().stdout.len(), big.len());
    let mut command = Command::script("echo $A $PWD; echo err >&2");
    command.env.push(("A".into(), "b".into()));
    command.cwd = Some("/etc".into());
    let output = node.run(command, b"", LIMIT).await.unwrap();
    assert_eq!((output.text().as_str(), output.stderr.as_slice()), ("b /etc\n", b"err\n".as_slice()));
    let e = node.run(Command::script("sleep 1000"), b"", Duration::from_millis(50)).await.unwrap_err();
    assert!(e.to_string().contains("did not end"), "{e}");
    let mut process = node
        .spawn(
            Command::script("echo ready; sleep 1000"),
            Io::Pty { columns: 80, rows: 24, term: "dumb".into() },
        )
        .await
        .unwrap();
    process.signal.send(15).unwrap();
    let status = tokio::time::timeout(LIMIT, &mut process.exit).await.unwrap().unwrap();
    assert_eq!(status, 128 + 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_in_a_terminal() {
    let Some(running) = Running::start().await else { return };
    let node = running.node("controlplane");
    let mut terminal = Terminal::open(&node, Command::shell()).await;
    terminal.wait_for("controlplane $ ");
    terminal.type_in("tty; stty size; echo $TERM; type k ll\r");
    let seen = terminal.wait_for("ls -alF");
    for expected in ["/dev/pts/0", "30 100", "xterm-256color", "k is aliased to `kubectl'"] {
        assert!(seen.contains(expected), "{expected}: {seen}");
    }
    let size = rustix::termios::Winsize { ws_col: 60, ws_row: 20, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal.master, size).unwrap();
    terminal.type_in("stty size\r");
    terminal.wait_for("20 60");
    terminal.type_in("bash -c \"echo sle''eping; exec sleep 1000\"\r");
    terminal.wait_for("sleeping");
    terminal.type_in("\u{3}");
    terminal.wait_for("controlplane $ ");
    terminal.type_in("exit 3\r");
    assert_eq!(tokio::time::timeout(LIMIT, &mut terminal.exit).await.unwrap().unwrap(), 3);
    assert!(text(&node, "cat ~/.bash_history").await.contains("stty size"), "history is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_the_same_from_both_sides() {
    let Some(running) = Running::start().await else { return };
    let node = running.node("node01");
    node.write_file("/etc/kubernetes/kubelet.conf", b"a: b\n").await.unwrap();
    assert_eq!(text(&node, "cat /etc/kubernetes/kubelet.conf").await, "a: b");
    sh(&node, "ln -s /etc/kubernetes/kubelet.conf /root/link; chmod 600 /root/link").await;
    node.write_file("/root/link", b"c: d\n").await.unwrap();
    assert_eq!(text(&node, "stat -c %a /etc/kubernetes/kubelet.conf; cat /root/link").await, "600\nc: d");
    sh(&node, "echo one > /var/log/x").await;
    assert_eq!(node.read_file("/var/log/x").await.unwrap().unwrap(), b"one\n");
    assert_eq!(
        node.list_dir("/etc/kubernetes").await.unwrap().unwrap(),
        ["kubelet.conf", "manifests", "pki"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn both_nodes_reach_what_the_lab_listens_at() {
    let Some(running) = Running::start().await else { return };
    let (controlplane, node01) = (running.node("controlplane"), running.node("node01"));
    let address: SocketAddr = "172.30.1.2:6443".parse().unwrap();
    let refused = sh(&node01, "exec 3<>/dev/tcp/172.30.1.2/6443").await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Connection refused"), "{refused:?}");
    let listener = controlplane.listen(address).await.unwrap();
    assert!(controlplane.listen(address).await.is_err(), "taken");
    let serve = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"hello\n").await.unwrap();
    });
    assert_eq!(text(&node01, "cat </dev/tcp/controlplane/6443").await, "hello");
    serve.await.unwrap();
    let outside = sh(&node01, "exec 3<>/dev/tcp/1.1.1.1/80").await;
    assert!(String::from_utf8_lossy(&outside.stderr).contains("unreachable"), "{outside:?}");
}

/// Processes of this machine whose root or working directory is below `dir`, or that are a child of ours called init.
fn processes_below(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    entries
        .filter(|p| {
            let mounts = std::fs::read_to_string(p.join("mountinfo")).unwrap_or_default();
            mounts.lines().any(|l| l.contains(&*dir.to_string_lossy()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_behind() {
    let Some(running) = Running::start().await else { return };
    let node = running.node("node01");
    let process = node
        .spawn(
            Command::script("trap '' TERM HUP; sleep 1000 & setsid sleep 1000 & echo up; wait"),
            Io::Pty { columns: 80, rows: 24, term: "dumb".into() },
        )
        .await
        .unwrap();
    assert!(!processes_below(running.dir.path()).is_empty());
    running.lab.stop().await;
    assert_eq!(processes_below(running.dir.path()), [] as [PathBuf; 0]);
    assert!(tokio::time::timeout(LIMIT, process.exit).await.unwrap().is_err(), "nobody saw how it ended");
    let e = node.run(Command::script("true"), b"", LIMIT).await.unwrap_err();
    assert!(e.to_string().contains("node01"), "{e}");
    // What was written is still there, and the nodes start again.
    let lab = start(running.dir.path()).await.unwrap();
    assert_eq!(text(&(lab.node("node01").unwrap() as Arc<dyn Node>), "hostname").await, "node01");
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_to_the_other_node_and_back() {
    let Some(running) = Running::start().await else { return };
    let _servers = running.serve_ssh().await;
    let controlplane = running.node("controlplane");
    let ours = "exec -a ssh /opt/cks-lab/cks-lab";
    let machines = sh(&controlplane, "command -v ssh").await.status == 0;
    for (logged_in, client) in std::iter::once(ours).chain(machines.then_some("ssh")).enumerate() {
        one_client(&controlplane, client, logged_in > 0).await;
    }
}

/// Everything that a learner does with ssh, by one client.
async fn one_client(controlplane: &Arc<dyn Node>, client: &str, logged_in: bool) {
    // A function, so that both clients are called the same way.
    let with = |script: &str| {
        format!("ssh() {{ ( {client} \"$@\" ) }}\n{}", script.replace("SSH", "ssh"))
            .replace("( ssh ", "( command ssh ")
    };
    for (script, status, stdout, stderr) in [
        ("SSH node01 hostname </dev/null", 0, "node01\n", ""),
        ("SSH root@172.30.2.2 'exit 7' </dev/null", 7, "", ""),
        ("SSH node01 'kill -9 $$' </dev/null", 137, "", ""),
        ("echo in | SSH node01 'cat; echo err >&2'", 0, "in\n", "err\n"),
        ("echo 'hostname; pwd' | SSH -T node01", 0, "node01\n/root\n", ""),
        ("head -c 3000000 /dev/zero | SSH node01 cat | wc -c", 0, "3000000\n", ""),
        ("SSH node01 'SSH -n controlplane hostname' </dev/null", 0, "controlplane\n", ""),
        (
            "SSH node01 'echo $SSH_CONNECTION | cut -d\" \" -f1,3,4' </dev/null",
            0,
            "172.30.1.2 172.30.2.2 22\n",
            "",
        ),
    ] {
        let script = with(script).replace("$ssh_CONNECTION", "$SSH_CONNECTION");
        let output = sh(controlplane, &script).await;
        let seen = (output.status, output.text(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(seen, (status, stdout.to_owned(), stderr.to_owned()), "{client}: {script}");
    }
    let nobody = sh(controlplane, &with("SSH nobody@node01 true </dev/null")).await;
    let text = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(nobody.status == 255 && text.contains("Permission denied (publickey)"), "{client}: {text}");
    let refused = sh(controlplane, &with("SSH -p 23 node01 true </dev/null")).await;
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status == 255 && text.contains("connect to host node01 port 23: Connection refused"),
        "{text}"
    );

    let mut terminal = Terminal::open(controlplane, Command::shell()).await;
    terminal.wait_for("controlplane $ ");
    if client != "ssh" {
        terminal.type_in(&format!("ssh() {{ ( {client} \"$@\" ) }}\r"));
        terminal.wait_for("controlplane $ ");
    }
    terminal.type_in("ssh node01\r");
    let greeting = terminal.wait_for("node01 $ ");
    if logged_in {
        assert!(greeting.contains("Last login: ") && greeting.contains(" from 172.30.1.2"), "{greeting}");
    } else {
        assert!(!greeting.contains("Last login"), "nobody was there before: {greeting}");
    }
    terminal.type_in("tty; stty size; id -u\r");
    let seen = terminal.wait_for("\r\n0\r\n");
    assert!(seen.contains("/dev/pts/") && seen.contains("30 100"), "{seen}");
    let size = rustix::termios::Winsize { ws_col: 70, ws_row: 21, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal.master, size).unwrap();
    // The news of the size takes its own way; bash asks until it is there.
    terminal.type_in("until [ \"$(stty size)\" = '21 70' ]; do :; done; echo resi''zed\r");
    terminal.wait_for("resized");
    terminal.type_in("bash -c \"echo sle''eping; exec sleep 1000\"\r");
    terminal.wait_for("sleeping");
    terminal.type_in("\u{3}");
    terminal.wait_for("node01 $ ");
    terminal.type_in("exit 4\r");
    terminal.wait_for("Connection to node01 closed.");
    terminal.wait_for("controlplane $ ");
    terminal.type_in("echo status $?\r");
    terminal.wait_for("status 4");
    terminal.type_in("ssh node01\r");
    let greeting = terminal.wait_for("node01 $ ");
    assert!(greeting.contains("Last login: ") && greeting.contains(" from 172.30.1.2"), "{greeting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_between_the_nodes() {
    let Some(running) = Running::start().await else { return };
    let _servers = running.serve_ssh().await;
    let (controlplane, node01) = (running.node("controlplane"), running.node("node01"));
    text(
        &controlplane,
        "mkdir -p d/sub; echo one > d/a; echo two > 'd/sub/b c'; head -c 300000 /dev/zero > d/big",
    )
    .await;
    let machines = sh(&controlplane, "command -v scp && command -v sftp").await.status == 0;
    let ours = "scp() { ( exec -a scp /opt/cks-lab/cks-lab \"$@\" ); }";
    for (at, scp) in ["", ours].into_iter().enumerate().skip(usize::from(!machines)) {
        let script = format!(
            "{scp}\nscp -q d/a d/big node01:/tmp/ && scp -qr d node01:/tmp/d{at} && scp -q 'node01:/tmp/d{at}/sub/b c' back{at} && cat back{at}"
        );
        assert_eq!(text(&controlplane, &script).await, "two");
        assert_eq!(
            text(&node01, &format!("cat /tmp/a; stat -c %s /tmp/big /tmp/d{at}/big; cat /tmp/d{at}/a")).await,
            "one\n300000\n300000\none"
        );
        let missing = sh(&controlplane, &format!("{scp}\nscp -q nothing node01:/tmp/")).await;
        let why = String::from_utf8_lossy(&missing.stderr).into_owned();
        assert!(
            missing.status != 0 && why.contains("scp: stat local \"nothing\": No such file or directory"),
            "{why}"
        );
    }
    if !machines {
        return;
    }
    // OpenSSH's sftp with the machine's server, and with the lab's own.
    let batch =
        "printf 'put d/a /tmp/s\\nget /tmp/s back\\nls -l /tmp/s\\nrename /tmp/s /tmp/t\\nmkdir /tmp/m\\n'";
    for way in ["node01", "-D /usr/local/bin/sftp-server"] {
        let said =
            text(&controlplane, &format!("rm -rf /tmp/[stm] back; {batch} | sftp -q -b - {way}; cat back"))
                .await;
        assert!(
            said.contains("-rw-") && said.contains(" /tmp/s\n") && said.ends_with("\none"),
            "{way}: {said}"
        );
        text(&node01, "rm -rf /tmp/[tm]").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_sessions_end_with_their_client() {
    let Some(running) = Running::start().await else { return };
    let _servers = running.serve_ssh().await;
    let (controlplane, node01) = (running.node("controlplane"), running.node("node01"));
    let mut terminal =
        Terminal::open(&controlplane, Command::script("exec -a ssh /opt/cks-lab/cks-lab node01")).await;
    terminal.wait_for("node01 $ ");
    terminal.type_in("sleep 12345\r");
    let count = "ps -eo args | grep -c '^sleep 12345' || true";
    let until = async |expected: &str| {
        let end = Instant::now() + LIMIT;
        while text(&node01, count).await != expected {
            assert!(Instant::now() < end, "waited for {expected} sleeps");
        }
    };
    until("1").await;
    drop(terminal.master);
    sh(&controlplane, "pkill -9 -x ssh; pkill -9 -f '^ssh node01'; true").await;
    until("0").await;
}

/// As shells start what runs in the background: with the interrupt ignored.
#[test]
fn programs_on_a_node_can_be_interrupted_however_the_lab_was_started() {
    for kind in [&["up", "--json"][..], &["up", "--json", "--plain-nodes"]] {
        let home = tempfile::tempdir().unwrap();
        let program = program::command(home.path(), kind);
        let mut lab = std::process::Command::new("sh");
        lab.args(["-c", "trap '' HUP INT QUIT TSTP; exec \"$@\"", "sh"]).arg(PROGRAM).args(kind);
        lab.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        lab.env_remove("KUBECONFIG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut lab = lab.spawn().unwrap();
        program::ready(&mut lab).unwrap();
        let (status, ignored, _) = program::on(home.path(), "node01", "grep SigIgn /proc/self/status");
        program::end(&mut lab, rustix::process::Signal::TERM, LIMIT);
        let mask = u64::from_str_radix(ignored.split_whitespace().last().unwrap(), 16).unwrap();
        // A file that becomes too large is an error on a node and ends nobody: SIGXFSZ. From 32 on they are the C library's.
        assert_eq!((status, mask & 0x7fff_ffff & !(1 << 24)), (0, 0), "{kind:?}: {ignored}");
    }
}
