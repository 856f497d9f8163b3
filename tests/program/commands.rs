//! The commands that need no store: the health check, the manual page and the completions.

use crate::support::bounded;
use crate::support::program::{Program, fails, output, server, typewall};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::thread;

/// The command that asks the server at this URL.
fn healthcheck(url: &str) -> Command {
    let mut command = typewall();
    command.args(["healthcheck", url]);
    command
}

/// Whether a command succeeds, without printing anything.
fn succeeds(command: &mut Command) -> bool {
    let Output { status, stdout, stderr } = output(command);
    assert!(stdout.is_empty() && stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    status.success()
}

/// A server of one request, which answers with these bytes. Returns its address, and what will be the request's head.
fn one_answer(answer: &'static str) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let head = lines.take_while(|line| !line.is_empty()).collect();
        stream.write_all(answer.as_bytes()).unwrap();
        // An answer that is cut short comes to no end, until whoever asked has gone.
        if !answer.ends_with('\n') {
            let _ = BufReader::new(stream).lines().next();
        }
        head
    };
    (address, thread::spawn(serve))
}

#[test]
fn a_server_that_serves_is_healthy() {
    let program = Program::start(&mut server());
    let address = program.address;
    assert!(succeeds(&mut healthcheck(&format!("http://{address}"))));
    assert!(succeeds(&mut healthcheck(&format!("http://localhost:{}/healthz", address.port()))));
    // Without a URL, it asks the server that has the same environment, perhaps on all interfaces.
    for listen in [address.to_string(), format!("0.0.0.0:{}", address.port())] {
        assert!(succeeds(typewall().arg("healthcheck").env("TYPEWALL_LISTEN", &listen)), "{listen}");
    }
}

#[test]
fn a_server_behind_a_path_is_asked_there() {
    let (address, head) = one_answer("HTTP/1.1 200 OK\r\n\r\n");
    assert!(succeeds(&mut healthcheck(&format!("http://{address}/wall/"))));
    let head = bounded(|| head.join().unwrap());
    assert_eq!(
        head,
        ["GET /wall/healthz HTTP/1.1".to_owned(), format!("Host: {address}"), "Connection: close".to_owned()]
    );
}

#[test]
fn a_server_that_is_not_healthy_is_status_1_and_a_reason() {
    for (answer, reason) in [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "answers with status 503"),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "answers with status 302"),
        ("HTTP/1.1 307 Temporary Redirect\r\n\r\n", "redirects; if the server has a certificate, use https"),
        ("220 mail.example ESMTP\r\n", "does not answer: the response is not HTTP"),
        ("HTTP/1.1\r\n", "does not answer: unexpected end of file"),
        ("HTTP/1.1 2", "does not answer: timed out"),
    ] {
        let (address, head) = one_answer(answer);
        let error = fails(&mut healthcheck(&format!("http://{address}")));
        assert_eq!(error, (1, format!("typewall: http://{address}/healthz {reason}.\n")), "{answer}");
        bounded(|| head.join().unwrap());
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, error) = fails(typewall().arg("healthcheck").env("TYPEWALL_LISTEN", nobody.to_string()));
    assert!(status == 1 && error.contains("does not answer: Connection refused"), "{error}");
    let (status, error) = fails(&mut healthcheck("ftp://wall.example/"));
    assert!(status == 2 && error.contains("expected an http or https URL"), "{error}");
}

/// What a command prints.
fn printed(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = output(typewall().args(arguments));
    assert!(status.success() && stderr.is_empty(), "{arguments:?}");
    String::from_utf8(stdout).expect("UTF-8")
}

/// The words of a text that are long options.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
    words.filter(|word| word.len() > 2 && word.starts_with("--")).map(str::to_owned).collect()
}

#[test]
fn the_manual_page_has_every_option_of_every_command() {
    let page = printed(&["man"]).replace("\\-", "-");
    let mut help = printed(&["--help"]);
    let commands: Vec<String> =
        ["log", "write", "read", "healthcheck", "completions", "man"].map(str::to_owned).into();
    for command in &commands {
        help += &printed(&[command, "--help"]);
        assert!(page.contains(&format!(".SS \"typewall {command}")), "{command}");
    }
    assert!(page.starts_with(".ie") && page.contains("\n.TH TYPEWALL 1 "), "{page}");
    assert_eq!(options(&help).difference(&options(&page)).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_shell_has_completions_of_options_and_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for word in ["passphrase-file", "healthcheck", "typewall"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
