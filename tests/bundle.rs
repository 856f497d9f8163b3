//! The bundler that `build.rs` runs: what it makes of a page, and what it does not take.

#[path = "../build/bundle.rs"]
mod bundle;

#[path = "../build/language.rs"]
mod language;

use bundle::{Bundle, bundle};
use language::Language;

const DOCUMENT: &str = "<head>\n<link rel=\"stylesheet\" href=\"page/a.css\">\n<link rel=\"stylesheet\" href=\"page/b.css\">\n</head>\n\
                        <script type=\"module\" src=\"page/main.js\"></script>\n";

/// The styles that every test has.
const STYLES: [(&str, &str); 2] =
    [("page/a.css", "/* First. */\na { b: c }\n"), ("page/b.css", "@media x {\n  d { e: f }\n}\n")];

fn try_bundle(document: &str, modules: &[(&str, &str)]) -> Result<Bundle, String> {
    let files = [&STYLES, modules].concat();
    let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    bundle(document, &read, &|script, _| Ok(script.to_owned()))
}

/// The script that these modules make, the first of which starts the page.
fn script(modules: &[(&str, &str)]) -> String {
    let bundle = try_bundle(DOCUMENT, modules).unwrap();
    let (_, script) = bundle.document.split_once("<script>\n\"use strict\";\n").expect("a script");
    script.strip_suffix("</script>\n").expect("its end").to_owned()
}

fn refusal(modules: &[(&str, &str)]) -> String {
    try_bundle(DOCUMENT, modules).expect_err("a module that breaks a rule")
}

#[test]
fn styles_and_script_stand_where_their_tags_stood() {
    let bundle = try_bundle(DOCUMENT, &[("page/main.js", "start();\n")]).unwrap();
    let expected = "<head>\n<style>\na{b:c}@media x{d{e:f}}</style>\n</head>\n\
                    <script>\n\"use strict\";\nstart();\n</script>\n";
    assert_eq!(bundle.document, expected);
    assert_eq!(bundle.files, ["page/a.css", "page/b.css", "page/main.js"]);
}

#[test]
fn a_classic_script_stays_a_script_of_its_own() {
    let document = DOCUMENT.replace("</head>", "<script src=\"page/old.js\"></script>\n</head>");
    let old = ("page/old.js", "// For all.\n(function () {\n  var a = 1;\n})();\n");
    let bundle = try_bundle(&document, &[("page/main.js", "start();\n"), old]).unwrap();
    let script = "<script>\n(function () {\nvar a = 1;\n})();\n</script>\n</head>\n<script>\n\"use strict\";\nstart();\n";
    assert!(bundle.document.contains(script), "{}", bundle.document);
    assert_eq!(bundle.files, ["page/a.css", "page/b.css", "page/old.js", "page/main.js"]);
    let ending = ("page/old.js", "var a = \"</script>\";\n");
    assert!(try_bundle(&document, &[("page/main.js", "start();\n"), ending]).is_err());
}

#[test]
fn modules_stand_behind_what_they_need_each_once_and_without_imports() {
    let script = script(&[
        ("page/main.js", "import { b } from \"./b.js\";\nimport { a, aa } from \"./a.js\";\n\nb(a, aa);\n"),
        ("page/b.js", "import {\n  a,\n} from \"./a.js\";\nexport function b() {\n  return a;\n}\n"),
        ("page/a.js", "export const a = 1;\nexport let aa = [\n  2,\n];\nclass Hidden {}\n"),
    ]);
    let expected =
        "const a = 1;\nlet aa = [\n2,\n];\nclass Hidden {}\nfunction b() {\nreturn a;\n}\nb(a, aa);\n";
    assert_eq!(script, expected);
}

const PARTS: (&str, &str) = ("page/parts.js", "export function fetchPart(url) {\n  return import(url);\n}\n");

#[test]
fn a_module_that_is_imported_when_it_is_needed_is_a_part_with_what_only_it_needs() {
    let main = "import { fetchPart } from \"./parts.js\";\nfunction f() {\n  use(import(\"./p.js\"), import(\"./q.js\"), import(\"./p.js\"));\n}\nstart();\n";
    let modules = [
        ("page/main.js", main),
        PARTS,
        (
            "page/p.js",
            "import { own } from \"./own.js\";\nimport { both } from \"./both.js\";\nexport function p() {\n  return import(\"./q.js\");\n}\n",
        ),
        ("page/q.js", "import { both } from \"./both.js\";\nexport const q = both;\nexport let r = 1;\n"),
        ("page/own.js", "export const own = 1;\n"),
        ("page/both.js", "export const both = 1;\n"),
    ];
    let bundle = try_bundle(DOCUMENT, &modules).unwrap();
    let urls: Vec<&str> = bundle.parts.iter().map(|part| &part.url[..]).collect();
    let [p, q] = urls[..] else { panic!("{urls:?}") };
    assert!(p.starts_with("parts/p-") && p.ends_with(".js") && q.starts_with("parts/q-"), "{urls:?}");
    let first = format!(
        "function fetchPart(url) {{\nreturn import(url);\n}}\nconst both = 1;\nfunction f() {{\n\
         use(fetchPart(\"./{p}\"), fetchPart(\"./{q}\"), fetchPart(\"./{p}\"));\n}}\nstart();\n"
    );
    assert!(bundle.document.contains(&first), "{}", bundle.document);
    let expected =
        format!("const own = 1;\nfunction p() {{\nreturn fetchPart(\"./{q}\");\n}}\nexport {{ p }};\n");
    assert_eq!(bundle.parts[0].code, expected);
    assert_eq!(bundle.parts[1].code, "const q = both;\nlet r = 1;\nexport { q, r };\n");
    assert_eq!(bundle.files.len(), 2 + modules.len());
    let mut changed = modules;
    changed[4].1 = "export const own = 2;\n";
    assert_ne!(try_bundle(DOCUMENT, &changed).unwrap().parts[1].url, q, "all scripts have one version");
}

#[test]
fn what_is_needed_at_once_is_no_part() {
    let p = ("page/p.js", "export const p = 1;\n");
    let main = "import { p } from \"./p.js\";\nfunction f() {\n  return import(\"./p.js\");\n}\n";
    assert_eq!(
        refusal(&[("page/main.js", main), p]),
        "page/p.js is a part, but page/main.js imports it at once."
    );
    let main = "function f() {\n  return import(\"./p.js\");\n}\n";
    assert_eq!(refusal(&[("page/main.js", main), p]), "page/p.js is a part, and no module has fetchPart.");
    let main = "function f() {\n  return import(\"./no.js\");\n}\n";
    assert_eq!(refusal(&[("page/main.js", main)]), "There is no file page/no.js.");
}

#[test]
fn styles_lose_only_space_that_means_nothing() {
    let style = "a :is(b, c) > d , e {\n  margin: calc(1px + 2px)  auto;\n  content: \"a; b { c\";\n}\n@media (width < 3px) and (x) { f::before { g: h } }\n";
    let read = |path: &str| Some(if path == "page/main.js" { "start();\n" } else { style }.to_owned());
    let document = bundle(DOCUMENT, &read, &|script, _| Ok(script.to_owned())).unwrap().document;
    let expected = "a :is(b,c) > d ,e{margin:calc(1px + 2px) auto;content:\"a; b { c\"}@media (width < 3px) and (x){f::before{g:h}}";
    assert!(document.contains(expected), "{document}");
}

#[test]
fn data_has_the_name_under_which_it_is_imported() {
    let script = script(&[
        ("page/main.js", "import WORDS from \"./words/en.json\" with { type: \"json\" };\nsay(WORDS);\n"),
        ("page/words/en.json", "{\n  \"a\": \"// no comment\",\n  \"b\": \"/* nor this */\"\n}\n"),
    ]);
    assert_eq!(script, "const WORDS = {\"a\": \"// no comment\",\"b\": \"/* nor this */\"};\nsay(WORDS);\n");
}

#[test]
fn comments_that_fill_lines_are_left_out_and_others_stay() {
    let module = "// One.\n/**\n * Two.\n *\n * @param {string} a\n */\nfunction f(a) {\n  // Three.\n  return \"// four\"; // five\n}\n/* Six. */\n/** @type {string} */\nconst g = f(\"/* seven */\");\n";
    assert_eq!(
        script(&[("page/main.js", module)]),
        "function f(a) {\nreturn \"// four\"; // five\n}\nconst g = f(\"/* seven */\");\n"
    );
}

#[test]
fn a_broken_import_or_name_is_refused_with_a_sentence() {
    let b = ("page/b.js", "export const b = 1;\n");
    for (main, others, sentence) in [
        (
            "import { b } from \"./c.js\";\n",
            &[b][..],
            "page/main.js imports page/c.js, and there is no such file.",
        ),
        (
            "import { c } from \"./b.js\";\n",
            &[b],
            "page/main.js imports c from page/b.js, which does not export it.",
        ),
        (
            "import { b } from \"./b.js\";\nconst b = 2;\n",
            &[b],
            "page/b.js and page/main.js both have the top-level name b.",
        ),
        (
            "const a = 1;\nfunction a() {}\n",
            &[],
            "page/main.js and page/main.js both have the top-level name a.",
        ),
        (
            "import { c } from \"./c.js\";\n",
            &[
                ("page/c.js", "import { d } from \"./d.js\";\nexport const c = d;\n"),
                ("page/d.js", "import { c } from \"./c.js\";\nexport const d = c;\n"),
            ],
            "Modules import each other in a circle: page/c.js → page/d.js → page/c.js.",
        ),
        (
            "import { main } from \"./main.js\";\n",
            &[],
            "Modules import each other in a circle: page/main.js → page/main.js.",
        ),
    ] {
        let modules = [&[("page/main.js", main)], others].concat();
        assert_eq!(refusal(&modules), sentence, "{main}");
    }
}

#[test]
fn what_a_document_cannot_hold_is_refused_with_a_sentence() {
    for (main, others, sentence) in [
        (
            "import WORDS from \"./w.json\" with { type: \"json\" };\n",
            &[("page/w.json", "[1]")][..],
            "page/w.json holds no JSON object.",
        ),
        ("/* never\n", &[], "page/main.js:1: this comment does not end."),
        (
            "const html = \"</script>\";\n",
            &[],
            "The modules have </script in them, which a script in a document must not have.",
        ),
        (
            "const html = \"<!-- x\";\n",
            &[],
            "The modules have <!-- in them, which a script in a document must not have.",
        ),
    ] {
        let modules = [&[("page/main.js", main)], others].concat();
        assert_eq!(refusal(&modules), sentence, "{main}");
    }
}

#[test]
fn forms_that_are_not_supported_are_named_with_their_line() {
    let b = ("page/b.js", "export const b = 1;\nexport default b;\n");
    for (line, why) in [
        ("import { b as c } from \"./b.js\";", "this form of import"),
        ("import * as b from \"./b.js\";", "this form of import"),
        ("import b from \"./b.js\";", "this form of import"),
        ("import \"./b.js\";", "this form of import"),
        ("import { b } from \"b\";", "this form of import"),
        ("import { b } from \"../b.js\";", "this form of import"),
        ("import { b } from './b.js';", "this form of import"),
        ("import { b } from \"./b.js\" with { type: \"x\" };", "this form of import"),
        ("import WORDS from \"./words.json\";", "this form of import"),
        ("import { b } from \"./b.js\"", "this import does not end"),
        ("const b = await import(\"b.js\");", "this form of import"),
        ("const b = await import(\"./b.json\");", "this form of import"),
        ("const b = await import(url);", "this form of import"),
        ("const url = import.meta.url;", "this form of import"),
        ("export default 1;", "this form of export"),
        ("export { b };", "this form of export"),
        ("export * from \"./b.js\";", "this form of export"),
        ("const { b, c } = d;", "this is not supported at the top level"),
        ("const [b] = d;", "this is not supported at the top level"),
        ("let b, c;", "this is not supported at the top level"),
        ("var b = 1;", "this is not supported at the top level"),
        ("if (b) start();", "this is not supported at the top level"),
        ("b = 1;", "this is not supported at the top level"),
        ("const text = `over", "a template over several lines"),
    ] {
        let refusal = refusal(&[("page/main.js", &format!("// A comment.\n{line}\n")), b]);
        assert!(refusal.starts_with(&format!("page/main.js:2: {why}")), "{line}: {refusal}");
        assert!(refusal.contains(line), "{line}: {refusal}");
    }
}

#[test]
fn a_document_has_one_style_and_one_script_by_tags_of_one_form() {
    let main = ("page/main.js", "start();\n");
    let style = "<link rel=\"stylesheet\" href=\"page/a.css\">\n";
    let script = "<script type=\"module\" src=\"page/main.js\"></script>\n";
    for document in [
        style.to_owned(),
        script.to_owned(),
        format!("{style}{script}{script}"),
        format!("{style}<p>\n{style}{script}"),
        format!("{style}<script>x</script>\n{script}"),
        format!("{style}<script src=\"x.js\"></script>\n"),
        format!("{style}{script}<link href=\"page/b.css\" rel=\"stylesheet\">\n"),
        format!("<link rel=\"stylesheet\" href=\"page/c.css\">\n{script}"),
        format!("{style}<script type=\"module\" src=\"page/other.js\"></script>\n"),
    ] {
        let refusal = try_bundle(&document, &[main]).expect_err(&document);
        assert!(refusal.ends_with('.') || refusal.contains(": "), "{refusal}");
    }
    for style in ["@import \"b.css\";", "a::before { content: \"</style>\" }", "/* never"] {
        let read = |path: &str| Some(if path == main.0 { main.1 } else { style }.to_owned());
        assert!(bundle(DOCUMENT, &read, &|script, _| Ok(script.to_owned())).is_err(), "{style}");
    }
}

/// Two languages with what every language needs.
fn languages() -> [Language; 2] {
    let words = |name: &str, direction: &str, join: &str| {
        format!(
            "{{\"languageName\": \"{name}\", \"direction\": \"{direction}\", \"everyKey\": \"a \\\"b\\\"\", \"join\": \"{join}\"}}"
        )
    };
    [("ar", "A", "rtl", "<&>"), ("zh-Hans", "Z", "ltr", "join")]
        .map(|(tag, name, direction, join)| Language::parse(tag, &words(name, direction, join)).unwrap())
}

const TRANSLATED: &str = "<html lang=\"en\">\n<meta name=\"description\" content=\"everyKey\">\n\
                      <main><button data-say=\"join\"></button><i data-label=\"join\" hidden></i>x</main>\n\
                      <b data-say=\"later\"></b><select id=\"language\"></select>\n";

#[test]
fn a_document_is_in_its_language_from_the_first_byte() {
    let languages = languages();
    let document = languages[0].document(TRANSLATED, &languages).unwrap();
    let expected = "<html lang=\"ar\" dir=\"rtl\">\n<meta name=\"description\" content=\"a &quot;b&quot;\">\n\
                    <main><button data-say=\"join\">&lt;&amp;></button>\
                    <i data-label=\"join\" hidden aria-label=\"&lt;&amp;>\"></i>x</main>\n\
                    <b data-say=\"later\"></b><select id=\"language\"><option value=\"ar\" lang=\"ar\">A</option>\
                    <option value=\"zh-Hans\" lang=\"zh-Hans\">Z</option></select>\n";
    assert_eq!(document, expected);
}

#[test]
fn a_language_that_lacks_a_word_of_the_document_is_refused() {
    let languages = languages();
    let refusal =
        languages[1].document(&TRANSLATED.replace("data-say=\"join\"", "data-say=\"no\""), &languages);
    assert_eq!(refusal.unwrap_err(), "zh-Hans has no word no.");
    let refusal = languages[1].document(&TRANSLATED.replace("lang=\"en\"", ""), &languages);
    assert!(refusal.unwrap_err().ends_with("it needs one."));
    assert!(Language::parse("de", "{").is_err() && Language::parse("de", "[]").is_err());
}
