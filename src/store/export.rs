//! A room's log as a file: text to read, Markdown to share, JSON to process.

use crate::room::post::Post;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

/// The last time that RFC 3339 can show, in milliseconds since 1970: the end of the year 9999. Formatting a later one
/// panics.
const LAST_TIME: u64 = 253_402_300_799_999;

/// What stands in place of the text of a post that was removed.
const REMOVED: &str = "(removed)";

/// The format of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for each post: time, name and text.
    Text,
    /// A JSON array of posts, each as on the wire.
    Json,
    /// A block quote for each post.
    Markdown,
}

impl Format {
    /// All formats with their names, as in `--format` and `?format=`.
    pub const NAMES: [(&'static str, Self); 3] =
        [("txt", Self::Text), ("json", Self::Json), ("md", Self::Markdown)];

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, format)| format)
    }

    /// Its name, which also ends names of files.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }
}

/// Writes posts one by one, so that a long log needs no more memory than a short one.
#[derive(Debug)]
pub struct LogWriter<W> {
    to: W,
    format: Format,
    is_first: bool,
}

impl<W: Write> LogWriter<W> {
    /// A writer of a new log to `to`.
    pub fn new(to: W, format: Format) -> Self {
        Self { to, format, is_first: true }
    }

    /// Writes the next post.
    pub fn post(&mut self, post: &Post) -> io::Result<()> {
        let at = time(post.at);
        let between = if std::mem::take(&mut self.is_first) { "" } else { "\n" };
        match self.format {
            Format::Text if post.text.is_empty() => {
                writeln!(self.to, "{at} {}: {REMOVED}", visible(&post.name))
            }
            Format::Markdown if post.text.is_empty() => {
                let name = escape_markdown(&post.name);
                writeln!(self.to, "{between}**{name}** · {at}\n\n*{REMOVED}*")
            }
            Format::Text => {
                // Later lines are indented, so that no text can look like a post of someone else.
                let text: Vec<String> = lines(&post.text).map(visible).collect();
                writeln!(self.to, "{at} {}: {}", visible(&post.name), text.join("\n    "))
            }
            Format::Markdown => {
                let text: Vec<String> = lines(&post.text).map(escape_markdown).collect();
                let name = escape_markdown(&post.name);
                writeln!(self.to, "{between}**{name}** · {at}\n\n> {}", text.join("\\\n> "))
            }
            Format::Json => {
                write!(self.to, "{}", if between.is_empty() { "[\n" } else { ",\n" })?;
                Ok(post.serialize(&mut Serializer::with_formatter(&mut self.to, EscapeInvisible))?)
            }
        }
    }

    /// Writes the end of the log, after the last post.
    pub fn end(mut self) -> io::Result<()> {
        match (self.format, self.is_first) {
            (Format::Json, true) => writeln!(self.to, "[]")?,
            (Format::Json, false) => writeln!(self.to, "\n]")?,
            (Format::Text | Format::Markdown, _) => {}
        }
        self.to.flush()
    }
}

/// A time in milliseconds since 1970, as RFC 3339 has it.
pub(crate) fn time(unix_millis: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(unix_millis.min(LAST_TIME));
    humantime::format_rfc3339_seconds(at).to_string()
}

/// Writes a line with a value as JSON, in which everything invisible is escaped.
pub(crate) fn json_line(mut to: impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut to, EscapeInvisible))?;
    writeln!(to)
}

/// Splits a text at every character that some program treats as a line break.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\u{B}', '\u{C}', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// A line that a terminal shows as it is. Replaces control characters with U+FFFD, because a terminal could obey them,
/// and shows the code of characters that turn the direction of the text around them.
pub(crate) fn visible(line: &str) -> String {
    let mut visible = String::new();
    for c in line.chars() {
        match c {
            '\t' => visible.push(c),
            c if c.is_control() => visible.push('\u{FFFD}'),
            c if turns_direction(c) => visible.push_str(&format!("<U+{:04X}>", u32::from(c))),
            c => visible.push(c),
        }
    }
    visible
}

/// True for the explicit directional embeddings, overrides and isolates of Unicode (UAX #9, section 2). Marks such as
/// U+200E turn nothing around, and texts in Arabic or Hebrew need them.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// JSON that also escapes the invisible characters that JSON allows as they are: DEL, the C1 controls, and characters
/// that turn directions. A program that reads it gets the same text.
pub(crate) struct EscapeInvisible;

impl Formatter for EscapeInvisible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| c.is_control() || turns_direction(c)) {
            let (before, after) = rest.split_at(at);
            let mut after = after.chars();
            let invisible = after.next().map_or(0, u32::from);
            write!(to, "{before}\\u{invisible:04x}")?;
            rest = after.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

/// Escapes a line so that Markdown shows it literally: without headings, links, HTML, mentions or code.
///
/// A backslash can escape any ASCII punctuation (CommonMark, section 2.4). Punctuation that never has a meaning stays
/// unescaped, to keep the source readable. Leading white space is escaped too, because indentation would make a code
/// block.
pub(crate) fn escape_markdown(line: &str) -> String {
    let line = visible(line);
    let text = line.trim_start_matches([' ', '\t']);
    let mut escaped = String::new();
    for space in line[..line.len() - text.len()].chars() {
        escaped.push_str(if space == '\t' { "&nbsp;&nbsp;&nbsp;&nbsp;" } else { "&nbsp;" });
    }
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '?' | '!' | '\'' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn log(format: Format, texts: &[&str]) -> String {
        let mut bytes = Vec::new();
        let mut writer = LogWriter::new(&mut bytes, format);
        for (n, text) in (1..).zip(texts) {
            let (name, text) = ("Ada *L*".to_owned(), (*text).to_owned());
            writer.post(&Post { n, id: UserId(7), name, text, at: 1_792_000_000_000 }).unwrap();
        }
        writer.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_has_a_line_for_each_post() {
        let forged = "one\n2026-10-14T17:46:40Z Bob: forged";
        assert_eq!(
            log(Format::Text, &[forged, "two"]),
            "2026-10-14T17:46:40Z Ada *L*: one\n    2026-10-14T17:46:40Z Bob: forged\n\
             2026-10-14T17:46:40Z Ada *L*: two\n"
        );
        assert_eq!(log(Format::Text, &[]), "");
    }

    #[test]
    fn a_name_controls_no_terminal() {
        for text in ["one", ""] {
            let (name, text) = ("\u{1B}[31m\u{202E}Ada\n".to_owned(), text.to_owned());
            let mut bytes = Vec::new();
            let post = Post { n: 1, id: UserId(7), name, text, at: 0 };
            LogWriter::new(&mut bytes, Format::Text).post(&post).unwrap();
            let line = String::from_utf8(bytes).unwrap();
            assert!(line.starts_with("1970-01-01T00:00:00Z \u{FFFD}[31m<U+202E>Ada\u{FFFD}: "), "{line:?}");
        }
    }

    #[test]
    fn markdown_has_a_quote_for_each_post() {
        assert_eq!(
            log(Format::Markdown, &["one\u{2028}more", "two"]),
            "**Ada \\*L\\*** · 2026-10-14T17:46:40Z\n\n> one\\\n> more\n\n\
             **Ada \\*L\\*** · 2026-10-14T17:46:40Z\n\n> two\n"
        );
    }

    #[test]
    fn a_removed_post_keeps_its_line() {
        assert_eq!(log(Format::Text, &[""]), "2026-10-14T17:46:40Z Ada *L*: (removed)\n");
        let markdown = "**Ada \\*L\\*** · 2026-10-14T17:46:40Z\n\n*(removed)*\n";
        assert_eq!(log(Format::Markdown, &[""]), markdown);
        assert!(log(Format::Json, &[""]).contains(r#""text":"""#));
    }

    #[test]
    fn markdown_shows_texts_literally() {
        for (text, shown) in [
            ("# Hello, world!", "\\# Hello, world!"),
            ("<img src=x onerror=alert(1)>", "\\<img src\\=x onerror\\=alert\\(1\\)\\>"),
            ("[click](javascript:x) ![](y)", "\\[click\\]\\(javascript\\:x\\) !\\[\\]\\(y\\)"),
            ("https://evil.example www.evil.example", "https\\:\\/\\/evil\\.example www\\.evil\\.example"),
            ("1. one\n2) two\n- three\n===", "1\\. one\\\n> 2\\) two\\\n> \\- three\\\n> \\=\\=\\="),
            (
                "a `b` *c* _d_ ~e~ |f| $g$ &amp; @h",
                "a \\`b\\` \\*c\\* \\_d\\_ \\~e\\~ \\|f\\| \\$g\\$ \\&amp; \\@h",
            ),
            ("    code\n\tmore", "&nbsp;&nbsp;&nbsp;&nbsp;code\\\n> &nbsp;&nbsp;&nbsp;&nbsp;more"),
            ("ends in \\\n\nand goes on", "ends in \\\\\\\n> \\\n> and goes on"),
        ] {
            let log = log(Format::Markdown, &[text]);
            assert_eq!(log.split_once("\n\n> ").unwrap().1, format!("{shown}\n"), "{text}");
        }
    }

    #[test]
    fn a_time_that_no_date_can_show_is_written_as_the_last_date() {
        for format in [Format::Text, Format::Markdown] {
            let mut bytes = Vec::new();
            let (name, text) = ("Ada".to_owned(), "text".to_owned());
            let post = Post { n: 1, id: UserId(7), name, text, at: u64::MAX };
            LogWriter::new(&mut bytes, format).post(&post).unwrap();
            assert!(String::from_utf8(bytes).unwrap().contains("9999-12-31T23:59:59Z"));
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        let hostile = "\u{1B}]0;title\u{7}\u{9B}2J\u{7F}\0";
        for format in [Format::Text, Format::Markdown] {
            let log = log(format, &[hostile, "a\tb"]);
            assert!(log.contains("\u{FFFD}") && log.contains("a\tb"), "{log}");
            assert!(!log.contains(|c: char| c.is_control() && !"\n\t".contains(c)), "{log:?}");
        }
    }

    #[test]
    fn lines_are_those_that_the_page_saves() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/log-lines.json")).unwrap();
        for vector in vectors["posts"].as_array().unwrap() {
            let [name, text] =
                [&vectors["name"], &vector["text"]].map(|value| value.as_str().unwrap().to_owned());
            let post = Post { n: 1, id: UserId(7), name, text, at: vectors["at"].as_u64().unwrap() };
            let mut bytes = Vec::new();
            LogWriter::new(&mut bytes, Format::Text).post(&post).unwrap();
            assert_eq!(String::from_utf8(bytes).unwrap(), vector["line"].as_str().unwrap());
        }
    }

    #[test]
    fn markdown_shows_the_codes_of_characters_that_turn_directions() {
        let log = log(Format::Markdown, &["\u{202E}txt"]);
        assert!(log.ends_with("> \\<U\\+202E\\>txt\n"), "{log}");
    }

    #[test]
    fn json_escapes_what_is_invisible_and_keeps_the_text() {
        let text = "\u{7F}a\u{80}\u{9F}\u{A0}\u{1B}\n\u{202E}b\u{2066}\u{200E}😀";
        let log = log(Format::Json, &[text]);
        let escaped = r#""text":"\u007fa\u0080\u009f\u{A0}\u001b\n\u202eb\u2066\u{200E}😀""#;
        let escaped = escaped.replace("\\u{A0}", "\u{A0}").replace("\\u{200E}", "\u{200E}");
        assert!(log.contains(&escaped), "{log}");
        let posts: Vec<Post> = serde_json::from_str(&log).unwrap();
        assert_eq!(posts[0].text, text);
    }

    #[test]
    fn json_is_an_array_of_posts() {
        let posts: Vec<serde_json::Value> =
            serde_json::from_str(&log(Format::Json, &["one", "two"])).unwrap();
        assert_eq!(
            posts[1],
            serde_json::json!({"n": 2, "id": "7", "name": "Ada *L*", "text": "two", "at": 1_792_000_000_000_u64})
        );
        assert_eq!(log(Format::Json, &[]), "[]\n");
    }
}
