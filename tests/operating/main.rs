//! What docs/operating.md tells operators to do, with the programs that they do it with. The configurations and the
//! commands are read from the document; only ports, addresses and files are replaced.

#[path = "../support/mod.rs"]
mod support;

mod backup;
mod caddy;
mod haproxy;
mod nginx;
mod people;
mod place;
mod play;
mod poller;
mod site;
mod upgrade;

const DOCUMENT: &str = include_str!("../../docs/operating.md");

/// The only example of the document that is in this language and has this in it.
fn example(language: &str, part: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let examples = DOCUMENT.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<&str> = examples.filter(|example| example.contains(part)).collect();
    assert_eq!(found.len(), 1, "{language} examples with {part:?}");
    found[0]
}

/// A text with something else in it, which has to be there.
fn replaced(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is in {text}");
        text.replace(from, to)
    })
}
