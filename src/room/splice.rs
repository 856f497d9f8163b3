//! Splices: how one text becomes another, told by the characters that differ.
//!
//! Positions and lengths count characters (Unicode code points), which every language can count, whatever it
//! keeps its strings in. A splice never begins or ends inside one.

use std::borrow::Cow;

/// At one place in a text some characters are taken out and others put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice<'a> {
    /// Characters before the place.
    pub at: usize,
    /// Characters that are taken out there.
    pub cut: usize,
    /// What is put in there.
    pub put: Cow<'a, str>,
    /// Characters of the whole text afterwards, by which both ends see that they mean the same text.
    pub length: usize,
}

/// A splice was made for another text than the one at hand.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfStep;

impl<'a> Splice<'a> {
    /// What makes `new` of `old`: all between what both begin with and what both end with.
    pub fn between(old: &str, new: &'a str) -> Self {
        let begin = common_prefix(old, new);
        let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
        let end = common_suffix(old_rest, new_rest);
        Self {
            at: count(&new[..begin]),
            cut: count(&old_rest[..old_rest.len() - end]),
            put: Cow::Borrowed(&new_rest[..new_rest.len() - end]),
            length: count(new),
        }
    }

    /// Changes a text; one that the splice does not fit stays as it is.
    pub fn apply(&self, text: &mut String) -> Result<(), OutOfStep> {
        let start = position(text, self.at).ok_or(OutOfStep)?;
        let end = start + position(&text[start..], self.cut).ok_or(OutOfStep)?;
        if count(&text[..start]) + count(&self.put) + count(&text[end..]) != self.length {
            return Err(OutOfStep);
        }
        text.replace_range(start..end, &self.put);
        Ok(())
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// The byte at which a text's character number `at` begins, or at which the text ends.
fn position(text: &str, at: usize) -> Option<usize> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.chain([text.len()]).nth(at)
}

/// Bytes of whole characters that both texts begin with.
fn common_prefix(a: &str, b: &str) -> usize {
    let mut len = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(len) {
        len -= 1;
    }
    len
}

/// Bytes of whole characters that both texts end with.
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
    use proptest::prelude::*;

    fn splice(at: usize, cut: usize, put: &str, length: usize) -> Splice<'_> {
        Splice { at, cut, put: Cow::Borrowed(put), length }
    }

    #[test]
    fn holds_what_differs() {
        assert_eq!(Splice::between("Hello", "Hello!"), splice(5, 0, "!", 6));
        assert_eq!(Splice::between("Hello", "Hallo"), splice(1, 1, "a", 5));
        assert_eq!(Splice::between("aaa", "aa"), splice(2, 1, "", 2));
        assert_eq!(Splice::between("x", ""), splice(0, 1, "", 0));
        assert_eq!(Splice::between("same", "same"), splice(4, 0, "", 4));
    }

    #[test]
    fn never_divides_a_character() {
        // These begin with the same bytes, and these end with them.
        assert_eq!(Splice::between("😀", "😁"), splice(0, 1, "😁", 1));
        assert_eq!(Splice::between("Ā", "ŀ"), splice(0, 1, "ŀ", 1));
    }

    #[test]
    fn fits_one_text_only() {
        let mut text = "Grüße".to_owned();
        assert_eq!(splice(6, 0, "!", 6).apply(&mut text), Err(OutOfStep));
        assert_eq!(splice(5, 1, "!", 5).apply(&mut text), Err(OutOfStep));
        assert_eq!(splice(5, 0, "!", 7).apply(&mut text), Err(OutOfStep));
        assert_eq!(splice(usize::MAX, usize::MAX, "!", 6).apply(&mut text), Err(OutOfStep));
        assert_eq!(text, "Grüße");
        assert_eq!(splice(5, 0, "!", 6).apply(&mut text), Ok(()));
        assert_eq!(text, "Grüße!");
    }

    proptest! {
        /// Few characters, of all lengths in UTF-8, so that texts have much in common.
        #[test]
        fn makes_any_text_of_any_other(old in "[abüß€😀😁]{0,30}", new in "[abüß€😀😁]{0,30}") {
            let splice = Splice::between(&old, &new);
            let mut text = old.clone();
            prop_assert_eq!(splice.apply(&mut text), Ok(()));
            prop_assert_eq!(&text, &new);
            prop_assert!(splice.put.chars().count() <= new.chars().count());
        }
    }
}
