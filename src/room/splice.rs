//! Splices: how one text becomes another, as the characters that differ.
//!
//! Positions and lengths count characters (Unicode code points), because every language can count those, whatever its
//! strings are made of. A splice never begins or ends inside a character.

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
    /// The splice that turns `old` into `new`, which has `length` characters: all between their common beginning and their
    /// common end.
    pub fn between(old: &str, new: &'a str, length: usize) -> Self {
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
