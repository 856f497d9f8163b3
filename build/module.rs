//! Reads one module: its imports, and its code without imports, exports, comment lines and indentation.

/// The function of the page that replaces `import()` in scripts.
pub(super) const FETCH_PART: &str = "fetchPart";

/// A placeholder in the URLs of parts for the version of the scripts, which is known only when all of them are finished.
pub(super) const VERSION: &str = "{version}";

/// A module that has been read.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) path: String,
    pub(super) imports: Vec<Import>,
    /// The modules that it imports by `import()`.
    pub(super) parts: Vec<String>,
    /// Its top-level names.
    pub(super) names: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) code: String,
}

/// What one module imports from another.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) path: String,
    pub(super) names: Vec<String>,
}

/// A JSON file as a module: its data has the name under which it is imported.
pub(super) fn json(import: &Import, source: &str) -> Result<Module, String> {
    let Import { path, names } = import;
    let data: String = source.lines().map(str::trim).collect();
    if !data.starts_with('{') || !data.ends_with('}') {
        return Err(format!("{path} holds no JSON object."));
    }
    let code = format!("const {} = {data};\n", names.join(", "));
    Ok(Module { path: path.clone(), names: names.clone(), exports: names.clone(), code, ..Module::default() })
}

pub(super) fn parse(path: &str, source: &str) -> Result<Module, String> {
    let mut module = Module { path: path.to_owned(), ..Module::default() };
    let mut lines = code_lines(path, source)?.into_iter();
    while let Some(mut line) = lines.next() {
        if line.text.starts_with("import ") || line.text.starts_with("import{") {
            while !line.text.ends_with(';') {
                let next = lines.next().ok_or_else(|| line.error(path, "this import does not end"))?;
                line.text = format!("{} {}", line.text, next.text.trim());
            }
            module.imports.push(parse_import(path, &line)?);
        } else {
            module.add(&line)?;
        }
    }
    Ok(module)
}

impl Module {
    /// Adds a line that is no import.
    fn add(&mut self, line: &Line) -> Result<(), String> {
        let text = self.with_parts(&line.text).filter(|text| !text.contains("import.meta"));
        let fail = |why| Err(line.error(&self.path, why));
        let Some(text) = text else { return fail("this form of import is not supported") };
        if line.text.matches('`').count() % 2 == 1 {
            return fail("a template over several lines is not supported");
        }
        let statement = text.strip_prefix("export ").unwrap_or(&text);
        let is_exported = statement.len() < text.len();
        match declared_name(statement) {
            Some(name) => {
                self.names.push(name.to_owned());
                self.exports.extend(is_exported.then(|| name.to_owned()));
            }
            None if is_exported => return fail("this form of export is not supported"),
            None if !is_allowed_at_top_level(statement) => {
                return fail("this is not supported at the top level");
            }
            None => {}
        }
        self.code += statement.trim();
        self.code += "\n";
        Ok(())
    }

    /// Replaces `import("./part.js")` by `fetchPart("./parts/part-VERSION.js")` in a line. `None` if a form of `import()` is
    /// not supported; only `fetchPart` itself may import a URL.
    fn with_parts(&mut self, line: &str) -> Option<String> {
        let mut pieces = line.split("import(");
        let mut text = pieces.next()?.to_owned();
        for piece in pieces {
            if piece.starts_with("url)") && self.names.iter().any(|name| name == FETCH_PART) {
                text += &format!("import({piece}");
                continue;
            }
            let (file, rest) = piece.strip_prefix("\"./")?.split_once("\")")?;
            let path = resolve(&self.path, file).filter(|path| path.ends_with(".js"))?;
            text += &format!("{FETCH_PART}(\"./parts/{}-{VERSION}.js\"){rest}", part_name(&path));
            self.parts.push(path);
        }
        Some(text)
    }
}

/// The name of a part in URLs, which is that of its module.
pub(super) fn part_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path).trim_end_matches(".js")
}

/// The name that a statement at the top level declares.
fn declared_name(statement: &str) -> Option<&str> {
    let keywords = ["const ", "let ", "class ", "function ", "async function "];
    let rest = keywords.iter().find_map(|keyword| statement.strip_prefix(keyword))?;
    let end = rest.find(|c| !is_in_name(c)).unwrap_or(rest.len());
    // Not `const { a, b } = …`, nor several names in one statement, as far as one line shows.
    let is_one =
        rest[end..].trim_start().starts_with(['=', '(', '{']) || rest[end..].starts_with(" extends ");
    Some(&rest[..end]).filter(|name| !name.is_empty() && is_one)
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Lines of a statement that has begun, its end, or the call of a function: `start();`.
fn is_allowed_at_top_level(line: &str) -> bool {
    let is_call =
        line.ends_with(");") && line.find(|c| !is_in_name(c)).is_some_and(|end| line[end..].starts_with('('));
    line.starts_with([' ', '}', ']', ')']) || is_call
}

/// Reads `import { a, b } from "./file.js";` or `import DATA from "./file.json" with { type: "json" };`.
fn parse_import(importer: &str, line: &Line) -> Result<Import, String> {
    let import = || {
        let (what, from) = line.text.strip_prefix("import ")?.strip_suffix(';')?.split_once(" from \"")?;
        let (path, json) = match from.strip_suffix("\" with { type: \"json\" }") {
            Some(path) => (path.strip_suffix(".json")?.len(), true),
            None => (from.strip_suffix(".js\"")?.len(), false),
        };
        let path = &from[..path];
        let names: Vec<String> = match json {
            true => vec![what.to_owned()],
            false => {
                let names = what.strip_prefix('{')?.strip_suffix('}')?.split(',').map(str::trim);
                names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
            }
        };
        let are_names = names.iter().all(|name| name.chars().all(is_in_name));
        let path = resolve(importer, path.strip_prefix("./")?)?;
        let extension = if json { "json" } else { "js" };
        are_names.then(|| Import { path: format!("{path}.{extension}"), names })
    };
    import().ok_or_else(|| line.error(importer, "this form of import is not supported"))
}

/// A path beside or below the importer.
fn resolve(importer: &str, path: &str) -> Option<String> {
    let is_below = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    let folder = importer.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    is_below.then(|| folder + path)
}

/// A line with code in it.
#[derive(Debug)]
pub(super) struct Line {
    number: usize,
    pub(super) text: String,
}

impl Line {
    fn error(&self, path: &str, why: &str) -> String {
        format!("{path}:{}: {why}: {}", self.number, self.text.trim())
    }
}

/// The lines of a file without those that are empty or hold only a comment.
pub(super) fn code_lines(path: &str, source: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut comment = None;
    for (number, text) in (1..).zip(source.lines()) {
        let mut text = text.trim_end();
        if comment.is_some() || text.trim_start().starts_with("/*") {
            comment = comment.or(Some(number));
            let Some((_, rest)) = text.split_once("*/") else { continue };
            comment = None;
            text = rest;
        }
        if !text.trim_start().starts_with("//") && !text.trim().is_empty() {
            lines.push(Line { number, text: text.to_owned() });
        }
    }
    match comment {
        Some(number) => Err(format!("{path}:{number}: this comment does not end.")),
        None => Ok(lines),
    }
}
