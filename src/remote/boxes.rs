//! The lines that people finish in their boxes, each once, for a recorder or a display of captions.
//!
//! A line is finished when a line break follows it, when it is posted, or when its author leaves. Lines that scroll out
//! of a box, or go to the log as posts, are not finished again, and neither are lines that are corrected later.

use crate::remote::messages::User;
use std::collections::{BTreeMap, VecDeque};

/// Lines of one person that are remembered, so that a post does not repeat them: more than a box usually has.
const MAX_SAID: usize = 1_000;

/// A finished line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub name: String,
    pub line: String,
}

/// Everyone's box.
#[derive(Debug, Default)]
pub(crate) struct Boxes {
    speakers: BTreeMap<String, Speaker>,
    /// Those who were not there after a reconnect, by name. They may come back with another id.
    missing: BTreeMap<String, Speaker>,
}

#[derive(Debug, Default)]
struct Speaker {
    name: String,
    /// The finished lines in the box.
    finished: Vec<String>,
    /// The line that is being written.
    rest: String,
    /// The last lines that were finished, the newest last.
    said: VecDeque<String>,
}

impl Boxes {
    /// The whole room. Whoever is in it with the same id and name is the same person.
    pub(crate) fn replace(&mut self, users: &BTreeMap<String, User>) -> Vec<Said> {
        self.missing.clear();
        for (id, speaker) in std::mem::take(&mut self.speakers) {
            match users.get(&id).is_some_and(|user| user.name == speaker.name) {
                true => _ = self.speakers.insert(id, speaker),
                false => _ = self.missing.insert(speaker.name.clone(), speaker),
            }
        }
        let mut said = Vec::new();
        for (id, user) in users {
            self.enter(id, &user.name);
            said.extend(self.write(id, &user.text));
        }
        said
    }

    /// Somebody has a box.
    pub(crate) fn enter(&mut self, id: &str, name: &str) {
        if !self.speakers.contains_key(id) {
            let speaker = self.missing.remove(name).unwrap_or_default();
            self.speakers.insert(id.to_owned(), Speaker { name: name.to_owned(), ..speaker });
        }
    }

    /// Somebody has another name.
    pub(crate) fn rename(&mut self, id: &str, name: &str) {
        if let Some(speaker) = self.speakers.get_mut(id) {
            name.clone_into(&mut speaker.name);
        }
    }

    /// The name of somebody.
    pub(crate) fn name(&self, id: &str) -> &str {
        self.speakers.get(id).map_or("", |speaker| &speaker.name)
    }

    /// A box has this text.
    pub(crate) fn write(&mut self, id: &str, text: &str) -> Vec<Said> {
        let Some(speaker) = self.speakers.get_mut(id) else { return Vec::new() };
        let (finished, rest) = text.rsplit_once('\n').unwrap_or(("", text));
        let finished = not_blank(finished);
        let is_edited = !rest.trim().is_empty() && rest == speaker.rest;
        let new = new_lines(&speaker.finished, &finished, is_edited).to_vec();
        (speaker.finished, speaker.rest) = (finished, rest.to_owned());
        speaker.say(new)
    }

    /// Somebody has posted this text.
    pub(crate) fn post(&mut self, id: &str, name: &str, text: &str) -> Vec<Said> {
        let lines = not_blank(text);
        // A post over HTTP has an author who was never there.
        let Some(speaker) = self.speakers.get_mut(id) else { return said_by(name, lines) };
        let most = lines.len().min(speaker.said.len());
        let is_said = |count: &usize| {
            let last = speaker.said.range(speaker.said.len() - count..);
            last.eq(&lines[..*count])
        };
        let said = (0..=most).rev().find(is_said).unwrap_or(0);
        // Its author may leave before the empty box is told.
        if lines.last().is_some_and(|last| last.starts_with(&*speaker.rest)) {
            speaker.rest.clear();
        }
        speaker.say(lines[said..].to_vec())
    }

    /// Somebody has left.
    pub(crate) fn leave(&mut self, id: &str) -> Vec<Said> {
        let Some(mut speaker) = self.speakers.remove(id) else { return Vec::new() };
        let rest = not_blank(&speaker.rest);
        speaker.say(rest)
    }
}

impl Speaker {
    fn say(&mut self, lines: Vec<String>) -> Vec<Said> {
        self.said.extend(lines.iter().cloned());
        let excess = self.said.len().saturating_sub(MAX_SAID);
        self.said.drain(..excess);
        said_by(&self.name, lines)
    }
}

fn said_by(name: &str, lines: Vec<String>) -> Vec<Said> {
    lines.into_iter().map(|line| Said { name: name.to_owned(), line }).collect()
}

fn not_blank(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// The finished lines of a box that were not finished before. `is_edited` says that the line which is being written has
/// not changed, so an earlier one has.
fn new_lines<'a>(old: &[String], new: &'a [String], is_edited: bool) -> &'a [String] {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    if same == old.len() {
        return &new[same..];
    }
    if same > 0 || is_edited {
        return new.get(old.len()..).unwrap_or_default();
    }
    // Lines at the beginning are gone, as in a box that scrolls.
    let gone = (1..=old.len()).find(|gone| new.starts_with(&old[*gone..])).unwrap_or(old.len());
    &new[old.len() - gone..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(users: &[(&str, &str, &str)]) -> BTreeMap<String, User> {
        let user = |(id, name, text): &(&str, &str, &str)| {
            ((*id).to_owned(), User { name: (*name).to_owned(), text: (*text).to_owned() })
        };
        users.iter().map(user).collect()
    }

    fn lines(said: Vec<Said>) -> Vec<String> {
        said.into_iter().map(|said| format!("{}: {}", said.name, said.line)).collect()
    }

    /// The boxes of a room with only Ada.
    fn ada(text: &str) -> Boxes {
        let mut boxes = Boxes::default();
        boxes.replace(&room(&[("1", "Ada", text)]));
        boxes
    }

    #[test]
    fn a_line_is_said_when_it_is_finished() {
        let mut boxes = Boxes::default();
        assert_eq!(lines(boxes.replace(&room(&[("1", "Ada", "one\ntw")]))), ["Ada: one"]);
        assert_eq!(lines(boxes.write("1", "one\ntwo")), [""; 0]);
        assert_eq!(lines(boxes.write("1", "one\ntwo\n\nthree\nf")), ["Ada: two", "Ada: three"]);
        boxes.rename("1", "Lady Ada");
        assert_eq!(lines(boxes.leave("1")), ["Lady Ada: f"]);
        assert_eq!(lines(boxes.write("1", "x\n")), [""; 0], "gone");
        boxes.enter("2", "Ben");
        assert_eq!(lines(boxes.write("2", "hi\n")), ["Ben: hi"]);
        assert_eq!(boxes.name("2"), "Ben");
    }

    #[test]
    fn lines_that_scroll_are_not_said_again() {
        let mut boxes = ada("1\n2\n3\n4");
        assert_eq!(lines(boxes.write("1", "3\n4\n5\n6")), ["Ada: 4", "Ada: 5"]);
        assert_eq!(lines(boxes.write("1", "7\n8\n9\n10")), ["Ada: 7", "Ada: 8", "Ada: 9"]);
    }

    #[test]
    fn corrections_are_not_said() {
        let mut boxes = ada("one\ntoo\nthree\n");
        assert_eq!(lines(boxes.write("1", "one\ntwo\nthree\n")), [""; 0]);
        assert_eq!(lines(boxes.write("1", "one\ntwo\nthree\nfour\n")), ["Ada: four"]);
        let mut boxes = ada("helo\nand mo");
        assert_eq!(lines(boxes.write("1", "hello\nand mo")), [""; 0]);
        assert_eq!(lines(boxes.write("1", "hello\nand more\n")), ["Ada: and more"]);
    }

    #[test]
    fn a_post_is_said_as_far_as_it_was_not_before() {
        let mut boxes = ada("one\ntwo\nthr");
        assert_eq!(lines(boxes.post("1", "Ada", "one\ntwo\nthree")), ["Ada: three"]);
        assert_eq!(lines(boxes.leave("1")), [""; 0]);
        // The page moves the oldest sentences of a long text to the log.
        let mut boxes = ada("A sentence. Another. And");
        assert_eq!(lines(boxes.post("1", "Ada", "A sentence.")), ["Ada: A sentence."]);
        assert_eq!(lines(boxes.write("1", "Another. And")), [""; 0]);
        assert_eq!(lines(boxes.post("1", "Ada", "Another.")), ["Ada: Another."]);
        assert_eq!(lines(boxes.post("9", "Ben", "hi")), ["Ben: hi"]);
        assert_eq!(boxes.speakers.len(), 1, "nobody is remembered who was never there");
    }

    #[test]
    fn who_comes_back_after_a_restart_repeats_nothing() {
        let mut boxes = ada("one\n");
        assert_eq!(lines(boxes.replace(&room(&[("1", "Ben", "hi\n")]))), ["Ben: hi"]);
        boxes.enter("2", "Ada");
        assert_eq!(lines(boxes.write("2", "one\ntwo\n")), ["Ada: two"]);
        assert_eq!(
            lines(boxes.replace(&room(&[("1", "Ben", "hi\nho\n"), ("2", "Ada", "one\ntwo\n")]))),
            ["Ben: ho"]
        );
    }
}
