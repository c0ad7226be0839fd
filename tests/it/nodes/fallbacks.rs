//! Kernels that lack something: what stands in for it, and that a node is held all the same; or that there is none.

use cks_lab::node::linux::Kernel;

use super::*;

/// A script on node01 and what it prints.
const HELD: [(&str, &str); 9] = [
    ("hostname; id -u", "node01\n0"),
    ("touch /root/x /etc/x && stat -c %u /root/x /etc/kubernetes", "0\n0"),
    ("touch /usr/bin/x 2>&1; true", "touch: cannot touch '/usr/bin/x': Read-only file system"),
    ("mount -t tmpfs none /mnt 2>/dev/null || echo refused", "refused"),
    ("unshare -U true 2>/dev/null || echo refused", "refused"),
    ("mknod /tmp/disk b 8 0 2>/dev/null || echo refused", "refused"),
    ("echo 1 2>/dev/null >/proc/sys/kernel/panic || echo refused", "refused"),
    ("exec 3<>/dev/tcp/1.1.1.1/80 2>/dev/null || echo refused", "refused"),
    ("cat </dev/tcp/controlplane/6443", "hello"),
];

/// Looks whether the nodes of a lab are held, and reach each other.
async fn holds(what: &str, lab: &Lab) {
    let controlplane = lab.node("controlplane").unwrap() as Arc<dyn Node>;
    let node01 = lab.node("node01").unwrap() as Arc<dyn Node>;
    let listener = controlplane.listen("172.30.1.2:6443".parse().unwrap()).await.unwrap();
    let serve = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"hello\n").await.unwrap();
    });
    for (script, seen) in HELD {
        assert_eq!(text(&node01, script).await, seen, "{what}: {script}");
    }
    serve.await.unwrap();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/nonexistent".into());
    assert_ne!(sh(&node01, &format!("ls {home}/.cargo")).await.status, 0, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kernel_lacks_is_stood_in_for() {
    if Running::start().await.is_none() {
        return;
    }
    let all = Kernel::default();
    for (what, kernel) in [
        ("no mounts that translate owners", Kernel { idmapped_mounts: false, ..all }),
        ("no cables", Kernel { cables: false, ..all }),
        ("no Landlock", Kernel { landlock: false, ..all }),
        ("none of the three", Kernel { idmapped_mounts: false, cables: false, landlock: false, ..all }),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let lab = Lab::start_with(specs(dir.path()), Path::new(PROGRAM), kernel).await;
        holds(what, &lab.unwrap_or_else(|why| panic!("{what}: {why}"))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_user_namespaces_or_seccomp_there_are_no_such_nodes() {
    if Running::start().await.is_none() {
        return;
    }
    let all = Kernel::default();
    for (kernel, why) in [
        (Kernel { namespaces: false, ..all }, "a user namespace: Operation not permitted (os error 1)"),
        (
            Kernel { seccomp: false, ..all },
            "the filter of system calls: Function not implemented (os error 38)",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let refused = Lab::start_with(specs(dir.path()), Path::new(PROGRAM), kernel).await;
        assert_eq!(refused.err().as_deref(), Some(why));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_that_is_given_up_while_it_begins_ends() {
    if Running::start().await.is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..30 {
        let begun = Lab::begin(specs(dir.path()), Path::new(PROGRAM), Kernel::default()).await;
        let (lab, beginnings) = begun.unwrap();
        // Somebody holds a node all the same.
        let node = lab.node("controlplane");
        let gone = tokio::task::spawn_blocking(move || drop((lab, beginnings)));
        tokio::time::timeout(LIMIT, gone).await.expect("its processes do not end").unwrap();
        drop(node);
    }
}
