#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;

use super::*;

/// A machine's directory with a secret, and a node's root beside it.
fn machine() -> (tempfile::TempDir, Rooted) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("etc/deep")).unwrap();
    fs::create_dir_all(root.join("var/log")).unwrap();
    fs::write(dir.path().join("secret"), "the machine's").unwrap();
    fs::write(root.join("secret"), "the node's").unwrap();
    fs::write(root.join("etc/file"), "plain").unwrap();
    let machine = dir.path().display().to_string();
    for (link, target) in [
        ("etc/up", "../../secret".to_owned()),
        ("etc/far", "../../../../../../../../../../secret".to_owned()),
        ("etc/absolute", "/secret".to_owned()),
        ("etc/named", format!("{machine}/secret")),
        ("etc/way", "/etc/deep/../../..".to_owned()),
        ("etc/chain", "absolute".to_owned()),
        ("etc/loop", "loop".to_owned()),
        ("etc/out", machine),
        ("var/log/pods", "/etc/deep".to_owned()),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    (dir, Rooted::new(root))
}

/// Both ways of looking up: the kernel's and this program's.
fn both(rooted: &Rooted, path: &str, flags: OFlags) -> [io::Result<OwnedFd>; 2] {
    let root = File::open(&rooted.root).unwrap();
    let own = walk::open(root.into(), Path::new(path), flags | OFlags::CLOEXEC, Mode::empty());
    [rooted.open(Path::new(path), flags, 0), own]
}

#[test]
fn a_root_that_was_removed_and_made_again_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let rooted = Rooted::new(&root);
    rooted.write("etc/file", "first", 0o644).unwrap();
    let same = rooted.clone();
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(rooted.read("etc/file").unwrap_err().kind(), io::ErrorKind::NotFound);
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::write(root.join("etc/file"), "second").unwrap();
    assert_eq!(rooted.read("etc/file").unwrap(), b"second");
    assert_eq!(same.read("etc/file").unwrap(), b"second");
}

#[test]
fn paths_mean_what_they_mean_inside() {
    let (_dir, rooted) = machine();
    for (path, expected) in [
        ("/etc/file", Ok("plain")),
        ("etc/file", Ok("plain")),
        ("/../../etc/../etc/file", Ok("plain")),
        ("/etc/up", Ok("the node's")),
        ("/etc/far", Ok("the node's")),
        ("/etc/absolute", Ok("the node's")),
        ("/etc/chain", Ok("the node's")),
        ("/etc/way/secret", Ok("the node's")),
        ("/etc/named", Err(io::ErrorKind::NotFound)),
        ("/etc/out/secret", Err(io::ErrorKind::NotFound)),
        ("/etc/missing", Err(io::ErrorKind::NotFound)),
        ("/etc/file/x", Err(io::ErrorKind::NotADirectory)),
        ("/etc/loop", Err(io::Error::from_raw_os_error(40).kind())),
    ] {
        for (way, opened) in ["kernel", "walk"].iter().zip(both(&rooted, path, OFlags::RDONLY)) {
            let text = opened.map(|fd| io::read_to_string(File::from(fd)).unwrap());
            assert_eq!(text.as_deref().map_err(|e: &io::Error| e.kind()), expected, "{path} by {way}");
        }
    }
    for (path, link) in [("/etc/up", true), ("/etc/file", false), ("/etc", false)] {
        for opened in both(&rooted, path, OFlags::PATH | OFlags::NOFOLLOW) {
            assert_eq!(File::from(opened.unwrap()).metadata().unwrap().is_symlink(), link, "{path}");
        }
    }
    for opened in both(&rooted, "/etc/up", OFlags::PATH) {
        assert!(File::from(opened.unwrap()).metadata().unwrap().is_file());
    }
    for opened in both(&rooted, "/etc/way", OFlags::RDONLY | OFlags::DIRECTORY) {
        let there = File::from(opened.unwrap()).metadata().unwrap().ino();
        assert_eq!(there, fs::metadata(&rooted.root).unwrap().ino(), "above the root is the root");
    }
}

#[test]
fn nothing_is_written_outside() {
    let (dir, rooted) = machine();
    rooted.write("/var/log/pods/a/0.log", "x", 0o640).unwrap();
    assert_eq!(fs::read_to_string(rooted.root.join("etc/deep/a/0.log")).unwrap(), "x");
    assert_eq!(rooted.metadata("/var/log/pods/a/0.log").unwrap().mode() & 0o7777, 0o640);
    assert!(rooted.write("/etc/out/new", "x", 0o600).is_err() || !dir.path().join("new").exists());
    rooted.rewrite("/etc/up", b"changed").unwrap();
    assert!(rooted.append("/etc/named", 0o600).is_err(), "its directory is not there");
    rooted.append("/etc/far", 0o600).unwrap().write_all(b"+").unwrap();
    assert_eq!(rooted.read_to_string("/secret").unwrap(), "the node's+");
    rooted.create("/etc/absolute", 0o600).unwrap();
    rooted.symlink("/secret", "/etc/new").unwrap();
    rooted.rename("/etc/file", "/etc/out2").unwrap();
    rooted.remove_file("/etc/new").unwrap();
    assert_eq!(rooted.read("/secret").unwrap(), b"the node's+", "a link went, not what it leads to");
    rooted.remove_dir("/etc/deep/a").unwrap_err();
    assert_eq!(fs::read_to_string(dir.path().join("secret")).unwrap(), "the machine's");
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["root", "secret"]);
}

#[test]
fn a_pipe_holds_nobody_and_is_no_log() {
    let (_dir, rooted) = machine();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        rooted.root.join("pipe"),
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(rooted.read("/pipe").unwrap(), b"");
    assert!(rooted.append("/pipe", 0o600).is_err());
    assert_eq!(rooted.list("/etc/deep").unwrap(), [] as [OsString; 0]);
    assert!(rooted.read("/etc").is_err());
}
