//! Whether the kernel lets an ordinary user make namespaces, and what to do where it does not.

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
    remedy: &'static str,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        file: "user/max_user_namespaces",
        forbids: "0",
        binds_root: true,
        remedy: "allow them: sudo sysctl -w user.max_user_namespaces=15000",
    },
    Setting {
        file: "kernel/unprivileged_userns_clone",
        forbids: "0",
        binds_root: false,
        remedy: "allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1",
    },
    Setting {
        file: "kernel/apparmor_restrict_unprivileged_userns",
        forbids: "1",
        binds_root: false,
        remedy: "allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give cks-lab an AppArmor \
                 profile with `userns,`",
    },
];

/// Looks below `proc`; what forbids namespaces with its remedy comes back, `None` where nothing does.
pub fn forbidden(proc: &Path, root: bool) -> Option<(String, String)> {
    if !proc.join("self/ns/user").exists() {
        let remedy =
            "use a kernel with CONFIG_USER_NS; meanwhile nodes are plain directories (--plain-nodes)";
        return Some(("this kernel has no user namespaces".into(), remedy.into()));
    }
    for setting in SETTINGS.iter().filter(|s| s.binds_root || !root) {
        let value = std::fs::read_to_string(proc.join("sys").join(setting.file)).unwrap_or_default();
        if value.trim() == setting.forbids {
            let found = format!("refused: {} is {}", setting.file.replace('/', "."), setting.forbids);
            let remedy = format!("{}; meanwhile nodes are plain directories (--plain-nodes)", setting.remedy);
            return Some((found, remedy));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_refusal_has_its_remedy() {
        let proc = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| {
            let path = proc.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(forbidden(proc.path(), false).unwrap().0.contains("no user namespaces"));
        put("self/ns/user", "");
        assert_eq!(forbidden(proc.path(), false), None);
        put("sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
        let (found, remedy) = forbidden(proc.path(), false).unwrap();
        assert!(
            found.contains("kernel.apparmor_restrict_unprivileged_userns is 1")
                && remedy.contains("AppArmor")
        );
        assert_eq!(forbidden(proc.path(), true), None, "root is not bound by it");
        put("sys/user/max_user_namespaces", "0\n");
        assert!(forbidden(proc.path(), true).unwrap().1.contains("user.max_user_namespaces=15000"));
    }
}
