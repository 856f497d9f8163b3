//! The text of a box, and how it changes.

use crate::room::splice::{OutOfStep, Splice};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Texts that take no more memory than this, in bytes, do not shrink.
const MIN_SHRUNK: usize = 4 * 1024;

/// A text and its length in characters (Unicode code points), so that a splice can be checked without counting them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    content: String,
    chars: usize,
}

/// How the text of a box changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextChange<'a> {
    /// The whole new text.
    Whole(Cow<'a, str>),
    /// The splice of the previous text.
    Splice(Splice<'a>),
}

impl TextChange<'_> {
    /// Whether the text is empty after this change.
    pub fn leaves_nothing(&self) -> bool {
        match self {
            Self::Whole(text) => text.is_empty(),
            Self::Splice(splice) => splice.length == 0,
        }
    }
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

    /// The number of characters.
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// The change that makes any text this one.
    pub fn to_change(&self) -> TextChange<'static> {
        TextChange::Whole(self.content.clone().into())
    }

    /// Whether a change can be applied.
    pub fn fits(&self, change: &TextChange<'_>) -> bool {
        match change {
            TextChange::Whole(_) => true,
            TextChange::Splice(splice) => splice.fits(self.chars),
        }
    }

    /// Whether a change makes it longer, in bytes, or may do so.
    pub(crate) fn grows_by(&self, change: &TextChange<'_>) -> bool {
        match change {
            TextChange::Whole(text) => text.len() > self.content.len(),
            // Each character that is cut has at least one byte.
            TextChange::Splice(splice) => splice.put.len() > splice.cut,
        }
    }

    /// Its length after a change, in bytes, at most.
    pub(crate) fn len_after(&self, change: &TextChange<'_>) -> usize {
        match change {
            TextChange::Whole(text) => text.len(),
            TextChange::Splice(splice) => self.content.len() + splice.put.len(),
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
                self.shrink();
            }
        }
        Ok(())
    }

    /// The splice that turns this text into another one.
    pub fn splice_to<'a>(&self, new: &'a Self) -> Splice<'a> {
        Splice::between(&self.content, &new.content, new.chars)
    }

    /// Copies another text, and reuses this one's memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.content.clone_from(&other.content);
        self.chars = other.chars;
        self.shrink();
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.content.capacity()
    }

    /// Frees the memory of a text that was much longer.
    fn shrink(&mut self) {
        if self.content.capacity() > MIN_SHRUNK.max(4 * self.content.len()) {
            self.content.shrink_to(2 * self.content.len());
        }
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
        false => {
            let mut after = text.chars();
            // Faster than going through the indices one by one.
            at.checked_sub(1).and_then(|last| after.nth(last));
            text.len() - after.as_str().len()
        }
    }
}

/// The length of a text as a JSON string, in bytes, without the quotes.
pub(crate) fn json_len(text: &str) -> usize {
    let len = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn splice(at: usize, cut: usize, put: &str, length: usize) -> Splice<'_> {
        Splice { at, cut, put: Cow::Borrowed(put), length }
    }

    fn text(content: &str) -> Text {
        content.to_owned().into()
    }

    #[test]
    fn a_splice_holds_only_what_differs() {
        for (old, new, expected) in [
            ("Hello", "Hello!", splice(5, 0, "!", 6)),
            ("Hello", "Hallo", splice(1, 1, "a", 5)),
            ("aaa", "aa", splice(2, 1, "", 2)),
            ("x", "", splice(0, 1, "", 0)),
            ("same", "same", splice(4, 0, "", 4)),
        ] {
            assert_eq!(text(old).splice_to(&text(new)), expected);
        }
    }

    #[test]
    fn a_splice_never_divides_a_character() {
        // The first two begin with the same bytes, the last two end with the same bytes.
        assert_eq!(text("😀").splice_to(&text("😁")), splice(0, 1, "😁", 1));
        assert_eq!(text("Ā").splice_to(&text("ŀ")), splice(0, 1, "ŀ", 1));
    }

    #[test]
    fn a_splice_that_does_not_fit_changes_nothing() {
        let mut greeting = text("Grüße");
        for misfit in [
            splice(6, 0, "!", 6),
            splice(5, 1, "!", 5),
            splice(5, 0, "!", 7),
            splice(usize::MAX, usize::MAX, "!", 6),
            splice(0, 0, "!", usize::MAX),
        ] {
            let change = TextChange::Splice(misfit);
            assert!(!greeting.fits(&change));
            assert_eq!(greeting.apply(change), Err(OutOfStep));
        }
        assert_eq!(greeting, text("Grüße"));
        assert_eq!(greeting.apply(TextChange::Splice(splice(5, 0, "!", 6))), Ok(()));
        assert_eq!(greeting, text("Grüße!"));
    }

    #[test]
    fn a_text_that_was_long_takes_little_memory() {
        let (mut long, mut copy) = (text(&"x".repeat(100_000)), text(""));
        copy.copy_from(&long);
        long.apply(TextChange::Splice(splice(10, 99_990, "", 10))).unwrap();
        copy.copy_from(&long);
        assert_eq!(copy, text("xxxxxxxxxx"));
        assert!(long.memory() <= MIN_SHRUNK && copy.memory() <= MIN_SHRUNK);
    }

    /// The limit on the memory of all texts asks for these before a change is applied.
    #[test]
    fn a_change_tells_in_advance_how_long_the_text_may_become() {
        let old = text("aéb");
        let whole = |text: &'static str| TextChange::Whole(text.into());
        let splice = |cut, put, length| TextChange::Splice(splice(1, cut, put, length));
        for (change, grows, len) in [
            (whole(""), false, 0),
            (whole("four"), false, 4),
            (whole("fives"), true, 5),
            (splice(1, "", 2), false, 4),
            (splice(1, "x", 3), false, 5),
            (splice(1, "xy", 4), true, 6),
            // It stays as long as it is, but nobody counts the bytes of what is cut.
            (splice(2, "xyz", 4), true, 7),
        ] {
            assert_eq!((old.grows_by(&change), old.len_after(&change)), (grows, len), "{change:?}");
            assert_eq!(change.leaves_nothing(), change == whole(""));
        }
        assert!(splice(3, "", 0).leaves_nothing());
    }

    #[test]
    fn the_computed_length_is_the_length_of_the_json() {
        for text in ["plain", "\"quoted\" \\", "\n\r\t\u{8}\u{c}", "\u{1}\u{1f}\u{7f}", "é😀\u{2028}"] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(json_len(text), json.len() - 2, "{json}");
        }
    }

    /// The page's unit tests check the same cases against page/splices.js.
    #[test]
    fn splices_match_the_test_vectors() {
        const VECTORS: &str =
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/splices.json"));

        #[derive(Deserialize)]
        struct Case {
            before: String,
            splice: Splice<'static>,
            /// `None` if the splice does not fit.
            after: Option<String>,
        }

        impl Case {
            fn apply(&self) -> Option<Text> {
                let mut whole = text(&self.before);
                whole.apply(TextChange::Splice(self.splice.clone())).ok().map(|()| whole)
            }
        }

        let mut vectors: std::collections::BTreeMap<String, Vec<Case>> =
            serde_json::from_str(VECTORS).unwrap();
        for case in vectors.remove("between").expect("cases") {
            let after = text(case.after.as_ref().expect("a text"));
            assert_eq!(text(&case.before).splice_to(&after), case.splice);
            assert_eq!(case.apply(), Some(after));
        }
        for case in vectors.remove("apply").expect("cases") {
            assert_eq!(case.apply(), case.after.as_deref().map(text), "{:?} {:?}", case.before, case.splice);
        }
        assert!(vectors.is_empty());
    }

    proptest! {
        /// Few characters, of every length in UTF-8, so that texts have much in common.
        #[test]
        fn a_splice_turns_any_text_into_any_other(
            old in "[abüß€😀😁]{0,30}",
            new in "[abüß€😀😁]{0,30}",
            same in 0..200_usize,
        ) {
            // Texts that have much in common are compared in blocks.
            let same = "aü€😀".repeat(same);
            let [old, new] = [old, new].map(|part| format!("{same}{part}{same}"));
            let (mut old, new) = (text(&old), text(&new));
            let splice = old.splice_to(&new).into_owned();
            prop_assert!(splice.put.chars().count() <= new.chars());
            prop_assert_eq!(old.apply(TextChange::Splice(splice)), Ok(()));
            prop_assert_eq!(&old, &new);
        }
    }
}
