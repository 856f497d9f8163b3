//! Names: how they are cleaned, how long those of users may be, and when two are equal.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, HashSet};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Characters reserved for the number after a name: a space and seven digits, enough for the users of any room.
const NUMBER_LENGTH: usize = 8;

/// Characters that look like the mark of a host, which the page draws beside a name: crowns, chess kings and queens.
const HOST_MARKS: [char; 5] = ['\u{1F451}', '\u{2654}', '\u{2655}', '\u{265A}', '\u{265B}'];

/// A user's name, cleaned: visible characters, no space at either end, one space between words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name(String);

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

/// The names in use in a room. They are unique regardless of case, width and invisible characters, and of characters
/// that look like others.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The [forms](forms) of the names in use. No two names have one in common.
    taken: HashSet<String>,
    /// The length of all forms in `taken`, in bytes.
    taken_bytes: usize,
    /// The numbers after names with each form. Only hints, so that numbering a thousand equal names does not take a
    /// million comparisons.
    numbers: HashMap<String, Numbers>,
    /// The length of all forms in `numbers`, in bytes.
    numbers_bytes: usize,
    /// How often a name was tried.
    #[cfg(test)]
    tries: usize,
}

/// Most freed numbers that are remembered of a name. Others are used again once the hints are forgotten.
const MAX_FREED: usize = 100;

/// Which numbers may be free after a name.
#[derive(Debug, Default)]
struct Numbers {
    /// All lower ones were taken.
    next: u64,
    /// Lower ones that were freed since.
    freed: BTreeSet<u64>,
}

impl Names {
    /// Makes a name unique: takes it if it is free, otherwise the first free name of `Ada 2`, `Ada 3` and so on. A
    /// numbered name is shortened so that it has at most `max` characters.
    pub(crate) fn take(&mut self, name: Name, max: usize) -> Name {
        if self.insert(&name.0) {
            return name;
        }
        if self.numbers.len() > 2 * self.taken.len() {
            self.numbers.clear();
            self.numbers_bytes = 0;
        }
        let cut: String = name.0.chars().take(max.saturating_sub(NUMBER_LENGTH)).collect();
        let cut = cut.trim_end();
        let number = self.take_number(cut);
        Name(format!("{cut} {number}"))
    }

    /// Takes a name with the first free number after it, and returns the number.
    fn take_number(&mut self, cut: &str) -> u64 {
        let forms = forms(cut);
        for form in &forms {
            while let Some(freed) = self.numbers.get_mut(form).and_then(|numbers| numbers.freed.pop_first()) {
                if self.insert(&format!("{cut} {freed}")) {
                    return freed;
                }
            }
        }
        let hints = forms.iter().filter_map(|form| Some(self.numbers.get(form)?.next));
        let mut next = hints.max().unwrap_or(2);
        while !self.insert(&format!("{cut} {next}")) {
            next += 1;
        }
        for form in forms {
            let len = form.len();
            let numbers = self.numbers.entry(form).or_insert_with(|| {
                self.numbers_bytes += len;
                Numbers::default()
            });
            numbers.next = next + 1;
        }
        next
    }

    /// Takes a name if it is free.
    fn insert(&mut self, name: &str) -> bool {
        #[cfg(test)]
        {
            self.tries += 1;
        }
        let forms = forms(name);
        let is_free = !forms.iter().any(|form| self.taken.contains(form));
        if is_free {
            for form in forms {
                let len = form.len();
                self.taken_bytes += if self.taken.insert(form) { len } else { 0 };
            }
        }
        is_free
    }

    /// The memory of the forms, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        let of_numbers = self.numbers_bytes + self.numbers.capacity() * size_of::<(String, Numbers)>();
        self.taken_bytes + self.taken.capacity() * size_of::<String>() + of_numbers
    }

    /// Frees a name.
    pub(crate) fn free(&mut self, name: &Name) {
        if let Some((cut, number)) = name.0.rsplit_once(' ')
            && let Ok(number) = number.parse::<u64>()
        {
            for form in forms(cut) {
                if let Some(Numbers { next, freed }) = self.numbers.get_mut(&form)
                    && (2..*next).contains(&number)
                    && freed.len() < MAX_FREED
                {
                    freed.insert(number);
                }
            }
        }
        for form in forms(&name.0) {
            self.taken_bytes -= if self.taken.remove(&form) { form.len() } else { 0 };
        }
    }
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
fn visible(name: &str) -> impl Iterator<Item = char> {
    name.nfkc().filter(|&c| !is_invisible(c) && !is_joiner(c))
}

/// The forms of a name. Two names that have one in common are the same, or look the same. Upper-case letters are often
/// alike where their lower-case forms are not, such as the Latin H and the Cyrillic Н.
fn forms(name: &str) -> [String; 4] {
    [key(name), key(&in_latin(name)), look(name), look(&name.to_uppercase())]
}

/// A name whose characters beyond ASCII are replaced by those that they look like: a Cyrillic М by an M.
fn in_latin(name: &str) -> String {
    let replace = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => skeleton(c.encode_utf8(&mut [0; 4])).collect(),
    };
    visible(name).map(replace).collect()
}

/// The skeleton of a name (UTS #39, section 4), in which upper and lower case are the same: an m is the same as rn. An i
/// is the same as an l, because the capital I is, and everything that looks like it.
fn look(name: &str) -> String {
    let visible: String = visible(name).collect();
    let lower: String = skeleton(&visible).flat_map(char::to_lowercase).collect();
    skeleton(&lower).map(|c| if c == 'i' { 'l' } else { c }).collect()
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

    #[test]
    fn an_equal_name_gets_a_number() {
        let take = |names: &mut Names, typed: &str| names.take(Name::parse(typed, 12).unwrap(), 12).0;
        let names = &mut Names::default();
        for (typed, taken) in [
            ("Ada", "Ada"),
            ("ADA", "ADA 2"),
            ("Ada 3", "Ada 3"),
            ("ada", "ada 4"),
            ("Bob", "Bob"),
            ("Lovelace", "Lovelace"),
            ("Lovelace", "Love 2"),
            ("Love", "Love"),
            ("love", "love 3"),
        ] {
            assert_eq!(take(names, typed), taken);
        }
        names.free(&Name("ADA 2".to_owned()));
        assert_eq!(take(names, "Ada"), "Ada 2", "a free number is reused");
        names.free(&Name("Bob".to_owned()));
        assert_eq!(take(names, "BOB"), "BOB");
    }

    #[test]
    fn a_name_that_looks_like_another_gets_a_number() {
        let names = &mut Names::default();
        let mut take = |typed: &str| names.take(Name::parse(typed, 40).unwrap(), 40).0;
        assert_eq!(take("Ms Smith"), "Ms Smith");
        for (typed, taken) in [
            ("\u{41C}s Smith", "\u{41C}s Smith 2"),
            ("\u{41C}S SMITH", "\u{41C}S SMITH 3"),
            ("Ms Srnith", "Ms Srnith 4"),
            ("Ｍs Smith", "Ｍs Smith 5"),
            ("Ms Smyth", "Ms Smyth"),
            ("Ida", "Ida"),
            ("ida", "ida 2"),
            ("lda", "lda 3"),
            ("李", "李"),
            ("Мария", "Мария"),
            ("Lisa", "Lisa"),
            ("L\u{406}SA", "L\u{406}SA 2"),
            ("MS SMlTH", "MS SMlTH 6"),
            (
                "\u{41C}\u{405} \u{405}\u{41C}\u{406}\u{422}\u{41D}",
                "\u{41C}\u{405} \u{405}\u{41C}\u{406}\u{422}\u{41D} 7",
            ),
            ("Иван", "Иван"),
            ("ИBAH", "ИBAH 2"),
            ("Σοφία", "Σοφία"),
            ("ΣOΦÍA", "ΣOΦÍA 2"),
        ] {
            assert_eq!(take(typed), taken);
        }
        for free in ["Ms Smith", "\u{41C}S SMITH 3"] {
            names.free(&Name(free.to_owned()));
        }
        let mut take = |typed: &str| names.take(Name::parse(typed, 40).unwrap(), 40).0;
        assert_eq!([take("ms smith"), take("MS SMITH")], ["ms smith", "MS SMITH 3"]);
    }

    #[test]
    fn a_thousand_names_that_differ_only_in_case_are_numbered_without_a_search() {
        let names = &mut Names::default();
        let spelling =
            |n: u32| (0..12).map(|bit| if n >> bit & 1 == 1 { 'I' } else { 'i' }).collect::<String>();
        for n in 0..1_000 {
            names.take(Name::parse(&spelling(n), 40).unwrap(), 40);
        }
        // The first has no number, and the others have those from 2 on: none was skipped, and the next is known.
        let hints = forms(&spelling(1_000)).map(|form| names.numbers.get(&form).map(|numbers| numbers.next));
        assert!(hints.contains(&Some(1_001)), "{hints:?}");
    }

    #[test]
    fn a_freed_number_is_found_again_without_a_search() {
        let names = &mut Names::default();
        let take = |names: &mut Names| names.take(Name("Ada".to_owned()), 40).0;
        (0..1_000).for_each(|_| _ = take(names));
        names.tries = 0;
        for n in 0..1_000 {
            names.free(&Name("Ada 2".to_owned()));
            assert_eq!([take(names), take(names)], ["Ada 2".to_owned(), format!("Ada {}", 1_001 + n)]);
        }
        assert!(names.tries <= 4 * 1_000, "{}", names.tries);
    }

    #[test]
    fn hints_do_not_outnumber_the_names_in_use() {
        let names = &mut Names::default();
        for n in 0..1000 {
            let equal = [(); 2].map(|()| names.take(Name(format!("user number {n}")), 40));
            equal.iter().for_each(|name| names.free(name));
        }
        assert!(names.taken.is_empty() && names.numbers.len() <= 2, "{} hints", names.numbers.len());
        assert_eq!(names.taken_bytes, 0);
    }

    #[test]
    fn a_thousand_equal_names_that_expand_when_composed_are_numbered() {
        let names = &mut Names::default();
        let longest = "\u{FDFA}".repeat(38);
        let mut taken: Vec<Name> =
            (0..1000).map(|_| names.take(Name::parse(&longest, 40).unwrap(), 40)).collect();
        let count = taken.len();
        assert!(names.memory() > 1_000_000, "{}", names.memory());
        taken.sort_by(|one, other| one.0.cmp(&other.0));
        taken.dedup();
        assert_eq!(taken.len(), count);
    }
}
