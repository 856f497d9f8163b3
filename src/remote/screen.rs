//! The last lines that a program has printed, as its terminal would show them.

use crate::remote::terminal::{Line, Movement, Part, Show};
use std::collections::VecDeque;

/// Lines that are kept at least: a program that redraws what it has printed may go up as far as on a usual screen.
const HEIGHT: usize = 50;

/// A screen.
#[derive(Debug)]
pub(crate) struct Screen {
    lines: VecDeque<Line>,
    row: usize,
    column: usize,
    /// Lines that it shows.
    shown: usize,
    /// Characters that it shows at most.
    max_chars: usize,
}

impl Screen {
    /// An empty screen, of which so many of the last lines show, with so many characters at most.
    pub(crate) fn new(shown: usize, max_chars: usize) -> Self {
        Self { lines: [Line::default()].into(), row: 0, column: 0, shown, max_chars }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.shown, self.max_chars);
    }

    /// The last lines. Where they are too long together, the beginning is missing.
    pub(crate) fn text(&self) -> String {
        let is_empty = |line: &&Line| line.text().is_empty();
        let end = self.lines.len() - self.lines.iter().rev().take_while(is_empty).count();
        let lines = self.lines.range(end.saturating_sub(self.shown)..end);
        let text = lines.map(Line::text).collect::<Vec<_>>().join("\n");
        last_chars(&text, self.max_chars).to_owned()
    }

    /// Lines that are kept. The cursor may be on an empty one below those that show.
    fn kept(&self) -> usize {
        (self.shown + 1).max(HEIGHT)
    }

    /// Goes to a row below, and adds lines if there are not as many.
    fn go_down(&mut self, row: usize) {
        self.row = row;
        while self.lines.len() <= self.row {
            match self.lines.len() < self.kept() {
                true => self.lines.push_back(Line::default()),
                false => {
                    let mut line = self.lines.pop_front().unwrap_or_default();
                    line.clear();
                    self.lines.push_back(line);
                    self.row -= 1;
                }
            }
        }
    }

    fn erase(&mut self, part: Part) {
        match part {
            Part::After => {
                self.lines[self.row].erase(part, self.column);
                self.lines.truncate(self.row + 1);
            }
            Part::Before => {
                self.lines.range_mut(..self.row).for_each(Line::clear);
                self.lines[self.row].erase(part, self.column);
            }
            Part::All => self.lines.iter_mut().for_each(Line::clear),
        }
    }
}

/// The end of a text, with so many characters at most.
pub(crate) fn last_chars(text: &str, count: usize) -> &str {
    let excess = text.chars().count().saturating_sub(count);
    let start = text.char_indices().nth(excess).map_or(text.len(), |(at, _)| at);
    &text[start..]
}

impl Show for Screen {
    fn put(&mut self, c: char) {
        let line = &mut self.lines[self.row];
        line.put(self.column, c);
        self.column += 1;
        // Half of it at a time, so that an endless line does not move with every character.
        if line.len() / 2 >= self.max_chars {
            let excess = line.len() - self.max_chars;
            line.shorten(excess);
            self.column = self.column.saturating_sub(excess);
        }
    }

    fn go(&mut self, movement: Movement) {
        // A column beyond the longest line would make a line of spaces.
        let within = |column: usize| column.min(self.max_chars);
        match movement {
            Movement::NewLine => {
                self.column = 0;
                self.go_down(self.row + 1);
            }
            Movement::Return => self.column = 0,
            Movement::Left(count) => self.column = self.column.saturating_sub(count),
            Movement::Right(count) => self.column = within(self.column + count),
            Movement::Column(column) => self.column = within(column),
            Movement::Up(count) => self.row = self.row.saturating_sub(count),
            Movement::Down(count) => self.row = (self.row + count).min(self.lines.len() - 1),
            Movement::To(row, column) => {
                self.column = within(column);
                self.go_down(row.min(self.kept() - 1));
            }
            Movement::EraseLine(part) => self.lines[self.row].erase(part, self.column),
            Movement::EraseScreen(part) => self.erase(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::terminal::Terminal;

    fn screen(lines: usize, max_chars: usize, printed: &str) -> Screen {
        let (mut screen, mut terminal) = (Screen::new(lines, max_chars), Terminal::default());
        terminal.read(printed.as_bytes(), &mut screen);
        screen
    }

    fn text(lines: usize, printed: &str) -> String {
        screen(lines, 1_000, printed).text()
    }

    #[test]
    fn the_last_lines_show() {
        assert_eq!(text(2, ""), "");
        assert_eq!(text(2, "one\ntwo\nthree\n"), "two\nthree");
        assert_eq!(text(2, "one\ntwo\nthr"), "two\nthr");
        assert_eq!(text(2, "one\n\nthree\n\n"), "\nthree");
        let many: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        assert_eq!(text(2, &many), "line 998\nline 999");
        assert_eq!(screen(200, 10_000, &many).text().lines().count(), 200);
    }

    #[test]
    fn a_line_is_rewritten_as_on_a_terminal() {
        assert_eq!(text(5, "10 %\r50 %\r100 %\ndone\n"), "100 %\ndone");
        assert_eq!(text(5, "downloading\rdone       \n"), "done");
        assert_eq!(text(5, "downloading\r\x1b[Kok\n"), "ok");
        assert_eq!(text(5, "abc\x08\x08X\x1b[3GY"), "aXY");
    }

    #[test]
    fn lines_above_are_redrawn() {
        assert_eq!(text(5, "a: 1\nb: 1\n\x1b[2A\x1b[2Ka: 2\n\x1b[2Kb: 2\n"), "a: 2\nb: 2");
        assert_eq!(text(5, "old\nolder\n\x1b[H\x1b[2Jnew\n"), "new");
        assert_eq!(text(5, "one\ntwo\nthree\x1b[2A\r\x1b[J1"), "1");
        assert_eq!(text(5, "x\x1b[99A\x1b[99By"), "xy");
        assert_eq!(text(5, "\x1b[3;2Hx"), "\n\n x");
    }

    #[test]
    fn a_text_is_never_longer_than_allowed() {
        let endless = screen(20, 10, &"0123456789".repeat(1_000));
        assert_eq!(endless.text(), "0123456789");
        assert!(endless.lines[0].len() < 20);
        assert_eq!(screen(20, 5, "één\ntwee\n").text(), "\ntwee");
        assert!(screen(20, 10, "\x1b[65535Cx\x1b[65535;65535Hy").text().chars().count() <= 10);
        assert_eq!(screen(20, usize::MAX, "one").text(), "one", "as a server may say");
    }

    #[test]
    fn what_was_shown_before_it_was_cleared_does_not_come_back() {
        let mut screen = screen(5, 100, "one\ntwo\n");
        screen.clear();
        Terminal::default().read(b"three\n", &mut screen);
        assert_eq!(screen.text(), "three");
    }
}
