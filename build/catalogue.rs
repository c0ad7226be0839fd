//! The catalogue's compiler: Fluent files in, Rust out.
//!
//! ```text
//! assets/text/en/lab.ftl   lab_gone = the lab { $name } ended     (the same keys and variables in every language)
//!     -> struct lab_gone<'a> { name: &'a (dyn Display + Sync) }   + a static table of its parts in each language
//! ```
//! A key that one language lacks, another set of variables, an empty text, or something of Fluent that the program does
//! not use (terms, attributes, functions) is an error here. A text that nothing uses is dead code to the compiler.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey};
use fluent_syntax::parser;

/// The languages in the order of `text::Language`, the first of which every text begins in.
pub const LANGUAGES: [&str; 2] = ["en", "ja"];

/// A language's files: name and text.
pub type Files = Vec<(String, String)>;

/// Reads each language's files below `dir`, sorted by name.
pub fn read(dir: &Path) -> Result<Vec<Files>, String> {
    LANGUAGES.iter().map(|language| read_language(&dir.join(language))).collect()
}

fn read_language(dir: &Path) -> Result<Files, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", dir.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "ftl") {
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
    /// The variable, the cases, and what holds else.
    Select(String, Vec<(String, Vec<Part>)>, Vec<Part>),
}

/// A text in one language.
#[derive(Debug)]
struct Message {
    file: String,
    parts: Vec<Part>,
}

/// Compiles what [`read`] gave.
pub fn compile(languages: &[Files]) -> Result<String, String> {
    let all: Vec<BTreeMap<String, Message>> = languages
        .iter()
        .zip(LANGUAGES)
        .map(|(files, language)| messages(files, language))
        .collect::<Result<_, _>>()?;
    let mut problems = Vec::new();
    let keys: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let mut code = String::new();
    for key in keys {
        let found: Vec<&Message> = all.iter().filter_map(|messages| messages.get(key)).collect();
        if found.len() < all.len() {
            let lacking: Vec<&str> =
                LANGUAGES.iter().zip(&all).filter(|(_, m)| !m.contains_key(key)).map(|(l, _)| *l).collect();
            problems.push(format!("{}: {key} is missing in {}", found[0].file, lacking.join(", ")));
            continue;
        }
        let variables: Vec<BTreeSet<String>> = found.iter().map(|m| variables(&m.parts)).collect();
        if let Some(at) = variables.iter().position(|v| *v != variables[0]) {
            problems.push(format!(
                "{}: {key} has the variables {:?}, and {:?} in {}",
                found[at].file, variables[at], variables[0], LANGUAGES[0]
            ));
            continue;
        }
        emit(key, &variables[0].iter().cloned().collect::<Vec<_>>(), &found, &mut code);
    }
    if problems.is_empty() { Ok(code) } else { Err(problems.join("\n")) }
}

fn messages(files: &Files, language: &str) -> Result<BTreeMap<String, Message>, String> {
    let mut all = BTreeMap::new();
    for (file, text) in files {
        let resource = parser::parse(text.as_str()).map_err(|(_, errors)| {
            let line = text[..errors[0].pos.start.min(text.len())].lines().count();
            format!("{file}:{line}: {}", errors[0])
        })?;
        for entry in resource.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                Entry::Term(term) => {
                    return Err(format!("{file}: -{} is a term; write it out", term.id.name));
                }
                Entry::Junk { content } => return Err(format!("{file}: {content:?} is not understood")),
            };
            let key = message.id.name.to_owned();
            let place = format!("{file}: {key}");
            if !key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                return Err(format!("{place}: a key has a-z, 0-9 and _, as it is named in the code"));
            }
            let (Some(pattern), true) = (message.value, message.attributes.is_empty()) else {
                return Err(format!("{place}: one text and no attributes"));
            };
            let parts = parts(&pattern, language).map_err(|e| format!("{place}: {e}"))?;
            if all.insert(key, Message { file: file.clone(), parts }).is_some() {
                return Err(format!("{place} is there twice"));
            }
        }
    }
    Ok(all)
}

fn parts(pattern: &Pattern<&str>, language: &str) -> Result<Vec<Part>, String> {
    let mut all = Vec::new();
    for element in &pattern.elements {
        let part = match element {
            PatternElement::TextElement { value } => Part::Text((*value).to_owned()),
            PatternElement::Placeable { expression } => placeable(expression, language)?,
        };
        match (all.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(more)) => before.push_str(&more),
            (_, part) => all.push(part),
        }
    }
    if all.is_empty() { Err("the text is empty".into()) } else { Ok(all) }
}

fn placeable(expression: &Expression<&str>, language: &str) -> Result<Part, String> {
    match expression {
        Expression::Inline(InlineExpression::StringLiteral { value }) => {
            Ok(Part::Text(fluent_syntax::unicode::unescape_unicode_to_string(value).into_owned()))
        }
        Expression::Inline(InlineExpression::VariableReference { id }) => {
            Ok(Part::Variable(id.name.to_owned()))
        }
        Expression::Select { selector: InlineExpression::VariableReference { id }, variants } => {
            let (mut cases, mut other) = (Vec::new(), None);
            for variant in variants {
                let inside = parts(&variant.value, language)?;
                match variant.key {
                    _ if variant.default => other = Some(inside),
                    // The plural of whole numbers, by CLDR: English has "one" for 1, Japanese has none.
                    VariantKey::Identifier { name: "one" } if language == "ja" => {
                        return Err("Japanese has no plural; [one] is never chosen".into());
                    }
                    VariantKey::Identifier { name: "one" } => cases.push(("1".into(), inside)),
                    VariantKey::Identifier { name } => cases.push((name.to_owned(), inside)),
                    VariantKey::NumberLiteral { value } => cases.push((value.to_owned(), inside)),
                }
            }
            Ok(Part::Select(id.name.to_owned(), cases, other.unwrap_or_default()))
        }
        other => Err(format!("{other:?} is not used here: only \"...\", $variables and selections by one")),
    }
}

fn variables(parts: &[Part]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Variable(name) => {
                all.insert(name.clone());
            }
            Part::Select(name, cases, other) => {
                all.insert(name.clone());
                all.extend(cases.iter().flat_map(|(_, inside)| variables(inside)).chain(variables(other)));
            }
        }
    }
    all
}

fn emit(key: &str, names: &[String], found: &[&Message], code: &mut String) {
    let shown: String = found[0].parts.iter().map(shown).collect();
    let _ = writeln!(code, "#[doc = {shown:?}]");
    if let ([], Some(plain)) = (names, plain(found)) {
        let _ = writeln!(
            code,
            "pub(crate) struct {key} {{}}\nimpl {key} {{ pub(crate) fn text(&self, language: Language) -> &'static str \
             {{ {plain:?}[language as usize] }} }}"
        );
        return;
    }
    let fields: Vec<String> =
        names.iter().map(|n| format!("pub(crate) {n}: &'a (dyn std::fmt::Display + Sync)")).collect();
    let values: Vec<String> = names.iter().map(|n| format!("self.{n}")).collect();
    let tables: Vec<String> = found.iter().map(|m| table(&m.parts, names)).collect();
    let _ = writeln!(
        code,
        "pub(crate) struct {key}<'a> {{ {} }}\nimpl {key}<'_> {{ pub(crate) fn text(&self, language: Language) -> String \
         {{ static ALL: [&[Part]; {}] = [{}]; fill(ALL[language as usize], &[{}]) }} }}",
        fields.join(", "),
        tables.len(),
        tables.join(", "),
        values.join(", ")
    );
}

/// Each language's text where nothing is filled in.
fn plain(found: &[&Message]) -> Option<Vec<String>> {
    let one = |message: &&Message| match message.parts.as_slice() {
        [Part::Text(text)] => Some(text.clone()),
        _ => None,
    };
    found.iter().map(one).collect()
}

fn shown(part: &Part) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Variable(name) => format!("{{{name}}}"),
        Part::Select(_, _, other) => other.iter().map(shown).collect(),
    }
}

fn table(parts: &[Part], names: &[String]) -> String {
    let index = |name: &String| names.iter().position(|n| n == name).unwrap_or_default();
    let parts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => format!("Part::Text({text:?})"),
            Part::Variable(name) => format!("Part::Variable({})", index(name)),
            Part::Select(name, cases, other) => {
                let cases: Vec<String> = cases
                    .iter()
                    .map(|(key, inside)| format!("({key:?}, {})", table(inside, names)))
                    .collect();
                format!("Part::Select({}, &[{}], {})", index(name), cases.join(", "), table(other, names))
            }
        })
        .collect();
    format!("&[{}]", parts.join(", "))
}
