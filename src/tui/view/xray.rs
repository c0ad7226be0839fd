//! The X-ray: requests to the API server, newest last, the selected one with all its fields where that is asked for.

use ratatui::text::{Line, Span};

use super::super::layout::middle;
use super::super::markdown::Document;
use super::super::xray::{self, admission_in_short, explain};
use super::{Canvas, overlay, shorten};
use crate::apiserver::audit::Entry;
use crate::text::{pad, tr, width};

/// A request in two lines.
fn in_short(entry: &Entry, canvas: &Canvas<'_>, room: usize) -> [Line<'static>; 2] {
    let theme = canvas.theme;
    let time = entry.at.strftime("%H:%M:%S").to_string();
    let dry = if entry.dry_run { format!(" ({})", tr!(tui_xray_dry_run)) } else { String::new() };
    let first = format!("{time} {:<6} {}{dry}", entry.verb.to_uppercase(), xray::object(entry));
    let style = if entry.code < 400 { theme.good } else { theme.bad };
    let authorizer =
        if entry.authorizer.is_empty() { tr!(tui_xray_authorization) } else { entry.authorizer.as_str() };
    let (arrow, admission) = (theme.glyphs.arrow, admission_in_short(entry));
    let second = format!(
        "{} ({}) {arrow} {authorizer} {} {arrow} {admission}",
        entry.user, entry.authenticated_by, entry.decision
    );
    let code = entry.code.to_string();
    let left = room.saturating_sub(code.len() + 1);
    [
        Line::from(vec![
            Span::styled(format!("{} ", pad(&shorten(&first, left, &theme), left)), theme.text),
            Span::styled(code, style),
        ]),
        Line::from(Span::styled(shorten(&format!("         {second}"), room, &theme), theme.quiet)),
    ]
}

/// All that is known of a request.
fn in_full(entry: &Entry, canvas: &Canvas<'_>, room: u16) -> Vec<Line<'static>> {
    let theme = canvas.theme;
    let mut out = Document::default();
    let lines = explain(entry);
    let label = lines.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    for (name, text) in lines {
        let first = Span::styled(format!("  {}  ", pad(name, label)), theme.key);
        out.text(vec![first], &text, theme.text, room);
    }
    out.gap();
    out.lines
}

pub fn draw(canvas: &mut Canvas<'_>) {
    let theme = canvas.theme;
    let (columns, rows) = canvas.state.size;
    let area = middle(canvas.state, columns.saturating_sub(2).min(118), rows.saturating_sub(2));
    let inner = overlay::frame(canvas, area, tr!(tui_xray_title));
    let set = &canvas.state.xray;
    let shown = set.shown(&canvas.state.requests);
    let mut status = format!(" {} ", tr!(tui_xray_showing { filter: set.filter.name(), count: shown.len() }));
    if set.paused {
        status = format!("{status}{} ", tr!(tui_xray_paused));
    }
    let long = u16::try_from(width(&status)).unwrap_or(0);
    canvas.text(area.right().saturating_sub(long + 2), area.y, &status, theme.key, long);
    let at = set.at(&shown);
    if shown.is_empty() {
        let text = if set.blind { tr!(tui_xray_no_record) } else { tr!(tui_xray_none) };
        let mut out = Document::default();
        out.text(vec![], text, theme.text, inner.width);
        for (y, line) in (inner.y..inner.bottom()).zip(&out.lines) {
            canvas.put(inner.x, y, line, inner.width);
        }
    }
    let mut lines: Vec<Line<'static>> = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (index, entry) in shown.iter().enumerate() {
        let selected = at == Some(index);
        let start = lines.len();
        let [first, second] = in_short(entry, canvas, usize::from(inner.width));
        // Reversed as a whole: the code's colour would be lost in it anyway.
        lines.push(if selected { Line::styled(text_of(&first), theme.selected) } else { first });
        lines.push(second);
        if selected && set.open {
            lines.extend(in_full(entry, canvas, inner.width));
        }
        if selected {
            (from, to) = (start, lines.len());
        }
    }
    let height = usize::from(inner.height);
    // What is read in full begins at the top where it does not fit below.
    let scroll = canvas.state.overlay_scroll.min(lines.len().saturating_sub(height));
    let scroll = if from < scroll { from } else { scroll.max(to.saturating_sub(height).min(from)) };
    for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(scroll)) {
        canvas.put(inner.x, y, line, inner.width);
    }
    canvas.drawn.overlay = (lines.len(), height);
}

fn text_of(line: &Line<'_>) -> String {
    line.spans.iter().map(|span| span.content.as_ref()).collect()
}
