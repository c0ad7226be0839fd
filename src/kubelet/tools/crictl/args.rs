//! crictl's command line, as `urfave/cli` reads it: which flags there are stands in the help of each command.

/// Commands under another name.
const ALIASES: [(&str, &str); 4] =
    [("image", "images"), ("img", "images"), ("event", "events"), ("h", "help")];

/// The help of a command, of crictl itself for an empty name, in a release's help; nothing where it has no such command.
pub fn help(all: &'static str, command: &str) -> Option<&'static str> {
    all.split("== ").skip(1).find_map(|section| {
        let (name, text) = section.split_once('\n')?;
        (name == command).then_some(text)
    })
}

/// The whole name of a command.
pub fn command(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name)
}

/// What one flag is called, and whether a value follows it.
#[derive(Debug, PartialEq, Eq)]
struct Flag {
    names: Vec<&'static str>,
    takes_value: bool,
}

/// The flags that a help text lists.
fn flags(help: &'static str) -> Vec<Flag> {
    let from = ["\nOPTIONS:\n", "\nGLOBAL OPTIONS:\n"].iter().find_map(|head| help.split(head).nth(1));
    let lines = from.unwrap_or_default().lines().filter(|line| line.trim_start().starts_with("--"));
    lines
        .map(|line| {
            let column = line.trim().split("  ").next().unwrap_or_default();
            let words = || column.split([' ', ',']).filter(|w| !w.is_empty() && *w != "[" && *w != "]");
            let mut names: Vec<_> =
                words().filter_map(|w| w.strip_prefix("--").or_else(|| w.strip_prefix('-'))).collect();
            names.dedup();
            Flag { names, takes_value: words().any(|w| w == "value") }
        })
        .collect()
}

/// A command's flags and arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    switches: Vec<&'static str>,
    values: Vec<(&'static str, String)>,
    /// The name that each of them was given by.
    typed: Vec<String>,
    /// What is not a flag; as with `urfave/cli` everything after the first argument.
    pub arguments: Vec<String>,
}

impl Options {
    /// Reads a command's words; the error is urfave/cli's sentence.
    pub fn parse(all: &'static str, command: &str, words: &[String]) -> Result<Self, String> {
        let flags = flags(help(all, command).unwrap_or_default());
        let mut out = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let flag = word.strip_prefix('-').filter(|f| !f.is_empty() && out.arguments.is_empty());
            let Some(flag) = flag else {
                out.arguments.push(word.clone());
                continue;
            };
            if word == "--" {
                out.arguments.extend(words.by_ref().cloned());
                break;
            }
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let known = |name: &str| flags.iter().find(|flag| flag.names.contains(&name));
            match known(name) {
                Some(flag) if flag.takes_value => {
                    let value = value
                        .or_else(|| words.next().cloned())
                        .ok_or_else(|| format!("flag needs an argument: -{name}"))?;
                    out.values.push((flag.names[0], value));
                    out.typed.push(name.to_owned());
                }
                Some(flag) => {
                    if value.as_deref() != Some("false") {
                        out.switches.push(flag.names[0]);
                    }
                }
                // Short switches may stand together: `-aq`, `-it`.
                None => {
                    let letters: Option<Vec<_>> = name
                        .char_indices()
                        .map(|(at, c)| known(&name[at..at + c.len_utf8()]).filter(|f| !f.takes_value))
                        .collect();
                    let letters = letters.filter(|_| value.is_none() && !word.starts_with("--"));
                    let letters = letters.ok_or_else(|| format!("flag provided but not defined: -{name}"))?;
                    out.switches.extend(letters.iter().map(|flag| flag.names[0]));
                }
            }
        }
        Ok(out)
    }

    /// Whether a switch is on, by its long name.
    pub fn has(&self, name: &str) -> bool {
        self.switches.contains(&name)
    }

    /// The same without a flag.
    pub fn without(&self, name: &str) -> Self {
        let mut other = self.clone();
        let keep: Vec<bool> = self.values.iter().map(|(n, _)| *n != name).collect();
        let mut kept = keep.iter();
        other.values.retain(|_| kept.next() == Some(&true));
        let mut kept = keep.iter();
        other.typed.retain(|_| kept.next() == Some(&true));
        other
    }

    /// The last value of a flag, by its long name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// All values of a flag that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// The output format; `otherwise` where none is asked for.
    pub fn output<'a>(&'a self, otherwise: &'a str) -> &'a str {
        self.value("output").unwrap_or(otherwise)
    }

    /// The labels that are asked for.
    pub fn labels(&self) -> Result<Vec<(String, String)>, String> {
        let labels = self.all("label").map(|text| {
            let (key, value) =
                text.split_once('=').ok_or_else(|| format!("incorrectly specified label: {text}"))?;
            Ok((key.to_owned(), value.to_owned()))
        });
        labels.collect()
    }

    /// A whole number; the error is urfave/cli's sentence.
    pub fn number(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(at) = self.values.iter().rposition(|(n, _)| *n == name) else { return Ok(None) };
        let text = &self.values[at].1;
        text.parse().map(Some).map_err(|_| self.unreadable(at))
    }

    /// What urfave/cli says of a value that is not of its flag's kind.
    fn unreadable(&self, at: usize) -> String {
        format!("invalid value {:?} for flag -{}: parse error", self.values[at].1, self.typed[at])
    }

    /// Whether a flag's value, if there is one, is a time as Go writes it: `2s`, `1m30s`.
    pub fn duration(&self, name: &str) -> Result<(), String> {
        match self.values.iter().rposition(|(n, _)| *n == name) {
            Some(at) if !is_duration(&self.values[at].1) => Err(self.unreadable(at)),
            _ => Ok(()),
        }
    }
}

fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 7] = ["ns", "us", "µs", "ms", "h", "m", "s"];
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() || rest == "0" {
        return rest == "0";
    }
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let Some(unit) = UNITS.iter().find(|unit| digits.starts_with(**unit)) else { return false };
        if digits.len() == rest.len() {
            return false;
        }
        rest = &digits[unit.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HELP: &str = include_str!("../../../../assets/node/crictl-help-1.31.txt");

    fn options(command: &str, text: &str) -> Options {
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        Options::parse(HELP, command, &words).unwrap()
    }

    #[test]
    fn flags_come_from_the_help() {
        let ps = options("ps", "-aq --name=etcd -s exited --label a=b --label c=d x -f");
        assert!(ps.has("all") && ps.has("quiet"));
        assert_eq!((ps.value("name"), ps.value("state")), (Some("etcd"), Some("exited")));
        assert_eq!(ps.labels().unwrap(), [("a", "b"), ("c", "d")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        assert_eq!(ps.arguments, ["x", "-f"], "flags go before the id");
        assert_eq!(options("logs", "--tail 3 x").number("tail"), Ok(Some(3)));
        assert_eq!(
            options("logs", "--tail x y").number("tail").unwrap_err(),
            "invalid value \"x\" for flag -tail: parse error"
        );
        assert_eq!(
            Options::parse(HELP, "ps", &["-x".into()]).unwrap_err(),
            "flag provided but not defined: -x"
        );
        assert_eq!(
            Options::parse(HELP, "ps", &["--name".into()]).unwrap_err(),
            "flag needs an argument: -name"
        );
        assert!(options("exec", "-it id sh -c true").has("tty"));
        assert!(help(HELP, command("img")).is_some() && help(HELP, "nonsense").is_none());
        for (text, is) in [
            ("2s", true),
            ("1m30s", true),
            ("0", true),
            ("1.5h", true),
            ("2", false),
            ("", false),
            ("s", false),
        ] {
            assert_eq!(is_duration(text), is, "{text}");
        }
    }
}
