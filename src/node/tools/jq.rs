//! `jq`, where the machine has none: the jaq interpreter under jq's own options, messages and exit statuses.
//!
//! Source: jq's manual and `src/main.c` (jq 1.7), which say what an option does and which status ends what.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use jaq_core::data::HasLut;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Ctx, DataT, Lut, Vars, native};
use jaq_json::Val;
use jaq_json::write::{Pp, Styles};
use jaq_std::input::{HasInputs, Inputs, RcIter};

use self::options::{Asked, Options};
use self::source::Source;

mod options;
mod source;
mod words;

/// What ended the program early: what is written to standard error, and the exit status.
#[derive(Debug, PartialEq, Eq)]
struct Failure(String, i32);

/// Writes what the filters `debug`, `stderr` and `halt_error` say, which the interpreter logs.
struct Said;

impl log::Log for Said {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("jaq")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args();
            let _ = match record.level() {
                log::Level::Debug => writeln!(io::stderr(), "[\"DEBUG:\",{text}]"),
                _ => write!(io::stderr(), "{text}"),
            };
        }
    }

    fn flush(&self) {}
}

/// The stack of the interpreter, in bytes: filters and values may be nested deeply.
const STACK: usize = 256 << 20;

/// `jq [OPTIONS] FILTER [FILE...]`; the exit status comes back.
pub fn main(arguments: Vec<OsString>) -> i32 {
    let arguments = arguments.into_iter().map(|a| a.to_string_lossy().into_owned()).collect();
    if log::set_logger(&Said).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
    let run = move || {
        let (stdin, stdout) = (io::stdin(), io::stdout());
        let idle = stdin.is_terminal() && stdout.is_terminal();
        let mut out = io::BufWriter::new(stdout.lock());
        let colour = out.get_ref().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        run(arguments, stdin.lock(), idle, colour, &mut out, &mut io::stderr())
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    thread.ok().and_then(|thread| thread.join().ok()).unwrap_or(5)
}

/// Runs it over these streams; without a filter, where nobody pipes, it says how it is used.
fn run(
    arguments: Vec<String>,
    stdin: impl io::BufRead + 'static,
    idle: bool,
    colour: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> i32 {
    let ended = match options::read(arguments) {
        Ok(Asked::Help) => say(out, options::HELP),
        Ok(Asked::Version) => say(out, "jq-1.7.1 (built into cks-lab)\n"),
        Ok(Asked::Run(options)) if options.filter.is_none() && idle => Err(Failure(options::USAGE.into(), 2)),
        Ok(Asked::Run(options)) => {
            let colour = options.colour.unwrap_or(colour);
            filter(&options, Source::new(stdin, &options.files), colour, out, err)
        }
        Err(failure) => Err(failure),
    };
    let _ = out.flush();
    ended.unwrap_or_else(|Failure(text, status)| {
        let _ = err.write_all(text.as_bytes());
        status
    })
}

fn say(out: &mut dyn Write, text: &str) -> Result<i32, Failure> {
    out.write_all(text.as_bytes()).map(|()| 0).map_err(|_| Failure(String::new(), 2))
}

/// Filters of jq that the interpreter does not bring.
const MORE: &str = include_str!("jq/more.jq");

/// What the interpreter's filters work on.
struct Kind;

/// What all filters of a run share.
#[derive(Clone)]
struct Shared<'a> {
    lut: &'a Lut<Kind>,
    inputs: Inputs<'a, Val>,
}

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Shared<'a>;
}

impl<'a> HasLut<'a, Kind> for Shared<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

impl<'a> HasInputs<'a, Val> for Shared<'a> {
    fn inputs(&self) -> Inputs<'a, Val> {
        self.inputs
    }
}

fn compile(code: &str, names: &[String]) -> Result<jaq_core::Filter<Kind>, Failure> {
    let code = if code.trim().is_empty() { "." } else { code };
    let more = load::parse(MORE, |p| p.defs()).unwrap_or_default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(more);
    let inputs = jaq_std::input::funs::<Kind>().into_vec().into_iter().map(native::run::<Kind>);
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(inputs).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code, path: () })
        .map_err(|errors| words::not_read(code, errors))?;
    jaq_core::Compiler::default()
        .with_funs(funs)
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| words::not_defined(code, errors))
}

/// Runs the filter over all inputs; the exit status comes back.
fn filter(
    options: &Options,
    source: Source,
    colour: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<i32, Failure> {
    let (names, values): (Vec<_>, Vec<_>) = options.variables().into_iter().unzip();
    let filter = compile(options.filter.as_deref().unwrap_or("."), &names)?;
    let place = source.place();
    let values_in = RcIter::new(source.values(options));
    let inputs: Inputs<'_, Val> = &values_in;
    let once = RcIter::new(std::iter::once(Ok(Val::Null)));
    let main: Inputs<'_, Val> = if options.null_input { &once } else { inputs };
    let printer = Printer::new(options, colour);
    let (mut last, mut status) = (None, 0);
    for input in main {
        let shared = Shared { lut: &filter.lut, inputs };
        let ctx = Ctx::<Kind>::new(shared, Vars::new(values.iter().cloned()));
        let input = input.map_err(|why| Failure(format!("jq: parse error: {why}\n"), 2))?;
        for output in filter.id.run((ctx, input)) {
            match output {
                Ok(value) => {
                    printer.print(out, &value).map_err(|_| Failure(String::new(), 2))?;
                    last = Some(!matches!(value, Val::Null | Val::Bool(false)));
                }
                Err(exn) => match exn.get_halt() {
                    Ok(code) => return Ok(code),
                    Err(exn) => {
                        let _ = out.flush();
                        let why = exn.get_err().map(|e| words::error(&e, &place.told()));
                        let _ = err.write_all(why.unwrap_or_default().as_bytes());
                        status = 5;
                        break;
                    }
                },
            }
        }
        // Who watches what comes wants to see it when it comes.
        out.flush().map_err(|_| Failure(String::new(), 2))?;
    }
    let missing = place.missing();
    if !missing.is_empty() {
        return Err(Failure(missing, 2));
    }
    Ok(match (status, options.exit_status, last) {
        (0, true, None) => 4,
        (0, true, Some(false)) => 1,
        (status, _, _) => status,
    })
}

/// How values are written.
struct Printer {
    style: Pp,
    raw: bool,
    ascii: bool,
    end: &'static [u8],
}

impl Printer {
    fn new(options: &Options, colour: bool) -> Self {
        let styles = if colour { Styles::ansi() } else { Styles::default() };
        let style = Pp {
            indent: options.indent.clone(),
            sort_keys: options.sort_keys,
            styles,
            sep_space: options.indent.is_some(),
        };
        let end: &[u8] = if options.join_output { b"" } else { b"\n" };
        Self { style, raw: options.raw_output, ascii: options.ascii_output, end }
    }

    fn print(&self, out: &mut dyn Write, value: &Val) -> io::Result<()> {
        let mut text = Vec::new();
        match value {
            Val::TStr(bytes) if self.raw => text.extend_from_slice(bytes),
            value => jaq_json::write::write(&mut text, &self.style, 0, value)?,
        }
        if self.ascii {
            text = ascii(&String::from_utf8_lossy(&text)).into_bytes();
        }
        text.extend_from_slice(self.end);
        out.write_all(&text)
    }
}

/// The text with everything beyond ASCII as `\u` escapes.
fn ascii(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().fold(String::new(), |mut all, c| {
        if c.is_ascii() {
            all.push(c);
        } else {
            all.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        all
    })
}

#[cfg(test)]
mod tests;
