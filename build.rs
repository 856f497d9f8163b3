//! Builds the page: the document with its styles and its script, the parts that it fetches when it needs them, and the
//! words of each language except English. Each file is also compressed. `src/http/page.rs` includes the result.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/minify.rs"]
mod minify;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folders of the page. They hold nothing else.
const FOLDERS: [&str; 3] = ["page", "page/styles", "page/words"];

/// The words that are in the page itself.
const OWN_WORDS: &str = "page/words/en.json";

fn main() {
    for path in ["build.rs", "build", "index.html"].iter().chain(&FOLDERS) {
        println!("cargo:rerun-if-changed={path}");
    }
    if let Err(error) = build() {
        println!("cargo::error=The page cannot be built: {error}");
    }
}

fn build() -> Result<(), Box<dyn Error>> {
    let files = files_in(&FOLDERS)?;
    files.iter().for_each(|file| println!("cargo:rerun-if-changed={file}"));
    let read = |path: &str| fs::read_to_string(path).ok();
    let page = bundle::bundle(&fs::read_to_string("index.html")?, &read, &minify::minify)?;
    let mut built = vec![Built::new("/", "text/html; charset=utf-8", &page.document)?];
    for part in &page.parts {
        built.push(Built::new(&format!("/{}", part.url), "text/javascript", &part.code)?);
    }
    for file in files.iter().filter(|file| !page.files.contains(file)) {
        match file.strip_prefix("page").filter(|path| path.starts_with("/words/") && path.ends_with(".json"))
        {
            Some(path) => built.push(Built::new(path, "application/json", &fs::read_to_string(file)?)?),
            None => return Err(format!("nothing imports {file}.").into()),
        }
    }
    if !page.files.iter().any(|file| file == OWN_WORDS) {
        return Err(
            format!("no module imports {OWN_WORDS}, and English has to work without a request.").into()
        );
    }
    let built: String = built.iter().map(Built::as_rust).collect();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("page.rs"), format!("const BUILT: &[Built] = &[\n{built}];\n"))?;
    Ok(())
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
    content_type: &'static str,
    plain: PathBuf,
    gzip: PathBuf,
}

impl Built {
    /// Writes a file, plain and compressed, to the folder for build output.
    fn new(path: &str, content_type: &'static str, text: &str) -> Result<Self, Box<dyn Error>> {
        let name = path.trim_matches('/').replace('/', "-");
        let name = if name.is_empty() { "document.html" } else { &name };
        let out = PathBuf::from(std::env::var("OUT_DIR")?);
        let plain = out.join(name);
        let gzip = out.join(format!("{name}.gz"));
        fs::write(&plain, text)?;
        compress(text, &gzip)?;
        Ok(Self { path: path.to_owned(), content_type, plain, gzip })
    }

    fn as_rust(&self) -> String {
        let Self { path, content_type, plain, gzip } = self;
        format!(
            "Built {{ path: {path:?}, content_type: {content_type:?}, plain: include_str!({plain:?}), \
             gzip: include_bytes!({gzip:?}) }},\n"
        )
    }
}

fn compress(text: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    let mut encoder = GzEncoder::new(fs::File::create(to)?, Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()?;
    Ok(())
}
