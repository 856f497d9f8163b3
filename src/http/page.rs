//! The page, its parts and its words, which `build.rs` builds into the program. There is one document for each language.
//! A request gets the one in the language that it prefers, in the content coding that it accepts.

use crate::http::negotiation::{ContentCoding, has_already, preferred_language};
use crate::http::response::Response;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};
use tungstenite::http::{HeaderMap, Uri};

/// Bytes of a hash in an entity tag: enough that no two versions share a tag.
const TAG_LEN: usize = 12;

/// The folder of the parts, which the page fetches when it needs them. Their names change with their content.
const PARTS: &str = "/parts/";

/// A file as `build.rs` describes it.
struct Built {
    path: &'static str,
    /// The language of a document. `None` for other files.
    language: Option<&'static str>,
    content_type: &'static str,
    plain: &'static str,
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The documents, parts and words of the page, ready to be sent.
#[derive(Debug)]
pub(crate) struct Page {
    files: Vec<File>,
    /// The languages of the documents.
    languages: Vec<&'static str>,
}

#[derive(Debug)]
struct File {
    path: &'static str,
    /// The language of a document. `None` for other files.
    language: Option<&'static str>,
    content_type: &'static str,
    /// The Content-Security-Policy of the file. `None` for the strict one of other responses.
    policy: Option<String>,
    plain: Body,
    gzip: Body,
}

/// A file in one coding.
#[derive(Debug)]
struct Body {
    bytes: &'static [u8],
    /// Changes with the bytes and with the policy, so that a client never keeps an old policy.
    tag: String,
}

impl Page {
    /// The page of a server. `frame_ancestors` is the value of that directive in the Content-Security-Policy.
    pub(crate) fn new(frame_ancestors: &str) -> Self {
        let files: Vec<File> = BUILT.iter().map(|built| File::new(built, frame_ancestors)).collect();
        let languages = files.iter().filter_map(|file| file.language).collect();
        Self { files, languages }
    }

    /// The response to a request for this URL. `None` if its path is none of these files.
    pub(crate) fn response(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let language = match uri.path() {
            "/" => Some(preferred_language(uri.query().unwrap_or_default(), headers, &self.languages)),
            _ => None,
        };
        let file = self.files.iter().find(|file| file.path == uri.path() && file.language == language)?;
        Some(file.response(headers))
    }
}

impl File {
    fn new(built: &Built, frame_ancestors: &str) -> Self {
        let &Built { path, language, content_type, plain, gzip } = built;
        let policy = language.is_some().then(|| policy(plain, frame_ancestors));
        let body = |bytes| Body { bytes, tag: tag(bytes, policy.as_deref()) };
        Self { path, language, content_type, plain: body(plain.as_bytes()), gzip: body(gzip), policy }
    }

    fn is_document(&self) -> bool {
        self.language.is_some()
    }

    fn response(&self, headers: &HeaderMap) -> Response {
        let coding = ContentCoding::wanted(headers);
        let body = match coding {
            ContentCoding::Identity => &self.plain,
            ContentCoding::Gzip => &self.gzip,
        };
        let vary = if self.is_document() { "Accept-Encoding, Accept-Language" } else { "Accept-Encoding" };
        let response = Response::built_in(self.content_type, body.bytes, self.policy.as_deref())
            .with_header("ETag", body.tag.clone())
            .with_header("Vary", vary);
        let response = if self.path.starts_with(PARTS) { response.immutable() } else { response };
        if has_already(headers, &body.tag) {
            return response.not_modified();
        }
        match coding {
            ContentCoding::Identity => response,
            ContentCoding::Gzip => response.with_header("Content-Encoding", "gzip"),
        }
    }
}

fn tag(bytes: &[u8], policy: Option<&str>) -> String {
    let hash = Sha256::new().chain_update(bytes).chain_update(policy.unwrap_or_default()).finalize();
    format!("\"{}\"", HEXLOWER.encode(&hash[..TAG_LEN]))
}

/// The Content-Security-Policy of the page: it may use its own scripts and style, identified by their hashes, load its
/// parts, and connect to its own server. `'self'` allows no scripts but the parts, because a browser runs no other response
/// of this server as a script: each has a different type and `X-Content-Type-Options: nosniff`.
fn policy(page: &str, frame_ancestors: &str) -> String {
    let [script, style] = ["script", "style"].map(|element| {
        let hashes: Vec<String> = contents(page, element).into_iter().map(hash).collect();
        hashes.join(" ")
    });
    format!(
        "default-src 'none'; script-src 'self' {script}; style-src {style}; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors}"
    )
}

/// The content of each of the page's elements with that name, as a browser hashes it.
fn contents<'a>(page: &'a str, element: &str) -> Vec<&'a str> {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let content = |rest: &'a str| rest.split_once(&end).expect("build.rs writes the end of each element").0;
    page.split(&start).skip(1).map(content).collect()
}

fn hash(content: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_tag_is_of_one_coding_and_of_what_the_page_may_do() {
        let tags = |file: &File| [file.plain.tag.clone(), file.gzip.tag.clone()];
        let [page, same, framed] = ["'self'", "'self'", "https://a.example"].map(Page::new);
        for ((file, same), framed) in page.files.iter().zip(&same.files).zip(&framed.files) {
            assert_eq!(tags(file), tags(same));
            assert_eq!(tags(file).iter().any(|tag| tags(framed).contains(tag)), !file.is_document());
        }
        let all: HashSet<String> = page.files.iter().flat_map(tags).collect();
        assert_eq!(all.len(), 2 * page.files.len());
    }

    #[test]
    fn the_policy_names_the_content_of_each_script_and_of_the_style() {
        let page = "<style>a {}</style><script>test()</script><script>run()</script>";
        let expected = ["a {}", "test()", "run()"].map(hash);
        let policy = policy(page, "'self'");
        let [style, test, run] = &expected;
        assert!(policy.contains(&format!("script-src 'self' {test} {run}; style-src {style};")), "{policy}");
    }

    #[test]
    fn each_language_is_a_document_and_a_file_of_words() {
        let page = Page::new("'self'");
        assert!(page.languages.contains(&"en") && page.languages.len() > 2);
        for language in &page.languages {
            for url in [format!("/?lang={language}"), format!("/words/{language}.json")] {
                let response = page.response(&url.parse().unwrap(), &HeaderMap::new());
                assert!(response.is_some(), "{url}");
            }
        }
        assert!(page.response(&"/words/xx.json".parse().unwrap(), &HeaderMap::new()).is_none());
    }
}
