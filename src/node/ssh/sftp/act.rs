//! What the commands of sftp's prompt do.

use std::io::{self, IsTerminal, Write};

use super::client::Client;
use super::commands::{Command, Verb};
use super::glob::{self, glob};
use super::listing;
use super::local::Local;
use super::place::{Entry, Fault, Place, base, join};
use super::shell::Lost;
use super::transfer::{self, Failed, Options};
use super::wire::Attributes;

const HELP: &str = "Available commands:
bye                                Quit sftp
cd path                            Change remote directory to 'path'
chgrp [-h] grp path                Change group of file 'path' to 'grp'
chmod [-h] mode path               Change permissions of file 'path' to 'mode'
chown [-h] own path                Change owner of file 'path' to 'own'
copy oldpath newpath               Copy remote file
cp oldpath newpath                 Copy remote file
df [-hi] [path]                    Display statistics for current directory or
                                   filesystem containing 'path'
exit                               Quit sftp
get [-afpR] remote [local]         Download file
help                               Display this help text
lcd path                           Change local directory to 'path'
lls [ls-options [path]]            Display local directory listing
lmkdir path                        Create local directory
ln [-s] oldpath newpath            Link remote file (-s for symlink)
lpwd                               Print local working directory
ls [-1afhlnrSt] [path]             Display remote directory listing
lumask umask                       Set local umask to 'umask'
mkdir path                         Create remote directory
progress                           Toggle display of progress meter
put [-afpR] local [remote]         Upload file
pwd                                Display remote working directory
quit                               Quit sftp
reget [-fpR] remote [local]        Resume download file
rename oldpath newpath             Rename remote file
reput [-fpR] local [remote]        Resume upload file
rm path                            Delete remote file
rmdir path                         Remove remote directory
symlink oldpath newpath            Symlink remote file
version                            Show SFTP version
!command                           Execute 'command' in local shell
!                                  Escape to local shell
?                                  Synonym for help";

/// A connection with what the commands before have made of it.
pub(super) struct Session {
    client: Client,
    start: String,
    here: String,
    quiet: bool,
    meter: bool,
    recursive: bool,
    preserve: bool,
}

/// Whether something was done; it was told where not.
type Done = Result<bool, Lost>;

fn tell(why: &str) {
    let _ = writeln!(io::stderr(), "{why}");
}

fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Tells of a failure in words, except of the connection's end.
fn told(result: Result<(), Fault>, what: impl FnOnce() -> String) -> Done {
    match result {
        Ok(()) => Ok(true),
        Err(Fault::Lost) => Err(Lost),
        Err(Fault::Said(why)) => {
            tell(&format!("{}: {why}", what()));
            Ok(false)
        }
    }
}

fn alive<T>(result: Result<T, Fault>) -> Result<Result<T, String>, Lost> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Fault::Said(why)) => Ok(Err(why)),
        Err(Fault::Lost) => Err(Lost),
    }
}

fn copied(result: Result<(), Failed>) -> Done {
    match result {
        Ok(()) => Ok(true),
        Err(Failed::Lost) => Err(Lost),
        Err(Failed::Told(why)) => {
            if !why.is_empty() {
                tell(&why);
            }
            Ok(false)
        }
    }
}

impl Session {
    pub fn begin(mut client: Client, quiet: bool) -> Result<Self, Lost> {
        let start = client.real_path(".").map_err(|_| Lost)?;
        let here = start.clone();
        Ok(Self { client, start, here, quiet, meter: !quiet, recursive: false, preserve: false })
    }

    /// What the command line says of all copies.
    pub fn always(&mut self, recursive: bool, preserve: bool) {
        (self.recursive, self.preserve) = (recursive, preserve);
    }

    /// Goes into the directory of the command line, or fetches its file; true where that was all.
    pub fn go_to(&mut self, path: &str, local: Option<String>) -> Done {
        let path = self.absolute(path);
        if alive(self.client.stat(&path))?.is_ok_and(|what| what.is_dir()) {
            if !self.quiet {
                tell(&format!("Changing to: {path}"));
            }
            self.here = path;
            return Ok(false);
        }
        self.get(&path, local, &self.options(false, false), self.recursive)?;
        Ok(true)
    }

    fn options(&self, preserve: bool, resume: bool) -> Options {
        Options {
            preserve: preserve || self.preserve,
            resume,
            meter: self.meter && io::stdout().is_terminal(),
            announce: true,
        }
    }

    /// A path from where one is, still a pattern.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { join(&self.here, path) }
    }

    fn plain(&self, command: &Command, at: usize) -> String {
        self.absolute(&command.path(at).unwrap_or_default())
    }

    /// Does what a command asks.
    pub fn run(&mut self, command: &Command) -> Done {
        let first = self.plain(command, 0);
        let options = self.options(command.has("pP"), command.has("a"));
        let recursive = self.recursive || command.has("rR");
        match command.verb {
            Verb::Get => self.get(&self.absolute(&command.paths[0]), command.path(1), &options, recursive),
            Verb::Put => self.put(&command.paths[0], command.path(1), &options, recursive),
            Verb::Ls => self.ls(command),
            Verb::Cd => self.cd(command),
            Verb::Pwd => {
                say(&format!("Remote working directory: {}", self.here));
                Ok(true)
            }
            Verb::Mkdir => told(self.client.make_dir(&first, 0o777), || format!("remote mkdir \"{first}\"")),
            Verb::Rmdir => told(self.client.remove_dir(&first), || format!("remote rmdir \"{first}\"")),
            Verb::Rm => self.each(command, "Removing ", |client, path| {
                told(client.remove(path), || format!("remote delete {path}"))
            }),
            Verb::Rename => {
                let to = self.plain(command, 1);
                told(self.client.rename(&first, &to), || format!("remote rename \"{first}\" to \"{to}\""))
            }
            Verb::Link if command.has("s") => {
                let (from, to) = (command.path(0).unwrap_or_default(), self.plain(command, 1));
                told(self.client.symlink(&from, &to), || {
                    format!("remote symlink file \"{from}\" to \"{to}\"")
                })
            }
            Verb::Link => unsupported("hardlink@openssh.com"),
            Verb::Copy => unsupported("copy-data"),
            Verb::Chmod | Verb::Chown | Verb::Chgrp => self.change(command),
            Verb::Df => self.df(command),
            Verb::Progress => {
                self.meter = !self.meter;
                say(if self.meter { "Progress meter enabled" } else { "Progress meter disabled" });
                Ok(true)
            }
            Verb::Version => {
                say("SFTP protocol version 3");
                Ok(true)
            }
            Verb::Help => {
                say(HELP);
                Ok(true)
            }
            Verb::Quit => Ok(true),
            Verb::Lcd | Verb::Lmkdir | Verb::Lpwd | Verb::Lumask => Ok(here(command)),
        }
    }

    fn cd(&mut self, command: &Command) -> Done {
        let Some(path) = command.path(0) else {
            self.here.clone_from(&self.start);
            return Ok(true);
        };
        let path = match alive(self.client.real_path(&self.absolute(&path)))? {
            Ok(path) => path,
            Err(why) => {
                tell(&format!("realpath {path}: {why}"));
                return Ok(false);
            }
        };
        match alive(self.client.stat(&path))? {
            Err(why) => tell(&format!("stat remote: {why}")),
            Ok(what) if !what.is_dir() => {
                tell(&format!("Can't change directory: \"{path}\" is not a directory"));
            }
            Ok(_) => {
                self.here = path;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does something to all that a command's pattern leads to.
    fn each(
        &mut self,
        command: &Command,
        saying: &str,
        mut act: impl FnMut(&mut Client, &str) -> Done,
    ) -> Done {
        let pattern = self.absolute(&command.paths[0]);
        let found = glob(&mut self.client, &pattern).map_err(|_| Lost)?;
        let mut all = true;
        for path in &found.paths {
            if !self.quiet {
                say(&format!("{saying}{path}"));
            }
            all &= act(&mut self.client, path)?;
        }
        Ok(all)
    }

    fn change(&mut self, command: &Command) -> Done {
        let what = match command.verb {
            Verb::Chmod => "mode",
            Verb::Chown => "owner",
            _ => "group",
        };
        self.each(command, &format!("Changing {what} on "), |client, path| {
            let mut wanted = Attributes::default();
            if command.verb == Verb::Chmod {
                wanted.mode = Some(command.number & 0o7777);
            } else {
                let (user, group) = match alive(client.stat(path))? {
                    Ok(there) => there.owner.unwrap_or_default(),
                    Err(why) => {
                        tell(&format!("stat remote: {why}"));
                        return Ok(false);
                    }
                };
                let number = command.number;
                wanted.owner =
                    Some(if command.verb == Verb::Chown { (number, group) } else { (user, number) });
            }
            told(client.change(path, wanted), || format!("remote setstat \"{path}\""))
        })
    }

    fn df(&mut self, command: &Command) -> Done {
        let path = command.path(0).map_or_else(|| self.here.clone(), |path| self.absolute(&path));
        let of = match alive(self.client.statvfs(&path))? {
            Ok(Some(of)) => of,
            Ok(None) => return unsupported("statvfs@openssh.com"),
            Err(why) => {
                tell(&format!("remote statvfs \"{path}\": {why}"));
                return Ok(false);
            }
        };
        let [_, unit, blocks, free, available, ..] = of;
        let kib = |blocks: u64| blocks.saturating_mul(unit) / 1024;
        let free = free.min(blocks);
        let percent = (blocks - free).saturating_mul(100).checked_div(blocks).unwrap_or(0);
        if command.has("h") {
            let scaled = |blocks: u64| listing::scaled(blocks.saturating_mul(unit));
            let [size, used, avail, root] = [blocks, blocks - free, available, free].map(scaled);
            say("    Size     Used    Avail   (root)    %Capacity");
            say(&format!("{size:>8} {used:>8} {avail:>8} {root:>8}         {percent:>3}%"));
            return Ok(true);
        }
        say("        Size         Used        Avail       (root)    %Capacity");
        let (size, used, avail, root) = (kib(blocks), kib(blocks - free), kib(available), kib(free));
        say(&format!("{size:>12} {used:>12} {avail:>12} {root:>12}         {percent:>3}%"));
        Ok(true)
    }

    fn get(&mut self, source: &str, target: Option<String>, options: &Options, recursive: bool) -> Done {
        let found = glob(&mut self.client, source).map_err(|_| Lost)?;
        if !found.any {
            tell(&format!("File \"{}\" not found.", glob::plain(source)));
            return Ok(false);
        }
        let into = target.as_deref().is_some_and(|t| Local.stat(t).is_ok_and(|what| what.is_dir()));
        if let Some(target) = target.as_deref().filter(|_| found.paths.len() > 1 && !into) {
            tell(&format!("Multiple source paths, but destination \"{target}\" is not a directory"));
            return Ok(false);
        }
        let mut all = true;
        for path in &found.paths {
            let to = match target.as_deref() {
                None => base(path).to_owned(),
                Some(target) if into => join(target, base(path)),
                Some(target) => target.to_owned(),
            };
            if !self.quiet {
                let doing = if options.resume { "Resuming" } else { "Fetching" };
                say(&format!("{doing} {path} to {to}"));
            }
            all &= copied(if path.ends_with('/') && recursive {
                let (from, to) = (path.trim_end_matches('/'), (&mut Local, to.as_str()));
                transfer::tree((&mut self.client, from), to, *options, &mut tell)
            } else {
                transfer::file((&mut self.client, path), (&mut Local, &to), *options)
            })?;
        }
        Ok(all)
    }

    fn put(&mut self, source: &str, target: Option<String>, options: &Options, recursive: bool) -> Done {
        let found = glob(&mut Local, source).map_err(|_| Lost)?;
        let target = target.map(|target| self.absolute(&target));
        let into = match &target {
            Some(target) => alive(self.client.stat(target))?.is_ok_and(|what| what.is_dir()),
            None => false,
        };
        if let Some(target) = target.as_deref().filter(|_| found.paths.len() > 1 && !into) {
            tell(&format!("Multiple paths match, but destination \"{target}\" is not a directory"));
            return Ok(false);
        }
        let mut all = true;
        for path in &found.paths {
            if let Err(why) = Local.stat(path) {
                tell(&format!("stat {path}: {why}"));
                all = false;
                continue;
            }
            let to = match target.as_deref() {
                None => self.absolute(base(path)),
                Some(target) if into => join(target, base(path)),
                Some(target) => target.to_owned(),
            };
            if !self.quiet {
                let doing = if options.resume { "Resuming upload of" } else { "Uploading" };
                say(&format!("{doing} {path} to {to}"));
            }
            all &= copied(if path.ends_with('/') && recursive {
                transfer::tree((&mut Local, path), (&mut self.client, &to), *options, &mut tell)
            } else {
                transfer::file((&mut Local, path), (&mut self.client, &to), *options)
            })?;
        }
        Ok(all)
    }

    fn ls(&mut self, command: &Command) -> Done {
        let pattern = command.paths.first();
        let path = self.absolute(pattern.map_or("", String::as_str));
        let found = glob(&mut self.client, &path).map_err(|_| Lost)?;
        let flags = command.listing;
        let shown = |path: &str| match pattern {
            Some(pattern) if pattern.starts_with('/') => path.to_owned(),
            _ => path.strip_prefix(&join(&self.here, "")).unwrap_or(path).to_owned(),
        };
        if !found.any {
            tell(&format!("Can't ls: \"{}\" not found", glob::plain(&path).trim_end_matches('/')));
            return Ok(false);
        }
        let one_directory = found.paths.len() == 1 && found.paths[0].ends_with('/');
        let (mut entries, longest) = if one_directory {
            let directory = found.paths[0].trim_end_matches('/');
            let directory = if directory.is_empty() { "/" } else { directory };
            let entries = match alive(self.client.read_dir(directory))? {
                Ok(entries) => entries,
                Err(why) => {
                    tell(&format!("remote readdir(\"{directory}\"): {why}"));
                    return Ok(false);
                }
            };
            let mut entries: Vec<Entry> =
                entries.into_iter().filter(|e| flags.all || !e.name.starts_with('.')).collect();
            flags.sort(&mut entries);
            for entry in &mut entries {
                entry.name = shown(&join(directory, &entry.name));
            }
            let longest = entries.iter().map(|e| e.name.chars().count()).max().unwrap_or(0);
            (entries, longest)
        } else {
            // OpenSSH leaves room for the whole paths here.
            let longest = found.paths.iter().map(|path| path.chars().count()).max().unwrap_or(0);
            let mut entries = Vec::new();
            for path in found.paths {
                let attributes = alive(self.client.stat(&path))?.unwrap_or_default();
                entries.push(Entry { name: path, long: String::new(), attributes });
            }
            flags.sort(&mut entries);
            for entry in &mut entries {
                entry.name = shown(&entry.name);
            }
            (entries, longest)
        };
        let mut out = io::stdout();
        let theirs = !flags.human && !flags.numeric;
        let _ = if flags.long {
            entries.iter_mut().try_for_each(|entry| {
                if theirs && !entry.long.is_empty() {
                    return writeln!(out, "{}", entry.long);
                }
                writeln!(out, "{}", flags.line(entry, &entry.name))
            })
        } else if flags.one {
            entries.iter().try_for_each(|entry| writeln!(out, "{}", entry.name))
        } else {
            let names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
            write!(out, "{}", listing::columns(&names, longest, width()))
        };
        Ok(true)
    }
}

/// How wide the terminal is; 80 where there is none.
fn width() -> usize {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(80, |size| size.ws_col.into())
}

fn unsupported(extension: &str) -> Done {
    tell(&format!("Server does not support {extension} extension"));
    Ok(false)
}

/// Commands that concern this side only.
fn here(command: &Command) -> bool {
    let path = command.path(0);
    let result = match (command.verb, &path) {
        (Verb::Lcd, path) => {
            let home = std::env::var("HOME").unwrap_or_else(|_| "/root".into());
            let path = path.clone().unwrap_or(home);
            std::env::set_current_dir(&path)
                .map_err(|why| format!("Couldn't change local directory to \"{path}\": {}", Fault::from(why)))
        }
        (Verb::Lmkdir, Some(path)) => std::fs::create_dir(path)
            .map_err(|why| format!("Couldn't create local directory \"{path}\": {}", Fault::from(why))),
        (Verb::Lumask, _) => {
            rustix::process::umask(rustix::fs::Mode::from_bits_truncate(command.number));
            say(&format!("Local umask: {:03o}", command.number));
            Ok(())
        }
        _ => std::env::current_dir()
            .map(|dir| say(&format!("Local working directory: {}", dir.display())))
            .map_err(|why| format!("Couldn't get local cwd: {}", Fault::from(why))),
    };
    match result {
        Ok(()) => true,
        Err(why) => {
            tell(&why);
            false
        }
    }
}
