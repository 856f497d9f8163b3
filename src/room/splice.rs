//! Splices: how one text becomes another, as the characters that differ.
//!
//! Positions and lengths count characters (Unicode code points), because every language can count those, whatever its
//! strings are made of. A splice never begins or ends inside a character.

use crate::room::text::Text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Some characters at one place of a text are replaced by others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice<'a> {
    /// Characters before the place.
    pub at: usize,
    /// Characters removed there.
    pub cut: usize,
    /// Characters inserted there.
    pub put: Cow<'a, str>,
    /// Characters of the whole text afterwards. Both ends compare it, to see that they mean the same text.
    pub length: usize,
}

/// A splice does not fit the text.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfStep;

impl<'a> Splice<'a> {
    /// The splice that turns `old` into `new`: all between their common beginning and their common end.
    pub fn between(old: &Text, new: &'a Text) -> Self {
        let (old, length, new) = (old.as_str(), new.chars(), new.as_str());
        let begin = common_prefix(old, new);
        let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
        let end = common_suffix(old_rest, new_rest);
        Self {
            at: count(&new[..begin]),
            cut: count(&old_rest[..old_rest.len() - end]),
            put: Cow::Borrowed(&new_rest[..new_rest.len() - end]),
            length,
        }
    }

    /// Whether it fits a text of so many characters.
    pub fn fits(&self, chars: usize) -> bool {
        let kept = self.at.checked_add(self.cut).and_then(|end| chars.checked_sub(end));
        kept.is_some_and(|behind| Some(self.length) == (self.at + behind).checked_add(count(&self.put)))
    }

    /// The same splice, owning what it inserts.
    pub fn into_owned(self) -> Splice<'static> {
        let Self { at, cut, put, length } = self;
        Splice { at, cut, put: Cow::Owned(put.into_owned()), length }
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Length in bytes of the whole characters that both texts begin with.
fn common_prefix(a: &str, b: &str) -> usize {
    let mut len = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(len) {
        len -= 1;
    }
    len
}

/// Length in bytes of the whole characters that both texts end with.
fn common_suffix(a: &str, b: &str) -> usize {
    let mut len = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(a.len() - len) {
        len -= 1;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::text::TextChange;
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
            assert_eq!(Splice::between(&text(old), &text(new)), expected);
        }
    }

    #[test]
    fn a_splice_never_divides_a_character() {
        // The first two begin with the same bytes, the last two end with the same bytes.
        assert_eq!(Splice::between(&text("😀"), &text("😁")), splice(0, 1, "😁", 1));
        assert_eq!(Splice::between(&text("Ā"), &text("ŀ")), splice(0, 1, "ŀ", 1));
    }

    #[test]
    fn a_splice_that_does_not_fit_changes_nothing() {
        let mut grüße = text("Grüße");
        for misfit in [
            splice(6, 0, "!", 6),
            splice(5, 1, "!", 5),
            splice(5, 0, "!", 7),
            splice(usize::MAX, usize::MAX, "!", 6),
            splice(0, 0, "!", usize::MAX),
        ] {
            assert_eq!(grüße.apply(TextChange::Splice(misfit)), Err(OutOfStep));
        }
        assert_eq!(grüße, text("Grüße"));
        assert_eq!(grüße.apply(TextChange::Splice(splice(5, 0, "!", 6))), Ok(()));
        assert_eq!(grüße, text("Grüße!"));
    }

    proptest! {
        /// Few characters, of every length in UTF-8, so that texts have much in common.
        #[test]
        fn a_splice_turns_any_text_into_any_other(old in "[abüß€😀😁]{0,30}", new in "[abüß€😀😁]{0,30}") {
            let (mut old, new) = (text(&old), text(&new));
            let splice = Splice::between(&old, &new).into_owned();
            prop_assert!(splice.put.chars().count() <= new.chars());
            prop_assert_eq!(old.apply(TextChange::Splice(splice)), Ok(()));
            prop_assert_eq!(&old, &new);
        }
    }
}
