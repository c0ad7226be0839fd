//! The X-ray: requests to the API server, newest last, the selected one with all its fields where that is asked for.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::layout::middle;
use super::super::markdown::Document;
use super::super::state::Focus;
use super::super::xray::{self, admission_in_short, explain};
use super::{Canvas, more_lines, overlay, shorten};
use crate::apiserver::audit::{Entry, UNSEEN};
use crate::text::{pad, tr, width};

/// The cells of the time in front of a request.
const WHEN: usize = 9;

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
    let (user, how, decision) = (&entry.user, &entry.authenticated_by, &entry.decision);
    // Where there is no room for all: who, and what became of it.
    let forms = match (decision.as_str(), &entry.impersonator) {
        (UNSEEN, Some(impersonator)) => {
            vec![format!("{user} {arrow} {}", tr!(tui_xray_acted { impersonator }))]
        }
        (UNSEEN, None) => vec![format!("{user} ({how})")],
        _ => vec![
            format!("{user} ({how}) {arrow} {authorizer} {decision} {arrow} {admission}"),
            format!("{user} {arrow} {authorizer} {decision} {arrow} {admission}"),
            format!("{user} {arrow} {admission}"),
        ],
    };
    let fits = forms.iter().find(|form| width(form) + WHEN <= room);
    let second = fits.or(forms.last()).map_or("", String::as_str);
    let code = entry.code.to_string();
    let left = room.saturating_sub(code.len() + 1);
    [
        Line::from(vec![
            Span::styled(format!("{} ", pad(&shorten(&first, left, &theme), left)), theme.text),
            Span::styled(code, style),
        ]),
        Line::from(Span::styled(shorten(&format!("{:WHEN$}{second}", ""), room, &theme), theme.quiet)),
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

/// Which requests are shown, how many, and whether new ones come in.
fn status(canvas: &Canvas<'_>) -> String {
    let set = &canvas.state.xray;
    let count = set.shown(&canvas.state.requests).len();
    let showing = tr!(tui_xray_showing { filter: set.filter.name(), count });
    if set.paused { format!("{showing} {}", tr!(tui_xray_paused)) } else { showing }
}

/// On top of the window, where there is no room beside the shells.
pub fn overlay(canvas: &mut Canvas<'_>) {
    let theme = canvas.theme;
    let (columns, rows) = canvas.state.size;
    let area = middle(canvas.state, columns.saturating_sub(2).min(118), rows.saturating_sub(2));
    let inner = overlay::frame(canvas, area, tr!(tui_xray_title));
    let status = format!(" {} ", status(canvas));
    let long = u16::try_from(width(&status)).unwrap_or(0);
    canvas.text(area.right().saturating_sub(long + 2), area.y, &status, theme.key, long);
    let below = list(canvas, inner);
    if below > 0 {
        let text = format!(" {} ", more_lines(below));
        let long = u16::try_from(width(&text)).unwrap_or(0);
        canvas.text(area.right().saturating_sub(long + 2), area.bottom() - 1, &text, theme.quiet, long);
    }
}

/// Below the shells, with a line above it.
pub fn dock(canvas: &mut Canvas<'_>, area: Rect, line: Rect) {
    let focused = canvas.state.focus == Focus::Xray;
    let theme = canvas.theme;
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let below = list(canvas, inner);
    let more = if below > 0 { format!("{}, ", more_lines(below)) } else { String::new() };
    let right = format!("{more}{}", status(canvas));
    let (sign, style) = if focused { (">", theme.selected) } else { ("", theme.quiet) };
    canvas.rule(line, line.y, &format!("{sign}{}", tr!(tui_word_x_ray)), &right, style);
    canvas.drawn.dock = Some((area, line));
}

/// Draws the requests, the newest at the bottom; returns how many lines of the one that is explained are below.
fn list(canvas: &mut Canvas<'_>, mut inner: Rect) -> usize {
    let theme = canvas.theme;
    let set = &canvas.state.xray;
    let shown = set.shown(&canvas.state.requests);
    let at = set.at(&shown);
    let said = match (shown.is_empty(), set.own, set.blind) {
        (true, _, true) => tr!(tui_xray_no_record),
        (true, false, _) => tr!(tui_xray_none),
        (true, true, _) => tr!(tui_xray_own_none),
        (false, true, _) => tr!(tui_xray_own),
        (false, false, _) => "",
    };
    if !said.is_empty() {
        let mut out = Document::default();
        out.text(vec![], said, theme.quiet, inner.width);
        for line in out.lines.iter().take(usize::from(inner.height)) {
            canvas.put(inner.x, inner.y, line, inner.width);
            inner = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        }
    }
    let mut lines: Vec<(Line<'static>, u64)> = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (index, entry) in shown.iter().enumerate() {
        let selected = at == Some(index);
        let start = lines.len();
        let [first, second] = in_short(entry, canvas, usize::from(inner.width));
        // Reversed as a whole: the code's colour would be lost in it anyway.
        let first = if selected { Line::styled(text_of(&first), theme.selected) } else { first };
        lines.extend([(first, entry.sequence), (second, entry.sequence)]);
        if selected && set.open {
            lines.extend(in_full(entry, canvas, inner.width).into_iter().map(|line| (line, entry.sequence)));
        }
        if selected {
            (from, to) = (start, lines.len());
        }
    }
    let height = usize::from(inner.height);
    let last = lines.len().saturating_sub(height);
    // What does not fit begins at the top, and is scrolled to its end.
    let excess = if set.open { (to - from).saturating_sub(height) } else { 0 };
    let line = set.line.min(excess);
    let scroll = from.min(last) + line;
    for (y, (line, number)) in (inner.y..inner.bottom()).zip(lines.iter().skip(scroll)) {
        canvas.put(inner.x, y, line, inner.width);
        canvas.drawn.hits.push((Rect { y, height: 1, ..inner }, Action::XrayThis(*number)));
    }
    canvas.drawn.xray = (if set.open { to - from } else { 0 }, height);
    excess - line
}

fn text_of(line: &Line<'_>) -> String {
    line.spans.iter().map(|span| span.content.as_ref()).collect()
}
