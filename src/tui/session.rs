//! The session that the program runs in.

/// Whether no process of the program's own session started it: only a shell of that session could continue the
/// program once it is stopped.
///
/// A session's first process may be outside of the program's PID namespace, as in containers; it then has the
/// number 0, which `getsid` of crates that know positive numbers only cannot give.
#[cfg(target_os = "linux")]
pub fn lone() -> bool {
    let session = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        parent_and_session(&stat)
    };
    // Without /proc nothing is known; then it is taken that there is a shell, as there nearly always is.
    let Some((parent, own)) = session("self") else { return false };
    session(&parent.to_string()).is_none_or(|(_, parents)| parents != own)
}

/// Whether no process of the program's own session started it: only a shell of that session could continue the
/// program once it is stopped.
#[cfg(not(target_os = "linux"))]
pub fn lone() -> bool {
    use rustix::process::{getpid, getppid, getsid};
    let parent = getppid().and_then(|parent| getsid(Some(parent)).ok());
    parent.is_none() || parent != getsid(Some(getpid())).ok()
}

/// The parent and the session in a line of `/proc/PID/stat` (proc_pid_stat(5), fields 4 and 6).
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn parent_and_session(stat: &str) -> Option<(i32, i32)> {
    // The name, in parentheses, may hold anything, more parentheses too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parent_and_session;

    #[test]
    fn the_parent_and_the_session_follow_the_name() {
        assert_eq!(parent_and_session("12 (a) b (c)) S 7 12 9 34816 12"), Some((7, 9)));
        assert_eq!(parent_and_session("12 (sh) S 1 12 0 0 -1"), Some((1, 0)));
        assert_eq!(parent_and_session("12 (sh) S 1"), None);
    }
}
