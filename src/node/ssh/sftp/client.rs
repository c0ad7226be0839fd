//! The client's side of the protocol: one request at a time over a connection that ssh, or a server started here, holds.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::place::{Entry, Fault, Place, Wording};
use super::wire::{Attributes, Code, LONGEST, Packet, text};

/// How much is read or written at once.
pub const PIECE: usize = 32 * 1024;

/// A connection to a server.
pub struct Client {
    input: Box<dyn Read>,
    output: Option<Box<dyn Write>>,
    child: Option<Child>,
    last: u32,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `-D`: a server started here.
    Program(String),
    /// By ssh: its arguments before the host, and the host.
    Ssh(Vec<String>, String),
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Said(Code::told(code as u32).to_owned())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The server ends with its input, and ssh with the server, which waits for nobody to read what it still has.
        self.output = None;
        self.input = Box::new(io::empty());
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }
}

impl Client {
    /// Connects; what went wrong was told by ssh itself where the connection is lost at once.
    pub fn connect(way: &Way) -> Result<Self, Fault> {
        let mut command = match way {
            Way::Program(line) => {
                let mut words = line.split_whitespace();
                let mut command = Command::new(words.next().unwrap_or_default());
                command.args(words);
                command
            }
            Way::Ssh(options, host) => {
                let own = std::env::current_exe().unwrap_or_else(|_| crate::node::plan::PROGRAM.into());
                let mut command = Command::new(own);
                command.arg0("ssh").args(options).args(["-s", "--", host, "sftp"]);
                command
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(output), Some(input)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Fault::Lost);
        };
        let mut client = Self::over(input, output);
        client.child = Some(child);
        client.greet()?;
        Ok(client)
    }

    fn over(input: impl Read + 'static, output: impl Write + 'static) -> Self {
        Self { input: Box::new(input), output: Some(Box::new(output)), child: None, last: 0 }
    }

    fn greet(&mut self) -> Result<(), Fault> {
        self.send(&[&[1][..], &3_u32.to_be_bytes()].concat())?;
        match self.receive()?.first() {
            Some(2) => Ok(()),
            _ => Err(Fault::Lost),
        }
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let length = u32::try_from(packet.len()).map_err(|_| Code::BadMessage)?;
        let output = self.output.as_mut().ok_or(Fault::Lost)?;
        let all = [&length.to_be_bytes()[..], packet].concat();
        output.write_all(&all).and_then(|()| output.flush()).map_err(|_| Fault::Lost)
    }

    fn receive(&mut self) -> Result<Vec<u8>, Fault> {
        let mut length = [0; 4];
        let lost = |_: io::Error| Fault::Lost;
        self.input.read_exact(&mut length).map_err(lost)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(Fault::Lost);
        }
        let mut packet = vec![0; length];
        self.input.read_exact(&mut packet).map_err(lost)?;
        Ok(packet)
    }

    /// Asks, and returns the answer's kind and what follows its id.
    fn ask(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(u8, Vec<u8>), Fault> {
        self.last = self.last.wrapping_add(1);
        self.send(&[&[kind][..], &self.last.to_be_bytes(), &parts.concat()].concat())?;
        let mut answer = self.receive()?;
        if answer.len() < 5 || answer[1..5] != self.last.to_be_bytes() {
            return Err(Fault::Lost);
        }
        let content = answer.split_off(5);
        Ok((answer[0], content))
    }

    /// Asks for an answer of one kind; a status is an error.
    fn expect(&mut self, kind: u8, parts: &[&[u8]], wanted: u8) -> Result<Vec<u8>, Fault> {
        match self.ask(kind, parts)? {
            (kind, content) if kind == wanted => Ok(content),
            (101, content) => Err(Fault::Said(Code::told(Packet(&content).u32()?).to_owned())),
            _ => Err(Fault::Lost),
        }
    }

    /// Asks for something to be done.
    fn act(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), Fault> {
        let content = self.expect(kind, parts, 101)?;
        match Packet(&content).u32()? {
            0 => Ok(()),
            code => Err(Fault::Said(Code::told(code).to_owned())),
        }
    }

    /// The whole path without links and dots.
    pub fn real_path(&mut self, path: &str) -> Result<String, Fault> {
        let content = self.expect(16, &[&string(path)], 104)?;
        let mut packet = Packet(&content);
        packet.u32()?;
        Ok(String::from_utf8_lossy(packet.bytes()?).into_owned())
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) -> Result<(), Fault> {
        self.act(13, &[&string(path)])
    }

    /// Removes an empty directory.
    pub fn remove_dir(&mut self, path: &str) -> Result<(), Fault> {
        self.act(15, &[&string(path)])
    }

    /// Gives a file another name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Fault> {
        self.act(18, &[&string(from), &string(to)])
    }

    /// Makes a symbolic link.
    pub fn symlink(&mut self, target: &str, link: &str) -> Result<(), Fault> {
        self.act(20, &[&string(target), &string(link)])
    }

    /// The numbers of statvfs(2) for what a path is on (`statvfs@openssh.com`); `None` where the server does not know them.
    pub fn statvfs(&mut self, path: &str) -> Result<Option<[u64; 11]>, Fault> {
        let (kind, content) = self.ask(200, &[&string("statvfs@openssh.com"), &string(path)])?;
        let mut packet = Packet(&content);
        if kind == 101 {
            return match packet.u32()? {
                8 => Ok(None),
                code => Err(Fault::Said(Code::told(code).to_owned())),
            };
        }
        let mut numbers = [0; 11];
        for number in &mut numbers {
            *number = packet.u64()?;
        }
        Ok(Some(numbers))
    }

    /// Lists a directory with `.` and `..`, in the server's order.
    pub fn read_dir(&mut self, path: &str) -> Result<Vec<Entry>, Fault> {
        let handle = self.expect(11, &[&string(path)], 102)?;
        let mut found = Vec::new();
        loop {
            let (kind, content) = self.ask(12, &[&handle])?;
            let mut packet = Packet(&content);
            let count = packet.u32()?;
            match (kind, count) {
                (104, _) => {}
                (101, 1) => break,
                (101, code) => return Err(Fault::Said(Code::told(code).to_owned())),
                _ => return Err(Fault::Lost),
            }
            for _ in 0..count {
                let mut text = || Ok::<_, Fault>(String::from_utf8_lossy(packet.bytes()?).into_owned());
                let (name, long) = (text()?, text()?);
                let attributes = packet.attributes()?;
                // A name that leads elsewhere is none of a directory, whatever the server says.
                if !name.contains('/') {
                    found.push(Entry { name, long, attributes });
                }
            }
        }
        self.act(4, &[&handle])?;
        Ok(found)
    }
}

fn string(value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, value.as_bytes());
    out
}

impl Place for Client {
    /// As it came, its length before it.
    type Handle = Vec<u8>;
    const WORDING: Wording = Wording {
        stat: "stat remote",
        not_regular: "download {}: not a regular file",
        open: "remote open \"{}\"",
        create: "dest open \"{}\"",
        list: "remote readdir(\"{}\")",
        make: "remote mkdir \"{}\"",
        enter: "Retrieving {}",
    };

    fn stat(&mut self, path: &str) -> Result<Attributes, Fault> {
        let content = self.expect(17, &[&string(path)], 105)?;
        Ok(Packet(&content).attributes()?)
    }

    fn list(&mut self, path: &str) -> Result<Vec<Entry>, Fault> {
        let mut found = self.read_dir(path)?;
        found.retain(|entry| !matches!(entry.name.as_str(), "." | ".."));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in &mut found {
            // A link is what it leads to.
            if !entry.attributes.is_dir() && !entry.attributes.is_file() {
                entry.attributes =
                    self.stat(&super::place::join(path, &entry.name)).unwrap_or(entry.attributes);
            }
        }
        Ok(found)
    }

    fn open(&mut self, path: &str) -> Result<Vec<u8>, Fault> {
        self.expect(3, &[&string(path), &1_u32.to_be_bytes(), &0_u32.to_be_bytes()], 102)
    }

    fn create(&mut self, path: &str, mode: u32, keep: bool) -> Result<Vec<u8>, Fault> {
        let flags = 2_u32 | 8 | if keep { 0 } else { 16 };
        let wanted = Attributes { mode: Some(mode & 0o777), ..Attributes::default() };
        self.expect(3, &[&string(path), &flags.to_be_bytes(), &wanted.written()], 102)
    }

    fn read(&mut self, handle: &Vec<u8>, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        let wanted = u32::try_from(buffer.len().min(PIECE)).unwrap_or(0);
        let (kind, content) = self.ask(5, &[handle, &offset.to_be_bytes(), &wanted.to_be_bytes()])?;
        let mut packet = Packet(&content);
        match kind {
            103 => {
                let data = packet.bytes()?;
                let to = buffer.get_mut(..data.len()).ok_or(Fault::Lost)?;
                to.copy_from_slice(data);
                Ok(data.len())
            }
            101 => match packet.u32()? {
                1 => Ok(0),
                code => Err(Fault::Said(Code::told(code).to_owned())),
            },
            _ => Err(Fault::Lost),
        }
    }

    fn write(&mut self, handle: &Vec<u8>, offset: u64, data: &[u8]) -> Result<(), Fault> {
        let mut written = Vec::new();
        text(&mut written, data);
        self.act(6, &[handle, &offset.to_be_bytes(), &written])
    }

    fn close(&mut self, handle: Vec<u8>) -> Result<(), Fault> {
        self.act(4, &[&handle])
    }

    fn make_dir(&mut self, path: &str, mode: u32) -> Result<(), Fault> {
        let wanted = Attributes { mode: Some(mode & 0o777), ..Attributes::default() };
        self.act(14, &[&string(path), &wanted.written()])
    }

    fn change(&mut self, path: &str, wanted: Attributes) -> Result<(), Fault> {
        self.act(9, &[&string(path), &wanted.written()])
    }
}
