//! Ways to nodes: stand-ins that record the exact command line, and a real sshd.

#![allow(clippy::print_stderr)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cks_lab::cluster::live::access::{LiveNode, Written};
use cks_lab::cluster::live::drivers::{DRIVERS, Form, Place, Way};
use cks_lab::cluster::live::scripts::Owner;
use cks_lab::cluster::live::{debug, quote, scripts};
use cks_lab::digest::sha256;
use cks_lab::node::{Command as NodeCommand, Node};

use super::{LIMIT, Theirs};
use crate::program::{PROGRAM, end, ready, text, until};

/// A program that writes its arguments down, one a line, and ends with 1.
fn stand_in(dir: &Path, name: &str) {
    let path = dir.join(name);
    std::fs::write(
        &path,
        format!("#!/bin/sh\nprintf '%s\\n' {name} \"$@\" END >> '{}/log'\nexit 1\n", dir.display()),
    )
    .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn place() -> Place {
    Place {
        node: "w-1".into(),
        host: "w-1.example".into(),
        profile: "mini".into(),
        kubeconfig: "/k/config".into(),
        context: "ctx".into(),
    }
}

#[test]
fn each_driver_has_its_command_line() {
    let script = "echo 'a b' $HOME";
    let [sh, c, word] = quote::script(script);
    let line = format!("sh -c {}", quote::quote(&word));
    let sudo = format!("sudo -n {line}");
    let own = [sh.as_str(), c.as_str(), word.as_str()];
    let rows: Vec<(&str, Vec<&str>)> = vec![
        ("local", own.to_vec()),
        ("local", [&["sudo", "-n"], &own[..]].concat()),
        ("ssh", vec!["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "w-1.example", &line]),
        ("ssh", vec!["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "w-1.example", &sudo]),
        ("docker", [&["docker", "exec", "-i", "w-1"], &own[..]].concat()),
        ("minikube", vec!["minikube", "-p", "mini", "ssh", "-n", "w-1", "--native-ssh=false", "--", &sudo]),
        ("lima", [&["limactl", "shell", "w-1", "sudo", "-n"], &own[..]].concat()),
        ("multipass", [&["multipass", "exec", "w-1", "--", "sudo", "-n"], &own[..]].concat()),
        ("vagrant", vec!["vagrant", "ssh", "w-1", "--no-tty", "-c", &sudo]),
        (
            "kubectl-debug",
            [&["sh", "-c", debug::SCRIPT, "cks-lab-debug", "/k/config", "ctx", "w-1", "-i"], &own[..]]
                .concat(),
        ),
    ];
    let built: Vec<(&str, Vec<String>)> =
        DRIVERS.iter().map(|d| (d.name, Way::of_driver(d, &place()).argv(script, false))).collect();
    let expected: Vec<(&str, Vec<String>)> =
        rows.into_iter().map(|(n, words)| (n, words.into_iter().map(str::to_owned).collect())).collect();
    assert_eq!(built, expected);
}

#[test]
fn the_programs_get_exactly_those_words() {
    let theirs = tempfile::tempdir().unwrap();
    let names = ["ssh", "docker", "minikube", "limactl", "multipass", "vagrant", "sh"];
    for name in names {
        stand_in(theirs.path(), name);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for driver in DRIVERS.iter().filter(|d| !d.command.is_empty()) {
        let mut way = Way::of_driver(driver, &place());
        let name = way.command[0].clone();
        way.command[0] = theirs.path().join(&name).display().to_string();
        let mut expected = way.argv("true", false);
        expected[0] = name;
        let log = theirs.path().join("log");
        let _ = std::fs::remove_file(&log);
        let node = LiveNode::new("node01", "w-1", way);
        let output = runtime.block_on(node.script("true", b"")).unwrap();
        assert_eq!(output.status, 1, "{}", driver.name);
        let written = std::fs::read_to_string(&log).unwrap();
        assert_eq!(written, format!("{}\nEND\n", expected.join("\n")), "{}", driver.name);
    }
}

/// This machine by plain `sh`: the words form without any program between.
fn here() -> LiveNode {
    LiveNode::new("controlplane", "here", Way { form: Some(Form::Words), ..Way::default() })
}

#[test]
fn files_are_read_and_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("manifests/k ' $x.yaml");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let shown = path.display().to_string();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let node = here();
        assert_eq!(node.fetch(&shown).await.unwrap(), None);
        let content = b"cks-lab:end\nno newline at the end \xff\0".to_vec();
        node.write_file(&shown, &content).await.unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let found = node.fetch(&shown).await.unwrap().unwrap();
        assert_eq!((found.content, found.owner.mode), (content.clone(), 0o640));
        // Somebody else was faster.
        let other = node.store(&shown, b"x", Some(&sha256(b"what it was not")), None).await.unwrap();
        assert_eq!(other, Written::Changed);
        assert_eq!(std::fs::read(&path).unwrap(), content);
        // The mode is kept, or as asked.
        assert_eq!(node.store(&shown, b"y", Some(&sha256(&content)), None).await.unwrap(), Written::Done);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let owner = Owner { mode: 0o600, ..found.owner };
        node.store(&shown, b"", None, Some(owner)).await.unwrap();
        assert_eq!(node.fetch(&shown).await.unwrap().unwrap().owner, owner);
        // The connection breaks off: fewer bytes come than were announced.
        let cut = node
            .script(&scripts::write(&shown, 9, &sha256(b"123456789"), None, None), b"1234")
            .await
            .unwrap();
        assert_eq!((cut.status, cut.text().as_str()), (3, "cks-lab:short\n"));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["manifests"], "no temporary file is left");
        assert_eq!(
            node.list_dir(path.parent().unwrap().to_str().unwrap()).await.unwrap().unwrap(),
            ["k ' $x.yaml"]
        );
        assert_eq!(node.list_dir("/nowhere").await.unwrap(), None);
        node.remove_file(&shown).await.unwrap();
        assert!(!path.exists());
    });
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    // A directory that is a file system of its own, of one page, inside a namespace of ours.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("etc/kubernetes/manifests/k.yaml");
    let script = format!(
        "mount -t tmpfs -o size=16k tmpfs '{d}' && mkdir -p '{d}/etc/kubernetes/manifests' && printf old > '{p}' && \
         head -c 100000 /dev/zero > '{d}/fill' 2>/dev/null; {write}; echo \"status $?\"; cat '{p}'; ls -A '{d}/etc/kubernetes'",
        d = dir.path().display(),
        p = path.display(),
        write = quote::line(&quote::script(&scripts::write(
            path.to_str().unwrap(),
            8000,
            &sha256(&[b'a'; 8000]),
            None,
            None
        ))),
    );
    let mut child = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feed = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &[b'a'; 8000]));
    let output = child.wait_with_output().unwrap();
    let _ = feed.join();
    if text(&output.stderr).contains("unshare") {
        eprintln!("skipped: no namespaces here: {}", text(&output.stderr).trim());
        return;
    }
    let said = text(&output.stdout);
    assert!(said.ends_with("old") || said.contains("oldmanifests"), "{said}");
    assert!(!said.contains("status 0") && !said.contains("cks-lab:done"), "{said}");
    assert!(!said.contains(".cks-lab."), "no temporary file is left: {said}");
}

/// A way that talks before and after what was asked, and on standard error.
#[test]
fn what_a_way_says_by_itself_is_no_part_of_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let noisy = dir.path().join("noisy");
    let script = "#!/bin/sh\necho 'Welcome! cks-lab:none cks-lab:end'; echo warning >&2\n\"$@\"; s=$?\necho; echo goodbye; exit $s\n";
    std::fs::write(&noisy, script).unwrap();
    std::fs::set_permissions(&noisy, std::fs::Permissions::from_mode(0o755)).unwrap();
    let node = LiveNode::new(
        "controlplane",
        "here",
        Way::of_command(vec![noisy.display().to_string()], Form::Words),
    );
    let below = dir.path().join("m");
    std::fs::create_dir(&below).unwrap();
    let path = below.join("k.yaml").display().to_string();
    // Bytes that look like the marks around them.
    let content = b"a\ncks-lab:none\ncks-lab:end\ncks-lab:file 1 644 0 0\n\r\n\0\xff".to_vec();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        assert_eq!(node.fetch(&path).await.unwrap(), None);
        node.write_file(&path, &content).await.unwrap();
        assert_eq!(node.read_file(&path).await.unwrap().unwrap(), content);
        std::fs::write(below.join("cks-lab:end"), "").unwrap();
        let listed = node.list_dir(below.to_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(listed, ["cks-lab:end", "k.yaml"]);
        let big: Vec<u8> = (0..3_000_000u32).map(|n| (n * 7 % 251) as u8).collect();
        node.write_file(&path, &big).await.unwrap();
        assert!(node.read_file(&path).await.unwrap().unwrap() == big, "megabytes come through");
        let output = node.run(NodeCommand::new(["sh", "-c", "exit 42"]), b"", LIMIT).await.unwrap();
        assert_eq!(output.status, 42);
    });
}

/// A manifest that is a link, in a directory that is a mount of its own: it stays a link, and is replaced in one step.
#[test]
fn links_stay_links_and_mounts_are_not_crossed() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path().display();
    let write = |path: &str, content: &str| {
        let script = scripts::write(path, content.len(), &sha256(content.as_bytes()), None, None);
        format!("printf %s {content} | {}", quote::line(&quote::script(&script)))
    };
    let (file, link) = (format!("{d}/etc/kubernetes/manifests/k.yaml"), format!("{d}/link.yaml"));
    // `mv` across a mount copies: it is to be told of a name in the directory itself.
    let mv = format!("{d}/bin/mv");
    let script = format!(
        "mkdir -p {d}/bin {d}/etc/kubernetes/manifests {d}/own && printf old > {d}/own/k.yaml && ln -s {file} {link} && \
         mount --bind {d}/own {d}/etc/kubernetes/manifests || exit 9\n\
         printf '#!/bin/sh\\necho \"$*\" >> {d}/moved; exec /bin/mv \"$@\"\\n' > {mv}; chmod +x {mv}; PATH={d}/bin:$PATH\n\
         {first}\n{second}\n[ -L {link} ] && cat {file}; echo; cat {d}/moved; ls -A {d}/own",
        first = write(&file, "one"),
        second = write(&link, "two"),
    );
    let output = Command::new("unshare").args(["-r", "-m", "sh", "-c", &script]).output().unwrap();
    if text(&output.stderr).contains("unshare") || output.status.code() == Some(9) {
        eprintln!("skipped: no mounts here: {}", text(&output.stderr).trim());
        return;
    }
    let said = text(&output.stdout);
    assert_eq!(said.matches("cks-lab:done").count(), 2, "{said}{}", text(&output.stderr));
    assert!(said.contains("\ntwo\n"), "{said}");
    assert_eq!(said.matches(&format!("-f {d}/etc/kubernetes/manifests/.cks-lab.")).count(), 2, "{said}");
    assert!(said.ends_with("k.yaml\n"), "no temporary file is left: {said}");
}

/// What a broken connection left goes with the rest, wherever it was.
#[test]
fn what_was_left_half_written_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("k/manifests")).unwrap();
    std::fs::create_dir_all(at("copies/id")).unwrap();
    for path in [
        "k/manifests/.cks-lab.aaaaaa",
        "k/.cks-lab.bbbbbb",
        "copies/id/.cks-lab.cccccc",
        "copies/.cks-lab.dddddd",
    ] {
        std::fs::write(at(path), "half").unwrap();
    }
    for path in ["k/manifests/k.yaml", "k/manifests/.swp", "copies/id/k.yaml"] {
        std::fs::write(at(path), "").unwrap();
    }
    let shown = |path: &str| at(path).display().to_string();
    let clean = scripts::clean(&[shown("copies/id/k.yaml")], &shown("copies/id"), &shown("k/manifests"));
    let output = Command::new("sh").args(["-c", &clean]).output().unwrap();
    assert!(text(&output.stdout).contains("cks-lab:done"), "{output:?}");
    let names = |path: &str| {
        let dir = std::fs::read_dir(at(path)).unwrap();
        let mut names: Vec<String> = dir.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(
        (names("k"), names("k/manifests")),
        (vec!["manifests".to_owned()], vec![".swp".into(), "k.yaml".into()])
    );
    assert!(names("copies").is_empty());
}

#[test]
fn ways_that_lead_elsewhere_say_so() {
    let dir = tempfile::tempdir().unwrap();
    stand_in(dir.path(), "ssh");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broken = vec![dir.path().join("ssh").display().to_string(), "cp".into()];
    let error = runtime.block_on(LiveNode::by_command("controlplane", "cp", broken)).unwrap_err().to_string();
    assert!(error.contains("cannot run a command on cp: exit status 1"), "{error}");
    let missing = vec!["/nowhere/ssh".to_owned()];
    let error =
        runtime.block_on(LiveNode::by_command("controlplane", "cp", missing)).unwrap_err().to_string();
    assert!(error.contains("is /nowhere/ssh installed"), "{error}");
    let nobody = vec!["setpriv".to_owned(), "--reuid=65534".into()];
    if std::process::Command::new("setpriv")
        .args(["--reuid=65534", "true"])
        .status()
        .is_ok_and(|s| s.success())
    {
        let error =
            runtime.block_on(LiveNode::by_command("controlplane", "cp", nobody)).unwrap_err().to_string();
        assert!(error.contains("leads to the user 65534, not to root"), "{error}");
    }
}

#[test]
fn a_real_sshd_on_loopback() {
    let Some(sshd) = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|p| Path::new(p).exists()) else {
        eprintln!("skipped: no sshd here");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    for key in ["host", "user"] {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &at(key)]).status();
        assert!(made.unwrap().success());
    }
    std::fs::copy(at("user.pub"), at("authorized")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nPermitRootLogin prohibit-password\n",
        at("host"),
        at("authorized")
    );
    std::fs::write(at("sshd_config"), config).unwrap();
    if rustix::process::geteuid().is_root() {
        // Where a daemon started as root wants to lock itself in.
        let _ = std::fs::create_dir_all("/run/sshd");
    }
    let mut daemon = Command::new(sshd)
        .args(["-D", "-e", "-f", &at("sshd_config")])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("sshd listens", LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let host = std::fs::read_to_string(at("host.pub")).unwrap();
    std::fs::write(at("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
    let base = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-i"].map(str::to_owned);
    let mut way: Vec<String> = base.to_vec();
    way.extend([
        at("user"),
        "-o".into(),
        format!("UserKnownHostsFile={}", at("known")),
        "-p".into(),
        port.to_string(),
    ]);
    way.push("127.0.0.1".into());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let node = LiveNode::new("node01", "loop", Way::of_command(way, Form::Line));
        let output = node
            .run(
                NodeCommand::new(["sh", "-c", "cat; echo \"it's $1\"", "x", "a b"]),
                b"in\n",
                Duration::from_secs(20),
            )
            .await?;
        let path = at("file");
        node.write_file(&path, b"over\nssh\xff").await?;
        let read = node.read_file(&path).await?;
        let probe = node.probe().await;
        Ok::<_, cks_lab::error::Error>((output.text(), read, probe.map_err(|e| e.to_string())))
    });
    let _ = daemon.kill();
    let _ = daemon.wait();
    let (said, read, probe) = outcome.unwrap();
    assert_eq!(said, "in\nit's a b\n");
    assert_eq!(read.as_deref(), Some(&b"over\nssh\xff"[..]));
    match rustix::process::geteuid().is_root() {
        true => assert!(probe.is_ok(), "{probe:?}"),
        false => assert!(probe.unwrap_err().contains("not to root")),
    }
}

#[test]
fn shells_have_a_terminal_and_the_lessons_aliases() {
    let theirs = Theirs::start();
    let mut lab = theirs.lab(&["up", "--json", "--read-only"]).spawn().unwrap();
    ready(&mut lab).unwrap();
    let pty = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 })
        .unwrap();
    let mut shell = portable_pty::CommandBuilder::new(PROGRAM);
    shell.args(["shell", "controlplane"]);
    shell.env("CKS_LAB_HOME", theirs.mine());
    shell.env("TERM", "xterm");
    let mut child = pty.slave.spawn_command(shell).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut writer = pty.master.take_writer().unwrap();
    let screen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let shown = screen.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
            shown.lock().unwrap().extend_from_slice(&buffer[..n]);
        }
    });
    let says = |what: &str| text(&screen.lock().unwrap()).contains(what);
    until("the prompt", LIMIT, || says("# ") || says("$ "));
    std::io::Write::write_all(&mut writer, b"[ -t 0 ] && stty size; hostname; type k; echo the-$((1+1))nd\n")
        .unwrap();
    until("the answer", LIMIT, || says("the-2nd"));
    std::io::Write::write_all(&mut writer, b"exit\n").unwrap();
    let _ = child.wait();
    let said = text(&screen.lock().unwrap());
    assert!(said.contains("24 100") && said.contains("controlplane"), "{said}");
    assert!(said.contains("k is aliased to `kubectl'"), "{said}");
    assert_eq!(end(&mut lab, rustix::process::Signal::TERM, LIMIT), 0);
}
