//! Colours and characters: named roles, so that views never name a colour.
//!
//! The default theme uses the terminal's own palette, and sparingly: text has the terminal's own colours, bars are
//! reversed, so that it is readable on light and dark. No meaning is carried by colour alone.

use ratatui::style::{Color, Modifier, Style};

use crate::text::{Language, language};

/// The themes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeName {
    /// The terminal's own palette.
    Terminal,
    /// For dark backgrounds, 256 colours.
    Dark,
    /// For light backgrounds, 256 colours.
    Light,
    /// No colours at all.
    Mono,
}

impl ThemeName {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 4] = [Self::Terminal, Self::Dark, Self::Light, Self::Mono];

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
        }
    }

    /// Reads its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// The one after it.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or(Self::Terminal)
    }
}

/// The roles.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// What may be overlooked.
    pub quiet: Style,
    /// Headings.
    pub heading: Style,
    /// Commands and file names in running text.
    pub code: Style,
    /// The lines of a block of code.
    pub block: Style,
    /// Links.
    pub link: Style,
    /// Buttons.
    pub button: Style,
    /// What is selected.
    pub selected: Style,
    /// Header and footer.
    pub bar: Style,
    /// Keys in the footer.
    pub key: Style,
    /// Lines between panes.
    pub line: Style,
    /// Lines of what has the keyboard.
    pub focus: Style,
    /// Passed.
    pub good: Style,
    /// Failed.
    pub bad: Style,
    /// Could not be told; careful.
    pub warn: Style,
    /// Whether colours may be used at all.
    pub colours: bool,
    /// The characters.
    pub glyphs: &'static Glyphs,
}

/// The characters that an ASCII terminal does not have, and what stands for them.
#[derive(Debug)]
pub struct Glyphs {
    /// Passed.
    pub ok: &'static str,
    /// Open.
    pub open: &'static str,
    /// Failed.
    pub fail: &'static str,
    /// Could not be told.
    pub error: &'static str,
    /// The bullet of a list.
    pub bullet: &'static str,
    /// A horizontal line.
    pub horizontal: &'static str,
    /// A vertical line.
    pub vertical: &'static str,
    /// The gutter of quotes and code.
    pub gutter: &'static str,
    /// Between steps.
    pub arrow: &'static str,
    /// What was cut off.
    pub ellipsis: &'static str,
    /// Corners: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// Something works.
    pub busy: &'static str,
    /// Between parts of the header.
    pub dot: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    ok: "✓ ok  ",
    open: "· open",
    fail: "✗ FAIL",
    error: "! ??? ",
    bullet: "•",
    horizontal: "─",
    vertical: "│",
    gutter: "▏",
    arrow: "›",
    ellipsis: "…",
    corners: ["╭", "╮", "╰", "╯"],
    busy: "◌ wait",
    dot: "·",
};

/// The same with Japanese words.
static JAPANESE: Glyphs = Glyphs {
    ok: "✓ 合格  ",
    open: "· 未完了",
    fail: "✗ 不合格",
    error: "! 不明  ",
    busy: "◌ 準備中",
    ..UNICODE
};

static ASCII: Glyphs = Glyphs {
    ok: "ok    ",
    open: "--    ",
    fail: "FAIL  ",
    error: "???   ",
    bullet: "*",
    horizontal: "-",
    vertical: "|",
    gutter: "|",
    arrow: ">",
    ellipsis: "...",
    corners: ["+", "+", "+", "+"],
    busy: "* wait",
    dot: "-",
};

impl Theme {
    /// Makes a theme's roles.
    pub fn new(name: ThemeName, ascii: bool) -> Self {
        let glyphs = match (ascii, language()) {
            (true, _) => &ASCII,
            (false, Language::En) => &UNICODE,
            (false, Language::Ja) => &JAPANESE,
        };
        let plain = Style::default();
        let bold = plain.add_modifier(Modifier::BOLD);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        let mono = Self {
            text: plain,
            quiet: plain.add_modifier(Modifier::DIM),
            heading: bold.add_modifier(Modifier::UNDERLINED),
            code: bold,
            block: plain,
            link: plain.add_modifier(Modifier::UNDERLINED),
            button: bold,
            selected: reversed,
            bar: reversed,
            key: bold,
            line: plain.add_modifier(Modifier::DIM),
            focus: bold,
            good: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            warn: bold,
            colours: false,
            glyphs,
        };
        let coloured = |accent, code, good, bad, warn| Self {
            heading: bold.fg(accent),
            code: plain.fg(code).add_modifier(Modifier::BOLD),
            button: bold.fg(accent),
            key: bold.fg(accent),
            focus: bold.fg(accent),
            good: bold.fg(good),
            bad: bold.fg(bad),
            warn: bold.fg(warn),
            colours: true,
            ..mono
        };
        match name {
            ThemeName::Mono => mono,
            // Of a palette's colours, magenta reads best on both black and white.
            ThemeName::Terminal => Self {
                code: bold,
                ..coloured(Color::Magenta, Color::Reset, Color::Green, Color::Red, Color::Magenta)
            },
            ThemeName::Dark => Self {
                bar: plain.fg(Color::Indexed(255)).bg(Color::Indexed(24)),
                block: plain.fg(Color::Indexed(187)),
                quiet: plain.fg(Color::Indexed(246)),
                line: plain.fg(Color::Indexed(240)),
                ..coloured(
                    Color::Indexed(117),
                    Color::Indexed(222),
                    Color::Indexed(114),
                    Color::Indexed(210),
                    Color::Indexed(221),
                )
            },
            ThemeName::Light => Self {
                bar: plain.fg(Color::Indexed(231)).bg(Color::Indexed(25)),
                block: plain.fg(Color::Indexed(17)),
                quiet: plain.fg(Color::Indexed(241)),
                line: plain.fg(Color::Indexed(248)),
                ..coloured(
                    Color::Indexed(25),
                    Color::Indexed(88),
                    Color::Indexed(22),
                    Color::Indexed(124),
                    Color::Indexed(94),
                )
            },
        }
    }
}
