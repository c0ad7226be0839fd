//! What jq reads: standard input or files, one after the other, line by line, so that it can say where something was.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use jaq_json::{Val, read};

use super::options::{Options, os};

/// How deep a value may be nested, as in jq.
const DEPTH: usize = 10_000;

/// Where reading is.
#[derive(Default)]
struct State {
    name: Option<String>,
    /// Whole lines read.
    lines: u64,
    /// The line read last.
    line: Rc<Vec<u8>>,
    /// How much of it was taken.
    at: usize,
    /// Whether there is nothing more.
    ended: bool,
    /// What is said of files that could not be read.
    missing: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

/// Where reading is, to be asked meanwhile.
#[derive(Clone, Default)]
pub(super) struct Place(Rc<RefCell<State>>);

impl Place {
    /// The place as errors name it: the file and the line read last.
    pub fn told(&self) -> String {
        let state = self.0.borrow();
        match &state.name {
            Some(name) => format!("{name}:{}", state.lines),
            None => "<unknown>".into(),
        }
    }

    /// What is to be said of files that could not be read.
    pub fn missing(&self) -> String {
        self.0.borrow().missing.clone()
    }
}

/// The inputs, as one stream.
pub(super) struct Source {
    readers: VecDeque<(String, Option<Box<dyn BufRead>>)>,
    current: Option<Box<dyn BufRead>>,
    line: Rc<Vec<u8>>,
    place: Place,
}

impl Source {
    /// Standard input, or these files in its place.
    pub fn new(stdin: impl BufRead + 'static, files: &[String]) -> Self {
        let readers = if files.is_empty() {
            VecDeque::from([("<stdin>".to_owned(), Some(Box::new(stdin) as Box<dyn BufRead>))])
        } else {
            files.iter().map(|file| (file.clone(), None)).collect()
        };
        Self { readers, current: None, line: Rc::default(), place: Place::default() }
    }

    /// Where reading is.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    /// The values in it, as the options have it; an error is what jq says of JSON that cannot be read.
    pub fn values(self, options: &Options) -> Box<dyn Iterator<Item = Result<Val, String>>> {
        let place = self.place();
        let mut reader = self;
        match (options.raw_input, options.slurp) {
            (true, true) => {
                let mut text = Vec::new();
                let read = reader.read_to_end(&mut text);
                Box::new(std::iter::once(read.map(|_| Val::utf8_str(text)).map_err(|e| os(&e))))
            }
            (true, false) => Box::new(reader.split(b'\n').map(|line| {
                line.map(|mut line| {
                    line.pop_if(|c| *c == b'\r');
                    Val::utf8_str(line)
                })
                .map_err(|e| os(&e))
            })),
            (false, slurp) => {
                let mut broken = false;
                let mut values = read::read_many(reader);
                let values = std::iter::from_fn(move || {
                    if broken {
                        return None;
                    }
                    let value = values.next()?;
                    broken = value.is_err();
                    Some(value.map_err(|e| place.broken(&e.to_string())))
                });
                if slurp {
                    let all: Result<Vec<_>, _> = values.collect();
                    return Box::new(std::iter::once(all.map(|all| all.into_iter().collect())));
                }
                Box::new(values)
            }
        }
    }

    /// Reads the next line of what is left.
    fn next_line(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            match self.current.as_mut().map(|current| current.read_until(b'\n', &mut line)) {
                Some(Ok(0)) | None => {}
                Some(Ok(_)) => {
                    self.line = Rc::new(line);
                    self.place.read(&self.line);
                    return Ok(());
                }
                // A directory opens, and cannot be read.
                Some(Err(why)) => {
                    self.current = None;
                    self.place.cannot_be_read(&why);
                }
            }
            let Some((name, reader)) = self.readers.pop_front() else {
                self.place.0.borrow_mut().ended = true;
                return Ok(());
            };
            self.current = match reader {
                Some(reader) => Some(reader),
                None => match File::open(&name) {
                    Ok(file) => Some(Box::new(BufReader::new(file))),
                    Err(why) => {
                        self.place.lacks(&name, &why);
                        None
                    }
                },
            };
            if self.current.is_some() {
                self.place.begins(name);
            }
        }
    }
}

impl Place {
    fn begins(&self, name: String) {
        let mut state = self.0.borrow_mut();
        (state.name, state.lines) = (Some(name), 0);
    }

    fn cannot_be_read(&self, why: &io::Error) {
        let name = self.0.borrow().name.clone().unwrap_or_default();
        self.lacks(&name, why);
    }

    fn lacks(&self, name: &str, why: &io::Error) {
        let line = format!("jq: error: Could not open {name}: {}\n", os(why));
        self.0.borrow_mut().missing.push_str(&line);
    }

    /// A line was read.
    fn read(&self, line: &Rc<Vec<u8>>) {
        let mut state = self.0.borrow_mut();
        state.lines += u64::from(line.ends_with(b"\n"));
        (state.line, state.at) = (line.clone(), 0);
    }

    /// How much of the line was taken.
    fn at(&self) -> usize {
        self.0.borrow().at
    }

    /// A byte was taken: how deep it is nested counts on.
    fn takes(&self, byte: u8) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let escaped = std::mem::take(&mut state.escaped);
        match byte {
            b'\\' if state.in_string => state.escaped = !escaped,
            b'"' if !escaped => state.in_string = !state.in_string,
            b'[' | b'{' if !state.in_string => {
                state.depth += 1;
                if state.depth > DEPTH {
                    return Err(io::Error::other("Exceeds depth limit for parsing"));
                }
            }
            b']' | b'}' if !state.in_string => state.depth = state.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }

    /// What jq says of JSON that is none, which the reader calls by the name of what it expected.
    fn broken(&self, expected: &str) -> String {
        let state = self.0.borrow();
        let at = |what: &str, column: usize| {
            let whole = state.line.ends_with(b"\n");
            match (whole, column >= state.line.len()) {
                (true, true) => format!("{what} at line {}, column 0", state.lines + 1),
                (true, false) => format!("{what} at line {}, column {column}", state.lines),
                (false, true) => {
                    format!("{what} at EOF at line {}, column {}", state.lines + 1, state.line.len())
                }
                (false, false) => format!("{what} at line {}, column {column}", state.lines + 1),
            }
        };
        let rest = &state.line[state.at.saturating_sub(1).min(state.line.len())..];
        let next = rest.first().copied().unwrap_or(b'\n');
        let word = rest.iter().take_while(|c| !b",:[]{}\" \t\r\n".contains(c)).count();
        let (here, end) = (state.at, state.at.saturating_sub(1) + word + 1);
        let after_comma = state.line[..here.saturating_sub(1)].trim_ascii_end().ends_with(b",");
        let in_line = state.at < state.line.len();
        match (expected, next) {
            (deep, _) if deep.contains("depth") => at("Exceeds depth limit for parsing", here),
            _ if state.in_string && !in_line => at("Unfinished string", state.line.len()),
            _ if state.in_string => at("Invalid escape", here),
            _ if state.ended && state.depth > 0 => at("Unfinished JSON term", state.line.len()),
            (_, b']') if after_comma => at("Expected another array element", here),
            (_, b'}') if after_comma => at("Expected another key-value pair", here),
            (_, c @ (b']' | b'}')) => at(&format!("Unmatched '{}'", char::from(c)), here),
            (_, c @ (b',' | b':')) => at(&format!("Expected value before '{}'", char::from(c)), here),
            ("comma or end of sequence expected" | "colon expected", _) => {
                at("Expected separator between values", end)
            }
            (_, b't' | b'f' | b'n') => at("Invalid literal", end),
            _ => at("Invalid numeric literal", end),
        }
    }
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let have = self.fill_buf()?;
        let n = have.len().min(to.len());
        to[..n].copy_from_slice(&have[..n]);
        self.consume(n);
        for byte in &to[..n] {
            self.place.takes(*byte)?;
        }
        Ok(n)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place.at() == self.line.len() {
            self.next_line()?;
        }
        Ok(&self.line[self.place.at()..])
    }

    fn consume(&mut self, amount: usize) {
        let mut state = self.place.0.borrow_mut();
        state.at = state.line.len().min(state.at + amount);
    }
}
