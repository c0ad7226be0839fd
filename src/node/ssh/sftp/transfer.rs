//! Copying files and directories from one place to another, with OpenSSH's words (its sftp-client.c).

use std::io::Write;

use super::client::PIECE;
use super::place::{Fault, Place, Wording, base, join};
use super::progress::Progress;
use super::wire::Attributes;

/// How deep directories are copied.
const DEEPEST: u32 = 64;

/// What is asked of a copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Times and modes are kept.
    pub preserve: bool,
    /// What is there is gone on with.
    pub resume: bool,
    /// A line shows how far it is.
    pub meter: bool,
    /// Directories are told when they are begun.
    pub announce: bool,
}

/// Why a copy failed: told already, or the end of the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Failed {
    /// In words.
    Told(String),
    /// The connection is gone.
    Lost,
}

/// A failure with what was being done.
fn of(what: String) -> impl FnOnce(Fault) -> Failed {
    move |fault| match fault {
        Fault::Lost => Failed::Lost,
        Fault::Said(why) => Failed::Told(format!("{what}: {why}")),
    }
}

/// Copies one file.
pub fn file<A: Place, B: Place>(
    (from, source): (&mut A, &str),
    (to, target): (&mut B, &str),
    options: Options,
) -> Result<(), Failed> {
    let attributes = from.stat(source).map_err(of(Wording::say(A::WORDING.stat, source)))?;
    if !attributes.is_file() {
        return Err(Failed::Told(Wording::say(A::WORDING.not_regular, source)));
    }
    let opened = from.open(source).map_err(of(Wording::say(A::WORDING.open, source)))?;
    let size = attributes.size.unwrap_or(0);
    let there = if options.resume { to.stat(target).ok().and_then(|a| a.size).unwrap_or(0) } else { 0 };
    if there > size {
        return Err(Failed::Told(format!(
            "Unable to resume download of \"{source}\": \"{target}\" is larger than it"
        )));
    }
    let mode = attributes.mode.unwrap_or(0o666);
    let created =
        to.create(target, mode, options.resume).map_err(of(Wording::say(B::WORDING.create, target)))?;
    let mut meter = options.meter.then(|| Progress::begin(base(source), size));
    let mut buffer = vec![0; PIECE];
    let mut done = there;
    let result = loop {
        let read = match from.read(&opened, done, &mut buffer) {
            Ok(0) => break Ok(()),
            Ok(read) => read,
            Err(fault) => break Err(of(format!("read \"{source}\""))(fault)),
        };
        if let Err(fault) = to.write(&created, done, &buffer[..read]) {
            break Err(of(format!("write \"{target}\""))(fault));
        }
        done += read as u64;
        if let Some(meter) = &mut meter {
            meter.at(done);
        }
    };
    if let Some(meter) = meter {
        meter.end(done);
    }
    from.close(opened).map_err(of(format!("close \"{source}\"")))?;
    let closed = to.close(created).map_err(of(format!("close \"{target}\"")));
    result.and(closed)?;
    keep(to, target, attributes, options)
}

fn keep<B: Place>(to: &mut B, target: &str, was: Attributes, options: Options) -> Result<(), Failed> {
    if !options.preserve {
        return Ok(());
    }
    let wanted = Attributes { size: None, owner: None, mode: was.mode.map(|m| m & 0o7777), times: was.times };
    to.change(target, wanted).map_err(of(format!("setstat \"{target}\"")))
}

/// Copies a directory with all that is in it; each failure is told by `tell`, and the rest is copied all the same.
pub fn tree<A: Place, B: Place>(
    (from, source): (&mut A, &str),
    (to, target): (&mut B, &str),
    options: Options,
    tell: &mut dyn FnMut(&str),
) -> Result<(), Failed> {
    branch((from, source), (to, target), options, tell, 0)
}

fn branch<A: Place, B: Place>(
    (from, source): (&mut A, &str),
    (to, target): (&mut B, &str),
    options: Options,
    tell: &mut dyn FnMut(&str),
    depth: u32,
) -> Result<(), Failed> {
    if depth >= DEEPEST {
        return Err(Failed::Told(format!("Maximum directory depth exceeded: {DEEPEST} levels")));
    }
    let attributes = from.stat(source).map_err(of(Wording::say(A::WORDING.stat, source)))?;
    if options.announce {
        let _ = writeln!(std::io::stdout(), "{}", Wording::say(A::WORDING.enter, source));
    }
    match to.stat(target) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => return Err(Failed::Told(format!("\"{target}\" exists but is not a directory"))),
        Err(Fault::Lost) => return Err(Failed::Lost),
        Err(_) => to
            .make_dir(target, attributes.mode.unwrap_or(0o755) | 0o300)
            .map_err(of(Wording::say(B::WORDING.make, target)))?,
    }
    let entries = from.list(source).map_err(of(Wording::say(A::WORDING.list, source)))?;
    let mut failed = false;
    for entry in entries {
        let (source, target) = (join(source, &entry.name), join(target, &entry.name));
        let copied = if entry.attributes.is_dir() {
            branch((from, &source), (to, &target), options, tell, depth + 1)
        } else if entry.attributes.is_file() {
            file((from, &source), (to, &target), options)
        } else {
            tell(&format!("{source}: not a regular file"));
            continue;
        };
        match copied {
            Ok(()) => {}
            Err(Failed::Lost) => return Err(Failed::Lost),
            Err(Failed::Told(why)) => {
                if !why.is_empty() {
                    tell(&why);
                }
                failed = true;
            }
        }
    }
    keep(to, target, attributes, options)?;
    if failed { Err(Failed::Told(String::new())) } else { Ok(()) }
}
