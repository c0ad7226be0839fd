//! `cks-lab doctor`: what this machine can do, what is missing, and how to get it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::output;
use crate::error::{ExitCode, Result};
use crate::state_dir;
use crate::text::tr;

mod layers;
mod namespaces;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, help = tr!(help_json))]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Item {
    id: &'static str,
    level: Level,
    found: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

impl Item {
    fn new(id: &'static str, level: Level, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = if level == Level::Ok { String::new() } else { remedy.into() };
        Self { id, level, found: found.into(), remedy }
    }
}

/// Looks at everything; a problem makes the status 1.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut items = vec![kernel(), isolation()];
    items.extend(layers::items(rustix::process::geteuid().is_root()));
    items.extend([landlock(), seccomp(Path::new("/proc")), memory()]);
    items.extend(["kubectl", "vim", "ssh", "bash"].map(tool));
    items.extend([terminal(), state(), disk()]);
    let bad = items.iter().any(|i| i.level == Level::Problem);
    if arguments.json {
        output::out(&format!("{}\n", serde_json::json!({"ok": !bad, "items": items})));
    } else {
        let mark = |level| match level {
            Level::Ok => "ok",
            Level::Warning => "--",
            Level::Problem => "!!",
        };
        for item in &items {
            output::out(&format!("{}  {:<11} {}\n", mark(item.level), item.id, item.found));
            if !item.remedy.is_empty() {
                output::out(&format!("                {}\n", item.remedy));
            }
        }
    }
    Ok(if bad { ExitCode::Failed } else { ExitCode::Ok })
}

fn kernel() -> Item {
    let uname = rustix::system::uname();
    let found = format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    Item::new("kernel", Level::Ok, found, "")
}

fn isolation() -> Item {
    let machine = namespaces::Machine {
        proc: Path::new("/proc"),
        root: Path::new("/"),
        is_root: rustix::process::geteuid().is_root(),
        tried: crate::node::linux::detect(),
    };
    match namespaces::forbidden(&machine) {
        None => Item::new("namespaces", Level::Ok, tr!(doctor_allowed), ""),
        Some((found, remedy)) => Item::new("namespaces", Level::Warning, found, remedy),
    }
}

/// The lock on top of namespaces; without it they hold by themselves.
fn landlock() -> Item {
    match crate::node::linux::landlock() {
        (version, true, true) => Item::new("landlock", Level::Ok, tr!(doctor_landlock_used { version }), ""),
        (version, true, false) => {
            Item::new("landlock", Level::Ok, tr!(doctor_landlock_without_scopes { version }), "")
        }
        (version, false, _) => {
            let found = tr!(doctor_landlock_missing { version });
            Item::new("landlock", Level::Warning, found, tr!(doctor_landlock_kernel))
        }
    }
}

/// The filter of system calls.
fn seccomp(proc: &Path) -> Item {
    let actions = std::fs::read_to_string(proc.join("sys/kernel/seccomp/actions_avail")).unwrap_or_default();
    if actions.split_whitespace().any(|action| action == "errno") {
        return Item::new("seccomp", Level::Ok, tr!(doctor_seccomp_used), "");
    }
    Item::new("seccomp", Level::Warning, tr!(doctor_seccomp_missing), tr!(doctor_seccomp_kernel))
}

/// Whether all nodes of a lab have a limit together; without one it is said, and nothing is wrong.
fn memory() -> Item {
    let each = crate::node::plan::Limits::default().memory >> 20;
    match crate::node::linux::memory_cap() {
        Ok(most) => Item::new("memory", Level::Ok, tr!(doctor_memory_capped { most: most >> 20 }), ""),
        Err(why) => {
            let found = tr!(doctor_memory_uncapped { each, why });
            Item::new("memory", Level::Warning, found, tr!(doctor_cap_memory))
        }
    }
}

/// Where a program is in `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs =
        |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| runs(path))
}

fn tool(program: &'static str) -> Item {
    match (find(program), program) {
        (Some(path), _) => Item::new(program, Level::Ok, path.display().to_string(), ""),
        (None, "bash") => Item::new(program, Level::Problem, tr!(doctor_not_found), tr!(doctor_install_bash)),
        (None, _) => {
            Item::new(program, Level::Warning, tr!(doctor_built_in), tr!(doctor_install { program }))
        }
    }
}

fn terminal() -> Item {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Item::new("terminal", Level::Warning, tr!(doctor_none), tr!(doctor_needs_terminal));
    }
    let term = std::env::var("TERM").unwrap_or_default();
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).map_or((0, 0), |s| (s.ws_col, s.ws_row));
    let found = format!("{term} {}x{}", size.0, size.1);
    let level = if size.0 >= 60 && size.1 >= 20 && term != "dumb" { Level::Ok } else { Level::Warning };
    Item::new("terminal", level, found, tr!(doctor_make_larger))
}

fn state() -> Item {
    let remedy = tr!(doctor_set_home);
    let home = match state_dir::home() {
        Ok(home) => home,
        Err(e) => return Item::new("state", Level::Problem, e.what, remedy),
    };
    let shown = home.display();
    match existing(&home) {
        Some(dir) if rustix::fs::access(&dir, rustix::fs::Access::WRITE_OK).is_ok() => {
            Item::new("state", Level::Ok, shown.to_string(), "")
        }
        _ => Item::new("state", Level::Problem, tr!(file_cannot_be_written { file: shown }), remedy),
    }
}

/// The nearest directory above a path that is there.
fn existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|p| p.is_dir()).map(Path::to_owned)
}

fn disk() -> Item {
    let Some(dir) = state_dir::home().ok().as_deref().and_then(existing) else {
        return Item::new("disk", Level::Problem, tr!(doctor_unknown), tr!(doctor_set_any_home));
    };
    match rustix::fs::statvfs(&dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
            let level = if free >= 100 { Level::Ok } else { Level::Problem };
            Item::new("disk", level, tr!(doctor_free { free }), tr!(doctor_make_room))
        }
        Err(e) => Item::new("disk", Level::Warning, e.to_string(), tr!(doctor_file_system)),
    }
}
