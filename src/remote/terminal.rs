//! Reads what a program prints the way a terminal does: bytes become characters and movements of a cursor. Colours,
//! titles and the like are dropped.

use anstyle_parse::{Params, Parser, Perform, Utf8Parser};
use std::str;

/// What a program wants of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    /// To the beginning of the next line.
    NewLine,
    /// To the beginning of the line.
    Return,
    /// Left by so many columns.
    Left(usize),
    /// Right by so many columns.
    Right(usize),
    /// To this column, from 0.
    Column(usize),
    /// Up by so many lines.
    Up(usize),
    /// Down by so many lines.
    Down(usize),
    /// To this line and this column of the screen, from 0.
    To(usize, usize),
    /// Erases this part of the line.
    EraseLine(Part),
    /// Erases this part of the screen.
    EraseScreen(Part),
}

/// A part of a line or of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// From the cursor on.
    After,
    /// Up to the cursor.
    Before,
    /// All of it.
    All,
}

/// Shows what is read.
pub(crate) trait Show {
    /// A character, at the cursor.
    fn put(&mut self, c: char);
    /// The cursor moves, or something is erased.
    fn go(&mut self, movement: Movement);
}

/// Turns bytes into characters and movements.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    parser: Parser<Utf8Parser>,
    /// The first bytes of a character whose other bytes have not come yet.
    begun: Vec<u8>,
}

impl Terminal {
    /// Reads the next bytes. Bytes that are not UTF-8 show as U+FFFD.
    pub(crate) fn read(&mut self, bytes: &[u8], show: &mut impl Show) {
        let joined;
        let mut rest = match self.begun.is_empty() {
            true => bytes,
            false => {
                joined = [&self.begun, bytes].concat();
                self.begun.clear();
                &joined[..]
            }
        };
        // Not left to the parser, which takes what follows an incomplete character for a part of it, even a line break.
        while !rest.is_empty() {
            let (valid, invalid) = match str::from_utf8(rest) {
                Ok(_) => (rest.len(), 0),
                Err(error) => match error.error_len() {
                    Some(length) => (error.valid_up_to(), length),
                    None => {
                        self.begun.extend(&rest[error.valid_up_to()..]);
                        (error.valid_up_to(), self.begun.len())
                    }
                },
            };
            self.parse(&rest[..valid], show);
            if invalid > 0 && self.begun.is_empty() {
                self.parse("\u{FFFD}".as_bytes(), show);
            }
            rest = &rest[valid + invalid..];
        }
    }

    fn parse(&mut self, bytes: &[u8], show: &mut impl Show) {
        let mut performer = Performer(show);
        bytes.iter().for_each(|byte| self.parser.advance(&mut performer, *byte));
    }
}

struct Performer<'a, S>(&'a mut S);

impl<S: Show> Perform for Performer<'_, S> {
    fn print(&mut self, c: char) {
        if !c.is_control() {
            self.0.put(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\t' => self.0.put('\t'),
            b'\n' | 0x0B | 0x0C => self.0.go(Movement::NewLine),
            b'\r' => self.0.go(Movement::Return),
            0x08 => self.0.go(Movement::Left(1)),
            _ => {}
        }
    }

    /// The sequences of ECMA-48 with which programs redraw what they have printed, such as bars that show progress.
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        let param = |index: usize| params.iter().nth(index).and_then(|values| values.first()).copied();
        let given = param(0).unwrap_or(0);
        let count = usize::from(given.max(1));
        let second = usize::from(param(1).unwrap_or(0).max(1));
        let part = match given {
            0 => Some(Part::After),
            1 => Some(Part::Before),
            _ => Some(Part::All),
        };
        let movement = match action {
            b'A' => Movement::Up(count),
            b'B' => Movement::Down(count),
            b'C' => Movement::Right(count),
            b'D' => Movement::Left(count),
            b'E' | b'F' => {
                self.0.go(if action == b'E' { Movement::Down(count) } else { Movement::Up(count) });
                Movement::Return
            }
            b'G' => Movement::Column(count - 1),
            b'H' | b'f' => Movement::To(count - 1, second - 1),
            b'J' => part.map_or(Movement::Return, Movement::EraseScreen),
            b'K' => part.map_or(Movement::Return, Movement::EraseLine),
            _ => return,
        };
        self.0.go(movement);
    }
}

/// A line on which characters can be overwritten.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<char>);

impl Line {
    /// Writes a character at a column, over what is there.
    pub(crate) fn put(&mut self, column: usize, c: char) {
        if self.0.len() <= column {
            self.0.resize(column, ' ');
            self.0.push(c);
        } else {
            self.0[column] = c;
        }
    }

    /// Erases a part of it.
    pub(crate) fn erase(&mut self, part: Part, column: usize) {
        match part {
            Part::After => self.0.truncate(column),
            Part::Before => self.0.iter_mut().take(column + 1).for_each(|c| *c = ' '),
            Part::All => self.0.clear(),
        }
    }

    /// Removes so many characters from its beginning.
    pub(crate) fn shorten(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Its text, without spaces at its end, which programs print to overwrite longer lines.
    pub(crate) fn text(&self) -> String {
        let text: String = self.0.iter().collect();
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes all that is shown.
    #[derive(Default)]
    struct Shown(String);

    impl Show for Shown {
        fn put(&mut self, c: char) {
            self.0.push(c);
        }

        fn go(&mut self, movement: Movement) {
            self.0 += &format!("<{movement:?}>");
        }
    }

    fn shown(pieces: &[&[u8]]) -> String {
        let (mut terminal, mut shown) = (Terminal::default(), Shown::default());
        pieces.iter().for_each(|piece| terminal.read(piece, &mut shown));
        shown.0
    }

    #[test]
    fn colours_and_titles_are_dropped() {
        assert_eq!(
            shown(&[b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\x1b]8;;http://x\x1b\\link"]),
            "red textlink"
        );
        assert_eq!(shown(&[b"a\x00\x07\x7f\xc2\x85b\tc"]), "ab\tc");
        assert_eq!(shown(&[b"\x1b[?25l\x1b(Bx"]), "x");
    }

    #[test]
    fn movements_are_read() {
        assert_eq!(shown(&[b"a\r\nb\x08\x1b[2K"]), "a<Return><NewLine>b<Left(1)><EraseLine(All)>");
        assert_eq!(
            shown(&[b"\x1b[3A\x1b[K\x1b[1G\x1b[H\x1b[2J"]),
            "<Up(3)><EraseLine(After)><Column(0)><To(0, 0)><EraseScreen(All)>"
        );
        assert_eq!(shown(&[b"\x1b[2F\x1b[5;7H"]), "<Up(2)><Return><To(4, 6)>");
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing_else() {
        assert_eq!(shown(&["größe €😀".as_bytes()]), "größe €😀");
        let every_byte: Vec<&[u8]> = "größe €😀".as_bytes().chunks(1).collect();
        assert_eq!(shown(&every_byte), "größe €😀");
        assert_eq!(shown(&[b"B\xe4r\xe4\nx\xff"]), "B\u{FFFD}r\u{FFFD}<NewLine>x\u{FFFD}");
        assert_eq!(shown(&[b"\xe2\x82", b"x"]), "\u{FFFD}x");
    }

    #[test]
    fn an_endless_title_takes_no_memory() {
        let (mut terminal, mut shown) = (Terminal::default(), Shown::default());
        terminal.read(b"\x1b]0;", &mut shown);
        (0..1_000).for_each(|_| terminal.read(&[b'x'; 4096], &mut shown));
        assert!(format!("{terminal:?}").len() < 100_000, "what it keeps of four megabytes");
        terminal.read(b"\x07end", &mut shown);
        assert_eq!(shown.0, "end");
    }
}
