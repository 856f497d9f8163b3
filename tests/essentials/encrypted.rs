//! The program with a certificate.

use crate::stop;
use crate::support::client::Client;
use crate::support::http::Response;
use crate::support::program::{Program, server};
use crate::support::tls::Authority;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The root of the program, if it has another one than this test: that of `chroot ROOT`.
fn root() -> PathBuf {
    let runner = env::var("TYPEWALL_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().skip_while(|word| *word != "chroot").skip(1);
    words.next().unwrap_or_default().into()
}

/// An authority whose files the program can read, and the program with the certificate.
fn start() -> (Authority, Program) {
    let root = root();
    let folder = match root.as_os_str().is_empty() {
        true => tempfile::tempdir(),
        false => tempfile::tempdir_in(&root),
    };
    let authority = Authority::with_folder(folder.expect("a folder"));
    let arguments = authority.arguments().map(|argument| match argument.strip_prefix(&root) {
        Ok(inside) if inside != argument => Path::new("/").join(inside),
        _ => argument,
    });
    let program = Program::start(server().args(arguments));
    (authority, program)
}

#[test]
fn the_page_comes_and_two_people_type_over_tls() {
    let (authority, program) = start();
    let mut socket = authority.dial(program.address);
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("the server reads");
    let page = Response::read(&mut socket);
    assert!(page.status == 200 && page.text().trim_end().ends_with("</html>"));
    let mut people = ["Ada", "Bob"].map(|name| {
        let mut client = Client::open(authority.dial(program.address), "r");
        client.join(name);
        client
    });
    let [ada, bob] = &mut people;
    for text in ["a", "a long text ".repeat(800).as_str(), ""] {
        ada.write(text);
        bob.until("the text", |page| page.text_of("Ada") == Some(text));
    }
    ada.post_and_wait("posted");
    bob.until("the post", |page| page.posts() == ["posted"]);
    drop(people);
    stop(program);
}
