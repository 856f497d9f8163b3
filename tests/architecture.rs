//! Checks that the folders of `src/` depend on each other in one direction, and that no files import each other in a
//! cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The folders in their order. Each may import only from those before it.
const FOLDERS: [&str; 13] = [
    "platform", "base", "room", "protocol", "delivery", "store", "cluster", "hub", "client", "tls", "http",
    "server", "remote",
];

/// What depends on the operating system, or is not checked by the compiler.
const OF_SYSTEMS: [&str; 11] = [
    "target_os",
    "target_env",
    "cfg(unix",
    "cfg(windows",
    "std::os::",
    "libc::",
    "rustix::",
    "rlimit::",
    "signal_hook::",
    "/proc/",
    "unsafe ",
];

/// For each module, such as `hub/event`, the modules it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The code of a source before its tests, without comments.
fn code(source: &str) -> String {
    let lines = source.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// What in a source depends on the operating system.
fn of_systems(source: &str) -> Vec<&'static str> {
    let code = code(source);
    OF_SYSTEMS.into_iter().filter(|text| code.contains(text)).collect()
}

/// The sources in the folders, by module: `hub/event` for `hub/event.rs`, `hub` for `hub/mod.rs`.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root).into_iter().filter_map(|file| {
        let path = file.strip_prefix(&root).expect("a file of src").with_extension("");
        let module = path.to_str().expect("a UTF-8 name").replace('\\', "/");
        let module = module.strip_suffix("/mod").unwrap_or(&module).to_owned();
        let is_in_folder = FOLDERS.contains(&module.split('/').next().unwrap_or_default());
        is_in_folder.then(|| (module, fs::read_to_string(&file).expect("a source")))
    });
    files.collect()
}

/// Every path after `crate::` or `super::` in a source without its comments, as module segments and names.
fn paths(module: &str, source: &str) -> Vec<Vec<String>> {
    let mut folder: Vec<String> = module.split('/').map(str::to_owned).collect();
    folder.pop();
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let from_root = code.match_indices("crate::").map(|(at, start)| (Vec::new(), &code[at + start.len()..]));
    let from_folder =
        code.match_indices("super::").map(|(at, start)| (folder.clone(), &code[at + start.len()..]));
    let mut paths = Vec::new();
    // `super::*` in the tests of a file is the file itself.
    for (prefix, tree) in from_root.chain(from_folder).filter(|(_, tree)| !tree.starts_with('*')) {
        read_tree(tree, &prefix, &mut paths);
    }
    paths
}

/// Reads a use tree such as `a::{b, c::D}`. Returns the rest of the source.
fn read_tree<'a>(tree: &'a str, prefix: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = prefix.to_vec();
    let mut rest = tree.trim_start();
    loop {
        if let Some(mut inner) = rest.strip_prefix('{') {
            while !inner.trim_start().starts_with('}') {
                inner = read_tree(inner, &path, paths).trim_start();
                inner = inner.strip_prefix(',').unwrap_or(inner);
            }
            return inner.trim_start().strip_prefix('}').expect("an end");
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) if end > 0 => rest = more,
            _ => {
                paths.push(path);
                return rest;
            }
        }
    }
}

/// The imports between modules. The longest beginning of a path that is a module is meant; the rest names an item in it.
fn imports(sources: &BTreeMap<String, String>) -> Imports {
    let import = |(module, source): (&String, &String)| {
        let targets = paths(module, source).into_iter().filter_map(|path| {
            let beginnings = (1..=path.len()).rev().map(|count| path[..count].join("/"));
            let mut modules = beginnings.filter(|path| sources.contains_key(path));
            // A file and its parts are one module in several files.
            modules.next().filter(|target| target != module && !module.starts_with(&format!("{target}/")))
        });
        (module.clone(), targets.collect())
    };
    sources.iter().map(import).collect()
}

fn position(module: &str) -> usize {
    let folder = module.split('/').next().unwrap_or_default();
    FOLDERS.iter().position(|known| *known == folder).expect("a folder of the list")
}

/// The imports against the order of the folders.
fn backward_imports(imports: &Imports) -> Vec<String> {
    let pairs = imports.iter().flat_map(|(from, targets)| targets.iter().map(move |to| (from, to)));
    pairs
        .filter(|(from, to)| position(to) > position(from))
        .map(|(from, to)| format!("{from} → {to}"))
        .collect()
}

/// The modules in a cycle, or between two cycles. They are left when the modules are removed, again and again, that
/// import no other module or that no other module imports.
fn cycles(imports: &Imports) -> BTreeSet<String> {
    let mut left: BTreeSet<String> = imports.keys().cloned().collect();
    loop {
        let imports_some = |module: &String| imports[module].iter().any(|target| left.contains(target));
        let is_imported = |module: &String| left.iter().any(|other| imports[other].contains(module));
        let free: Vec<String> =
            left.iter().filter(|module| !imports_some(module) || !is_imported(module)).cloned().collect();
        if free.is_empty() {
            return left;
        }
        free.iter().for_each(|module| _ = left.remove(module));
    }
}

#[test]
fn imports_go_in_one_direction() {
    let sources = sources();
    let folders: BTreeSet<&str> = sources.keys().filter_map(|module| module.split('/').next()).collect();
    assert_eq!(folders, FOLDERS.into(), "FOLDERS lists every folder");
    let imports = imports(&sources);
    assert!(imports["hub/decisions"].contains("room/rules"), "imports are found");
    assert_eq!(backward_imports(&imports), [""; 0]);
    assert_eq!(cycles(&imports), BTreeSet::new());
}

#[test]
fn only_the_folder_for_systems_depends_on_the_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (platform, others): (Vec<_>, Vec<_>) =
        rust_files(&root).into_iter().partition(|file| file.starts_with(root.join("platform")));
    for file in others {
        let source = fs::read_to_string(&file).expect("a source");
        assert_eq!(of_systems(&source), [""; 0], "{}", file.display());
    }
    let platform = platform.iter().map(|file| fs::read_to_string(file).expect("a source"));
    assert_eq!(of_systems(&platform.collect::<String>().replace("#[cfg(test)]", "")), OF_SYSTEMS);
}

#[test]
fn backward_imports_and_cycles_are_found() {
    let source = |module: &str, code: &str| (module.to_owned(), code.to_owned());
    let sources = BTreeMap::from([
        source("base", "pub mod ids;"),
        source("base/ids", "// use crate::hub::Hub;"),
        source("room/rules", "use crate::{base::ids::UserId, hub::{event::Event, Hub}};"),
        source("room/view", "fn view(rules: super::rules::Rules) -> crate::room::names::Name {}"),
        source("room/names", "use crate::room::view::View;"),
        source("hub", "pub struct Hub;"),
        source("hub/event", "use crate::room::view::{self, View};"),
    ]);
    let imports = imports(&sources);
    assert_eq!(backward_imports(&imports), ["room/rules → hub", "room/rules → hub/event"]);
    let cycle = ["hub/event", "room/names", "room/rules", "room/view"].map(str::to_owned);
    assert_eq!(cycles(&imports), cycle.into());
}
