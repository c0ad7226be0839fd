//! All lessons there are: those in the binary, and those of `--lessons DIR`, which come first.

use std::path::Path;

use super::load::{self, Loaded};
use super::source::{self, Source};
use super::variables::Variables;
use crate::error::{Error, Result};
use crate::text::tr;

/// The lessons by id, in order.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    entries: Vec<(String, Source)>,
}

impl Catalog {
    /// Collects the lessons of the binary and of `extra`, whose lessons replace those of the same id.
    pub fn new(extra: Option<&Path>) -> Result<Self> {
        let mut entries: Vec<(String, Source)> = Vec::new();
        let own = extra.map(source::in_directory).transpose()?.unwrap_or_default();
        for source in own.into_iter().chain(source::embedded()) {
            let id = match &source {
                Source::Embedded(id) => id.clone(),
                Source::Directory(_) => load::spec(&source, None)?.0.id,
            };
            if !entries.iter().any(|(known, _)| *known == id) {
                entries.push((id, source));
            }
        }
        Ok(Self { entries })
    }

    /// The ids with where they come from.
    pub fn entries(&self) -> &[(String, Source)] {
        &self.entries
    }

    /// The lesson that is offered when none is named.
    pub fn first(&self) -> Result<&str> {
        self.entries.first().map(|(id, _)| id.as_str()).ok_or_else(|| Error::new(tr!(lesson_none)))
    }

    /// Where a lesson's files are.
    pub fn source(&self, id: &str) -> Result<&Source> {
        self.entries.iter().find(|(known, _)| known == id).map(|(_, source)| source).ok_or_else(|| {
            let ids: Vec<_> = self.entries.iter().map(|(id, _)| id.as_str()).collect();
            Error::new(tr!(lesson_unknown { id })).hint(tr!(lesson_ids { ids: ids.join(", ") }))
        })
    }

    /// Loads a lesson.
    pub fn load(&self, id: &str, lang: &str, cluster: Option<&Variables>) -> Result<Loaded> {
        load::load(self.source(id)?, lang, cluster)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lessons_of_the_binary_are_where_their_ids_say() {
        for (id, source) in Catalog::new(None).unwrap().entries() {
            assert_eq!(load::spec(source, None).unwrap().0.id, *id);
        }
    }
}
