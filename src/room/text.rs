//! The text of a box, and how it changes.

use crate::room::splice::{OutOfStep, Splice};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A text that knows how many characters (Unicode code points) it has, so that a splice can be checked without counting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    content: String,
    chars: usize,
}

/// How the text of a box changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextChange<'a> {
    /// This is the whole text now.
    Whole(Cow<'a, str>),
    /// The text differs from the one before by a splice.
    Splice(Splice<'a>),
}

impl From<String> for Text {
    fn from(content: String) -> Self {
        Self { chars: content.chars().count(), content }
    }
}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.content
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// Whether a change can be applied.
    pub fn fits(&self, change: &TextChange<'_>) -> bool {
        match change {
            TextChange::Whole(_) => true,
            TextChange::Splice(splice) => splice.fits(self.chars),
        }
    }

    /// Applies a change. A splice that does not fit changes nothing.
    pub fn apply(&mut self, change: TextChange<'_>) -> Result<(), OutOfStep> {
        match change {
            TextChange::Whole(text) => *self = text.into_owned().into(),
            TextChange::Splice(splice) => {
                if !splice.fits(self.chars) {
                    return Err(OutOfStep);
                }
                let start = self.position(splice.at);
                let end = start + position(&self.content[start..], splice.cut, self.is_ascii());
                self.content.replace_range(start..end, &splice.put);
                self.chars = splice.length;
            }
        }
        Ok(())
    }

    /// Copies another text into this one's memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.content.clone_from(&other.content);
        self.chars = other.chars;
    }

    fn position(&self, at: usize) -> usize {
        position(&self.content, at, self.is_ascii())
    }

    /// A text with as many bytes as characters is ASCII.
    fn is_ascii(&self) -> bool {
        self.chars == self.content.len()
    }
}

/// The byte at which character number `at` begins, or the end of the text.
fn position(text: &str, at: usize, is_ascii: bool) -> usize {
    match is_ascii {
        true => at.min(text.len()),
        false => text.char_indices().nth(at).map_or(text.len(), |(start, _)| start),
    }
}
