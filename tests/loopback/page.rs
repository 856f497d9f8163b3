//! The page and its words: in which form they go out, and when they need not.

use crate::server::TestServer;
use crate::support::http::{Response, read_to_end};
use flate2::read::GzDecoder;
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
    assert_eq!((html.matches("<script").count(), html.matches("<style").count()), (2, 1));
    assert!(!html.contains("src=\"page/") && !html.contains("href=\"page/"), "a file beside it is named");
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    for path in ["/?room=physics", "http://localhost/"] {
        assert_eq!(server.get(path).body, page.body, "{path}");
    }
}

#[test]
fn a_language_is_a_file_and_english_none() {
    let server = TestServer::start();
    for (path, join) in [("/words/de.json", "Mitmachen"), ("/words/ar.json?v=1", "انضمام")] {
        let words = server.get(path);
        assert_eq!(words.header("Content-Type"), Some("application/json"));
        let words: serde_json::Value = serde_json::from_slice(&words.body).unwrap();
        assert_eq!(words["join"], join);
    }
    assert!(server.get("/").text().contains("\"join\": \"Join\""));
    for path in ["/words/en.json", "/words/", "/words/xx.json", "/words/../index.html", "/page/main.js"] {
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
            assert_eq!(response.header("Vary"), Some("Accept-Encoding"));
            assert_eq!(response.header("Cache-Control"), Some("no-cache"));
        }
    }
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

/// Bytes that a first visit may take in any language, compressed.
const FIRST_VISIT_BYTES: usize = 45_000;

#[test]
fn a_first_visit_takes_no_more_bytes_than_it_may_in_any_language() {
    let server = TestServer::start();
    let size = |path| request(&server, "GET", path, &["Accept-Encoding: gzip"]).body.len();
    let page = size(PATHS[0]);
    let words = PATHS[1..].iter().map(|path| size(path)).max().unwrap();
    assert!(page + words <= FIRST_VISIT_BYTES, "{page} bytes and {words} for the words");
}
