//! The finished lines that a program has printed, each of which becomes a post.

use crate::remote::terminal::{Line, Movement, Show};
use std::collections::VecDeque;

/// Finished lines, and the one that is being written.
#[derive(Debug)]
pub(crate) struct Lines {
    finished: VecDeque<String>,
    line: Line,
    column: usize,
    /// Characters of a line; a longer one becomes several.
    max_chars: usize,
}

impl Lines {
    /// No lines yet, and so many characters at most in each.
    pub(crate) fn new(max_chars: usize) -> Self {
        Self { finished: VecDeque::new(), line: Line::default(), column: 0, max_chars }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.finished.len()
    }

    /// The next finished line.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.finished.pop_front()
    }

    /// Finishes the line that is being written. One that is empty is left out, because nobody can post it.
    pub(crate) fn finish(&mut self) {
        let text = self.line.text();
        self.line.clear();
        self.column = 0;
        if !text.trim().is_empty() {
            self.finished.push_back(text);
        }
    }
}

impl Show for Lines {
    fn put(&mut self, c: char) {
        if self.column >= self.max_chars {
            self.finish();
        }
        self.line.put(self.column, c);
        self.column += 1;
    }

    /// A line that was finished is posted, so movements up do not change it.
    fn go(&mut self, movement: Movement) {
        let within = |column: usize| column.min(self.max_chars - 1);
        match movement {
            Movement::NewLine => self.finish(),
            Movement::Return => self.column = 0,
            Movement::Left(count) => self.column = self.column.saturating_sub(count),
            Movement::Right(count) => self.column = within(self.column + count),
            Movement::Column(column) => self.column = within(column),
            Movement::EraseLine(part) => self.line.erase(part, self.column),
            Movement::Up(_) | Movement::Down(_) | Movement::To(..) | Movement::EraseScreen(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::terminal::Terminal;

    fn lines(max_chars: usize, printed: &str) -> Vec<String> {
        let mut lines = Lines::new(max_chars);
        Terminal::default().read(printed.as_bytes(), &mut lines);
        lines.finish();
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn each_line_that_is_not_empty_counts_once() {
        assert_eq!(lines(100, "one\n\n  \n  two\nrest"), ["one", "  two", "rest"]);
        assert_eq!(lines(100, "10 %\r100 %\r\n\x1b[32mok\x1b[0m\n"), ["100 %", "ok"]);
        assert_eq!(lines(100, "one\n\x1b[1A\x1b[2Ktwo\n"), ["one", "two"]);
    }

    #[test]
    fn a_line_that_is_too_long_becomes_several() {
        assert_eq!(lines(3, "abcdefg\nh"), ["abc", "def", "g", "h"]);
        assert_eq!(lines(3, "äöü\n"), ["äöü"]);
        assert_eq!(lines(3, "\x1b[99Cx\n"), ["  x"]);
    }
}
