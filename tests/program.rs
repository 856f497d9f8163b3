//! The program as people start it: what it prints, what it refuses, how it ends.

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;
use tungstenite::Message;
use typewall::StoreOptions;
use typewall::base::clock::Now;
use typewall::base::ids::RoomId;
use typewall::base::ids::UserId;
use typewall::room::names::RoomName;
use typewall::room::post::PendingPost;
use typewall::store::Store;
use typewall::store::request::Record;

fn typewall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How long anything here may take. Far more than it does, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does something that may take for ever, but not longer than that.
fn bounded<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(what()));
    outcome.recv_timeout(PATIENCE).expect("an outcome in time")
}

/// Runs it to its end with these arguments, and returns its status and what it said on standard error.
fn fails(command: &mut Command) -> (i32, String) {
    let child = command.spawn().expect("it runs");
    let Output { status, stdout, stderr } = bounded(|| child.wait_with_output().unwrap());
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (status.code().expect("a status and not a signal"), String::from_utf8(stderr).unwrap())
}

/// A running program, which is killed when its test ends.
struct Running {
    child: Child,
    /// Kept open, as by somebody who goes on reading.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it, and returns it with the first line it prints.
fn start(command: &mut Command) -> (Running, String) {
    let mut child = command.spawn().expect("it runs");
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (stdout, line) = bounded(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        (stdout, line)
    });
    let mut running = Running { child, _stdout: stdout };
    if line.is_empty() {
        panic!("it has ended: {:?}", running.end());
    }
    (running, line.trim_end().to_owned())
}

impl Running {
    /// Waits for its end, and returns its status and what it said on standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut stderr = self.child.stderr.take().unwrap();
        let said = bounded(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        // It has closed its standard error, so that there is nothing to wait for.
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn says_where_it_is_and_serves_the_page() {
    let (_running, line) = start(typewall().args(["--listen", "127.0.0.1:0"]));
    let address = line.strip_prefix("Typewall is at http://").expect(&line);
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("<title>Typewall"));
}

#[test]
fn every_network_is_shown_as_an_address_that_can_be_opened() {
    let (_running, line) = start(typewall().args(["--listen", "0.0.0.0:0"]));
    assert!(line.starts_with("Typewall is at http://127.0.0.1:"), "{line}");
}

#[test]
fn options_may_be_variables() {
    let (_running, line) = start(typewall().env("TYPEWALL_LISTEN", "localhost:0"));
    assert!(line.starts_with("Typewall is at http://"), "{line}");
    let (status, error) = fails(typewall().env("TYPEWALL_MAX_TEXT", "many"));
    assert_eq!(status, 2);
    assert!(error.contains("--max-text"), "{error}");
}

#[test]
fn a_taken_port_is_a_sentence_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, error) = fails(typewall().args(["--listen", &address]));
    assert_eq!(status, 1);
    let advice = "the port is already in use; choose another with --listen ADDR:PORT";
    assert_eq!(error, format!("typewall: Cannot listen on {address}: {advice}.\n"));
}

#[test]
fn an_address_of_another_machine_is_a_sentence_and_status_1() {
    let (status, error) = fails(typewall().args(["--listen", "192.0.2.1:8080"]));
    assert_eq!(status, 1);
    assert!(error.contains("this machine does not have that address"), "{error}");
}

#[test]
fn bad_options_are_named_and_status_2() {
    for (arguments, named) in [
        (&["--listen", "nowhere"][..], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1"], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1:99999"], "such as 127.0.0.1:8080"),
        (&["--max-clients", "0"], "--max-clients"),
        (&["--max-text", "0"], "--max-text"),
        (&["--log-length", "1e9"], "--log-length"),
        (&["--nonsense"], "--nonsense"),
        (&["stray"], "stray"),
    ] {
        let (status, error) = fails(typewall().args(arguments));
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.contains(named) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn a_file_without_a_passphrase_is_a_sentence_and_status_1() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (file, named) in [(file.path(), "it is empty"), (Path::new("/nowhere"), "it cannot be read")] {
        let arguments = ["--listen", "127.0.0.1:0", "--passphrase-file"];
        let (status, error) = fails(typewall().args(arguments).arg(file).env("RUST_LOG", "error"));
        assert_eq!(status, 1);
        let start = format!("typewall: Cannot use the passphrase file {}: {named}", file.display());
        assert!(error.starts_with(&start), "{error}");
    }
}

/// Runs it with a limit of open files.
fn with_open_files(limit: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {limit}; exec \"$0\" --listen 127.0.0.1:0");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_typewall")]);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn no_more_clients_than_the_system_has_room_for() {
    let (mut running, _) = start(&mut with_open_files(600));
    running.child.kill().unwrap();
    let (_, logged) = running.end();
    let reason = "the system allows only 24 clients, because the limit of open files (ulimit -n) is 600";
    assert!(logged.contains(reason), "{logged}");
    let (status, error) = fails(&mut with_open_files(100));
    assert_eq!(status, 1);
    let sentence = "The system allows no clients: the limit of open files (ulimit -n) is 100.";
    assert_eq!(error, format!("typewall: {sentence}\n"));
}

#[test]
fn no_secret_and_no_text_is_logged() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"correct horse\n").unwrap();
    let mut command = typewall();
    command.args(["--listen", "127.0.0.1:0", "--passphrase-file"]).arg(file.path()).env("RUST_LOG", "trace");
    let (mut running, line) = start(&mut command);
    let address = line.strip_prefix("Typewall is at http://").expect(&line);
    let (mut client, _) =
        tungstenite::client(format!("ws://{address}/ws"), TcpStream::connect(address).unwrap()).unwrap();
    client.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    for event in [
        r#"["unlock",{"passphrase":"wrong stable"}]"#,
        r#"["unlock",{"passphrase":"correct horse"}]"#,
        r#"["got_a_new_user",{"name":"Ada Lovelace","session":"0123456789abcdef0123456789abcdef"}]"#,
        r#"["updated_text",{"text":"unposted"}]"#,
        r#"["message",{"text":"posted","ref":"reference"}]"#,
    ] {
        client.send(Message::text(event)).unwrap();
    }
    while !client.read().expect("what was posted").to_text().unwrap_or_default().contains(r#"["data","#) {}
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    // The password is ":wrong stable" and the same with the right one.
    for password in ["Ondyb25nIHN0YWJsZQ==", "OmNvcnJlY3QgaG9yc2U="] {
        let request =
            format!("GET /invite HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {password}\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
    }
    assert!(
        Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status().unwrap().success()
    );
    let (status, logged) = running.end();
    assert_eq!(status, Some(0));
    assert!(logged.contains("evil.example"), "something is logged: {logged}");
    for secret in
        ["horse", "stable", "b25nIHN0", "Y3QgaG9y", "0123456789abcdef", "posted", "reference", "Lovelace"]
    {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}

#[test]
fn signals_close_everyone_with_1001_and_end_it_with_status_0() {
    for signal in ["-INT", "-TERM"] {
        // So few clients that the system has room for them, or it would say so.
        let (mut running, line) = start(typewall().args(["--listen", "127.0.0.1:0", "--max-clients", "10"]));
        let address = line.strip_prefix("Typewall is at http://").expect(&line);
        let (mut client, _) =
            tungstenite::client(format!("ws://{address}/ws"), TcpStream::connect(address).unwrap()).unwrap();
        let pid = running.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        // The client does nothing about it.
        assert_eq!(running.end(), (Some(0), String::new()));
        let close = client.read().expect("a close frame");
        assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    }
}

#[test]
fn who_is_there_stays_when_the_program_is_suspended_and_goes_on() {
    let (running, line) = start(typewall().args(["--listen", "127.0.0.1:0"]));
    let address = line.strip_prefix("Typewall is at http://").expect(&line);
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut client, _) = tungstenite::client(format!("ws://{address}/ws"), socket).unwrap();
    let mut watch = || {
        client.send(Message::text(r#"["watch",{}]"#)).expect("the connection lasts");
        while !client.read().expect("an answer").to_text().unwrap().starts_with(r#"["existing_users","#) {}
    };
    watch();
    let pid = Pid::from_raw(running.child.id().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    let stopped = bounded(move || waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap());
    assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    kill(pid, Signal::SIGCONT).unwrap();
    watch();
}

/// A store with a post in the room `lobby`, and the folder it is in.
fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let options = StoreOptions::new(file.clone());
    let (answer, answers) = mpsc::channel();
    let hear = move |said| answer.send(said).is_ok();
    let Store { requests, threads } = typewall::store::start(&options, Now::read, hear).unwrap();
    let (name, text) = ("Ada".to_owned(), "posted".to_owned());
    let post = PendingPost { id: UserId(1), name, text, at: 0, reference: None };
    let name = RoomName::parse("lobby").unwrap();
    requests.records.send(Record { room: RoomId(1), name, post }).unwrap();
    answers.recv_timeout(PATIENCE).expect("an answer");
    drop(requests);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    (folder, file)
}

fn serve(file: &Path) -> Command {
    let mut command = typewall();
    command.args(["--listen", "127.0.0.1:0", "--store"]).arg(file);
    command
}

fn log(file: &Path, room: &str) -> Command {
    let mut command = typewall();
    command.arg("log").arg(file).args(["--room", room]);
    command
}

#[test]
fn a_log_is_printed_also_while_it_is_served() {
    let (_folder, file) = store();
    let printed = |file: &Path| String::from_utf8(log(file, "lobby").output().unwrap().stdout).unwrap();
    assert_eq!(printed(&file), "1970-01-01T00:00:00Z Ada: posted\n");
    let (mut running, _) = start(&mut serve(&file));
    assert_eq!(printed(&file), "1970-01-01T00:00:00Z Ada: posted\n");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert_eq!(printed(&file), "1970-01-01T00:00:00Z Ada: posted\n", "and after a kill");
}

#[test]
fn a_room_or_a_store_that_is_not_there_is_a_sentence_and_status_1() {
    let (folder, file) = store();
    let nothing = format!("typewall: {} has no room named nosuch.\n", file.display());
    assert_eq!(fails(&mut log(&file, "nosuch")), (1, nothing));
    let missing = folder.path().join("missing.sqlite");
    let (status, error) = fails(&mut log(&missing, "lobby"));
    assert_eq!(status, 1);
    assert!(
        error.contains("Cannot read ") && error.contains(": the file or its folder does not exist;"),
        "{error}"
    );
    assert!(!missing.exists());
}

#[test]
fn a_store_that_another_server_has_is_a_sentence_and_status_1() {
    let (_folder, file) = store();
    let (mut running, _) = start(&mut serve(&file));
    let (status, error) = fails(&mut serve(&file));
    assert_eq!(status, 1);
    let why = "another Typewall is using it; stop that one, or name another file";
    assert_eq!(error, format!("typewall: Cannot store posts in {}: {why}.\n", file.display()));
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    let (_running, line) = start(&mut serve(&file));
    assert!(line.starts_with("Typewall is at"), "a kill leaves no lock behind: {line}");
}

#[test]
fn what_cannot_be_a_store_is_a_sentence_and_status_1() {
    let (folder, newer) = store();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notes.txt"), "no database ".repeat(100)).unwrap();
    rusqlite::Connection::open(path("cats.sqlite"))
        .unwrap()
        .execute_batch("CREATE TABLE cats (name)")
        .unwrap();
    for (file, why) in [
        (newer, "it was written by a newer version of Typewall"),
        (path("notes.txt"), "it is not a Typewall store"),
        (path("cats.sqlite"), "it is not a Typewall store"),
        (path("nowhere/wall.sqlite"), "the file or its folder does not exist"),
        (folder.path().to_owned(), "it is a folder or a device"),
        ("/dev/null".into(), "it is a folder or a device"),
        // Which nobody may write, whoever runs this.
        ("/sys/kernel/notes".into(), "permission denied"),
    ] {
        let (status, error) = fails(&mut serve(&file));
        let sentence = format!("typewall: Cannot store posts in {}: {why}", file.display());
        assert!(status == 1 && error.starts_with(&sentence) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_name_that_is_a_command_to_sqlite_is_a_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory"] {
        let (_running, line) = start(serve(Path::new(name)).current_dir(&folder));
        assert!(line.starts_with("Typewall is at"), "{line}");
        assert!(folder.path().join(format!("{name}-wal")).exists(), "{name}");
    }
}

#[test]
fn a_full_disk_refuses_posts_until_there_is_room_again() {
    let (_folder, file) = store();
    let limited = "trap '' XFSZ; ulimit -S -f 256; exec \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_typewall"), "--listen", "127.0.0.1:0", "--store"]);
    shell.arg(&file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut running, line) = start(&mut shell);
    let address = line.strip_prefix("Typewall is at http://").expect(&line);
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut client, _) = tungstenite::client(format!("ws://{address}/ws"), socket).unwrap();
    client.send(Message::text(r#"["got_a_new_user",{"name":"Ada"}]"#)).unwrap();
    // What becomes of one more post of 9,000 bytes.
    let mut post = |n: usize| {
        let text = "x".repeat(9_000);
        client.send(Message::text(format!(r#"["message",{{"text":"{text}","ref":"{n}"}}]"#))).unwrap();
        loop {
            let message = client.read().expect("an answer").into_text().unwrap();
            if message.contains(&format!(r#""ref":"{n}""#)) {
                return !message.contains("not_stored");
            }
        }
    };
    let stored = (0..100).take_while(|n| post(*n)).count();
    assert!((1..100).contains(&stored), "some fit, and not all: {stored}");
    assert!(!post(1_000) && !post(1_001), "service goes on");
    let everything = Some((u64::MAX, u64::MAX));
    let pid = i32::try_from(running.child.id()).unwrap();
    rlimit::prlimit(pid, rlimit::Resource::FSIZE, everything, None).unwrap();
    assert!(post(1_000) && post(1_001), "there is room again");
    assert!(Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    let (status, said) = running.end();
    assert_eq!(
        (status, said.lines().count()),
        (Some(0), 2),
        "once when it begins and once when it ends: {said}"
    );
    let printed = String::from_utf8(log(&file, "lobby").output().unwrap().stdout).unwrap();
    assert_eq!(printed.lines().count(), 1 + stored + 2);
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let output = typewall().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(help.trim_end()), "the README should say:\n{help}");
}
