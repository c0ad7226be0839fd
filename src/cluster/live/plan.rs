//! What is going to be changed, worked out before anything is: pure text to text.
//!
//! The edit keeps every line that it need not touch. Where the lines cannot be edited so that exactly the plugins go and
//! everything else stays, there is no plan: the result is parsed and held against the original.

use serde_json::Value;

use crate::check::manifest::Manifest;
use crate::error::{Error, Result};
use crate::text::tr;

/// The flag that switches admission plugins on.
pub const ENABLE: &str = "enable-admission-plugins";

/// The manifest with these plugins taken off `--enable-admission-plugins`; `Ok(None)` where none of them is on.
///
/// A flag left without any value goes as a whole. The forms of list items are handled: plain, single and double quotes,
/// the value in an item of its own, several flags, items after `command:` or `args:`, comments behind, flow lists on
/// one line.
pub fn without_plugins(text: &str, plugins: &[String]) -> Result<Option<String>> {
    let before = Manifest::parse(text.as_bytes());
    if let Some(error) = &before.error {
        return Err(Error::new(tr!(live_manifest_not_read)).why(error));
    }
    let on = listed(&before);
    if !on.iter().any(|p| plugins.contains(p)) {
        return Ok(None);
    }
    let edited = edit(text, plugins);
    let after = Manifest::parse(edited.as_bytes());
    let wanted: Vec<String> = on.iter().filter(|p| !plugins.contains(p)).cloned().collect();
    if after.error.is_some() || listed(&after) != wanted || others(&after) != others(&before) {
        return Err(Error::new(tr!(live_not_taken_off { plugins: plugins.join(", ") }))
            .why(tr!(live_flag_not_understood { flag: ENABLE }))
            .hint(tr!(live_write_as_item)));
    }
    Ok(Some(edited))
}

/// The words of the first container's `command` and `args`, in order, each list by itself.
fn words(manifest: &Manifest) -> Vec<Vec<String>> {
    let list = |key: &str| {
        let words = manifest.doc.pointer(&format!("/spec/containers/0/{key}")).and_then(Value::as_array);
        words.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    vec![list("command"), list("args")]
}

/// The admission plugins that a manifest's flag names.
pub fn enabled(content: &[u8]) -> Vec<String> {
    listed(&Manifest::parse(content))
}

/// The words that a manifest's first container has, or its pod `running` has, and the other has not: one of them.
pub fn other_words(manifest: &[u8], running: &Value) -> Option<String> {
    let running = Manifest { doc: running.clone(), ..Manifest::default() };
    let (here, there) = (words(&Manifest::parse(manifest)).concat(), words(&running).concat());
    let odd = here.iter().find(|w| !there.contains(w)).or_else(|| there.iter().find(|w| !here.contains(w)));
    odd.cloned().or_else(|| (here != there).then(|| here.join(" ")))
}

/// Values of the flag, also where they stand in a word of their own.
fn listed(manifest: &Manifest) -> Vec<String> {
    let mut found = Vec::new();
    for list in words(manifest) {
        let mut rest = list.iter();
        while let Some(word) = rest.next() {
            let value = match word.strip_prefix("--").and_then(|w| w.strip_prefix(ENABLE)) {
                Some("") => rest.next().map_or("", String::as_str),
                Some(value) if value.starts_with('=') => &value[1..],
                _ => continue,
            };
            found.extend(value.split(',').map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned));
        }
    }
    found
}

/// Everything but the flag: the other words, and the rest of the document.
fn others(manifest: &Manifest) -> (Vec<Vec<String>>, Value) {
    let mut kept = Vec::new();
    for list in words(manifest) {
        let mut rest = list.into_iter();
        let mut others = Vec::new();
        while let Some(word) = rest.next() {
            match word.strip_prefix("--").and_then(|w| w.strip_prefix(ENABLE)) {
                Some("") => drop(rest.next()),
                Some(value) if value.starts_with('=') => {}
                _ => others.push(word),
            }
        }
        kept.push(others);
    }
    let mut rest = manifest.doc.clone();
    if let Some(container) = rest.pointer_mut("/spec/containers/0").and_then(Value::as_object_mut) {
        container.remove("command");
        container.remove("args");
    }
    (kept, rest)
}

fn edit(text: &str, plugins: &[String]) -> String {
    let flag = format!("--{ENABLE}");
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let body = line.trim_start();
        if body.starts_with('#') || !line.contains(&flag) {
            out.push_str(line);
            continue;
        }
        let item = body.strip_prefix('-').map(|i| unquoted(strip_comment(i.trim())));
        if item == Some(&flag) {
            // The value is the next item.
            let next = lines.next().unwrap_or("");
            let value = unquoted(strip_comment(next.trim_start().trim_start_matches('-').trim()));
            if let Some(changed) = kept_values(next, value, plugins) {
                out.push_str(line);
                out.push_str(&changed);
            }
            continue;
        }
        match item.and_then(|i| i.strip_prefix(&format!("{flag}="))) {
            Some(values) => out.push_str(&kept_values(line, values, plugins).unwrap_or_default()),
            None => out.push_str(&flow(line, &flag, plugins)),
        }
    }
    out
}

/// A comment behind an item goes; a `#` inside quotes or a word is none.
fn strip_comment(item: &str) -> &str {
    let quoted = item.starts_with('"') || item.starts_with('\'');
    if quoted {
        let quote = &item[..1];
        let end = item[1..].find(quote).map_or(item.len(), |e| e + 2);
        return item[..end].trim_end();
    }
    item.find([' ', '\t'])
        .filter(|at| item[*at..].trim_start().starts_with('#'))
        .map_or(item, |at| &item[..at])
}

fn unquoted(item: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = item.strip_prefix(quote).and_then(|i| i.strip_suffix(quote)) {
            return inner;
        }
    }
    item
}

/// The line with fewer values; `None` where none is left.
fn kept_values(line: &str, values: &str, plugins: &[String]) -> Option<String> {
    let kept: Vec<&str> = values.split(',').filter(|v| !plugins.iter().any(|p| p == v.trim())).collect();
    let some = kept.iter().any(|v| !v.trim().is_empty());
    some.then(|| line.replacen(values, &kept.join(","), 1))
}

/// A flow list on one line: `[kube-apiserver, "--enable-admission-plugins=A,B", ...]`; only quoted words may hold commas.
fn flow(line: &str, flag: &str, plugins: &[String]) -> String {
    let Some(at) = line.find(flag) else { return line.to_owned() };
    let quote = line[..at].chars().next_back().filter(|c| matches!(c, '"' | '\''));
    let end =
        line[at..].find(|c| quote.map_or(matches!(c, ',' | ']'), |q| c == q)).map_or(line.len(), |e| at + e);
    let Some(values) = line[at..end].strip_prefix(&format!("{flag}=")) else { return line.to_owned() };
    if let Some(kept) = kept_values(&line[at..end], values, plugins) {
        return format!("{}{kept}{}", &line[..at], &line[end..]);
    }
    // The whole word goes, with the comma before it, or after it where it was the first.
    let (start, end) = quote.map_or((at, end), |_| (at - 1, end + 1));
    let before = line[..start].trim_end();
    match before.strip_suffix(',') {
        Some(before) => format!("{before}{}", &line[end..]),
        None => format!("{}{}", &line[..start], line[end..].trim_start_matches([',', ' '])),
    }
}

/// Whether two manifests differ only in admission plugin flags, comments and layout: what doing the lesson changes.
pub fn same_but_plugins(a: &[u8], b: &[u8]) -> bool {
    let parts = |content: &[u8]| {
        let manifest = Manifest::parse(content);
        let (mut words, rest) = others(&manifest);
        for list in &mut words {
            list.retain(|w| !w.starts_with("--disable-admission-plugins="));
        }
        manifest.error.is_none().then_some((words, rest))
    };
    matches!((parts(a), parts(b)), (Some(a), Some(b)) if a == b)
}

/// A unified diff, three lines of context, as `diff -u` prints it.
pub fn diff(path: &str, before: &str, after: &str) -> String {
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(3)
        .header(&tr!(live_path_now { path }), &tr!(live_path_then { path }))
        .to_string()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
