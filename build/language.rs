//! Makes the document in one language: puts the words of the language into the elements that a browser shows before any
//! script runs.

use serde_json::{Map, Value};

/// The words of a language, by their keys.
#[derive(Debug)]
pub(crate) struct Language {
    /// Its tag (BCP 47), which is the name of its file.
    pub(crate) tag: String,
    words: Map<String, Value>,
}

impl Language {
    /// Reads the words of a language.
    pub(crate) fn parse(tag: &str, source: &str) -> Result<Self, String> {
        let words =
            serde_json::from_str(source).map_err(|error| format!("page/words/{tag}.json: {error}"))?;
        Ok(Self { tag: tag.to_owned(), words })
    }

    /// A word without plural forms, escaped for HTML.
    fn word(&self, key: &str) -> Result<String, String> {
        let word = self.words.get(key).and_then(Value::as_str);
        let word = word.ok_or_else(|| format!("{} has no word {key}.", self.tag))?;
        Ok(word.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"))
    }

    /// The document in this language: its `lang`, its description, the list of languages, and the words of all elements up
    /// to the end of the first screen.
    pub(crate) fn document(&self, document: &str, languages: &[Self]) -> Result<String, String> {
        let direction = self.word("direction")?;
        let options = languages.iter().map(|other| {
            let (tag, name) = (&other.tag, other.word("languageName")?);
            Ok(format!("<option value=\"{tag}\" lang=\"{tag}\">{name}</option>"))
        });
        let options = options.collect::<Result<String, String>>()?;
        let document = replace(document, "<html lang=\"en\">", |_| {
            format!("<html lang=\"{}\" dir=\"{direction}\">", self.tag)
        })?;
        let document = replace(&document, "<select id=\"language\">", |tag| format!("{tag}{options}"))?;
        let description = self.word("everyKey")?;
        let document = replace(&document, "content=\"everyKey\"", |_| format!("content=\"{description}\""))?;
        let (first, rest) = document.split_once("</main>").ok_or("The document has no </main>.")?;
        Ok(format!("{}</main>{rest}", self.translate(first)?))
    }

    /// Puts words into the elements that name them: `data-say="KEY"` for the text, `data-label="KEY"` for the label.
    fn translate(&self, html: &str) -> Result<String, String> {
        let mut pieces = html.split('<');
        let mut translated = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (tag, text) = piece.split_once('>').ok_or("A tag in the document does not end.")?;
            let label = match key(tag, " data-label=\"") {
                Some(key) => format!(" aria-label=\"{}\"", self.word(key)?),
                None => String::new(),
            };
            let word = key(tag, " data-say=\"").map(|key| self.word(key)).transpose()?.unwrap_or_default();
            translated += &format!("<{tag}{label}>{word}{text}");
        }
        Ok(translated)
    }
}

/// The key in an attribute of a tag.
fn key<'a>(tag: &'a str, attribute: &str) -> Option<&'a str> {
    tag.split_once(attribute)?.1.split('"').next()
}

/// Replaces the one occurrence of a text.
fn replace(document: &str, text: &str, with: impl Fn(&str) -> String) -> Result<String, String> {
    match document.matches(text).count() {
        1 => Ok(document.replace(text, &with(text))),
        count => Err(format!("The document has {count} of {text}; it needs one.")),
    }
}
