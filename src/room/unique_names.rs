//! The names in use in a room, which are unique.

use crate::room::names::{Name, key, visible};
use std::collections::{BTreeSet, HashMap, HashSet};
use unicode_security::skeleton;

/// Characters reserved for the number after a name: a space and seven digits, enough for the users of any room.
const NUMBER_LENGTH: usize = 8;

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

    /// Adds a name that another process has made unique.
    pub(crate) fn add(&mut self, name: &Name) {
        self.insert(&name.0);
    }

    /// Whether somebody has this name, or one that looks like it.
    pub(crate) fn is_taken(&self, name: &Name) -> bool {
        forms(&name.0).iter().any(|form| self.taken.contains(form))
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

/// The forms of a name. Two names that have one in common are the same, or look the same.
fn forms(name: &str) -> Vec<String> {
    // The short way to the same forms, for names of ASCII characters, which most are.
    if name.is_ascii() {
        return vec![name.to_ascii_lowercase(), look(name)];
    }
    all_forms(name)
}

/// All forms of a name. Upper-case letters are often alike where their lower-case forms are not, such as the Latin H and
/// the Cyrillic Н.
fn all_forms(name: &str) -> Vec<String> {
    vec![key(name), key(&in_latin(name)), look(name), look(&name.to_uppercase())]
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut hints = forms(&spelling(1_000)).into_iter().filter_map(|form| names.numbers.get(&form));
        assert!(hints.any(|numbers| numbers.next == 1_001), "{:?}", names.numbers);
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

    #[test]
    fn the_short_way_leads_to_all_forms() {
        let printable: String = (' '..='~').collect();
        for name in ["Ms Smith", "LISA 1", "rnodern Mode|", "W0w", &printable] {
            let (mut short, mut all) = (forms(name), all_forms(name));
            for forms in [&mut short, &mut all] {
                forms.sort();
                forms.dedup();
            }
            assert_eq!(short, all, "{name}");
        }
    }
}
