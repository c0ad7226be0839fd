//! What was recorded, as asciicast v2 and as an SVG that moves.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use cks_lab::terminal::Screen;
use serde_json::json;

use crate::recorder::Event;
use crate::scenes::Scene;
use crate::svg::{CELL, MARGIN, Palette, Pen};

/// How much of time is one frame of the SVG, in seconds.
const FRAME: f64 = 0.04;

/// The recording in the format of <https://docs.asciinema.org/manual/asciicast/v2/>.
pub fn cast(scene: &Scene, events: &[Event], seconds: f64) -> Result<String> {
    let header = json!({
        "version": 2,
        "width": scene.columns,
        "height": scene.rows,
        "title": "cks-lab",
        "env": {"TERM": "xterm-256color", "SHELL": "/bin/bash"},
    });
    let mut text = serde_json::to_string(&header)? + "\n";
    let mut rest: Vec<u8> = Vec::new();
    for (time, bytes) in events {
        // A character may be cut in two by the end of a read.
        rest.extend(bytes);
        let whole = match std::str::from_utf8(&rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        if whole > 0 {
            let written = String::from_utf8_lossy(&rest[..whole]).into_owned();
            writeln!(text, "{}", json!([round(*time), "o", written]))?;
            rest.drain(..whole);
        }
    }
    writeln!(text, "{}", json!([round(seconds), "o", ""]))?;
    Ok(text)
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A row of the screen in the course of the film.
#[derive(Default)]
struct Row {
    /// What it looked like, each look once.
    looks: Vec<String>,
    /// Which of them it had from when on.
    course: Vec<(f64, usize)>,
}

impl Row {
    fn at(&mut self, time: f64, look: String) {
        let index = self.looks.iter().position(|there| *there == look).unwrap_or_else(|| {
            self.looks.push(look);
            self.looks.len() - 1
        });
        if self.course.last().is_none_or(|(_, last)| *last != index) {
            self.course.push((time, index));
        }
    }
}

/// The recording as an SVG without scripts: each row is a strip of all that it showed, moved by CSS. Who wants no
/// motion, and a renderer that knows none, sees the screen as it was at the time `still`.
pub fn svg(scene: &Scene, events: &[Event], seconds: f64, still: f64, palette: &Palette) -> Result<String> {
    let mut screen = Screen::new(scene.columns, scene.rows, Arc::new(|_| {}));
    let mut pen = Pen::new(palette);
    let mut rows: Vec<Row> = (0..scene.rows).map(|_| Row::default()).collect();
    for (index, (time, bytes)) in events.iter().enumerate() {
        screen.feed(bytes);
        let next = events.get(index + 1).map_or(f64::MAX, |(time, _)| *time);
        if next - time < FRAME {
            continue;
        }
        for (row, look) in rows.iter_mut().zip(pen.rows(&screen, scene.columns, scene.rows)) {
            row.at(*time, look);
        }
    }
    let width = f32::from(scene.columns) * CELL.0;
    // From one look of a row to the next; a wide font may reach into the gap.
    let stride = width + 60.0;
    let (mut css, mut body) = (String::new(), String::new());
    for (y, row) in rows.iter().enumerate() {
        if row.looks.iter().all(String::is_empty) {
            continue;
        }
        let top = MARGIN + y as f32 * CELL.1;
        write!(body, r#"<svg x="{MARGIN}" y="{top}" width="{width:.1}" height="18"><g"#)?;
        if row.course.len() > 1 {
            let shown = row.course.iter().rfind(|(from, _)| *from <= still).map_or(0, |(_, index)| *index);
            write!(body, r#" id="r{y}" transform="translate({:.1})""#, -stride * shown as f32)?;
            write!(css, "#r{y}{{animation:r{y} {seconds:.2}s step-end infinite}}\n@keyframes r{y}{{")?;
            for (number, (time, index)) in row.course.iter().enumerate() {
                let percent = if number == 0 { 0.0 } else { time / seconds * 100.0 };
                write!(css, "{percent:.2}%{{transform:translate({:.1}px)}}", -stride * *index as f32)?;
            }
            css.push_str("}\n");
        }
        body.push('>');
        for (index, look) in row.looks.iter().enumerate().filter(|(_, look)| !look.is_empty()) {
            if index == 0 {
                body.push_str(look);
            } else {
                write!(body, r#"<g transform="translate({:.1})">{look}</g>"#, stride * index as f32)?;
            }
        }
        body.push_str("</g></svg>\n");
    }
    let css = format!("@media (prefers-reduced-motion: no-preference){{\n{css}}}\n");
    Ok(pen.document(scene.columns, scene.rows, &css, &body))
}
