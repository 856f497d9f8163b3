//! Builds the page: for each language the document with its styles and its script, the parts that it fetches when it
//! needs them, and the words of each language. Each file is also compressed. `src/http/page.rs` includes the result.
//! Also finds the commit that `--version` names.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/commit.rs"]
mod commit;
#[path = "build/language.rs"]
mod language;
#[path = "build/minify.rs"]
mod minify;

use flate2::Compression;
use flate2::write::GzEncoder;
use language::Language;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folders of the page. They hold nothing else.
const FOLDERS: [&str; 3] = ["page", "page/styles", "page/words"];

/// The words that the modules import. Each document has the words of its own language instead.
const IMPORTED_WORDS: &str = "page/words/en.json";

fn main() {
    for path in ["build.rs", "build", "index.html"].iter().chain(&FOLDERS) {
        println!("cargo:rerun-if-changed={path}");
    }
    if let Err(error) = build() {
        println!("cargo::error=The page cannot be built: {error}");
    }
    println!("cargo::rustc-env=TYPEWALL_COMMIT={}", commit());
}

/// The commit that a release is built from. Other builds do not name it: then every commit would have all of them, and
/// all tests, compiled again.
fn commit() -> String {
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return "debug".to_owned();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in commit::files(root) {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    commit::commit(root)
}

fn build() -> Result<(), Box<dyn Error>> {
    let files = files_in(&FOLDERS)?;
    files.iter().for_each(|file| println!("cargo:rerun-if-changed={file}"));
    let languages = languages_in(&files)?;
    let mut built = Vec::new();
    for language in &languages {
        let words = format!("page/words/{}.json", language.tag);
        let read = |path: &str| fs::read_to_string(if path == IMPORTED_WORDS { &words } else { path }).ok();
        let document = language.document(&fs::read_to_string("index.html")?, &languages)?;
        let page = bundle::bundle(&document, &read, &minify::minify)?;
        if language.tag == languages[0].tag {
            check_files(&files, &page.files)?;
            for part in &page.parts {
                built.push(Built::new(&format!("/{}", part.url), "text/javascript", &part.code)?);
            }
        }
        let path = format!("/words/{}.json", language.tag);
        built.push(Built::new(&path, "application/json", &fs::read_to_string(&words)?)?);
        built.push(Built::document(&language.tag, &page.document)?);
    }
    let built: String = built.iter().map(Built::as_rust).collect();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("page.rs"), format!("const BUILT: &[Built] = &[\n{built}];\n"))?;
    Ok(())
}

/// The languages that have a file of words.
fn languages_in(files: &[String]) -> Result<Vec<Language>, Box<dyn Error>> {
    let mut languages = Vec::new();
    for file in files {
        if let Some(tag) = file.strip_prefix("page/words/").and_then(|name| name.strip_suffix(".json")) {
            languages.push(Language::parse(tag, &fs::read_to_string(file)?)?);
        }
    }
    Ok(languages)
}

/// Checks that the page uses every file, except words of other languages, and that the modules import the words that
/// each document replaces.
fn check_files(files: &[String], used: &[String]) -> Result<(), String> {
    if !used.iter().any(|file| file == IMPORTED_WORDS) {
        return Err(format!(
            "no module imports {IMPORTED_WORDS}, which each document replaces with its own words."
        ));
    }
    match files.iter().find(|file| !used.contains(file) && !file.starts_with("page/words/")) {
        Some(file) => Err(format!("nothing imports {file}.")),
        None => Ok(()),
    }
}

/// The files in these folders, in an order that does not depend on the file system.
fn files_in(folders: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path.to_str().ok_or("a file has a name that is not UTF-8.")?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A file that the server serves.
struct Built {
    /// The path of its URL.
    path: String,
    /// The language of a document. `None` for other files.
    language: Option<String>,
    content_type: &'static str,
    plain: PathBuf,
    gzip: PathBuf,
}

impl Built {
    /// A file that does not depend on the visitor's language.
    fn new(path: &str, content_type: &'static str, text: &str) -> Result<Self, Box<dyn Error>> {
        let (plain, gzip) = write(&path.trim_matches('/').replace('/', "-"), text)?;
        Ok(Self { path: path.to_owned(), language: None, content_type, plain, gzip })
    }

    /// The document in one language.
    fn document(language: &str, text: &str) -> Result<Self, Box<dyn Error>> {
        let (plain, gzip) = write(&format!("{language}.html"), text)?;
        let content_type = "text/html; charset=utf-8";
        Ok(Self { path: "/".to_owned(), language: Some(language.to_owned()), content_type, plain, gzip })
    }

    fn as_rust(&self) -> String {
        let Self { path, language, content_type, plain, gzip } = self;
        format!(
            "Built {{ path: {path:?}, language: {language:?}, content_type: {content_type:?}, \
             plain: include_str!({plain:?}), gzip: include_bytes!({gzip:?}) }},\n"
        )
    }
}

/// Writes a file, plain and compressed, to the folder for build output.
fn write(name: &str, text: &str) -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let (plain, gzip) = (out.join(name), out.join(format!("{name}.gz")));
    fs::write(&plain, text)?;
    compress(text, &gzip)?;
    Ok((plain, gzip))
}

/// Compresses a file. A release uses Zopfli, which takes longer and saves another 4 %.
fn compress(text: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    let file = fs::File::create(to)?;
    if std::env::var("PROFILE")? == "release" {
        zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, text.as_bytes(), file)?;
    } else {
        let mut encoder = GzEncoder::new(file, Compression::best());
        encoder.write_all(text.as_bytes())?;
        encoder.finish()?;
    }
    Ok(())
}
