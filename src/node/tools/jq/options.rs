//! jq's command line.

use std::fs;

use jaq_json::{Map, Val, read};

use super::Failure;

/// What is said to somebody who gives no filter.
pub(super) const USAGE: &str = "\
Usage:\tjq [OPTIONS] FILTER [FILES...]
\tjq [OPTIONS] -f FILE [FILES...]
\tjq [OPTIONS] --args FILTER [STRINGS...]
\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]
";

/// What `--help` says.
pub(super) const HELP: &str = "\
Usage:\tjq [OPTIONS] FILTER [FILES...]
\tjq [OPTIONS] -f FILE [FILES...]
\tjq [OPTIONS] --args FILTER [STRINGS...]
\tjq [OPTIONS] --jsonargs FILTER [JSON_VALUES...]

Applies a filter to JSON and writes what comes of it.

  -n, --null-input        give the filter null, once
  -R, --raw-input         each line is a string
  -s, --slurp             all inputs as one array
  -c, --compact-output    one line for each result
  -r, --raw-output        strings without quotes
  -j, --join-output       as -r, and without line ends
  -a, --ascii-output      \\u escapes beyond ASCII
  -S, --sort-keys         keys of objects in order
  -C, -M                  with, without colours
      --tab, --indent N   how to indent
  -e, --exit-status       1 where the last result is false or null, 4 where there is none
  -f, --from-file FILE    read the filter from a file
      --arg NAME VALUE, --argjson NAME JSON
      --slurpfile NAME FILE, --rawfile NAME FILE
      --args, --jsonargs  the rest of the arguments are values: $ARGS.positional
  -V, --version           the version
";

/// What the arguments ask for.
pub(super) enum Asked {
    Help,
    Version,
    Run(Box<Options>),
}

/// The options of a run.
#[derive(Default)]
pub(super) struct Options {
    pub filter: Option<String>,
    pub files: Vec<String>,
    pub null_input: bool,
    pub raw_input: bool,
    pub slurp: bool,
    pub raw_output: bool,
    pub join_output: bool,
    pub ascii_output: bool,
    pub sort_keys: bool,
    pub exit_status: bool,
    pub indent: Option<String>,
    pub colour: Option<bool>,
    named: Vec<(String, Val)>,
    positional: Vec<Val>,
}

impl Options {
    /// The variables that a filter finds, by name with the dollar sign.
    pub fn variables(&self) -> Vec<(String, Val)> {
        let text = |text: &str| Val::utf8_str(text.to_owned());
        let map = |pairs: Vec<(Val, Val)>| Val::obj(pairs.into_iter().collect::<Map>());
        let named = self.named.iter().map(|(name, value)| (text(name), value.clone())).collect();
        let positional = self.positional.iter().cloned().collect();
        let args = map(vec![(text("positional"), positional), (text("named"), map(named))]);
        let env = std::env::vars_os();
        let env = env.map(|(k, v)| (text(&k.to_string_lossy()), text(&v.to_string_lossy()))).collect();
        let given = self.named.iter().map(|(name, value)| (format!("${name}"), value.clone()));
        given.chain([("$ARGS".into(), args), ("$ENV".into(), map(env))]).collect()
    }
}

fn usage(why: &str) -> Failure {
    let help = "Use jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://jqlang.github.io/jq\n";
    Failure(format!("jq: error: {why}\n{help}"), 2)
}

/// What becomes of arguments that are no options.
#[derive(Clone, Copy)]
enum Rest {
    Files,
    Strings,
    Json,
}

/// Reads the arguments.
pub(super) fn read(arguments: Vec<String>) -> Result<Asked, Failure> {
    let mut options = Options { indent: Some("  ".into()), ..Options::default() };
    let (mut rest, mut only_words, mut from_file) = (Rest::Files, false, None);
    let mut words = arguments.into_iter();
    while let Some(word) = words.next() {
        if only_words || !word.starts_with('-') || word == "-" {
            match rest {
                _ if options.filter.is_none() && from_file.is_none() => options.filter = Some(word),
                Rest::Files => options.files.push(word),
                Rest::Strings => options.positional.push(Val::utf8_str(word)),
                Rest::Json => options
                    .positional
                    .push(json(&word).map_err(|_| usage("Invalid JSON text passed to --jsonargs"))?),
            }
            continue;
        }
        if word == "--" {
            only_words = true;
            continue;
        }
        let mut take = |n: &str| words.next().ok_or_else(|| usage(n));
        match word.strip_prefix("--") {
            Some("help") => return Ok(Asked::Help),
            Some("version") => return Ok(Asked::Version),
            Some("args") => rest = Rest::Strings,
            Some("jsonargs") => rest = Rest::Json,
            Some("indent") => {
                let n = take("--indent takes one parameter")?;
                options.indent = indent(&n)?;
            }
            Some("from-file") => from_file = Some(take("-f takes a parameter (e.g. -f file)")?),
            Some(kind @ ("arg" | "argjson" | "slurpfile" | "rawfile")) => {
                let what = if kind.ends_with("file") { "filename" } else { "value" };
                let why = format!("--{kind} takes two parameters (e.g. --{kind} varname {what})");
                let (name, value) = (take(&why)?, take(&why)?);
                options.named.push((name.clone(), named(kind, &name, value)?));
            }
            Some(long) => {
                let short = LONG.iter().find(|(name, _)| *name == long);
                if !short.is_some_and(|(_, letter)| flag(&mut options, *letter)) {
                    return Err(usage(&format!("Unknown option: {word}")));
                }
            }
            None => {
                for letter in word[1..].chars() {
                    match letter {
                        'h' => return Ok(Asked::Help),
                        'V' => return Ok(Asked::Version),
                        'f' => from_file = Some(take("-f takes a parameter (e.g. -f file)")?),
                        letter if flag(&mut options, letter) => {}
                        _ => return Err(usage(&format!("Unknown option: {word}"))),
                    }
                }
            }
        }
    }
    if let Some(file) = from_file {
        let text = fs::read_to_string(&file)
            .map_err(|e| Failure(format!("jq: error: Could not open {file}: {}\n", os(&e)), 2))?;
        // With a file of its own the first word is an input.
        options.files.splice(0..0, options.filter.take());
        options.filter = Some(text);
    }
    Ok(Asked::Run(Box::new(options)))
}

/// Long names of options that are letters, too.
const LONG: [(&str, char); 13] = [
    ("null-input", 'n'),
    ("raw-input", 'R'),
    ("slurp", 's'),
    ("compact-output", 'c'),
    ("raw-output", 'r'),
    ("join-output", 'j'),
    ("ascii-output", 'a'),
    ("sort-keys", 'S'),
    ("color-output", 'C'),
    ("monochrome-output", 'M'),
    ("exit-status", 'e'),
    ("tab", '\t'),
    ("unbuffered", 'u'),
];

/// Sets an option that is a letter; whether there is such a one.
fn flag(options: &mut Options, letter: char) -> bool {
    match letter {
        'n' => options.null_input = true,
        'R' => options.raw_input = true,
        's' => options.slurp = true,
        'c' => options.indent = None,
        'r' => options.raw_output = true,
        'j' => (options.raw_output, options.join_output) = (true, true),
        'a' => options.ascii_output = true,
        'S' => options.sort_keys = true,
        'C' => options.colour = Some(true),
        'M' => options.colour = Some(false),
        'e' => options.exit_status = true,
        '\t' => options.indent = Some("\t".into()),
        // Each result is written when it is there.
        'u' => {}
        _ => return false,
    }
    true
}

fn indent(text: &str) -> Result<Option<String>, Failure> {
    match text.parse::<i64>() {
        Ok(0) => Ok(None),
        Ok(n @ 1..=7) => Ok(Some(" ".repeat(usize::try_from(n).unwrap_or_default()))),
        Ok(n) if n > 7 => Err(usage("Cannot indent more than 7 characters")),
        Ok(_) => Err(usage("Cannot indent less than 0 characters")),
        Err(_) => Err(usage("--indent takes a number")),
    }
}

fn json(text: &str) -> Result<Val, read::Error> {
    read::parse_single(text.as_bytes())
}

/// The value of a variable of the command line.
fn named(kind: &str, name: &str, value: String) -> Result<Val, Failure> {
    let bad = |why: String| Failure(format!("jq: Bad JSON in --{kind} {name} {value}: {why}\n"), 2);
    match kind {
        "arg" => Ok(Val::utf8_str(value)),
        "argjson" => json(&value).map_err(|_| usage("Invalid JSON text passed to --argjson")),
        _ => {
            let bytes = fs::read(&value).map_err(|e| bad(format!("Could not open {value}: {}", os(&e))))?;
            if kind == "rawfile" {
                return Ok(Val::utf8_str(bytes));
            }
            let all: Result<Vec<_>, _> = read::parse_many(&bytes).collect();
            all.map(|all| all.into_iter().collect()).map_err(|e| bad(e.to_string()))
        }
    }
}

/// What the system says of an error, without its number.
pub(super) fn os(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
