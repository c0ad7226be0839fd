//! What a learner set: prefix key, theme, ASCII, mouse.
//!
//! Read from `$XDG_CONFIG_HOME/cks-lab/config.yaml` (`~/.config` where that is not set), all keys optional:
//!
//! ```yaml
//! prefix: ctrl-g
//! theme: terminal   # dark, light, mono
//! ascii: false
//! mouse: true
//! lang: ja          # the language of lessons and program
//! editor: vi        # nano
//! clipboard: ""     # a command that reads the text from its standard input
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use super::keymap::Chord;
use super::theme::{Theme, ThemeName};
use crate::editor::Keys;
use crate::text::tr;

/// The settings of the terminal program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The key that opens the way out of the shell.
    pub prefix: Chord,
    /// The theme.
    pub theme: ThemeName,
    /// Whether to draw with ASCII only.
    pub ascii: bool,
    /// Whether the program takes the mouse.
    pub mouse: bool,
    /// Whose keys the editor has.
    pub editor: Keys,
    /// The command that puts its standard input on the clipboard.
    pub clipboard: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        let prefix = Chord {
            code: crossterm::event::KeyCode::Char('g'),
            modifiers: crossterm::event::KeyModifiers::CONTROL,
        };
        Self {
            prefix,
            theme: ThemeName::Terminal,
            ascii: false,
            mouse: true,
            editor: Keys::Vi,
            clipboard: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    prefix: Option<String>,
    theme: Option<String>,
    ascii: Option<bool>,
    mouse: Option<bool>,
    /// Read by [`language`].
    #[serde(rename = "lang")]
    _lang: Option<String>,
    editor: Option<String>,
    clipboard: Option<String>,
}

impl Config {
    /// Reads file and environment; what cannot be used comes back as sentences, and the rest counts.
    pub fn load() -> (Self, Vec<String>) {
        let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let path = path(&env);
        let (text, trouble) = match path.as_ref().map(std::fs::read_to_string) {
            Some(Ok(text)) => (text, None),
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => (
                String::new(),
                path.as_ref().map(|p| tr!(tui_config_unread { file: p.display(), why: error })),
            ),
            _ => (String::new(), None),
        };
        let (config, mut notices) = Self::from_text(&text, &env);
        notices.extend(trouble);
        (config, notices)
    }

    fn from_text(text: &str, env: &dyn Fn(&str) -> Option<String>) -> (Self, Vec<String>) {
        let mut notices = Vec::new();
        let file = match serde_yaml::from_str::<Option<File>>(text) {
            Ok(file) => file.unwrap_or_default(),
            Err(error) => {
                notices.push(tr!(tui_config_unused { why: error }));
                File::default()
            }
        };
        let mut config = Self { ascii: ascii_locale(env), ..Self::default() };
        if let Some(text) = file.prefix {
            let usable = |chord: &Chord| {
                !chord.modifiers.is_empty() || !matches!(chord.code, crossterm::event::KeyCode::Char(_))
            };
            match Chord::parse(&text).filter(usable) {
                Some(chord) => config.prefix = chord,
                None => notices.push(tr!(tui_config_prefix { text })),
            }
        }
        if let Some(text) = file.theme {
            match ThemeName::parse(&text) {
                Some(theme) => config.theme = theme,
                None => notices.push(tr!(tui_config_theme { text })),
            }
        }
        match file.editor.as_deref() {
            None | Some("vi" | "vim") => {}
            Some("nano" | "plain") => config.editor = Keys::Nano,
            Some(other) => {
                notices.push(tr!(tui_config_editor { text: other }));
            }
        }
        config.clipboard = file.clipboard.filter(|command| !command.trim().is_empty());
        config.ascii = file.ascii.unwrap_or(config.ascii);
        config.mouse = file.mouse.unwrap_or(true);
        if env("NO_COLOR").is_some() {
            config.theme = ThemeName::Mono;
        }
        (config, notices)
    }

    /// The theme's roles.
    pub fn theme(&self) -> Theme {
        Theme::new(self.theme, self.ascii)
    }
}

/// Where the settings are.
fn path(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let dir = env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| PathBuf::from(home).join(".config")));
    dir.map(|dir| dir.join("cks-lab/config.yaml"))
}

/// The language that is set there, if one is; trouble with the file is told by [`Config::load`].
pub fn language() -> Option<String> {
    #[derive(Deserialize)]
    struct Lang {
        lang: Option<String>,
    }
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let text = std::fs::read_to_string(path(&env)?).ok()?;
    serde_yaml::from_str::<Lang>(&text).ok()?.lang
}

/// Whether the locale says that the terminal knows ASCII only; one that says nothing may know all.
fn ascii_locale(env: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = env("LC_ALL").or_else(|| env("LC_CTYPE")).or_else(|| env("LANG")).unwrap_or_default();
    let named = locale.to_ascii_lowercase();
    let utf8 = named.is_empty() || named.contains("utf-8") || named.contains("utf8");
    !utf8 || env("TERM").is_some_and(|term| term == "linux" || term == "dumb")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn read(text: &str, vars: &[(&str, &str)]) -> (Config, Vec<String>) {
        let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_text(text, &env)
    }

    #[test]
    fn settings_are_read_and_trouble_is_told() {
        assert_eq!(read("", &[]), (Config::default(), vec![]));
        let (config, notices) = read("prefix: ctrl-a\ntheme: light\nascii: true\nmouse: false\n", &[]);
        assert_eq!(config.prefix.name(), "Ctrl-A");
        assert_eq!(
            (config.theme, config.ascii, config.mouse, notices.len()),
            (ThemeName::Light, true, false, 0)
        );
        let (config, notices) = read("prefix: g\ntheme: pink\n", &[]);
        assert_eq!(config, Config::default());
        assert_eq!(notices.len(), 2, "{notices:?}");
        let (config, notices) = read("colour: red\n", &[]);
        assert_eq!(config, Config::default());
        assert!(notices[0].contains("colour"), "{notices:?}");
    }

    #[test]
    fn the_environment_counts() {
        assert_eq!(read("theme: dark", &[("NO_COLOR", "1")]).0.theme, ThemeName::Mono);
        for (vars, ascii) in [
            (&[("LANG", "C")][..], true),
            (&[("LANG", "C.UTF-8")], false),
            (&[("LANG", "C"), ("LC_ALL", "en_US.utf8")], false),
            (&[("LANG", "en_US.UTF-8"), ("TERM", "linux")], true),
            (&[], false),
        ] {
            assert_eq!(read("", vars).0.ascii, ascii, "{vars:?}");
        }
    }
}
