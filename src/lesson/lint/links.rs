//! Links of a text that lead nowhere: to files that are not there, to headings that the text does not have.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::super::source::Source;
use crate::text::tr;

/// Each dead link with its line.
pub fn dead(source: &Source, file: &str, text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut anchors = Vec::new();
    let mut heading: Option<String> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => links.push((range.start, dest_url.into_string())),
            Event::Start(Tag::Image { dest_url, .. }) => links.push((range.start, dest_url.into_string())),
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|h| anchor(&h))),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let mut found = Vec::new();
    for (at, link) in links {
        if let Some(what) = problem(source, file, &link, &anchors) {
            found.push((line(at), what));
        }
    }
    found
}

fn problem(source: &Source, file: &str, link: &str, anchors: &[String]) -> Option<String> {
    if let Some(name) = link.strip_prefix('#') {
        return (!anchors.iter().any(|a| a == name)).then(|| tr!(lint_link_heading { name }));
    }
    if let Some((scheme, rest)) = link.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or("");
        let whole = matches!(scheme, "http" | "https") && !host.is_empty() && !link.contains(' ');
        return (!whole).then(|| tr!(lint_link_no_address { link }));
    }
    if link.is_empty() {
        return Some(tr!(lint_link_empty).into());
    }
    if link.starts_with("mailto:") {
        return None;
    }
    let path = link.split(['#', '?']).next().unwrap_or(link);
    let dir = file.rsplit_once('/').map_or("", |(dir, _)| dir);
    let named = if dir.is_empty() { path.to_owned() } else { format!("{dir}/{path}") };
    match source.bytes(&named) {
        Ok(Some(_)) => None,
        _ => Some(tr!(lint_link_no_file { link })),
    }
}

/// A heading's anchor as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    heading.trim().chars().filter_map(kept).collect()
}
