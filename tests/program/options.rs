//! Options: in arguments and in variables, and what is said about values that are refused.

use crate::support::program::{Program, fails, output, server, typewall};
use std::fs;
use std::path::Path;

#[test]
fn options_may_be_variables() {
    let program = Program::start(typewall().env("TYPEWALL_LISTEN", "localhost:0"));
    assert!(program.address.ip().is_loopback(), "{}", program.address);
    let (status, error) = fails(typewall().env("TYPEWALL_MAX_TEXT", "many"));
    assert_eq!(status, 2);
    assert!(error.contains("--max-text"), "{error}");
}

#[test]
fn an_empty_variable_counts_as_one_that_is_not_set() {
    let help = String::from_utf8(output(typewall().arg("--help")).stdout).unwrap();
    let variables = help.split("[env: ").skip(1).filter_map(|rest| rest.split([']', '=']).next());
    let mut program = server();
    variables.filter(|name| *name != "TYPEWALL_LISTEN").for_each(|name| _ = program.env(name, ""));
    assert!(program.get_envs().count() > 20, "{program:?}");
    assert!(Program::start(&mut program).address.ip().is_loopback());
    // As in a file of variables that makes a node of a machine with a store.
    let (status, error) =
        fails(server().env("TYPEWALL_STORE", "").env("TYPEWALL_REDIS", "redis://127.0.0.1:1"));
    assert!(status == 1 && error.contains("Cannot use redis://127.0.0.1:1"), "{error}");
    let (status, error) = fails(typewall().env("TYPEWALL_REDIS", "").args(["log", "--room", "r"]));
    assert!(status == 2 && error.contains("<FILE>"), "{error}");
    let prefix = [("TYPEWALL_REDIS_PREFIX", ""), ("TYPEWALL_STORE", "kept.db")];
    let (status, error) = fails(typewall().envs(prefix).args(["log", "redis://127.0.0.1:1"]));
    assert!(status == 1 && error.contains("redis://127.0.0.1:1"), "{error}");
}

#[test]
fn invalid_options_are_named_in_the_error() {
    for (arguments, named) in [
        (&["--listen", "nowhere"][..], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1"], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1:99999"], "such as 127.0.0.1:8080"),
        (&["--max-clients", "0"], "--max-clients"),
        (&["--max-text", "0"], "--max-text"),
        (&["--log-length", "1e9"], "--log-length"),
        (&["--store", "wall.db", "--store-limit", "0"], "--store-limit"),
        (&["--store-limit", "5"], "--store <FILE>"),
        (&["--frame-ancestors", "nobody"], "expected any, none, self, or a scheme"),
        (&["--allow-host", "http://wall.example"], "such as wall.example"),
        (&["--allow-host", "wall.example:8080"], "such as wall.example"),
        (&["--allow-host", "*.wall.example"], "such as wall.example"),
        (&["--nonsense"], "--nonsense"),
        (&["stray"], "stray"),
    ] {
        let (status, error) = fails(typewall().args(arguments));
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.contains(named) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn a_file_without_a_passphrase_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (file, verb, why) in
        [(file.path(), "use", "it is empty"), (Path::new("/nowhere"), "read", "No such file or directory")]
    {
        let arguments = ["--listen", "127.0.0.1:0", "--passphrase-file"];
        let (status, error) = fails(typewall().args(arguments).arg(file).env("RUST_LOG", "error"));
        assert_eq!(status, 1);
        let start = format!("typewall: Cannot {verb} the passphrase file {}: {why}", file.display());
        assert!(error.starts_with(&start), "{error}");
    }
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let output = output(typewall().arg("--help"));
    let help = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(help.trim_end()), "the README should say:\n{help}");
}
