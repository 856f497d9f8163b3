//! The documents name tests and files that exist, and controls as the page names them.

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files in a folder and the folders in it.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The functions of a file, as `module::function`.
fn functions(file: &Path) -> Vec<String> {
    let module = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let source = fs::read_to_string(file).expect("a source");
    // Those of tests/cluster are called from its own list.
    let lines = source.lines().map(|line| line.trim().trim_start_matches("pub(crate) "));
    let names = lines.filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
    names.map(|name| format!("{module}::{name}")).collect()
}

/// Whether arguments of `cargo test` run any test: those of a target if they name one, and a part of a test's path.
fn run_a_test(arguments: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words: Vec<&str> = arguments.split(' ').collect();
    let (folders, filter) = match words[..] {
        ["--test", target, filter] => (vec![root.join("tests").join(target)], filter),
        [filter] => (vec![root.join("tests"), root.join("src")], filter),
        _ => return false,
    };
    let mut files = folders.iter().flat_map(|folder| rust_files(folder));
    files.any(|file| functions(&file).iter().any(|name| name.contains(filter)))
}

#[test]
fn every_row_of_fault_tolerance_names_tests_that_exist() {
    let document = include_str!("../docs/fault-tolerance.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 5, "the table is found");
    for row in rows {
        let cell = row.trim_end_matches([' ', '|']).rsplit('|').next().expect("a last cell");
        let code: Vec<&str> =
            cell.split('`').skip(1).step_by(2).filter(|code| !code.starts_with("cargo bench")).collect();
        assert!(!code.is_empty(), "no test: {row}");
        for arguments in code {
            assert!(run_a_test(arguments), "`cargo test {arguments}` runs no test");
        }
    }
}

#[test]
fn every_file_that_the_list_of_limits_names_exists() {
    let document = include_str!("../docs/limits.md");
    let words = document.split(|c: char| c.is_whitespace() || ",;()".contains(c));
    let files: Vec<&str> = words.filter(|word| word.starts_with("src/") && word.ends_with(".rs")).collect();
    assert!(files.len() > 20, "{files:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<_> = files.into_iter().filter(|file| !root.join(file).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The controls of hosts, by their words in the page.
const CONTROLS: [&str; 14] = [
    "question",
    "ask",
    "hideAnswers",
    "revealAnswers",
    "lock",
    "freeze",
    "clearAll",
    "saveWall",
    "spotlight",
    "endSpotlight",
    "clearBox",
    "remove",
    "makeHost",
    "invite",
];

#[test]
fn the_guide_for_hosts_names_each_control_as_the_page_does() {
    let words: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(include_str!("../page/words/en.json")).expect("words");
    let names: Vec<&str> = include_str!("../docs/hosting.md").split("**").skip(1).step_by(2).collect();
    for name in &names {
        assert!(words.values().any(|word| word == name), "the page has no control {name:?}");
    }
    for control in CONTROLS {
        let name = words[control].as_str().expect("a word without a count");
        assert!(names.contains(&name), "docs/hosting.md does not name {name:?}");
    }
}
