//! The POSIX scripts that read and write files on a node. Values come first, as quoted assignments.

use super::quote::quote;

/// The name that temporary files beside a target begin with; the undo removes what a broken connection left of them.
pub const TEMPORARY: &str = ".cks-lab.";

/// What the lines around a file's content begin with: a way to the node may print lines of its own.
pub const MARK: &str = "cks-lab";

/// Who owns a file and with what mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

/// Says who one is there and what the machine is called: `cks-lab:probe NONCE UID HOSTNAME`.
pub fn probe(nonce: &str) -> String {
    format!("echo \"{MARK}:probe {nonce} $(id -u) $(uname -n)\"")
}

/// Reads a file: `cks-lab:file SIZE MODE UID GID`, its bytes, `cks-lab:end`; or `cks-lab:none`.
pub fn read(path: &str) -> String {
    format!(
        "p={}\n\
         if [ -f \"$p\" ]; then echo \"{MARK}:file $(stat -L -c '%s %a %u %g' \"$p\")\"; cat \"$p\"; echo; echo {MARK}:end\n\
         elif [ -e \"$p\" ] || [ -L \"$p\" ]; then echo \"$p is no regular file\" >&2; exit 1\n\
         else echo {MARK}:none; fi",
        quote(path)
    )
}

/// Writes standard input, `size` bytes, to a file so that whoever looks sees the old content or the new.
///
/// The temporary file stands beside the target's directory where a rename from there is one step, else (another file
/// system, or a mount of its own) in it as a dotfile, which kubelets do not read. Fewer bytes than announced, other bytes
/// than announced (`sum`), or a target whose content is not `expected` any more change nothing. `owner` is what the file
/// gets; without it, what the old one had.
pub fn write(path: &str, size: usize, sum: &str, expected: Option<&str>, owner: Option<Owner>) -> String {
    let (mode, ids) = owner.map_or((String::new(), String::new()), |o| {
        (format!("{:o}", o.mode), format!("{}:{}", o.uid, o.gid))
    });
    format!(
        "set -eu\n\
         p={path} n={size} sum={sum} expected={expected} mode={mode} ids={ids}\n\
         [ ! -L \"$p\" ] || p=$(readlink -f \"$p\")\n\
         d=${{p%/*}}; d=$(cd \"${{d:-/}}\" && pwd -P)\n\
         up=$d/..\n\
         ! grep -qsF \" $d \" /proc/self/mountinfo || up=$d\n\
         [ \"$(stat -c %d \"$d\")\" = \"$(stat -c %d \"$up\")\" ] && [ \"$d\" != / ] || up=$d\n\
         t=$(mktemp \"$up/{TEMPORARY}XXXXXX\")\n\
         trap 'rm -f \"$t\"' EXIT\n\
         trap 'exit 1' HUP INT TERM PIPE\n\
         head -c \"$n\" >\"$t\"\n\
         got=$(sha256sum <\"$t\"); [ \"${{got%% *}}\" = \"$sum\" ] || {{ echo {MARK}:short; exit 3; }}\n\
         if [ -e \"$p\" ]; then [ -n \"$mode\" ] || {{ mode=$(stat -c %a \"$p\"); ids=$(stat -c %u:%g \"$p\"); }}\n\
         chcon --reference=\"$p\" \"$t\" 2>/dev/null || :; fi\n\
         [ -z \"$ids\" ] || chown \"$ids\" \"$t\"\n\
         chmod \"${{mode:-644}}\" \"$t\"\n\
         sync \"$t\" 2>/dev/null || sync\n\
         if [ -n \"$expected\" ]; then\n\
         now=$(sha256sum <\"$p\") || now=none; [ \"${{now%% *}}\" = \"$expected\" ] || {{ echo {MARK}:changed; exit 4; }}\n\
         fi\n\
         mv -f \"$t\" \"$p\"\n\
         trap - EXIT\n\
         sync \"$d\" 2>/dev/null || sync\n\
         echo {MARK}:done",
        path = quote(path),
        expected = quote(expected.unwrap_or("")),
        mode = quote(&mode),
        ids = quote(&ids),
    )
}

/// Lists a directory, one name a line between `cks-lab:list` and `cks-lab:end`; or `cks-lab:none`.
pub fn list(path: &str) -> String {
    format!(
        "p={}\nif [ -d \"$p\" ]; then echo {MARK}:list; ls -A \"$p\"; echo {MARK}:end; else echo {MARK}:none; fi",
        quote(path)
    )
}

/// Removes a file.
pub fn remove(path: &str) -> String {
    format!("rm -f {} && echo {MARK}:done", quote(path))
}

/// Makes a directory for root only.
pub fn make_dir(path: &str) -> String {
    format!("mkdir -p -m 700 {} && echo {MARK}:done", quote(path))
}

/// Removes what one kept on the node: files, then their directory where it is empty, and temporary files left in or
/// beside these directories by a connection that died.
pub fn clean(files: &[String], dir: &str, manifests: &str) -> String {
    let removed: String = files.iter().map(|f| format!("rm -f {}\n", quote(f))).collect();
    format!(
        "{removed}for d in {dir} {}; do rm -f \"$d\"/{TEMPORARY}?????? \"$d\"/../{TEMPORARY}??????; done\n\
         rmdir {dir} 2>/dev/null || :\nrmdir {dir_of_all} 2>/dev/null || :\necho {MARK}:done",
        quote(manifests),
        dir = quote(dir),
        dir_of_all = quote(super::prepare::COPIES),
    )
}

/// What stands before a command on a node: the admin's kubeconfig for kubectl where root has none of its own.
pub const PREAMBLE: &str = "export HOME=\"${HOME:-/root}\"\n\
    if [ -z \"${KUBECONFIG:-}\" ] && [ ! -e \"$HOME/.kube/config\" ] && [ -r /etc/kubernetes/admin.conf ]; then\n\
    export KUBECONFIG=/etc/kubernetes/admin.conf; fi\n";

/// Runs a command with an environment of its own.
pub fn command(argv: &[String], env: &[(String, String)], cwd: Option<&str>) -> String {
    let exports: String = env.iter().map(|(k, v)| format!("export {k}={}\n", quote(v))).collect();
    let cd = quote(cwd.unwrap_or("/root"));
    let fallback = if cwd.is_some() { "exit 1" } else { "cd /" };
    let run = if argv.is_empty() { SHELL.to_owned() } else { format!("exec {}", super::quote::line(argv)) };
    format!("{PREAMBLE}{exports}cd {cd} || {fallback}\n{run}")
}

/// A login shell as the lessons expect it: the machine's own start files, and `k` for kubectl.
const SHELL: &str = "if command -v bash >/dev/null 2>&1; then exec 9<<'END'\n\
    [ -f ~/.bashrc ] && . ~/.bashrc\n\
    type k >/dev/null 2>&1 || alias k=kubectl\n\
    type ll >/dev/null 2>&1 || alias ll='ls -alF'\n\
    exec 9<&-\n\
    END\n\
    exec bash --rcfile /dev/fd/9 -i; fi\nexec sh -i";
