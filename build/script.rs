//! Turns modules into scripts: one in the document, and one for each part.

use super::module::{FETCH_PART, Import, Module, VERSION, json, parse, part_name};
use super::{Minify, Part, ReadFile, check_script};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The scripts of a page.
#[derive(Debug)]
pub(super) struct Scripts {
    /// The script in the document.
    pub(super) first: String,
    pub(super) parts: Vec<Part>,
    /// The files that they were made of.
    pub(super) files: Vec<String>,
}

/// Turns a module and everything that it imports into scripts.
pub(super) fn scripts(entry: &str, read: ReadFile<'_>, minify: Minify<'_>) -> Result<Scripts, String> {
    let mut order = Order { read, modules: Vec::new(), open: Vec::new() };
    order.visit(&Import { path: entry.to_owned(), names: Vec::new() })?;
    let firsts = order.modules.len();
    let parts = order.visit_parts()?;
    let modules = order.modules;
    check_names(&modules)?;
    check_imports(&modules)?;
    check_parts(&modules, &parts)?;
    let owners = owners(&modules[firsts..], &parts);
    let code_of = |owner: Option<&String>| -> String {
        // What several parts need comes before the module that starts the page.
        let (start, firsts) = modules[..firsts].split_last().expect("the entry was visited first");
        let late = modules[firsts.len() + 1..].iter().filter(|module| owners[&module.path] == owner);
        let early = firsts.iter().filter(|_| owner.is_none());
        early.chain(late).chain(owner.is_none().then_some(start)).map(|module| &module.code[..]).collect()
    };
    let mut codes = vec![code_of(None)];
    for part in &parts {
        let module = modules.iter().find(|module| module.path == *part).expect("every part was visited");
        codes.push(format!("{}export {{ {} }};\n", code_of(Some(part)), module.exports.join(", ")));
    }
    let names: Vec<&str> = modules.iter().flat_map(|module| &module.names).map(String::as_str).collect();
    let minified = codes.iter().map(|code| minify(code, &names)).collect::<Result<Vec<String>, _>>()?;
    let version = version(&modules, &minified[1..]);
    let mut codes = minified.into_iter().map(|code| code.replace(VERSION, &version));
    let first = codes.next().expect("codes begins with the script in the document");
    check_script(&first)?;
    let url = |path| format!("parts/{}-{version}.js", part_name(path));
    let parts = parts.iter().zip(codes).map(|(path, code)| Part { url: url(path), code }).collect();
    let files = modules.into_iter().map(|module| module.path).collect();
    Ok(Scripts { first, parts, files })
}

/// The version of the scripts. It does not depend on the words, which differ between languages, because all documents use
/// the same parts.
fn version(modules: &[Module], parts: &[String]) -> String {
    let mut hasher = DefaultHasher::new();
    let code = modules.iter().filter(|module| !module.path.ends_with(".json")).map(|module| &module.code);
    code.chain(parts).for_each(|code| code.hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

/// The part that each module belongs to: `None` for the first script, which also has what several parts need.
fn owners<'a>(modules: &'a [Module], parts: &'a [String]) -> BTreeMap<&'a String, Option<&'a String>> {
    let mut owners = BTreeMap::new();
    for part in parts {
        let mut open = vec![part];
        let mut seen = BTreeSet::new();
        while let Some(path) = open.pop() {
            let Some(module) = modules.iter().find(|module| module.path == *path) else { continue };
            if seen.insert(path) {
                owners.entry(&module.path).and_modify(|owner| *owner = None).or_insert(Some(part));
                open.extend(module.imports.iter().map(|import| &import.path));
            }
        }
    }
    owners
}

/// Checks that no module imports a part at once, and that the page has the function that fetches parts.
fn check_parts(modules: &[Module], parts: &[String]) -> Result<(), String> {
    for Module { path, imports, .. } in modules {
        if let Some(import) = imports.iter().find(|import| parts.contains(&import.path)) {
            return Err(format!("{} is a part, but {path} imports it at once.", import.path));
        }
    }
    let has_fetch = modules.iter().any(|module| module.names.iter().any(|name| name == FETCH_PART));
    match parts.first() {
        Some(part) if !has_fetch => Err(format!("{part} is a part, and no module has {FETCH_PART}.")),
        _ => Ok(()),
    }
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

    /// Visits the parts, and the parts of parts. Returns their paths.
    fn visit_parts(&mut self) -> Result<Vec<String>, String> {
        let mut parts = Vec::new();
        let mut next = 0;
        while let Some(module) = self.modules.get(next) {
            for path in module.parts.clone() {
                if !parts.contains(&path) {
                    self.visit(&Import { path: path.clone(), names: Vec::new() })?;
                    parts.push(path);
                }
            }
            next += 1;
        }
        Ok(parts)
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
