//! The first screen: lessons and exams, and what is known of the selected one.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::markdown::Document;
use super::super::offer::{Offer, chart};
use super::{Canvas, document, shorten};
use crate::report::time;
use crate::text::{language, pad, tr, width};

/// How many attempts are drawn in the chart, the latest ones.
const CHART: usize = 30;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme;
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    canvas.text(inner.x, inner.y, tr!(tui_pick_title), theme.heading, inner.width);
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    match &canvas.state.picker.offers {
        None => drop(canvas.text(body.x, body.y, tr!(tui_pick_loading), theme.quiet, body.width)),
        Some(Err(trouble)) => {
            let mut out = Document::default();
            document::trouble(trouble, &theme, body.width, &mut out);
            for (y, line) in (body.y..body.bottom()).zip(&out.lines) {
                canvas.put(body.x, y, line, body.width);
            }
        }
        Some(Ok(_)) => offers(canvas, body),
    }
}

fn offers(canvas: &mut Canvas<'_>, area: Rect) {
    let state = canvas.state;
    let selected = state.picker.selected;
    // Beside each other where there is room, else what is known of the selected one comes below.
    let beside = area.width >= 100;
    let left = if beside { Rect { width: area.width / 2, ..area } } else { area };
    let mut rows: Vec<(Option<usize>, Line<'static>)> = Vec::new();
    for (exam, title) in [(false, tr!(tui_pick_lessons)), (true, tr!(tui_pick_exams))] {
        rows.push((None, Line::from(Span::styled(title, canvas.theme.quiet))));
        for (index, offer) in state.offers().iter().enumerate().filter(|(_, offer)| offer.exam == exam) {
            rows.push((Some(index), row(canvas, offer, index == selected, usize::from(left.width))));
        }
    }
    let details = details(canvas, if beside { area.width - left.width - 2 } else { area.width });
    let below = u16::try_from(details.len()).unwrap_or(0).min(area.height / 2);
    let height = if beside { area.height } else { area.height.saturating_sub(below + 1) };
    // The selected one is always seen.
    let at = rows.iter().position(|(index, _)| *index == Some(selected)).unwrap_or(0);
    let skip = (at + 1).saturating_sub(usize::from(height));
    for (y, (index, line)) in (left.y..left.y + height).zip(rows.iter().skip(skip)) {
        canvas.put(left.x, y, line, left.width);
        if let Some(index) = index {
            canvas.drawn.hits.push((Rect { y, height: 1, ..left }, Action::PickThis(*index)));
        }
    }
    let right = match beside {
        true => Rect { x: left.right() + 2, width: area.width - left.width - 2, ..area },
        false => Rect { y: area.bottom().saturating_sub(below), height: below, ..area },
    };
    for (y, line) in (right.y..right.bottom()).zip(&details) {
        canvas.put(right.x, y, line, right.width);
    }
}

fn row(canvas: &Canvas<'_>, offer: &Offer, selected: bool, room: usize) -> Line<'static> {
    let theme = canvas.theme;
    let state = match (offer.open, offer.best()) {
        (true, Some(percent @ 1..)) => {
            format!("{}  {}", tr!(tui_pick_best { percent }), tr!(tui_pick_go_on))
        }
        (true, _) => tr!(tui_pick_go_on).to_owned(),
        (false, Some(percent)) => tr!(tui_pick_best { percent }),
        (false, None) => tr!(tui_pick_new).to_owned(),
    };
    let right = format!("{}  {}", state, tr!(tui_pick_minutes { minutes: offer.minutes }));
    let sign = if selected { ">" } else { " " };
    let left = room.saturating_sub(width(&right) + 4);
    let title = pad(&shorten(&offer.title, left, &theme), left);
    let text = format!("{sign} {title} {right} ");
    Line::from(Span::styled(text, if selected { theme.selected } else { theme.text }))
}

/// What is known of the selected one.
fn details(canvas: &Canvas<'_>, room: u16) -> Vec<Line<'static>> {
    let theme = canvas.theme;
    let mut out = Document::default();
    let Some(offer) = canvas.state.offers().get(canvas.state.picker.selected) else { return out.lines };
    out.text(vec![], &offer.title, theme.heading, room);
    let minutes = offer.minutes;
    let about = match offer.exam {
        true => tr!(tui_pick_exam_about { lessons: offer.parts, minutes }),
        false => tr!(tui_pick_steps { domain: offer.domain, steps: offer.parts, minutes }),
    };
    out.text(vec![], &about, theme.text, room);
    let (score, max, seconds) = offer.standing;
    if offer.open && !offer.exam {
        let time = time(language(), seconds);
        out.text(vec![], &tr!(tui_pick_where { score, max, time }), theme.text, room);
    }
    if !offer.tries.is_empty() {
        let latest = offer.tries.len().saturating_sub(CHART);
        let percents: Vec<u32> = offer.tries.iter().skip(latest).map(|t| t.percent).collect();
        let chart = chart(&percents, canvas.state.config.ascii);
        let label = format!("{}  ", tr!(tui_pick_attempts));
        out.push(Line::from(vec![Span::styled(label, theme.quiet), Span::styled(chart, theme.key)]));
        for (index, t) in offer.tries.iter().enumerate().skip(offer.tries.len().saturating_sub(5)) {
            let under_way = offer.open && !offer.exam && index + 1 == offer.tries.len();
            let verdict = match (t.passed, under_way) {
                (true, _) => tr!(tui_pick_passed),
                (false, true) => tr!(tui_pick_running),
                (false, false) => tr!(tui_pick_open),
            };
            let time = time(language(), t.seconds);
            let percent = format!("{:>3}", t.percent);
            let line = tr!(tui_pick_attempt { at: t.at, percent, verdict, time, hints: t.hints });
            let line = shorten(&line, usize::from(room), &theme);
            out.push(Line::styled(line, if t.passed { theme.good } else { theme.text }));
        }
    }
    out.lines
}
