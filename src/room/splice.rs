//! Splices: the difference between two texts, as one range that is replaced.
//!
//! Positions and lengths count characters (Unicode code points), because every programming language can count them,
//! whatever the encoding of its strings. A splice never begins or ends inside a character.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Replaces a range of characters in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice<'a> {
    /// Characters before the range.
    pub at: usize,
    /// Characters in the range, which are removed.
    pub cut: usize,
    /// The text inserted in their place.
    pub put: Cow<'a, str>,
    /// Characters of the whole text afterwards. Both ends compare it, to detect that their texts differ.
    pub length: usize,
}

/// A splice does not fit the text.
#[derive(Debug, PartialEq, Eq)]
pub struct OutOfStep;

impl<'a> Splice<'a> {
    /// The splice that turns `old` into `new`, which has `length` characters. It replaces everything between the common
    /// prefix and the common suffix.
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

    /// Whether it fits a text of `chars` characters.
    pub fn fits(&self, chars: usize) -> bool {
        let kept = self.at.checked_add(self.cut).and_then(|end| chars.checked_sub(end));
        kept.is_some_and(|after| Some(self.length) == (self.at + after).checked_add(count(&self.put)))
    }

    /// The same splice with an owned text.
    pub fn into_owned(self) -> Splice<'static> {
        let Self { at, cut, put, length } = self;
        Splice { at, cut, put: Cow::Owned(put.into_owned()), length }
    }
}

fn count(text: &str) -> usize {
    text.chars().count()
}

/// Bytes that are compared at once: several at a time is ten times as fast as one after the other.
const BLOCK: usize = 64;

/// Length of the common prefix, in bytes. It ends between two characters.
fn common_prefix(a: &str, b: &str) -> usize {
    let blocks = a.as_bytes().chunks_exact(BLOCK).zip(b.as_bytes().chunks_exact(BLOCK));
    let equal = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    let rest = a.as_bytes()[equal..].iter().zip(&b.as_bytes()[equal..]);
    let mut len = equal + rest.take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(len) {
        len -= 1;
    }
    len
}

/// Length of the common suffix, in bytes. It begins between two characters.
fn common_suffix(a: &str, b: &str) -> usize {
    let blocks = a.as_bytes().rchunks_exact(BLOCK).zip(b.as_bytes().rchunks_exact(BLOCK));
    let equal = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    let [a_rest, b_rest] = [a, b].map(|text| &text.as_bytes()[..text.len() - equal]);
    let rest = a_rest.iter().rev().zip(b_rest.iter().rev());
    let mut len = equal + rest.take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(a.len() - len) {
        len -= 1;
    }
    len
}
