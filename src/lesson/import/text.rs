//! A scenario's markdown as a lesson has it.
//!
//! Markers count only where they follow a code span or a fence at once: `{{exec}}`, `{{exec interrupt}}`, `{{copy}}`, `{{}}`, and
//! Katacoda's `{{execute}}`, `{{execute HOST1}}`, `{{execute T2}}`, `{{ execute }}`. All other braces (Helm's, Go's) stay.

use crate::text::tr;
/// What a text was made into.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// What is read in the step.
    pub text: String,
    /// What stood in `<details>` that are no solution: hints, with their summaries.
    pub hints: Vec<String>,
    /// What stood in `<details>` whose summary says that it is the solution.
    pub solution: String,
    /// What an author should know: line and sentence.
    pub notes: Vec<(usize, String)>,
}

/// Converts a text.
pub fn convert(text: &str) -> Converted {
    let text = text.replace("\r\n", "\n");
    let mut out = Converted::default();
    let mut body = String::new();
    for part in parts(&text) {
        match part {
            Part::Text { line, text } => body += &lines(text, line, &mut out.notes),
            Part::Details { line, summary, text } => {
                let inner = lines(&flattened(text), line, &mut out.notes).trim().to_owned();
                let says = summary.to_lowercase();
                if says.contains("solution") || says.contains("answer") {
                    out.solution += &format!("{inner}\n\n");
                } else if says.is_empty() || is_hint(&says) {
                    out.hints.push(inner);
                } else {
                    body += &format!("\n**{summary}**\n\n{inner}\n");
                }
            }
        }
    }
    out.text = format!("{}\n", squeezed(body.trim()));
    out.solution = out.solution.trim_end().to_owned();
    out
}

fn is_hint(summary: &str) -> bool {
    summary
        .split(|c: char| !c.is_alphanumeric())
        .any(|w| matches!(w, "tip" | "tips" | "hint" | "hints" | "help"))
}

enum Part<'a> {
    Text { line: usize, text: &'a str },
    Details { line: usize, summary: String, text: &'a str },
}

/// Takes `<details>` out of the text around them; what stands in fences is text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let lower = text.to_ascii_lowercase();
    let inside = fenced(text);
    let find = |what: &str, from: usize| {
        lower[from..]
            .match_indices(what)
            .map(|(at, _)| from + at)
            .find(|at| !inside.iter().any(|r| r.contains(at)))
    };
    let line_at = |at: usize| text[..at].matches('\n').count() + 1;
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = find("<details", from) {
        let (Some(opened), Some(end)) =
            (text[start..].find('>').map(|e| start + e + 1), end_of(start, &find))
        else {
            break;
        };
        found.push(Part::Text { line: line_at(from), text: &text[from..start] });
        let inner = &text[opened.min(end)..end];
        let lower_inner = inner.to_ascii_lowercase();
        let (summary, rest) = match (lower_inner.find("<summary>"), lower_inner.find("</summary>")) {
            (Some(a), Some(b)) if a < b => (inner[a + 9..b].trim().to_owned(), &inner[b + 10..]),
            _ => (String::new(), inner),
        };
        found.push(Part::Details {
            line: line_at(end - rest.len()),
            summary: without_tags(&summary),
            text: rest,
        });
        from = end + "</details>".len();
    }
    found.push(Part::Text { line: line_at(from), text: &text[from..] });
    found
}

/// Where the `<details>` that begins at a place ends: others may stand in it.
fn end_of(start: usize, find: &impl Fn(&str, usize) -> Option<usize>) -> Option<usize> {
    let mut depth = 1;
    let mut from = start + "<details".len();
    loop {
        let end = find("</details>", from)?;
        match find("<details", from).filter(|inner| *inner < end) {
            Some(inner) => {
                depth += 1;
                from = inner + "<details".len();
            }
            None if depth == 1 => return Some(end),
            None => {
                depth -= 1;
                from = end + "</details>".len();
            }
        }
    }
}

/// The text of a `<details>`, those within it with their summaries in bold.
fn flattened(text: &str) -> String {
    let mut out = String::new();
    for part in parts(text) {
        match part {
            Part::Text { text, .. } => out += text,
            Part::Details { summary, text, .. } if summary.is_empty() => out += &flattened(text),
            Part::Details { summary, text, .. } => out += &format!("\n**{summary}**\n\n{}", flattened(text)),
        }
    }
    out
}

/// The byte ranges of fenced code.
fn fenced(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(fence) = fence(line) {
            match &open {
                Some((start, opening)) if closes(line, opening) => {
                    ranges.push(*start..at);
                    open = None;
                }
                Some(_) => {}
                None => open = Some((at, fence.to_owned())),
            }
        }
        at += line.len();
    }
    if let Some((start, _)) = open {
        ranges.push(start..text.len());
    }
    ranges
}

/// The backticks or tildes that begin a line of a fence.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim_start();
    ['`', '~'].iter().find_map(|mark| {
        let length = line.len() - line.trim_start_matches(*mark).len();
        let info = &line[length..];
        // A span that begins a line may have three backticks, too; a fence's info has none.
        (length >= 3 && (*mark == '~' || !info.contains('`'))).then(|| &line[..length])
    })
}

fn closes(line: &str, opening: &str) -> bool {
    let line = line.trim();
    let Some(rest) = line.strip_prefix(opening) else { return false };
    let rest = rest.trim_start_matches(&opening[..1]).trim_start();
    rest.is_empty() || rest.starts_with("{{")
}

fn lines(text: &str, first: usize, notes: &mut Vec<(usize, String)>) -> String {
    let mut out = String::new();
    let mut open: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let mut note = |what: String| notes.push((first + number, what));
        match (&open, fence(line)) {
            (Some(opening), Some(_)) if closes(line, opening) => {
                let opening = opening.clone();
                open = None;
                let indent = &line[..line.len() - line.trim_start().len()];
                let rest = line.trim_start().trim_start_matches(&opening[..1]);
                let (marker, after) = marker(rest.trim_start(), &mut note).unwrap_or(("", rest));
                out += &format!("{indent}{opening}{marker}{after}");
            }
            (Some(_), _) => out += line,
            (None, Some(found)) => {
                open = Some(found.to_owned());
                let at = line.find(found).unwrap_or(0) + found.len();
                out += &line[..at];
                out += &without_highlights(&line[at..]);
            }
            (None, None) => out += &inline(line, &mut note),
        }
        out.push('\n');
    }
    out
}

/// The info string of a fence without killercoda's lines to be highlighted: `yaml {2,5,6}`.
fn without_highlights(info: &str) -> String {
    let Some((before, rest)) = info.split_once('{') else { return info.to_owned() };
    let Some((inner, after)) = rest.split_once('}') else { return info.to_owned() };
    let numbers =
        !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ' '));
    if numbers { format!("{}{after}", before.trim_end()) } else { info.to_owned() }
}

/// A marker at the start of a text: what a lesson says instead, and what follows it.
fn marker<'a>(text: &'a str, note: &mut impl FnMut(String)) -> Option<(&'static str, &'a str)> {
    let (inner, after) = text.strip_prefix("{{")?.split_once("}}")?;
    let words: Vec<&str> = inner.split_whitespace().collect();
    let mark = match words.as_slice() {
        [] => "",
        ["copy"] => "{{copy}}",
        ["exec" | "execute"] => "{{exec}}",
        ["exec" | "execute", "interrupt"] => "{{exec interrupt}}",
        ["exec" | "execute", places @ ..] if places.iter().all(|p| is_place(p)) => {
            if let Some(other) = places.iter().find(|p| !matches!(**p, "HOST1" | "T1" | "interrupt")) {
                note(tr!(import_runs_in_view { marker: inner.trim(), other }));
            }
            if places.contains(&"interrupt") { "{{exec interrupt}}" } else { "{{exec}}" }
        }
        _ => return None,
    };
    Some((mark, after))
}

/// `HOST2`, `T1`: a host or a terminal.
fn is_place(word: &str) -> bool {
    let number = word.strip_prefix("HOST").or_else(|| word.strip_prefix('T'));
    word == "interrupt" || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// One line outside of fences: code spans with their markers, images, line breaks, links to ports.
fn inline(line: &str, note: &mut impl FnMut(String)) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        out += &plain(&rest[..start], note);
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let mark = &rest[start..start + ticks];
        let Some(end) = closing(&rest[start + ticks..], mark) else {
            out += &plain(&rest[start..], note);
            return out;
        };
        let after = start + ticks + end + ticks;
        out += &rest[start..after];
        rest = &rest[after..];
        if let Some((marker, left)) = marker(rest, note) {
            out += marker;
            rest = left;
        }
    }
    out + &plain(rest, note)
}

/// Where a span that was opened by `mark` ends: exactly as many backticks.
fn closing(text: &str, mark: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('`')?;
        let length = text[at..].len() - text[at..].trim_start_matches('`').len();
        if length == mark.len() {
            return Some(at);
        }
        from = at + length;
    }
}

fn plain(text: &str, note: &mut impl FnMut(String)) -> String {
    let text = ports(text, note);
    let text = images(&text, note);
    breaks(&text)
}

/// `{{TRAFFIC_HOST1_80}}` is killercoda's way to a port from the outside; in a lab the node's own address is one.
fn ports(text: &str, note: &mut impl FnMut(String)) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{TRAFFIC_HOST") {
        let Some(end) = rest[start..].find("}}").map(|e| start + e) else { break };
        let inner = &rest[start + "{{TRAFFIC_HOST".len()..end];
        let Some((host, port)) = inner
            .split_once('_')
            .filter(|(h, p)| !p.is_empty() && h.bytes().chain(p.bytes()).all(|b| b.is_ascii_digit()))
        else {
            out += &rest[..end + 2];
            rest = &rest[end + 2..];
            continue;
        };
        let node = if host == "1" {
            "{{controlplane}}".to_owned()
        } else {
            format!("{{{{node{:02}}}}}", host.parse::<u32>().unwrap_or(2).saturating_sub(1))
        };
        note(tr!(import_node_address { host: inner }));
        out += &rest[..start];
        out += &format!("http://{node}:{port}");
        rest = &rest[end + 2..];
    }
    out + rest
}

/// Images cannot be shown; what they show can be said.
fn images(text: &str, note: &mut impl FnMut(String)) -> String {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let lower = rest.to_ascii_lowercase();
        let (markdown, html) = (rest.find("!["), lower.find("<img"));
        let (start, is_html) = match (markdown, html) {
            (Some(m), Some(h)) => (m.min(h), h < m),
            (Some(m), None) => (m, false),
            (None, Some(h)) => (h, true),
            (None, None) => return out + rest,
        };
        let found = if is_html { html_image(&rest[start..]) } else { markdown_image(&rest[start..]) };
        let Some((alt, length)) = found else {
            out += &rest[..start + 2];
            rest = &rest[start + 2..];
            continue;
        };
        note(tr!(import_image_left_out).into());
        out += &rest[..start];
        let alt = if alt.is_empty() { "image" } else { alt };
        out += &format!("*({alt})*");
        rest = &rest[start + length..];
    }
}

fn markdown_image(text: &str) -> Option<(&str, usize)> {
    let close = text.find("](")?;
    let end = close + text[close..].find(')')?;
    Some((text[2..close].trim(), end + 1))
}

fn html_image(text: &str) -> Option<(&str, usize)> {
    let end = text.find('>')?;
    let alt = text[..end].split_once("alt=").map_or("", |(_, rest)| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        quote.and_then(|q| rest[1..].split(q).next()).unwrap_or("")
    });
    Some((alt.trim(), end + 1))
}

/// `<br>` ends a line; in a table's cell it is a blank.
fn breaks(text: &str) -> String {
    let mut out = text.to_owned();
    let with = if text.trim_start().starts_with('|') { " " } else { "  \n" };
    for tag in ["<br>", "<br/>", "<br />", "<BR>", "<BR/>", "<BR />"] {
        out = out.replace(tag, with);
    }
    out
}

fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// At most one empty line in a row, but for code.
fn squeezed(text: &str) -> String {
    let mut out = String::new();
    let mut open: Option<String> = None;
    let mut empty = false;
    for line in text.lines() {
        match (&open, fence(line)) {
            (Some(opening), Some(_)) if closes(line, opening) => open = None,
            (None, Some(found)) => open = Some(found.to_owned()),
            _ => {}
        }
        let is_empty = line.trim().is_empty() && open.is_none();
        if !(is_empty && empty) {
            out += line;
            out.push('\n');
        }
        empty = is_empty;
    }
    out.trim_end().to_owned()
}

/// The code of a solution that a shell can run: fences in a shell's language or none, and spans marked for running.
pub fn runnable(solution: &str) -> String {
    let mut script = String::new();
    let mut open: Option<(String, bool)> = None;
    for line in solution.lines() {
        match (&open, fence(line)) {
            (Some((opening, _)), Some(_)) if closes(line, opening) => open = None,
            (Some((_, true)), _) => script += &format!("{line}\n"),
            (Some(_), _) => {}
            (None, Some(found)) => {
                let info = line.trim_start()[found.len()..].trim();
                open = Some((found.to_owned(), matches!(info, "" | "bash" | "sh" | "shell" | "plain")));
            }
            (None, None) => {
                let mut rest = line;
                while let Some(start) = rest.find('`') {
                    let Some(end) = rest[start + 1..].find('`').map(|e| start + 1 + e) else { break };
                    let after = &rest[end + 1..];
                    if after.starts_with("{{exec") {
                        script += &format!("{}\n", &rest[start + 1..end]);
                    }
                    rest = after;
                }
            }
        }
    }
    // An alias is a terminal's; here it is a function.
    let uses_k = script
        .lines()
        .any(|line| line.split(|c: char| "|;&($".contains(c)).any(|c| c.trim_start().starts_with("k ")));
    if uses_k { format!("k() {{ kubectl \"$@\"; }}\n{script}") } else { script }
}
