//! Bundles the page into one document: its styles and its script replace the tags that name their files.
//!
//! The modules become one script without imports and exports, each module after those that it imports. They share one
//! scope, so no two of them may have the same top-level name. Comment lines and indentation are left out.
//!
//! The bundler reads lines, not the whole language. A module follows three rules: top-level code begins at the start of
//! a line, everything else is indented, and no string spans several lines. A module that breaks a rule is an error.

use std::collections::BTreeMap;

/// A page in one document.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// The document.
    pub(crate) document: String,
    /// The files that are in it.
    pub(crate) files: Vec<String>,
}

/// Returns the text of a file, or `None` if there is no such file.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

const STYLE_TAG: (&str, &str) = ("<link rel=\"stylesheet\" href=\"", "\">");
const SCRIPT_TAG: (&str, &str) = ("<script type=\"module\" src=\"", "\"></script>");
/// Begins the script of modules.
const STRICT: &str = "\"use strict\";\n";
/// A script that is no module, for browsers that know none.
const CLASSIC_TAG: (&str, &str) = ("<script src=\"", "\"></script>");

/// Bundles a document and the files that it names.
pub(crate) fn bundle(document: &str, read: ReadFile<'_>) -> Result<Bundle, String> {
    let mut bundle = Bundle { document: String::new(), files: Vec::new() };
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
            let (script, files) = script(path, read)?;
            bundle.document += &format!("<script>\n{script}</script>\n");
            bundle.files.extend(files);
            scripts += 1;
        } else if let Some(path) = path_in(line, CLASSIC_TAG) {
            let script = lines_of(path, &required(path, read)?)?;
            check_script(&script)?;
            bundle.document += &format!("<script>\n{script}</script>\n");
            bundle.files.push(path.to_owned());
            scripts += 1;
        } else {
            bundle.document += line;
            bundle.document += "\n";
        }
    }
    check_elements(&bundle.document, scripts)?;
    Ok(bundle)
}

/// The Content-Security-Policy allows the style and the scripts that were put in, by their hashes, and nothing else.
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

/// A style sheet without its comments.
fn style(path: &str, source: &str) -> Result<String, String> {
    for forbidden in ["@import", "</style"] {
        if source.contains(forbidden) {
            return Err(format!("{path} has {forbidden} in it, which is not supported."));
        }
    }
    lines_of(path, source)
}

/// A file without its comments and its indentation.
fn lines_of(path: &str, source: &str) -> Result<String, String> {
    let lines = code_lines(path, source)?;
    Ok(lines.iter().map(|line| line.text.trim().to_owned() + "\n").collect())
}

/// A module and all that it imports as one script, and the paths of their files.
fn script(entry: &str, read: ReadFile<'_>) -> Result<(String, Vec<String>), String> {
    let mut order = Order { read, modules: Vec::new(), open: Vec::new() };
    order.visit(&Import { path: entry.to_owned(), names: Vec::new() })?;
    check_names(&order.modules)?;
    check_imports(&order.modules)?;
    let code: String = order.modules.iter().map(|module| module.code.as_str()).collect();
    check_script(&code)?;
    let files = order.modules.into_iter().map(|module| module.path).collect();
    Ok((format!("{STRICT}{code}"), files))
}

fn check_script(code: &str) -> Result<(), String> {
    match ["<script", "</script", "<!--"].iter().find(|forbidden| code.contains(**forbidden)) {
        Some(forbidden) => {
            Err(format!("The modules have {forbidden} in them, which a script in a document must not have."))
        }
        None => Ok(()),
    }
}

/// A module that has been read.
#[derive(Debug, Default)]
struct Module {
    path: String,
    imports: Vec<Import>,
    /// Its top-level names.
    names: Vec<String>,
    exports: Vec<String>,
    code: String,
}

/// What one module imports from another.
#[derive(Debug)]
struct Import {
    path: String,
    names: Vec<String>,
}

/// Orders modules: each one after those that it imports.
struct Order<'a> {
    read: ReadFile<'a>,
    modules: Vec<Module>,
    /// The modules that are being visited, each of which imports the next.
    open: Vec<String>,
}

impl Order<'_> {
    fn visit(&mut self, import: &Import) -> Result<(), String> {
        let path = &import.path;
        if self.modules.iter().any(|module| module.path == *path) {
            return Ok(());
        }
        if let Some(start) = self.open.iter().position(|open| open == path) {
            let circle = self.open[start..].join(" → ");
            return Err(format!("Modules import each other in a circle: {circle} → {path}."));
        }
        let source = (self.read)(path).ok_or_else(|| self.missing(path))?;
        let module = if path.ends_with(".json") { json(import, &source)? } else { parse(path, &source)? };
        self.open.push(path.clone());
        module.imports.iter().try_for_each(|import| self.visit(import))?;
        self.open.pop();
        self.modules.push(module);
        Ok(())
    }

    fn missing(&self, path: &str) -> String {
        match self.open.last() {
            Some(importer) => format!("{importer} imports {path}, and there is no such file."),
            None => format!("There is no file {path}."),
        }
    }
}

/// No two modules may have the same top-level name.
fn check_names(modules: &[Module]) -> Result<(), String> {
    let mut owners = BTreeMap::new();
    for module in modules {
        for name in &module.names {
            if let Some(other) = owners.insert(name, &module.path) {
                return Err(format!("{other} and {} both have the top-level name {name}.", module.path));
            }
        }
    }
    Ok(())
}

/// A module may import only what the other module exports.
fn check_imports(modules: &[Module]) -> Result<(), String> {
    let exports: BTreeMap<_, _> = modules.iter().map(|module| (&module.path, &module.exports)).collect();
    for Module { path: importer, imports, .. } in modules {
        for Import { path, names } in imports {
            if let Some(name) = names.iter().find(|name| !exports[path].contains(name)) {
                return Err(format!("{importer} imports {name} from {path}, which does not export it."));
            }
        }
    }
    Ok(())
}

/// A JSON file as a module: its data has the name under which it is imported.
fn json(import: &Import, source: &str) -> Result<Module, String> {
    let Import { path, names } = import;
    let data: String = source.lines().map(str::trim).collect();
    if !data.starts_with('{') || !data.ends_with('}') {
        return Err(format!("{path} holds no JSON object."));
    }
    let code = format!("const {} = {data};\n", names.join(", "));
    Ok(Module { path: path.clone(), names: names.clone(), exports: names.clone(), code, ..Module::default() })
}

fn parse(path: &str, source: &str) -> Result<Module, String> {
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
        let fail = |why| Err(line.error(&self.path, why));
        if ["import(", "import.meta"].iter().any(|form| line.text.contains(form)) {
            return fail("this form of import is not supported");
        }
        if line.text.matches('`').count() % 2 == 1 {
            return fail("a template over several lines is not supported");
        }
        let statement = line.text.strip_prefix("export ").unwrap_or(&line.text);
        let is_exported = statement.len() < line.text.len();
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
struct Line {
    number: usize,
    text: String,
}

impl Line {
    fn error(&self, path: &str, why: &str) -> String {
        format!("{path}:{}: {why}: {}", self.number, self.text.trim())
    }
}

/// The lines of a file without those that are empty or hold only a comment.
fn code_lines(path: &str, source: &str) -> Result<Vec<Line>, String> {
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
