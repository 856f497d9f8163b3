//! The page and its words: in which form they go out, and when they need not.

use crate::server::TestServer;
use crate::support::http::{Response, read_to_end};
use flate2::read::GzDecoder;
use std::fs;
use std::io::{Read, Write};

const PATHS: [&str; 3] = ["/", "/words/de.json", "/words/ar.json"];

fn request(server: &TestServer, method: &str, path: &str, headers: &[&str]) -> Response {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    server.request(&format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    ))
}

fn unpacked(response: &Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    match response.header("Content-Encoding") {
        None => bytes.clone_from(&response.body),
        Some("gzip") => drop(GzDecoder::new(&response.body[..]).read_to_end(&mut bytes).expect("gzip")),
        Some(other) => panic!("{other} was not asked for"),
    }
    bytes
}

#[test]
fn the_page_is_one_document_at_the_root() {
    let server = TestServer::start();
    let page = server.get("/");
    let html = page.text();
    assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
    assert_eq!((html.matches("<script").count(), html.matches("<style").count()), (3, 1));
    assert!(!html.contains("src=\"page/") && !html.contains("href=\"page/"), "a file beside it is named");
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    for path in ["/?room=physics", "http://localhost/"] {
        assert_eq!(server.get(path).body, page.body, "{path}");
    }
}

#[test]
fn a_language_is_a_document_and_a_file_of_words() {
    let server = TestServer::start();
    for (language, html, join) in [
        ("en", "<html lang=\"en\" dir=\"ltr\">", "Join"),
        ("de", "<html lang=\"de\" dir=\"ltr\">", "Mitmachen"),
        ("ar", "<html lang=\"ar\" dir=\"rtl\">", "انضمام"),
    ] {
        let words = server.get(&format!("/words/{language}.json?v=1"));
        assert_eq!(words.header("Content-Type"), Some("application/json"));
        let words: serde_json::Value = serde_json::from_slice(&words.body).unwrap();
        assert_eq!(words["join"], join);
        let description =
            format!("<meta name=\"description\" content=\"{}\">", words["everyKey"].as_str().unwrap());
        let asked = format!("Accept-Language: xx, {language}-AT;q=0.7, en;q=0.1");
        let page = request(&server, "GET", "/?room=physics", &[&asked]);
        for text in
            [html, &format!("data-say=\"join\">{join}</"), &format!("\"join\":`{join}`"), &description]
        {
            assert!(page.text().contains(text), "{language}: {text}");
        }
        assert_eq!(page.body, server.get(&format!("/?lang={language}")).body);
        assert_eq!(page.header("Vary"), Some("Accept-Encoding, Accept-Language"));
    }
    for path in ["/words/", "/words/xx.json", "/words/../index.html", "/page/main.js"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn each_goes_out_in_the_encoding_that_is_wanted() {
    let server = TestServer::start();
    for path in PATHS {
        let plain = server.get(path);
        assert_eq!(plain.header("Content-Encoding"), None);
        let tag = plain.header("ETag").expect("a tag");
        for (accepted, packed) in [
            ("gzip, deflate, br, zstd", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("identity", false),
            ("br", false),
            ("", false),
        ] {
            let response = request(&server, "GET", path, &[&format!("Accept-Encoding: {accepted}")]);
            assert_eq!(response.header("Content-Encoding").is_some(), packed, "{path}: {accepted}");
            assert_eq!(response.body.len() < plain.body.len() / 2, packed, "{path}: {accepted}");
            assert_eq!(unpacked(&response), plain.body, "{path}: {accepted}");
            assert_eq!(response.header("ETag").expect("a tag") != tag, packed, "a tag is of one encoding");
            assert!(response.header("Vary").unwrap().starts_with("Accept-Encoding"));
            assert_eq!(response.header("Cache-Control"), Some("no-cache"));
        }
    }
}

#[test]
fn a_part_is_a_script_that_a_browser_may_keep_for_ever() {
    let server = TestServer::start();
    let document = server.get("/");
    let document = document.text();
    let paths: Vec<&str> =
        document.split("`./parts/").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert!(!paths.is_empty(), "the page names its parts");
    for path in paths {
        let part = request(&server, "GET", &format!("/parts/{path}"), &["Accept-Encoding: gzip"]);
        assert_eq!(part.header("Content-Type"), Some("text/javascript"), "{path}");
        assert_eq!(part.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(part.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(unpacked(&part).windows(7).any(|code| code == b"export{"), "{path}");
        assert!(server.get(&format!("/parts/{path}?1")).status == 200, "a second try");
    }
    assert_eq!(server.get("/parts/invite-0.js").status, 404);
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let server = TestServer::start();
    for path in PATHS {
        for encoding in ["identity", "gzip"] {
            let accept = format!("Accept-Encoding: {encoding}");
            let first = request(&server, "GET", path, &[&accept]);
            let tag = first.header("ETag").expect("a tag");
            for had in [tag, &format!("W/{tag}"), &format!("\"x\", W/\"y\", {tag}"), "*"] {
                for method in ["GET", "HEAD"] {
                    // No body follows, whatever its length is said to be.
                    let request = format!(
                        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{accept}\r\n\
                         If-None-Match: {had}\r\n\r\n"
                    );
                    let response = without_body(&server, &request);
                    assert_eq!(response.status, 304, "{path}: {had}");
                    for name in ["ETag", "Vary", "Cache-Control", "Content-Security-Policy"] {
                        assert_eq!(response.header(name), first.header(name), "{path}: {name}");
                    }
                }
            }
            let other = if encoding == "gzip" { "identity" } else { "gzip" };
            let headers = [&format!("Accept-Encoding: {other}")[..], &format!("If-None-Match: {tag}")];
            assert_eq!(request(&server, "GET", path, &headers).status, 200, "that is another encoding's");
        }
    }
}

fn without_body(server: &TestServer, request: &str) -> Response {
    let mut socket = server.dial();
    socket.write_all(request.as_bytes()).unwrap();
    let response = Response::read_head(&mut socket);
    assert_eq!(read_to_end(&mut socket), 0, "a body");
    response
}

#[test]
fn a_head_is_that_of_the_response_to_get() {
    let server = TestServer::start();
    for path in PATHS {
        for accepted in ["Accept-Encoding: gzip", "Accept-Encoding: identity"] {
            let [get, head] = ["GET", "HEAD"].map(|method| request(&server, method, path, &[accepted]));
            assert_eq!(head.status, 200);
            assert_eq!(head.header("Content-Length"), Some(&get.body.len().to_string()[..]));
            for name in ["ETag", "Content-Encoding", "Content-Type", "Vary"] {
                assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            }
        }
        let post = request(&server, "POST", path, &[]);
        assert_eq!((post.status, post.header("Allow")), (405, Some("GET, HEAD")));
    }
}

/// The languages that have a file of words.
fn languages() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page/words");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.trim_end_matches(".json").to_owned()).collect()
}

/// Bytes that a first visit may take in any language, compressed.
const FIRST_VISIT_BYTES: usize = 45_000;

#[test]
fn a_first_visit_takes_no_more_bytes_than_it_may_in_any_language() {
    let server = TestServer::start();
    for language in languages() {
        let page = request(&server, "GET", &format!("/?lang={language}"), &["Accept-Encoding: gzip"]);
        let html = String::from_utf8(unpacked(&page)).unwrap();
        assert!(html.contains(&format!("<html lang=\"{language}\"")), "{language}");
        assert!(page.body.len() <= FIRST_VISIT_BYTES, "{language}: {} bytes", page.body.len());
    }
}
