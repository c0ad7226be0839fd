//! The command palette: every command of the key table and of the lesson, found by typing some of its letters.

use super::action::Action;
use super::keymap::BINDINGS;
use super::state::State;
use crate::text::tr;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it does.
    pub label: String,
    /// How it is typed without the palette.
    pub keys: String,
    /// The action.
    pub action: Action,
}

/// All commands.
pub fn entries(state: &State) -> Vec<Entry> {
    let nodes = state.nodes();
    let prefix = state.config.prefix;
    let mut entries: Vec<Entry> = Vec::new();
    for binding in BINDINGS.iter().filter(|b| b.palette && state.offers_action(b.action)) {
        let label = match binding.action {
            Action::NewTabOn(index) => match nodes.get(index) {
                Some(node) => tr!(tui_new_shell_on { node }),
                None => continue,
            },
            _ => (binding.long)().to_owned(),
        };
        let keys = binding.typed(prefix).into_iter().next().unwrap_or_default();
        entries.push(Entry { label, keys, action: binding.action });
    }
    if let Some(exam) = &state.exam {
        for (index, row) in exam.rows.iter().enumerate() {
            let label = format!(
                "{} {}",
                tr!(tui_exam_task { number: row.number, count: exam.rows.len() }),
                row.title
            );
            entries.push(Entry { label, keys: String::new(), action: Action::GoToStep(index) });
        }
        return entries;
    }
    for (index, step) in state.lesson().iter().flat_map(|lesson| lesson.steps.iter().enumerate()) {
        let label = tr!(tui_go_to_step { number: index + 1, title: step.title });
        entries.push(Entry { label, keys: String::new(), action: Action::GoToStep(index) });
    }
    entries
}

/// The commands that a query finds, best first.
pub fn matching(state: &State, query: &str) -> Vec<Entry> {
    let mut found: Vec<(u32, Entry)> =
        entries(state).into_iter().filter_map(|entry| Some((score(query, &entry.label)?, entry))).collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, entry)| entry).collect()
}

/// How well a query's letters, in order, are found in a text: starts of words and runs count more.
pub fn score(query: &str, text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let whole = lower.find(&query.trim().to_lowercase()).filter(|_| !query.trim().is_empty());
    let mut score = match whole {
        Some(at)
            if at == 0 || lower.get(..at).is_some_and(|before| !before.ends_with(char::is_alphanumeric)) =>
        {
            60
        }
        Some(_) => 30,
        None => 0,
    };
    let text: Vec<char> = lower.chars().collect();
    let mut from = 0;
    let mut last: Option<usize> = None;
    for c in query.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let starts = |i: usize| i == 0 || text.get(i - 1).is_some_and(|c| !c.is_alphanumeric());
        let mut places = (from..text.len()).filter(|i| text.get(*i) == Some(&c));
        let first = places.clone().next()?;
        let next = last.map(|l| l + 1).filter(|i| text.get(*i) == Some(&c));
        let at = next.or_else(|| places.find(|i| starts(*i))).unwrap_or(first);
        score += 1 + if next.is_some() { 4 } else { 0 } + if starts(at) { 6 } else { 0 };
        last = Some(at);
        from = at + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn letters_in_order_are_found_and_word_starts_win() {
        assert_eq!(score("xyz", "Check this step"), None);
        assert!(score("", "anything").is_some());
        assert!(score("chk", "Check this step").is_some());
        let (solution, loose) = ("Show the solution", "Show the latest requests to the API server, on loop");
        assert!(score("sol", solution).unwrap() > score("sol", loose).unwrap());
        assert!(score("nt", "Next tab").unwrap() > score("nt", "Show the solution (asks first)").unwrap());
        assert!(
            score("hint", "Show the next hint").unwrap() > score("hint", "Check this step in t").unwrap_or(0)
        );
    }
}
