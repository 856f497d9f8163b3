//! Minifies a script: short names, no comments, no white space.

use oxc_allocator::{Allocator, FromIn};
use oxc_ast::ast::{BindingIdentifier, IdentifierReference};
use oxc_ast_visit::VisitMut;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::Mangler;
use oxc_parser::Parser;
use oxc_semantic::{Scoping, SemanticBuilder, SymbolId};
use oxc_span::{Atom, SourceType};
use std::collections::HashMap;

/// Top-level names that are not shortened, because tests of the page use them.
const NAMES_IN_TESTS: [&str; 30] = [
    "TOKEN",
    "aloud",
    "asked",
    "at",
    "choices",
    "connect",
    "draft",
    "drawChecking",
    "enlarge",
    "fetched",
    "gate",
    "hostKey",
    "join",
    "keepPassphrase",
    "keepSeat",
    "keptInTab",
    "later",
    "link",
    "look",
    "lose",
    "project",
    "receive",
    "remove",
    "retryLater",
    "rewrite",
    "room",
    "seat",
    "send",
    "shrink",
    "typed",
];

/// Minifies one of several scripts that share these top-level names. Each name is shortened to the same in all of them.
pub(crate) fn minify(script: &str, top_level: &[&str]) -> Result<String, String> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    if let Some(error) = parsed.errors.first() {
        return Err(format!("The modules cannot be parsed: {error}"));
    }
    let scoping = SemanticBuilder::new().build(&parsed.program).semantic.into_scoping();
    let short = top_level.iter().filter(|name| !NAMES_IN_TESTS.contains(name)).enumerate();
    let short = short.map(|(index, name)| (*name, Atom::from_in(short_name(index), &allocator))).collect();
    Renaming { scoping, short }.visit_program(&mut parsed.program);
    let names = Mangler::new().build(&parsed.program).scoping;
    let generator = Codegen::new().with_options(CodegenOptions::minify()).with_scoping(Some(names));
    Ok(generator.build(&parsed.program).code)
}

/// A name for each number. It begins with `$`, as no top-level name of the page and no global name of a browser does.
fn short_name(mut index: usize) -> String {
    const LETTERS: &[u8] = b"etnriaoscludfpmhgvybxSCwTEDOkAjMNPFILRzBVHUWGKqJYXZQ";
    let mut name = String::from("$");
    loop {
        name.push(char::from(LETTERS[index % LETTERS.len()]));
        index /= LETTERS.len();
        if index == 0 {
            return name;
        }
        index -= 1;
    }
}

/// Shortens top-level names: those of this script, and those of other scripts that it uses.
struct Renaming<'a> {
    scoping: Scoping,
    short: HashMap<&'a str, Atom<'a>>,
}

impl<'a> Renaming<'a> {
    /// The short form of a top-level name. `symbol` is `None` if another script declares the name.
    fn short(&self, name: &str, symbol: Option<SymbolId>) -> Option<Atom<'a>> {
        let is_local =
            symbol.is_some_and(|id| self.scoping.symbol_scope_id(id) != self.scoping.root_scope_id());
        self.short.get(name).filter(|_| !is_local).copied()
    }
}

impl<'a> VisitMut<'a> for Renaming<'a> {
    fn visit_identifier_reference(&mut self, it: &mut IdentifierReference<'a>) {
        let symbol = it.reference_id.get().and_then(|id| self.scoping.get_reference(id).symbol_id());
        it.name = self.short(&it.name, symbol).unwrap_or(it.name);
    }

    fn visit_binding_identifier(&mut self, it: &mut BindingIdentifier<'a>) {
        it.name = self.short(&it.name, it.symbol_id.get()).unwrap_or(it.name);
    }
}
