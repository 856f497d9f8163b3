//! Bundles the page into one document: its styles and scripts replace the tags that name their files.
//!
//! The modules become one script without imports and exports, each module after those that it imports. They share one
//! scope, so no two of them may have the same top-level name. A module that is imported by `import()` is a part: with
//! what only it imports, it becomes a script of its own, which the page fetches when it needs it.
//!
//! The bundler reads lines, not the whole language. A module follows three rules: top-level code begins at the start of
//! a line, everything else is indented, and no string spans several lines. A module that breaks a rule is an error.

mod module;
mod script;

use module::code_lines;
use script::Scripts;

/// A page in one document, and the parts that it fetches.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// The document.
    pub(crate) document: String,
    /// The parts.
    pub(crate) parts: Vec<Part>,
    /// The files that the document and the parts were made of.
    pub(crate) files: Vec<String>,
}

/// A script that the page fetches when it needs it.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its URL, relative to the page. It changes with the scripts, so that a browser can keep the part for ever.
    pub(crate) url: String,
    /// Its code.
    pub(crate) code: String,
}

/// Returns the text of a file, or `None` if there is no such file.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Minifies one of several scripts that share these top-level names.
pub(crate) type Minify<'a> = &'a dyn Fn(&str, &[&str]) -> Result<String, String>;

const STYLE_TAG: (&str, &str) = ("<link rel=\"stylesheet\" href=\"", "\">");
const SCRIPT_TAG: (&str, &str) = ("<script type=\"module\" src=\"", "\"></script>");
/// The first line of the script that is made of the modules.
const STRICT: &str = "\"use strict\";\n";
/// A script that is not a module, and so runs in browsers without modules, and before the others.
const CLASSIC_TAG: (&str, &str) = ("<script src=\"", "\"></script>");

/// Bundles a document and the files that it names.
pub(crate) fn bundle(document: &str, read: ReadFile<'_>, minify: Minify<'_>) -> Result<Bundle, String> {
    let mut bundle = Bundle { document: String::new(), parts: Vec::new(), files: Vec::new() };
    let mut in_styles = false;
    let mut scripts = 0;
    for line in document.lines() {
        if let Some(path) = path_in(line, STYLE_TAG) {
            bundle.document += if in_styles { "" } else { "<style>\n" };
            bundle.document += &style(path, &required(path, read)?)?;
            bundle.files.push(path.to_owned());
            in_styles = true;
            continue;
        }
        if std::mem::take(&mut in_styles) {
            bundle.document += "</style>\n";
        }
        if let Some(path) = path_in(line, SCRIPT_TAG) {
            let Scripts { first, parts, files } = script::scripts(path, read, minify)?;
            bundle.document += &format!("<script>\n{STRICT}{first}</script>\n");
            bundle.parts.extend(parts);
            bundle.files.extend(files);
            scripts += 1;
        } else if let Some(path) = path_in(line, CLASSIC_TAG) {
            let script = lines_of(path, &required(path, read)?)?;
            check_script(&script)?;
            bundle.document += &format!("<script>\n{script}</script>\n");
            bundle.files.push(path.to_owned());
            scripts += 1;
        } else {
            bundle.document += line.trim_start();
            bundle.document += "\n";
        }
    }
    check_elements(&bundle.document, scripts)?;
    Ok(bundle)
}

/// Checks that the document has no other styles and scripts than those that were put in. The server allows whatever is in
/// such an element.
fn check_elements(document: &str, scripts: usize) -> Result<(), String> {
    for (start, element, needed) in [("<style", "<style>", 1), ("<script", "<script>", scripts)] {
        let (any, own) = (document.matches(start).count(), document.matches(element).count());
        if (any, own) != (needed, needed) {
            return Err(format!(
                "The document has {any} elements that begin with {start}; it needs {needed} {element}."
            ));
        }
    }
    if document.matches(STRICT).count() != 1 {
        return Err("The document needs one script of modules.".to_owned());
    }
    match document.lines().find(|line| line.contains("stylesheet")) {
        Some(line) => {
            Err(format!("The document names a style sheet in a form that is not supported: {line}"))
        }
        None => Ok(()),
    }
}

/// The path in a line, if the line is such a tag.
fn path_in<'a>(line: &'a str, (start, end): (&str, &str)) -> Option<&'a str> {
    line.trim().strip_prefix(start)?.strip_suffix(end)
}

fn required(path: &str, read: ReadFile<'_>) -> Result<String, String> {
    read(path).ok_or_else(|| format!("There is no file {path}."))
}

/// A style sheet without its comments and superfluous space.
fn style(path: &str, source: &str) -> Result<String, String> {
    for forbidden in ["@import", "</style"] {
        if source.contains(forbidden) {
            return Err(format!("{path} has {forbidden} in it, which is not supported."));
        }
    }
    Ok(without_space(&lines_of(path, source)?))
}

/// Styles without insignificant white space: line ends, white space beside `{` and `}`, and white space after `;`, `,` and
/// the colon of a declaration.
fn without_space(style: &str) -> String {
    let (mut tight, mut quote) = (String::new(), None);
    for c in style.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => {
                if !tight.ends_with(['{', '}', ';', ',', ':', ' ']) {
                    tight.push(' ');
                }
                continue;
            }
            None if ['{', '}'].contains(&c) => {
                tight.truncate(tight.trim_end_matches([' ', ';']).len());
            }
            _ => {}
        }
        tight.push(c);
    }
    tight
}

/// A file without comment lines and indentation.
fn lines_of(path: &str, source: &str) -> Result<String, String> {
    let lines = code_lines(path, source)?;
    Ok(lines.iter().map(|line| line.text.trim().to_owned() + "\n").collect())
}

fn check_script(code: &str) -> Result<(), String> {
    match ["<script", "</script", "<!--"].iter().find(|forbidden| code.contains(**forbidden)) {
        Some(forbidden) => {
            Err(format!("The modules have {forbidden} in them, which a script in a document must not have."))
        }
        None => Ok(()),
    }
}
