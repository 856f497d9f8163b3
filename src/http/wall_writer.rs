//! A room's wall as a file: JSON to process, text to read, Markdown to share, CSV for spreadsheets. The page saves the
//! same (page/wall-file.js).

use crate::hub::wall_part::WallBox;
use crate::store::export::{EscapeInvisible, escape_markdown, lines, visible};
use serde::Serialize;
use serde_json::Serializer;
use std::io::{self, Write};

/// By this, Excel knows that a file is in UTF-8.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// What stands in place of a text that may not be seen.
const HIDDEN: &str = "(hidden)";

/// The format of a wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WallFormat {
    Json,
    Text,
    Markdown,
    Csv,
}

impl WallFormat {
    /// The format with this name, as in `?format=`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let formats = [Self::Json, Self::Text, Self::Markdown, Self::Csv];
        formats.into_iter().find(|format| format.name() == name)
    }

    /// Its name, which also ends names of files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Csv => "csv",
        }
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// Writes boxes one by one.
pub(crate) struct WallWriter<W> {
    to: W,
    format: WallFormat,
    is_first: bool,
}

impl<W: Write> WallWriter<W> {
    /// Begins the wall of this room, with the question above it.
    pub(crate) fn begin(
        mut to: W,
        format: WallFormat,
        room: &str,
        prompt: &str,
        hidden: bool,
    ) -> io::Result<Self> {
        match format {
            WallFormat::Json => {
                write!(to, "{{\"room\":")?;
                write_json(&mut to, room)?;
                write!(to, ",\"prompt\":")?;
                write_json(&mut to, prompt)?;
                write!(to, ",\"hidden\":{hidden},\"boxes\":[")?;
            }
            WallFormat::Text => {
                let heads = [vec![visible(room)], answer_lines(prompt, visible)].concat();
                write!(to, "{}", heads.join("\n"))?;
            }
            WallFormat::Markdown => {
                write!(to, "# {}", escape_markdown(room))?;
                if !prompt.is_empty() {
                    write!(to, "\n\n{}", answer_lines(prompt, escape_markdown).join("\\\n"))?;
                }
            }
            WallFormat::Csv => {
                write!(to, "{BYTE_ORDER_MARK}")?;
                if !prompt.is_empty() {
                    write_record(&mut to, ["", prompt, "", ""])?;
                }
                write_record(&mut to, ["name", "text", "away", "wrote"])?;
            }
        }
        Ok(Self { to, format, is_first: true })
    }

    /// Writes the next box. In text and Markdown, lines are indented or quoted, so that nobody can write what looks like
    /// the box of somebody else.
    pub(crate) fn write(&mut self, shown: &WallBox) -> io::Result<()> {
        let between = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        let away = if shown.away { " (away)" } else { "" };
        let text = if shown.wrote && shown.text.is_empty() { HIDDEN } else { &shown.text };
        match self.format {
            WallFormat::Json => {
                write!(self.to, "{between}")?;
                write_json(&mut self.to, shown)
            }
            WallFormat::Text => {
                write!(self.to, "\n\n{}{away}", visible(&shown.name))?;
                answer_lines(text, visible).iter().try_for_each(|line| write!(self.to, "\n    {line}"))
            }
            WallFormat::Markdown => {
                write!(self.to, "\n\n## {}{away}", escape_markdown(&shown.name))?;
                let lines = answer_lines(text, escape_markdown);
                match lines.is_empty() {
                    true => Ok(()),
                    false => write!(self.to, "\n\n> {}", lines.join("\\\n> ")),
                }
            }
            WallFormat::Csv => {
                let flag = |is: bool| if is { "true" } else { "false" };
                write_record(&mut self.to, [&shown.name, &shown.text, flag(shown.away), flag(shown.wrote)])
            }
        }
    }

    /// Writes the end of the wall.
    pub(crate) fn end(mut self) -> io::Result<()> {
        match self.format {
            WallFormat::Json if self.is_first => writeln!(self.to, "]}}")?,
            WallFormat::Json => writeln!(self.to, "\n]}}")?,
            WallFormat::Text | WallFormat::Markdown => writeln!(self.to)?,
            WallFormat::Csv => {}
        }
        self.to.flush()
    }
}

fn write_json<T: Serialize + ?Sized>(to: &mut impl Write, data: &T) -> io::Result<()> {
    Ok(data.serialize(&mut Serializer::with_formatter(to, EscapeInvisible))?)
}

/// The lines of a text; none of an empty one.
fn answer_lines(text: &str, shown: fn(&str) -> String) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    if text.is_empty() { Vec::new() } else { lines(&text).map(shown).collect() }
}

/// Writes a record of a CSV file (RFC 4180).
fn write_record(to: &mut impl Write, cells: [&str; 4]) -> io::Result<()> {
    let cells = cells.map(csv_cell);
    write!(to, "{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet runs as a formula, quoted if it has to be.
fn csv_cell(text: &str) -> String {
    let safe = if is_formula(text) { format!("'{text}") } else { text.to_owned() };
    let needs_quotes = |text: &str| {
        text.contains(['"', ',', '\r', '\n']) || text.starts_with(is_space) || text.ends_with(is_space)
    };
    if needs_quotes(&safe) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

/// Whether a spreadsheet would run a cell as a formula. Some take these characters for one in full width, too.
fn is_formula(text: &str) -> bool {
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    text.starts_with(['\t', '\r'])
        || text.trim_start_matches(|c| is_space(c) || c == '\0').starts_with(begins)
}

/// White space as JavaScript understands it, which the page uses.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn shown(name: &str, text: &str, away: bool, wrote: bool) -> WallBox {
        WallBox { id: UserId(7), name: name.to_owned(), text: text.to_owned(), away, wrote }
    }

    fn wall(format: WallFormat, prompt: &str, boxes: &[WallBox]) -> String {
        let mut bytes = Vec::new();
        let mut writer = WallWriter::begin(&mut bytes, format, "ops", prompt, true).unwrap();
        boxes.iter().for_each(|shown| writer.write(shown).unwrap());
        writer.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn boxes() -> [WallBox; 3] {
        [
            shown("Ada", "one\n# two", false, true),
            shown("Bob *B*", "", true, true),
            shown("Cem", "", false, false),
        ]
    }

    #[test]
    fn a_wall_is_written_in_each_format() {
        for (format, expected) in [
            (
                WallFormat::Text,
                "ops\nWhy?\n\nAda\n    one\n    # two\n\nBob *B* (away)\n    (hidden)\n\nCem\n",
            ),
            (
                WallFormat::Markdown,
                "# ops\n\nWhy?\n\n## Ada\n\n> one\\\n> \\# two\n\n## Bob \\*B\\* (away)\n\n> \\(hidden\\)\n\n## Cem\n",
            ),
            (
                WallFormat::Csv,
                "\u{FEFF},Why?,,\r\nname,text,away,wrote\r\nAda,\"one\n# two\",false,true\r\n\
                 Bob *B*,,true,true\r\nCem,,false,false\r\n",
            ),
            (
                WallFormat::Json,
                "{\"room\":\"ops\",\"prompt\":\"Why?\",\"hidden\":true,\"boxes\":[\n\
                 {\"id\":\"7\",\"name\":\"Ada\",\"text\":\"one\\n# two\",\"away\":false,\"wrote\":true},\n\
                 {\"id\":\"7\",\"name\":\"Bob *B*\",\"text\":\"\",\"away\":true,\"wrote\":true},\n\
                 {\"id\":\"7\",\"name\":\"Cem\",\"text\":\"\",\"away\":false,\"wrote\":false}\n]}\n",
            ),
        ] {
            assert_eq!(wall(format, "Why?", &boxes()), expected);
        }
    }

    #[test]
    fn an_empty_wall_is_whole_too() {
        for (format, expected) in [
            (WallFormat::Text, "ops\n"),
            (WallFormat::Markdown, "# ops\n"),
            (WallFormat::Csv, "\u{FEFF}name,text,away,wrote\r\n"),
            (WallFormat::Json, "{\"room\":\"ops\",\"prompt\":\"\",\"hidden\":true,\"boxes\":[]}\n"),
        ] {
            assert_eq!(wall(format, "", &[]), expected);
        }
    }

    #[test]
    fn cells_are_those_that_the_page_saves() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/csv-cells.json")).unwrap();
        for vector in vectors.as_array().unwrap() {
            let [text, cell] = ["text", "cell"].map(|field| vector[field].as_str().unwrap());
            assert_eq!(csv_cell(text), cell, "{text:?}");
        }
    }
}
