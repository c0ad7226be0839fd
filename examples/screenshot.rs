//! Takes the README's picture from the real program: runs it in a terminal, types, and writes an SVG.
//!
//! ```text
//! cargo run --example screenshot -- assets/screenshot.svg
//! ```
#![allow(clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cks_lab::terminal::Screen;
use cks_lab::terminal::screen::Request;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

const COLUMNS: u16 = 120;
const ROWS: u16 = 36;

/// What a learner does before the picture is taken: texts to wait for, and keys to press then.
const SCRIPT: &[(&str, &str)] = &[
    ("controlplane $", "\x1b[19~"),
    ("Tasks", "ssh node01\r"),
    (
        "node01 $",
        "export KUBECONFIG=/etc/kubernetes/kubelet.conf\rk label node controlplane killercoda/one=123\r",
    ),
    ("controlplane labeled", "\x1b[15~"),
    ("expected", ""),
];

fn main() -> Result<()> {
    let out =
        std::env::args_os().nth(1).map_or_else(|| PathBuf::from("assets/screenshot.svg"), PathBuf::from);
    let home = tempfile::tempdir()?;
    let program = std::env::var_os("CKS_LAB").map_or_else(binary, |path| Ok(PathBuf::from(path)))?;
    let pair = native_pty_system().openpty(PtySize {
        rows: ROWS,
        cols: COLUMNS,
        pixel_width: 0,
        pixel_height: 0,
    })?;
    let mut command = CommandBuilder::new(program);
    command.arg("start");
    command.env("CKS_LAB_HOME", home.path());
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env_remove("NO_COLOR");
    let mut child = pair.slave.spawn_command(command)?;
    drop(pair.slave);
    let mut keyboard = pair.master.take_writer()?;
    let mut reader = pair.master.try_clone_reader()?;
    let (send, output) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if send.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let (ask, answers) = channel::<Vec<u8>>();
    let mut screen = screen(ask);
    for (text, keys) in SCRIPT {
        wait_for(&mut screen, &output, &answers, &mut keyboard, text)?;
        keyboard.write_all(keys.as_bytes())?;
    }
    // What still moves comes to rest.
    while let Ok(bytes) = output.recv_timeout(Duration::from_millis(700)) {
        screen.feed(&bytes);
    }
    std::fs::write(&out, svg(&screen)).with_context(|| format!("{} cannot be written", out.display()))?;
    eprintln!("wrote {}", out.display());
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// The program beside which this example was built.
fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.ancestors().nth(2).context("no target directory")?.join("cks-lab");
    if !path.exists() {
        bail!("{} is not there; run `cargo build` first", path.display());
    }
    Ok(path)
}

fn screen(ask: Sender<Vec<u8>>) -> Screen {
    Screen::new(COLUMNS, ROWS, {
        let ask = std::sync::Mutex::new(ask);
        Arc::new(move |request| {
            if let (Request::Answer(bytes), Ok(ask)) = (request, ask.lock()) {
                let _ = ask.send(bytes);
            }
        })
    })
}

fn wait_for(
    screen: &mut Screen,
    output: &Receiver<Vec<u8>>,
    answers: &Receiver<Vec<u8>>,
    keyboard: &mut dyn Write,
    text: &str,
) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(60);
    while !screen.lines().iter().any(|line| line.contains(text)) {
        match output.recv_timeout(limit.saturating_duration_since(Instant::now())) {
            Ok(bytes) => screen.feed(&bytes),
            Err(_) => bail!("{text:?} did not show up in:\n{}", screen.lines().join("\n")),
        }
        for bytes in answers.try_iter() {
            keyboard.write_all(&bytes)?;
        }
    }
    Ok(())
}

const CELL: (f32, f32) = (8.4, 18.0);
const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d5dae3";
const PALETTE: [&str; 16] = [
    "#2a303c", "#f07178", "#a5d76e", "#ffcb6b", "#6fa8ff", "#c792ea", "#7fdbca", "#d5dae3", "#5b6474",
    "#ff8b92", "#c3f08a", "#ffe585", "#9cc4ff", "#e1acff", "#a3f7e6", "#ffffff",
];

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Indexed(index @ 0..=15) => PALETTE[usize::from(index)].to_owned(),
        Color::Indexed(index @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Color::Indexed(index) => {
            let level = 8 + 10 * (index - 232);
            format!("#{level:02x}{level:02x}{level:02x}")
        }
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => default.to_owned(),
    }
}

fn svg(screen: &Screen) -> String {
    let area = Rect::new(0, 0, COLUMNS, ROWS);
    let mut buffer = Buffer::empty(area);
    screen.draw(&mut buffer, area, true);
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 24.0, f32::from(ROWS) * CELL.1 + 24.0);
    let mut back = String::new();
    let mut text = String::new();
    for y in 0..ROWS {
        let mut x = 0;
        while x < COLUMNS {
            let Some(first) = buffer.cell((x, y)).cloned() else { break };
            let start = x;
            let mut run = String::new();
            // Cells of one style in a row are one text, whose length is given, so that any font keeps the columns.
            while let Some(cell) = buffer.cell((x, y)) {
                if x >= COLUMNS || (cell.fg, cell.bg, cell.modifier) != (first.fg, first.bg, first.modifier) {
                    break;
                }
                run.push_str(cell.symbol());
                x += u16::try_from(cell.symbol().width().max(1)).unwrap_or(1);
            }
            let (mut fg, mut bg) = (colour(first.fg, FOREGROUND), colour(first.bg, BACKGROUND));
            if first.modifier.contains(Modifier::REVERSED) {
                std::mem::swap(&mut fg, &mut bg);
            }
            let (left, top) = (12.0 + f32::from(start) * CELL.0, 12.0 + f32::from(y) * CELL.1);
            let length = f32::from(x - start) * CELL.0;
            if bg != BACKGROUND {
                let _ = writeln!(
                    back,
                    r#"<rect x="{left:.1}" y="{top:.1}" width="{length:.1}" height="18" fill="{bg}"/>"#
                );
            }
            if run.trim().is_empty() {
                continue;
            }
            let mut style = String::new();
            for (modifier, attribute) in [
                (Modifier::BOLD, r#" font-weight="bold""#),
                (Modifier::ITALIC, r#" font-style="italic""#),
                (Modifier::UNDERLINED, r#" text-decoration="underline""#),
                (Modifier::DIM, r#" opacity="0.65""#),
            ] {
                if first.modifier.contains(modifier) {
                    style.push_str(attribute);
                }
            }
            let escaped = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let base = top + 13.5;
            let _ = writeln!(
                text,
                r#"<text x="{left:.1}" y="{base:.1}" textLength="{length:.1}" lengthAdjust="spacingAndGlyphs" fill="{fg}"{style}>{escaped}</text>"#
            );
        }
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
{back}{text}</svg>
"#
    )
}
