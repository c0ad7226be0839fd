//! The editor as a program of its own: `vi` and `nano`.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crossterm::event::{self, Event, KeyEventKind};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::file::{self, Found};
use super::{Editor, Keys, view};
use crate::terminal::FullScreen;

const VERSION: &str = concat!("the editor built into cks-lab ", env!("CARGO_PKG_VERSION"));

/// `vi [-R] [+LINE] [FILE]`; the exit status comes back.
pub fn vi_main(arguments: Vec<OsString>) -> i32 {
    main(Keys::Vi, "vi", &arguments)
}

/// `nano [-v] [+LINE] [FILE]`; the exit status comes back.
pub fn nano_main(arguments: Vec<OsString>) -> i32 {
    main(Keys::Nano, "nano", &arguments)
}

/// What the arguments ask for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    file: Option<PathBuf>,
    line: Option<usize>,
    readonly: bool,
    version: bool,
}

fn asked(arguments: &[OsString]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut options = true;
    for argument in arguments {
        let text = argument.to_string_lossy();
        match text.as_ref() {
            "--" if options => options = false,
            "-R" | "-v" | "--view" if options => asked.readonly = true,
            "--version" | "--help" | "-h" if options => asked.version = true,
            "+" if options => asked.line = Some(usize::MAX),
            _ if options && text.starts_with('+') => {
                let line = text.trim_start_matches('+').split(',').next().unwrap_or_default();
                asked.line =
                    Some(line.parse().map_err(|_| format!("{text}: only a line number can follow +"))?);
            }
            _ if options && text.starts_with('-') && text.len() > 1 => {
                return Err(format!("unknown option {text}"));
            }
            _ if asked.file.is_some() => return Err("this editor opens one file at a time".into()),
            _ => asked.file = Some(PathBuf::from(argument)),
        }
    }
    Ok(asked)
}

fn main(keys: Keys, name: &str, arguments: &[OsString]) -> i32 {
    let complain = |text: &str| {
        let _ = writeln!(io::stderr(), "{name}: {text}");
        1
    };
    let asked = match asked(arguments) {
        Ok(asked) => asked,
        Err(why) => return complain(&why),
    };
    if asked.version {
        let _ = writeln!(io::stdout(), "{name}: {VERSION}\nusage: {name} [-R] [+LINE] [FILE]");
        return 0;
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return complain("input and output have to be a terminal");
    }
    let editor = match open(keys, &asked) {
        Ok(editor) => editor,
        Err(why) => return complain(&why),
    };
    match in_terminal(editor) {
        Ok(()) => 0,
        Err(e) => complain(&e.to_string()),
    }
}

fn open(keys: Keys, asked: &Asked) -> Result<Editor, String> {
    let (text, new) = match asked.file.as_deref().map(file::read).transpose()? {
        Some(Found::Text(text)) => (text, false),
        Some(Found::New) => (String::new(), true),
        None => (String::new(), false),
    };
    let mut editor = Editor::new(keys, asked.file.clone(), &text);
    if let Some(path) = &asked.file {
        let about = if new { "[New]".to_owned() } else { editor.measure() };
        editor.say(format!("\"{}\" {about}", path.display()));
    }
    if asked.readonly {
        editor.set_readonly();
    }
    if let Some(line) = asked.line {
        editor.goto(line);
    }
    Ok(editor)
}

fn in_terminal(mut editor: Editor) -> io::Result<()> {
    let _taken = FullScreen::new()?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    loop {
        terminal.draw(|frame| view::draw(frame, &mut editor))?;
        let request = match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => editor.key(key),
            Event::Paste(text) => {
                editor.paste(&text);
                continue;
            }
            _ => continue,
        };
        let mut saved = true;
        if let Some(path) = request.save {
            let result = file::write(Path::new(&path), &editor.text());
            saved = result.is_ok();
            editor.saved(path, result);
        }
        if request.quit && saved {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Asked, asked};

    #[test]
    fn arguments_name_a_file_and_a_line() {
        let read = |words: &[&str]| asked(&words.iter().map(Into::into).collect::<Vec<_>>());
        let expected = Asked { file: Some("a.yaml".into()), line: Some(12), ..Asked::default() };
        assert_eq!(read(&["+12", "a.yaml"]).unwrap(), expected);
        assert!(read(&["-R", "a.yaml"]).unwrap().readonly);
        assert_eq!(read(&["--", "-odd"]).unwrap().file.unwrap().to_str(), Some("-odd"));
        assert_eq!(read(&["a", "b"]).unwrap_err(), "this editor opens one file at a time");
        assert_eq!(read(&["--clean"]).unwrap_err(), "unknown option --clean");
    }
}
