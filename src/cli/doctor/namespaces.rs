//! Whether this machine lets the lab make namespaces, and what to do where it does not.

use crate::text::tr;
use std::path::Path;

/// A setting that can forbid namespaces.
struct Setting {
    /// Below `/proc/sys`.
    file: &'static str,
    /// The value that forbids them.
    forbids: &'static str,
    /// Whether root is bound by it too.
    binds_root: bool,
    /// What to do.
    remedy: fn() -> &'static str,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        file: "user/max_user_namespaces",
        forbids: "0",
        binds_root: true,
        remedy: || tr!(doctor_allow_max),
    },
    Setting {
        file: "kernel/unprivileged_userns_clone",
        forbids: "0",
        binds_root: false,
        remedy: || tr!(doctor_allow_clone),
    },
    Setting {
        file: "kernel/apparmor_restrict_unprivileged_userns",
        forbids: "1",
        binds_root: false,
        remedy: || tr!(doctor_allow_apparmor),
    },
];

/// `CAP_SYS_ADMIN`
const SYS_ADMIN: u64 = 1 << 21;

/// What is known of this machine.
pub struct Machine<'a> {
    /// Where `/proc` is.
    pub proc: &'a Path,
    /// Where `/` is, for what containers leave there.
    pub root: &'a Path,
    /// Whether this is root.
    pub is_root: bool,
    /// Why nodes could not be started when it was tried; nothing where they could.
    pub tried: Result<(), String>,
}

/// What forbids namespaces with its remedy; `None` where nothing does.
pub fn forbidden(machine: &Machine<'_>) -> Option<(String, String)> {
    let Err(why) = &machine.tried else { return None };
    let (found, remedy) = cause(machine, why);
    Some((tr!(doctor_refused { found }), tr!(doctor_meanwhile { remedy })))
}

fn cause(machine: &Machine<'_>, why: &str) -> (String, String) {
    if !machine.proc.join("self/ns/user").exists() {
        return (tr!(doctor_no_user_namespaces).into(), tr!(doctor_use_kernel).into());
    }
    let read = |file: &str| std::fs::read_to_string(machine.proc.join(file)).unwrap_or_default();
    for setting in SETTINGS.iter().filter(|s| s.binds_root || !machine.is_root) {
        if read(&format!("sys/{}", setting.file)).trim() == setting.forbids {
            let found =
                tr!(doctor_setting_is { setting: setting.file.replace('/', "."), value: setting.forbids });
            return (found, (setting.remedy)().into());
        }
    }
    let status = read("self/status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    let filtered = field("Seccomp") == "2";
    let container = container(machine);
    let flag = |docker: &str| match &container {
        Some(kind) if *kind == "Kubernetes" => tr!(doctor_pod).to_owned(),
        Some(kind) => tr!(doctor_container { kind: kind.to_lowercase(), docker }),
        None => tr!(doctor_allow_there { docker }),
    };
    let name = container.unwrap_or(tr!(doctor_whatever));
    if why.contains("/proc: ") || why.contains("the node's /proc") {
        let found = tr!(doctor_covers_proc { name, why });
        return (found, flag("--security-opt systempaths=unconfined --security-opt seccomp=unconfined"));
    }
    if filtered && why.contains("os error 1") {
        return (
            tr!(doctor_seccomp { name, why }),
            flag("--security-opt seccomp=unconfined --security-opt systempaths=unconfined"),
        );
    }
    let powers = u64::from_str_radix(&field("CapEff"), 16).unwrap_or(0);
    if machine.is_root && powers & SYS_ADMIN == 0 {
        return (
            tr!(doctor_no_admin { why }),
            flag("--cap-add SYS_ADMIN --security-opt apparmor=unconfined"),
        );
    }
    if why.contains("os error 28") {
        return (tr!(doctor_many_namespaces { why }), tr!(doctor_end_labs).into());
    }
    (why.to_owned(), tr!(doctor_ask).into())
}

/// The kind of container that this is, by what it leaves.
fn container(machine: &Machine<'_>) -> Option<&'static str> {
    let marks = [
        ("var/run/secrets/kubernetes.io", "Kubernetes"),
        ("run/.containerenv", "Podman"),
        (".dockerenv", "Docker"),
    ];
    marks.into_iter().find(|(file, _)| machine.root.join(file).exists()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_refusal_has_its_remedy() {
        const STATUS: &str = "Name:\tx\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n";
        const PLAIN: &str = "Name:\tx\nCapEff:\t00000000a80425fb\nSeccomp:\t0\n";
        let denied = "a user namespace: Operation not permitted (os error 1)";
        let apparmor = ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
        let clone = ("proc/sys/kernel/unprivileged_userns_clone", "0\n");
        let none = ("proc/sys/user/max_user_namespaces", "0\n");
        let user = ("proc/self/ns/user", "");
        for (files, is_root, why, found, remedy) in [
            (&[][..], false, denied, "no user namespaces", "CONFIG_USER_NS"),
            (
                &[user, apparmor],
                false,
                denied,
                "apparmor_restrict_unprivileged_userns is 1",
                "AppArmor profile",
            ),
            (&[user, clone], false, denied, "unprivileged_userns_clone is 0", "unprivileged_userns_clone=1"),
            (&[user, none], true, denied, "max_user_namespaces is 0", "user.max_user_namespaces=15000"),
            (
                &[user, (".dockerenv", ""), ("proc/self/status", STATUS)],
                true,
                denied,
                "Docker filters system calls (seccomp)",
                "docker run --security-opt seccomp=unconfined",
            ),
            (
                &[user, ("run/.containerenv", ""), ("proc/self/status", PLAIN)],
                true,
                "the node's /proc: Operation not permitted (os error 1)",
                "Podman covers parts of /proc",
                "podman run --security-opt systempaths=unconfined",
            ),
            (
                &[user, ("var/run/secrets/kubernetes.io/x", ""), ("proc/self/status", STATUS)],
                true,
                denied,
                "Kubernetes filters",
                "seccompProfile.type=Unconfined",
            ),
            (
                // Root is not bound by AppArmor's restriction.
                &[user, apparmor, ("proc/self/status", PLAIN)],
                true,
                denied,
                "no CAP_SYS_ADMIN",
                "--cap-add SYS_ADMIN",
            ),
            (
                &[user],
                false,
                "x: No space left on device (os error 28)",
                "as many namespaces",
                "end some labs",
            ),
            (&[user], false, "x: something new", "x: something new", "ask whoever runs"),
        ] {
            let root = tempfile::tempdir().unwrap();
            for (file, text) in files {
                let path = root.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let proc = root.path().join("proc");
            let machine = Machine { proc: &proc, root: root.path(), is_root, tried: Err(why.to_owned()) };
            let (said, do_this) = forbidden(&machine).unwrap();
            assert!(said.starts_with("refused: ") && said.contains(found), "{said}");
            assert!(
                do_this.contains(remedy)
                    && do_this.ends_with("meanwhile nodes are plain directories (--plain-nodes)"),
                "{do_this}"
            );
            assert_eq!(forbidden(&Machine { tried: Ok(()), ..machine }), None);
        }
    }
}
