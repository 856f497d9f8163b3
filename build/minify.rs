//! Minifies a script: short local names, no comments, no white space. Names at the top level stay, because other scripts
//! use them.

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::Mangler;
use oxc_parser::Parser;
use oxc_span::SourceType;

pub(crate) fn minify(script: &str) -> Result<String, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    if let Some(error) = parsed.errors.first() {
        return Err(format!("The modules cannot be parsed: {error}"));
    }
    let names = Mangler::new().build(&parsed.program).scoping;
    let generator = Codegen::new().with_options(CodegenOptions::minify()).with_scoping(Some(names));
    Ok(generator.build(&parsed.program).code)
}
