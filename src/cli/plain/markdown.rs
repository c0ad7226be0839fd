//! Markdown as plain sentences: what a screen reader should not spell out is gone.
//!
//! A paragraph is one line, however long: a terminal folds it, and a screen reader does not stop in the middle. Code stands
//! by itself, four blanks in; several words of it within a sentence stand in quotation marks. Lists keep their numbers,
//! tables become a line for each row.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::text::spaced;

/// Renders it, with a newline at its end.
pub fn render(text: &str) -> String {
    let text = without_markers(text);
    let mut out = Out::default();
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        out.take(event);
    }
    out.end_line();
    let trimmed = out.text.trim();
    format!("{trimmed}\n")
}

/// Killercoda's markers stand after code: `{{exec}}`, `{{copy}}`, `{{}}`, ...
fn without_markers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("`{{") {
        let (before, after) = rest.split_at(at + 1);
        kept += before;
        let Some(end) = after.find("}}").filter(|end| !after[..*end].contains('\n')) else {
            rest = after;
            continue;
        };
        rest = &after[end + 2..];
    }
    kept + rest
}

#[derive(Default)]
struct Out {
    text: String,
    /// What is written so far of the line that has not ended.
    line: String,
    code: bool,
    /// Whether a line of the source has just ended within a paragraph.
    broken: bool,
    /// The next number of each list that is open; none where it has no numbers.
    lists: Vec<Option<u64>>,
    link: String,
    cells: usize,
}

impl Out {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(&tag),
            Event::Text(text) if self.code => {
                for line in text.lines() {
                    self.text += &format!("    {line}\n");
                }
            }
            // Who hears it cannot see where several words of code begin and end.
            Event::Code(text) if text.trim().contains(' ') => self.words(&format!("\"{text}\"")),
            Event::Text(text) | Event::Code(text) => self.words(&text),
            Event::SoftBreak => self.broken = true,
            Event::HardBreak | Event::Rule => self.end_line(),
            Event::Html(html) | Event::InlineHtml(html) if html.trim_start().starts_with("<br") => {
                self.end_line();
            }
            _ => {}
        }
    }

    /// Adds words to the line.
    fn words(&mut self, text: &str) {
        if std::mem::take(&mut self.broken) && spaced(&self.line, text) {
            self.line.push(' ');
        }
        self.line += text;
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::CodeBlock(_) => {
                self.end_line();
                self.code = true;
            }
            Tag::Heading { .. } | Tag::Paragraph if self.lists.is_empty() => self.gap(),
            Tag::List(first) => {
                self.end_line();
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_line();
                let inner = "   ".repeat(self.lists.len().saturating_sub(1));
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                self.line = inner + &mark;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.link = dest_url.into_string(),
            Tag::Table(_) => self.gap(),
            Tag::TableHead | Tag::TableRow => self.cells = 0,
            Tag::TableCell => {
                if self.cells > 0 {
                    self.line += "; ";
                }
                self.cells += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: &TagEnd) {
        match tag {
            TagEnd::CodeBlock => self.code = false,
            TagEnd::List(_) => {
                self.end_line();
                self.lists.pop();
            }
            TagEnd::Link | TagEnd::Image => {
                let link = std::mem::take(&mut self.link);
                if !link.is_empty() && !self.line.ends_with(&link) {
                    self.line += &format!(" ({link})");
                }
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow => {
                self.end_line();
            }
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.broken = false;
        if !line.trim().is_empty() {
            self.text += line.trim_end();
            self.text.push('\n');
        }
    }

    fn gap(&mut self) {
        self.end_line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_words_stay() {
        let text = "# A *title*\n\nOne `kubectl get node`{{exec}} and\n[docs](https://k8s.io).\n\n```bash\na: {{ .Values.x }}\n\n  b\n```{{copy}}\n\n\
            1. first\n2. second `x`{{copy}}\n   - inner\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nend<br>here\n";
        assert_eq!(
            render(text),
            "A title\n\nOne \"kubectl get node\" and docs (https://k8s.io).\n    a: {{ .Values.x }}\n    \n      b\n\
             1. first\n2. second x\n   - inner\n\na; b\n1; 2\n\nend\nhere\n"
        );
    }

    #[test]
    fn japanese_lines_are_joined_without_a_blank() {
        assert_eq!(render("これは\n一つの文です。\n"), "これは一つの文です。\n");
        assert_eq!(render("自身の\nkubeconfig\nです\n"), "自身の kubeconfig です\n");
    }

    #[test]
    fn nothing_but_text_is_left() {
        assert_eq!(render(""), "\n");
        assert_eq!(render("a `{{not closed\nb"), "a `{{not closed b\n");
    }
}
