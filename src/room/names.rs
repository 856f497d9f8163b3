//! Names: how they are cleaned, how long those of users may be, and when two are equal.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Characters that look like the mark of a host, which the page draws beside a name: crowns, chess kings and queens.
const HOST_MARKS: [char; 5] = ['\u{1F451}', '\u{2654}', '\u{2655}', '\u{265A}', '\u{265B}'];

/// A user's name, cleaned: visible characters, no space at either end, one space between words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(pub(super) String);

impl Name {
    /// Cleans what somebody typed. `max` is in characters (Unicode code points).
    pub fn parse(typed: &str, max: usize) -> Result<Self, NameError> {
        let typed: String = typed.chars().filter(|c| !HOST_MARKS.contains(c)).collect();
        let name = clean(&typed);
        match name.chars().count() {
            0 => Err(NameError::Empty),
            n if n > max => Err(NameError::TooLong { max }),
            _ => Ok(Self(name)),
        }
    }

    /// The name of a user who has not entered one. It is shorter than every maximum that a server may set.
    pub(crate) fn of_guest() -> Self {
        Self("Guest".to_owned())
    }

    /// The name as people see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// It has no visible characters.
    Empty,
    /// It is too long.
    TooLong {
        /// The maximum number of characters.
        max: usize,
    },
}

/// Removes invisible characters, composes the rest (NFC), and turns every run of white space into one space.
pub(super) fn clean(typed: &str) -> String {
    let mut name = String::new();
    let mut space = false;
    // Invisible characters go first, because one between a letter and its accent keeps the two from being composed.
    let kept = typed.chars().filter(|&c| c.is_whitespace() || is_joiner(c) || !is_invisible(c));
    for c in kept.nfc() {
        if c.is_whitespace() {
            space = true;
        } else if is_joiner(c) {
            // A joiner shapes the character before it, such as an emoji or a Persian letter. After a space it shapes
            // nothing.
            if !space && !name.is_empty() {
                name.push(c);
            }
        } else {
            if space && !name.is_empty() {
                name.push(' ');
            }
            space = false;
            name.push(c);
        }
    }
    name.truncate(name.trim_end_matches(['\u{200C}', '\u{200D}']).len());
    name
}

/// What can be seen of a name, with compatible characters such as those of another width replaced.
pub(super) fn visible(name: &str) -> impl Iterator<Item = char> {
    name.nfkc().filter(|&c| !is_invisible(c) && !is_joiner(c))
}

/// The form of a name that comparisons use.
pub(super) fn key(name: &str) -> String {
    // The detour through upper case makes ß equal to ss, and a final sigma equal to any other.
    let folded =
        visible(name).flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}

/// Invisible on its own, but shapes its neighbours: joiners, emoji and text style, the tags of flags.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE0E}' | '\u{FE0F}' | '\u{E0020}'..='\u{E007F}')
}

/// Control and format characters, the characters that Unicode lists as ignorable by default
/// (`Default_Ignorable_Code_Point` in DerivedCoreProperties.txt), and others that most fonts show as nothing, such as the
/// blank Braille pattern.
fn is_invisible(c: char) -> bool {
    use GeneralCategory as Is;
    matches!(c.general_category(), Is::Control | Is::Format | Is::LineSeparator | Is::ParagraphSeparator)
        || matches!(c,
            '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{2065}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0D}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
            | '\u{FFFC}' | '\u{1107F}' | '\u{16FE4}' | '\u{1D159}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> Result<String, NameError> {
        Name::parse(typed, 40).map(|name| name.0)
    }

    fn same(one: &str, other: &str) -> bool {
        key(&clean(one)) == key(&clean(other))
    }

    #[test]
    fn invisible_characters_are_removed() {
        assert_eq!(name("  Ada \t Lovelace\n").unwrap(), "Ada Lovelace");
        assert_eq!(name("A\u{200B}d\u{202E}a\0").unwrap(), "Ada");
        assert_eq!(name("Ada\u{200D}").unwrap(), "Ada");
        assert_eq!(name("Ada\u{FFFC} \u{1F451}").unwrap(), "Ada");
        for nothing in ["", " ", "\u{200B}\u{200D}", "\u{3164}", "\u{2800}", "\0\n", "\u{FE0F}", "\u{E0067}"]
        {
            assert_eq!(name(nothing), Err(NameError::Empty), "{nothing:?}");
        }
    }

    #[test]
    fn a_cleaned_name_is_composed_even_where_an_invisible_character_was() {
        assert_eq!(name("e\u{200B}\u{301}").unwrap(), "é");
        assert!(name(&"e\u{200B}\u{301}".repeat(40)).is_ok(), "composed, it has 40 characters");
    }

    #[test]
    fn characters_that_shape_their_neighbours_are_kept() {
        for kept in ["👩\u{200D}🚀", "❤\u{FE0F}", "می\u{200C}خواهم", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E007F}"]
        {
            assert_eq!(name(kept).unwrap(), kept);
        }
        assert_eq!(name("\u{FE0F}Ada \u{FE0F}L").unwrap(), "Ada L", "there they shape nothing");
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(name(&"界".repeat(40)).is_ok());
        assert_eq!(name(&"界".repeat(41)), Err(NameError::TooLong { max: 40 }));
        assert!(name(&"e\u{301}".repeat(40)).is_ok(), "composed, an accented letter is one character");
    }

    #[test]
    fn names_are_compared_without_case_and_width() {
        assert!(same("Ada", "ADA"));
        assert!(same("Ada", "Ａｄａ"));
        assert!(same("Ada", "A\u{200D}da") && same("❤", "❤\u{FE0F}"));
        assert!(same("Straße", "STRASSE"));
        assert!(same("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς".replace('ύ', "υ").as_str()));
        assert!(same("é", "e\u{200D}\u{301}") && same("가", "ᄀ\u{200C}ᅡ") && same("ß", "ẞ"));
        assert!(!same("Ada", "Adá"));
    }
}
