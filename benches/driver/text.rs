//! The texts of typists. They consist of words of ten characters, each with the number of its typist and of its update,
//! so that a reader finds the newest update at a known place. All texts are ASCII, so characters are bytes.

use crate::driver::scenario::{Growth, scatter};

/// Characters of a word: `017.00123 ` is update 123 of typist 17.
pub(crate) const WORD: usize = 10;

/// Words after which a growing text starts again.
const APPENDED: u32 = 40;

/// Words of an edited text.
const EDITED: usize = 400;

/// The change that an update makes: at character `at`, `cut` characters are removed and `put` is inserted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub at: usize,
    pub cut: usize,
    pub put: Vec<u8>,
}

impl Edit {
    /// Changes a text. `None` if the text has no such range.
    pub(crate) fn apply(&self, text: &mut Vec<u8>) -> Option<()> {
        let end = self.at.checked_add(self.cut).filter(|&end| end <= text.len())?;
        text.splice(self.at..end, self.put.iter().copied());
        Some(())
    }
}

impl Growth {
    /// The text of a typist's box before the first update.
    pub(crate) fn start(self, typist: usize) -> Vec<u8> {
        match self {
            Self::Append => word(typist, 0),
            Self::Edit => word(typist, 0).repeat(EDITED),
        }
    }

    /// The change that update `number` makes in a typist's box, which has `len` characters.
    pub(crate) fn edit(self, typist: usize, number: u32, len: usize) -> Edit {
        let put = word(typist, number);
        match self {
            Self::Append if number.is_multiple_of(APPENDED) => Edit { at: 0, cut: len, put },
            Self::Append => Edit { at: len, cut: 0, put },
            Self::Edit => {
                let place = scatter(typist as u64 * 1_000_000 + u64::from(number)) as usize % EDITED;
                Edit { at: place * WORD, cut: WORD, put }
            }
        }
    }

    /// The typist of a text and the number of the newest update in it. `None` if nobody has typed the text.
    pub(crate) fn newest(self, text: &[u8]) -> Option<(usize, u32)> {
        let (_, last) = text.split_at_checked(text.len().checked_sub(WORD)?)?;
        let (typist, number) = read_word(last)?;
        match self {
            Self::Append => {
                let words = number % APPENDED + 1;
                (text.len() == words as usize * WORD).then_some((typist, number))
            }
            Self::Edit => {
                let mut newest = number;
                for word in text.chunks(WORD) {
                    let (other, number) = read_word(word)?;
                    newest = newest.max(number);
                    (other == typist).then_some(())?;
                }
                (text.len() == EDITED * WORD).then_some((typist, newest))
            }
        }
    }
}

fn word(typist: usize, number: u32) -> Vec<u8> {
    format!("{typist:03}.{number:05} ").into_bytes()
}

fn read_word(word: &[u8]) -> Option<(usize, u32)> {
    let word: &[u8; WORD] = word.try_into().ok()?;
    if word[3] != b'.' || word[9] != b' ' {
        return None;
    }
    Some((number(&word[..3])? as usize, number(&word[4..9])?))
}

/// Reads decimal digits.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    let add = |sum: u32, digit: &u8| {
        digit.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
    };
    digits.iter().try_fold(0, add)
}
