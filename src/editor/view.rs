//! An editor as a picture.

use edtui::{EditorMode, EditorTheme, EditorView};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::{Editor, Keys, Prompt};

const HELP: &str = "^X Exit  ^O Write Out  ^W Where Is  ^K Cut  ^U Paste  ^C Position  ^G Help";

/// Draws an editor over the whole frame.
pub fn draw(frame: &mut Frame, editor: &mut Editor) {
    let area = frame.area();
    if let Some(cursor) = draw_in(frame.buffer_mut(), area, editor) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws an editor into an area; returns where its cursor is to be seen.
pub fn draw_in(buffer: &mut Buffer, area: Rect, editor: &mut Editor) -> Option<Position> {
    let (above, below) = match editor.keys {
        Keys::Vi => (0, 1),
        Keys::Nano => (1, 2),
    };
    if area.height <= above + below || area.width < 4 {
        return None;
    }
    let text = Rect { y: area.y + above, height: area.height - above - below, ..area };
    if editor.keys == Keys::Nano {
        title(buffer, editor, Rect { height: 1, ..area });
        let at = Rect { y: area.bottom() - 1, height: 1, ..area };
        Line::styled(HELP, Style::new().add_modifier(Modifier::DIM)).render(at, buffer);
    }
    let theme = EditorTheme::default()
        .base(Style::default())
        .selection_style(Style::new().add_modifier(Modifier::REVERSED))
        .hide_cursor()
        .hide_status_line();
    EditorView::new(&mut editor.state).theme(theme).wrap(true).render(text, buffer);
    let mut cursor = editor.state.cursor_screen_position();

    let bottom = Rect { y: area.bottom() - below, height: 1, ..area };
    let (line, typing) = bottom_line(editor);
    let width = u16::try_from(unicode_width::UnicodeWidthStr::width(line.as_str())).unwrap_or(u16::MAX);
    Line::raw(line).render(bottom, buffer);
    if typing {
        cursor = Some(Position { x: area.x + width.min(area.width - 1), y: bottom.y });
    } else if editor.keys == Keys::Vi && width + 20 < area.width {
        let at = editor.state.cursor;
        let ruler = Rect { x: area.right() - 18, width: 18, ..bottom };
        Line::raw(format!("{},{}", at.row + 1, at.col + 1)).render(ruler, buffer);
    }
    cursor
}

fn title(buffer: &mut Buffer, editor: &Editor, at: Rect) {
    let name = editor.path.as_ref().map_or("New Buffer".into(), |path| path.display().to_string());
    let changed = if editor.modified() { "   Modified" } else { "" };
    let style = Style::new().add_modifier(Modifier::REVERSED);
    let width = usize::from(at.width);
    Line::styled(format!("{:<width$}", format!("  cks-lab nano   {name}{changed}")), style)
        .render(at, buffer);
}

/// The bottom line's text, and whether the cursor stands at its end.
fn bottom_line(editor: &Editor) -> (String, bool) {
    if let Some((prompt, typed)) = &editor.prompt {
        let before = match prompt {
            Prompt::Command => ":",
            Prompt::Search => "Search: ",
            Prompt::Name(_) => "File Name to Write: ",
            Prompt::Confirm => "Save modified buffer?  Y Yes  N No  ^C Cancel",
        };
        return (format!("{before}{typed}"), true);
    }
    match (editor.keys, editor.state.mode) {
        (Keys::Vi, EditorMode::Insert) => ("-- INSERT --".into(), false),
        (Keys::Vi, EditorMode::Visual) => ("-- VISUAL --".into(), false),
        (Keys::Vi, EditorMode::Search) => (format!("/{}", editor.state.search_pattern()), true),
        _ => (editor.message.clone(), false),
    }
}
