//! Machines without OpenSSH: the lab's own `ssh`, `scp` and `sftp`, from one node to the other.

use rustix::process::Signal;

use super::{Command, Running, Terminal, sh, text};
use crate::program::{Up, command, on};

/// What is typed on the control plane, in order: its status, output and errors.
const PLAYED: &[(&str, i32, &str, &str)] = &[
    ("command -v ssh scp sftp", 0, "/usr/local/bin/ssh\n/usr/local/bin/scp\n/usr/local/bin/sftp\n", ""),
    ("ssh node01 hostname", 0, "node01\n", ""),
    // scp, one file and many, both ways and from the other node to here.
    (
        "mkdir -p d/sub; echo one > d/a; echo two > 'd/sub/b c'; chmod 600 d/a; scp d/a node01:/tmp/",
        0,
        "",
        "",
    ),
    ("ssh node01 'stat -c %a /tmp/a; cat /tmp/a'", 0, "600\none\n", ""),
    ("scp -r d node01:/tmp/d && scp 'node01:/tmp/d/sub/b c' back && cat back", 0, "two\n", ""),
    ("scp -r node01:/tmp/d again && cat again/a again/sub/*", 0, "one\ntwo\n", ""),
    (
        "scp 'node01:/tmp/d/*' /nonexistent/",
        1,
        "",
        "scp: multiple files match, but destination \"/nonexistent/\" is not a directory\n",
    ),
    (
        "scp -p d/a node01:/tmp/p; touch -d @86400 d/a; scp -p d/a node01:/tmp/p; ssh node01 stat -c %Y /tmp/p",
        0,
        "86400\n",
        "",
    ),
    ("scp node01:/tmp/a controlplane:/tmp/from-there && cat /tmp/from-there", 0, "one\n", ""),
    ("scp nothing node01:/tmp", 1, "", "scp: stat local \"nothing\": No such file or directory\n"),
    ("scp node01:/nothing .", 1, "", "scp: /nothing: No such file or directory\n"),
    (
        "scp d node01:/tmp/x",
        1,
        "",
        "scp: local \"d\" is not a regular file\nscp: failed to upload file d to /tmp/x\n",
    ),
    ("scp node01:/tmp/d .", 1, "", "scp: download /tmp/d/: not a regular file\n"),
    (
        "scp d/a node01:/no/x",
        1,
        "",
        "scp: dest open \"/no/x\": No such file or directory\nscp: failed to upload file d/a to /no/x\n",
    ),
    ("scp node01:/tmp/a /no/x", 1, "", "scp: open local \"/no/x\": No such file or directory\n"),
    (
        "scp -r d node01:/tmp/a",
        1,
        "",
        "scp: \"/tmp/a\" exists but is not a directory\nscp: failed to upload directory d to /tmp/a\n",
    ),
    (
        "scp d/a nowhere:",
        255,
        "",
        "ssh: Could not resolve hostname nowhere: Name or service not known\nscp: Connection closed\n",
    ),
    // sftp: a batch, what it says, and where it ends.
    (
        "cd d; printf 'pwd\\nlpwd\\ncd /tmp\\nput a s\\nget s ../s\\nls -1 d\\nmkdir m\\nrename s m/t\\nls m\\nrm m/t\\nrmdir m\\nbye\\nbad\\n' | sftp -b - node01",
        0,
        "sftp> pwd\nRemote working directory: /root\nsftp> lpwd\nLocal working directory: /root/d\nsftp> cd /tmp\nsftp> put a s\n\
         sftp> get s ../s\nsftp> ls -1 d\nd/a\nd/sub\nsftp> mkdir m\nsftp> rename s m/t\nsftp> ls m\nm/t  \nsftp> rm m/t\nsftp> rmdir m\nsftp> bye\n",
        "",
    ),
    (
        "printf -- '-get /no\\n-cd /no\\n-rm /no\\n-mkdir /tmp\\n@-put no\\n-get\\n-bad\\ncd /etc/hostname\\npwd\\n' | sftp -b - node01",
        1,
        "sftp> -get /no\nsftp> -cd /no\nsftp> -rm /no\nsftp> -mkdir /tmp\nsftp> -get\nsftp> -bad\nsftp> cd /etc/hostname\n",
        "File \"/no\" not found.\nstat remote: No such file or directory\nremote delete /no: No such file or directory\n\
         remote mkdir \"/tmp\": Failure\nstat no: No such file or directory\nYou must specify at least one path after a get command.\n\
         Invalid command.\nCan't change directory: \"/etc/hostname\" is not a directory\n",
    ),
    (
        "printf 'put -r d /tmp/e\\nget -r /tmp/e\\n!cat e/sub/*\\nls -l /no\\n' | sftp node01",
        0,
        "sftp> put -r d /tmp/e\nUploading d/ to /tmp/e\nEntering d/\nEntering d/sub\nsftp> get -r /tmp/e\nFetching /tmp/e/ to e\n\
         Retrieving /tmp/e\nRetrieving /tmp/e/sub\nsftp> !cat e/sub/*\ntwo\nsftp> ls -l /no\n",
        "Connected to node01.\nCan't ls: \"/no\" not found\n",
    ),
    (
        "sftp node01:/tmp/a fetched 2>&1; cat fetched",
        0,
        "Connected to node01.\nFetching /tmp/a to fetched\none\n",
        "",
    ),
    ("sftp -b /no node01", 255, "", "No such file or directory (/no).\n"),
    (
        "sftp -P 23 node01",
        255,
        "",
        "ssh: connect to host node01 port 23: Connection refused\n\rConnection closed.  \nConnection closed\n",
    ),
    (
        "printf 'df\\n' | sftp -b - node01 | sed -n 2p",
        0,
        "        Size         Used        Avail       (root)    %Capacity\n",
        "",
    ),
];

#[test]
fn files_go_between_nodes_of_a_machine_without_openssh() {
    let home = tempfile::tempdir().unwrap();
    let nothing = tempfile::tempdir().unwrap();
    let mut up = command(home.path(), &["up", "--json"]);
    up.env("PATH", nothing.path());
    let mut up = Up::by(up);
    let plain = up.plain_root(home.path(), "controlplane").is_some();
    for (script, status, stdout, stderr) in PLAYED {
        // Where the machine refuses namespaces the nodes' paths are others; that ssh leads to them is shown elsewhere.
        if plain {
            break;
        }
        let seen = on(home.path(), "controlplane", &format!("cd; exec </dev/null; {script}"));
        assert_eq!(seen, (*status, (*stdout).to_owned(), (*stderr).to_owned()), "{script}");
    }
    up.signal(Signal::TERM);
}

/// A terminal with the lab's clients in front.
async fn terminal(running: &Running) -> Terminal {
    let node = running.node("controlplane");
    text(&node, "for tool in ssh scp sftp; do ln -sf /opt/cks-lab/cks-lab /usr/local/bin/$tool; done").await;
    let mut terminal = Terminal::open(&node, Command::shell()).await;
    terminal.wait_for("controlplane $ ");
    terminal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_of_sftp() {
    let Some(running) = Running::start().await else { return };
    let _servers = running.serve_ssh().await;
    let mut terminal = terminal(&running).await;
    terminal.type_in("echo text > f; sftp node01\r");
    terminal.wait_for("Connected to node01.\r\nsftp> ");
    terminal.type_in("put f /tmp/g\r");
    let seen = terminal.wait_for("\nsftp> ");
    assert!(seen.contains("Uploading f to /tmp/g\r\n\rf ") && seen.contains("100%    5 "), "{seen}");
    for (typed, shown) in [
        ("ls /tmp\r", "/tmp/g  "),
        ("ls -l /tmp\r", "-rw-r--r--    1 root     root            5 "),
        ("rm /tmp/g\r", "Removing /tmp/g"),
        ("version\r", "SFTP protocol version 3"),
        ("nonsense\r", "Invalid command."),
    ] {
        terminal.type_in(typed);
        let seen = terminal.wait_for("\nsftp> ");
        assert!(seen.contains(shown), "{typed:?}: {seen}");
    }
    terminal.type_in("\u{4}");
    terminal.wait_for("controlplane $ ");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_hosts_and_of_people() {
    let Some(running) = Running::start().await else { return };
    let _servers = running.serve_ssh().await;
    let mut terminal = terminal(&running).await;
    let node = running.node("controlplane");
    text(&node, "cp -a .ssh/known_hosts .ssh/all; grep -v ^node01 .ssh/all > .ssh/known_hosts").await;
    // A new host: the question, what is no answer to it, no, and yes.
    terminal.type_in("ssh node01 hostname\r");
    let seen = terminal.wait_for("connecting (yes/no/[fingerprint])? ");
    assert!(
        seen.contains("The authenticity of host 'node01 (172.30.2.2)' can't be established.\r\nED25519 key fingerprint is SHA256:")
            && seen.contains("This key is not known by any other names."),
        "{seen}"
    );
    terminal.type_in("what\r");
    terminal.wait_for("Please type 'yes', 'no' or the fingerprint: ");
    terminal.type_in("no\r");
    terminal.wait_for("Host key verification failed.");
    terminal.wait_for("controlplane $ ");
    terminal.type_in("ssh node01 hostname\r");
    terminal.wait_for("connecting (yes/no/[fingerprint])? ");
    terminal.type_in("yes\r");
    terminal.wait_for("Warning: Permanently added 'node01' (ED25519) to the list of known hosts.");
    terminal.wait_for("\nnode01\r\n");
    let machines = sh(&node, "test -x /usr/bin/ssh").await.status == 0;
    for ssh in std::iter::once("/usr/local/bin/ssh").chain(machines.then_some("/usr/bin/ssh")) {
        for (script, status, said) in REFUSED {
            let output = sh(&node, &format!("ssh() {{ {ssh} \"$@\"; }}; exec </dev/null; {script}")).await;
            let stderr = String::from_utf8_lossy(&output.stderr).replace('\r', "");
            assert_eq!(output.status, *status, "{ssh}: {script}: {stderr}");
            let mut rest = stderr.as_str();
            for part in said.lines() {
                let Some(at) = rest.find(part) else { panic!("{ssh}: {script}: no {part:?} in {stderr}") };
                rest = &rest[at + part.len()..];
            }
            assert!(!said.is_empty() || stderr.is_empty(), "{ssh}: {script}: {stderr}");
        }
    }
}

/// What is refused or warned of, by OpenSSH and by the lab's own: a script, its status, lines of what it says in their order.
const REFUSED: &[(&str, i32, &str)] = &[
    ("cp .ssh/all .ssh/known_hosts; ssh node01 true", 0, ""),
    ("ssh root@node01", 0, "Pseudo-terminal will not be allocated because stdin is not a terminal.\n"),
    ("ssh nobody@node01", 255, "nobody@node01: Permission denied (publickey).\n"),
    ("ssh nowhere", 255, "ssh: Could not resolve hostname nowhere: Name or service not known\n"),
    ("ssh -p 23 node01 true", 255, "ssh: connect to host node01 port 23: Connection refused\n"),
    ("ssh -i /no node01 true", 0, "Warning: Identity file /no not accessible: No such file or directory.\n"),
    ("ssh -o Foo=bar node01", 255, "command-line: line 0: Bad configuration option: foo\n"),
    (
        "ssh -o StrictHostKeyChecking=maybe node01",
        255,
        "command-line line 0: unsupported option \"maybe\".\n",
    ),
    ("ssh -p 99999 node01", 255, "Bad port '99999'\n"),
    ("ssh -z", 255, "unknown option -- z\nusage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n"),
    (
        "grep -v ^node01 .ssh/all > .ssh/known_hosts; ssh -o BatchMode=yes node01 true",
        255,
        "Host key verification failed.\n",
    ),
    (
        "ssh -o StrictHostKeyChecking=yes node01 true",
        255,
        "No ED25519 host key is known for node01 and you have requested strict checking.\nHost key verification failed.\n",
    ),
    (
        "ssh -o StrictHostKeyChecking=accept-new node01 true && grep -c ^node01 .ssh/known_hosts",
        0,
        "Warning: Permanently added 'node01' (ED25519) to the list of known hosts.\n",
    ),
    (
        "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null node01 true",
        0,
        "Warning: Permanently added 'node01' (ED25519) to the list of known hosts.\n",
    ),
    ("ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR node01 true", 0, ""),
    (
        "sed 's/^controlplane[^ ]*/node01/' .ssh/all | grep ^node01 | head -n 1 > .ssh/known_hosts; ssh node01 true",
        255,
        "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
Please contact your system administrator.
Add correct host key in /root/.ssh/known_hosts to get rid of this message.
Offending ED25519 key in /root/.ssh/known_hosts:1
  remove with:
  ssh-keygen -f \"/root/.ssh/known_hosts\" -R \"node01\"
Host key for node01 has changed and you have requested strict checking.
Host key verification failed.",
    ),
    (
        "ssh -o StrictHostKeyChecking=no node01 true",
        0,
        "REMOTE HOST IDENTIFICATION HAS CHANGED!\nPassword authentication is disabled to avoid man-in-the-middle attacks.\n",
    ),
    (
        "cp .ssh/all .ssh/known_hosts; chmod 644 .ssh/id_ed25519; ssh node01 true; s=$?; chmod 600 .ssh/id_ed25519; exit $s",
        255,
        "@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Permissions 0644 for '/root/.ssh/id_ed25519' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
Load key \"/root/.ssh/id_ed25519\": bad permissions
root@node01: Permission denied (publickey).",
    ),
];
