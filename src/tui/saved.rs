//! How tabs and panes lay when the program ended; it is there again when a lab is resumed.

use serde::{Deserialize, Serialize};

use super::tiles::Tiles;

/// A pane that is to be there again: its shell or file is opened anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPane {
    /// The node.
    pub node: String,
    /// The file in it; `None` is a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether it has its tab's keyboard.
    #[serde(default)]
    pub focused: bool,
}

/// A tab that is to be there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTab {
    /// The name that the learner gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its panes.
    pub tiles: Tiles<SavedPane>,
}

/// How tabs and panes lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The lesson that it belongs to.
    pub course: String,
    /// The tabs.
    pub tabs: Vec<SavedTab>,
    /// The index of the one that is shown.
    pub active: usize,
    /// The lesson's share of the width, in percent.
    pub split: u16,
    /// Whether the pane with the keyboard has the whole window.
    pub zoom: bool,
    /// Whether the lesson has the keyboard.
    pub lesson: bool,
    /// The X-ray's share of the shells' room, in thousandths, where it is beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xray: Option<u16>,
}

impl Layout {
    /// Reads what was kept; what cannot be read is nothing.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes it down.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
