//! `/metrics`: what is counted, and what there is now. Each answer is read strictly, and no counter ever goes down.

use crate::server::TestServer;
use crate::slow_clients::stalled;
use crate::support::client::{Client, dial, set_timeouts};
use crate::support::frame::{handshake, text};
use crate::support::http::{Response, read_to_end};
use crate::support::metrics::Metrics;
use crate::support::poller::Poller;
use crate::support::wait_until;
use crate::test_store::TestStore;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use typewall::{Access, Limits};

/// A server, and its last numbers.
struct Watched {
    server: TestServer,
    address: SocketAddr,
    last: Metrics,
}

impl Watched {
    fn new(mut server: TestServer) -> Self {
        let address = server.serve_metrics();
        Self { server, address, last: Metrics::of(address) }
    }

    /// Asks again.
    fn look(&mut self) {
        let now = Metrics::of(self.address);
        now.follow(&self.last);
        self.last = now;
    }

    /// How much a sample has changed since the last look. Looks.
    fn change(&mut self, sample: &str) -> f64 {
        let before = self.last.get(sample);
        self.look();
        self.last.get(sample) - before
    }

    /// The values of samples, after another look.
    fn get<const N: usize>(&mut self, samples: [&str; N]) -> [f64; N] {
        self.look();
        samples.map(|sample| self.last.get(sample))
    }

    /// Looks until a sample has this value, for a change that announces itself by no event.
    fn until(&mut self, sample: &str, value: f64) {
        wait_until(sample, || self.get([sample]) == [value]);
    }
}

#[test]
fn clients_users_and_rooms_are_counted() {
    let mut watched = Watched::new(TestServer::start());
    let people = ["users{state=\"present\"}", "users{state=\"away\"}", "rooms"];
    let kinds = ["websocket", "socketio_websocket", "socketio_polling"];
    let kinds = kinds.map(|kind| format!("clients{{kind=\"{kind}\"}}"));
    assert_eq!(watched.get(people), [0.0; 3]);
    let mut ada = watched.server.join("r", "Ada");
    let bob = watched.server.join("s", "Bob");
    let _viewer = watched.server.watch("r");
    let poller = Poller::connect(watched.server.address, "r");
    assert_eq!(watched.get(people), [2.0, 0.0, 2.0]);
    assert_eq!(watched.get(kinds.each_ref().map(|kind| &**kind)), [3.0, 0.0, 1.0]);
    bob.leave(); // a goodbye, so the seat is not kept
    watched.until("rooms", 1.0);
    let mut cem = watched.server.join("r", "Cem");
    cem.write("to be kept");
    ada.sees("Cem", "to be kept");
    drop(cem);
    ada.sees_away("Cem", true);
    assert_eq!(watched.get(people), [1.0, 1.0, 1.0]);
    let connected =
        ["websocket", "socketio_polling"].map(|kind| format!("connections_total{{kind=\"{kind}\"}}"));
    assert_eq!(watched.get(connected.each_ref().map(|kind| &**kind)), [4.0, 1.0]);
    drop(poller);
}

#[test]
fn a_socket_io_client_over_a_websocket_is_of_its_own_kind() {
    let mut watched = Watched::new(TestServer::start());
    let mut socket = watched.server.dial();
    let connect = text("40");
    socket.write_all(&[handshake("/socket.io/?EIO=4&transport=websocket&room=r"), connect].concat()).unwrap();
    watched.until("clients{kind=\"socketio_websocket\"}", 1.0);
    drop(socket);
    watched.until("clients{kind=\"socketio_websocket\"}", 0.0);
    assert_eq!(watched.get(["connections_total{kind=\"socketio_websocket\"}"]), [1.0]);
}

#[test]
fn events_and_bytes_are_counted_in_both_directions() {
    let mut watched = Watched::new(TestServer::start());
    let (mut ada, mut bob) = (watched.server.join("r", "Ada"), watched.server.join("r", "Bob"));
    watched.look();
    ada.write("typed");
    bob.sees("Ada", "typed");
    assert_eq!(watched.change("events_received_total{event=\"updated_text\"}"), 1.0);
    let sent = ["events_sent_total{event=\"text_update\"}", "events_sent_total{event=\"existing_users\"}"];
    assert_eq!(watched.get(sent), [1.0, 2.0]);
    let before = watched.get(["received_bytes_total", "sent_bytes_total"]);
    ada.write(&"x".repeat(9_000));
    bob.until("the text", |page| page.text_of("Ada").is_some_and(|text| text.len() == 9_000));
    let after = watched.get(["received_bytes_total", "sent_bytes_total"]);
    for (before, after) in before.into_iter().zip(after) {
        let bytes = after - before;
        assert!((9_000.0..10_000.0).contains(&bytes), "{bytes}: once in, and once out");
    }
    bob.send("ping", json!({}));
    bob.wait_for("pong");
    assert_eq!(watched.change("events_received_total{event=\"ping\"}"), 1.0);
    assert_eq!(watched.get(["events_sent_total{event=\"pong\"}"]), [1.0]);
}

#[test]
fn every_event_of_the_wire_has_its_label() {
    let mut watched = Watched::new(TestServer::start());
    let mut ada = watched.server.connect("r");
    let events = [
        ("unlock", json!({"passphrase": "none is needed"})),
        ("watch", json!({})),
        ("got_a_new_user", json!({"name": "Ada"})),
        ("resync", json!({})),
        ("updated_text", json!({"text": "typed"})),
        ("message", json!({"text": "posted"})),
        ("change_name", json!({"name": "Eve"})),
        ("host", json!({"key": "a guess"})),
        ("set_room", json!({"locked": true})),
        ("remove_user", json!({"id": "1"})),
        ("clear_box", json!({})),
        ("make_host", json!({"id": "1"})),
        ("remove_post", json!({"n": 1})),
        ("ping", json!({})),
    ];
    for (event, data) in &events {
        ada.send(event, data.clone());
    }
    ada.send_raw("neither JSON nor an event");
    while ada.next_error() != "not_json" {}
    watched.look();
    for event in events.iter().map(|(event, _)| *event).chain(["invalid"]) {
        assert_eq!(watched.last.get(&format!("events_received_total{{event=\"{event}\"}}")), 1.0, "{event}");
    }
}

#[test]
fn posts_and_refusals_are_counted_also_over_http() {
    let mut watched = Watched::new(TestServer::start());
    let mut ada = watched.server.join("r", "Ada");
    ada.post_and_wait("hello");
    assert_eq!(watched.change("posts_total"), 1.0);
    ada.post("");
    assert_eq!(ada.next_error(), "post_empty");
    let over_http = |name: &str| {
        let head =
            format!("POST /post?room=r&name={name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        watched.server.request(&format!("{head}Content-Length: 2\r\n\r\nhi")).status
    };
    assert_eq!([over_http("script"), over_http("Ada"), over_http("")], [200, 409, 400]);
    let counted =
        ["posts_total", "refusals_total{code=\"post_empty\"}", "refusals_total{code=\"name_taken\"}"];
    assert_eq!(watched.get(counted), [2.0, 1.0, 1.0]);
    assert_eq!(watched.get(["refusals_total{code=\"name_empty\"}"]), [1.0]);
    let statuses = ["200", "409", "400"].map(|status| format!("http_responses_total{{status=\"{status}\"}}"));
    assert_eq!(watched.get(statuses.each_ref().map(|status| &**status)), [1.0; 3]);
}

#[test]
fn responses_are_counted_by_status() {
    let server = TestServer::with_access(Limits::DEFAULT, Access::default(), None);
    let mut watched = Watched::new(server);
    assert_eq!(watched.server.get("/nothing").status, 404);
    assert_eq!(watched.server.get_with("/", "Host: stranger.example\r\n").status, 403);
    let mut socket = watched.server.dial();
    socket.write_all(b"no HTTP\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut socket).status, 400);
    let statuses = ["404", "403", "400"].map(|status| format!("http_responses_total{{status=\"{status}\"}}"));
    assert_eq!(watched.get(statuses.each_ref().map(|status| &**status)), [1.0; 3]);
}

#[test]
fn a_connection_that_is_refused_at_once_is_a_response_too() {
    let limits = Limits { max_clients: 1, max_per_address: Some(1), ..Limits::DEFAULT };
    let mut watched = Watched::new(TestServer::with(limits));
    let busy = "http_responses_total{status=\"503\"}";
    let mut sockets: Vec<TcpStream> = Vec::new();
    while watched.get([busy]) == [0.0] {
        assert!(sockets.len() < 1_000, "no connection is refused");
        sockets.push(watched.server.dial());
    }
}

#[test]
fn closes_are_counted_by_code_and_reason() {
    let limits = Limits { max_rooms: 1, ..Limits::DEFAULT };
    let mut watched = Watched::new(TestServer::with(limits));
    let ada = watched.server.join("r", "Ada");
    let session = ada.page.session.clone().expect("a session");
    let again = watched.server.rejoin("r", "Ada", &session);
    assert_eq!(ada.closed(), 4001);
    assert_eq!(watched.server.connect("s").closed(), 1013);
    let mut broken = watched.server.connect("r");
    broken.write_bytes(&[0xFF; 16]);
    assert_eq!(broken.receive_to_close(), 1002);
    let labels = [(4001, "seat_taken"), (1013, "rooms_full"), (1002, "protocol"), (1013, "server_full")];
    let samples = labels.map(|(code, reason)| format!("closes_total{{code=\"{code}\",reason=\"{reason}\"}}"));
    assert_eq!(watched.get(samples.each_ref().map(|sample| &**sample)), [1.0, 1.0, 1.0, 0.0]);
    again.leave();
}

#[test]
fn a_client_from_which_nothing_comes_is_counted_as_silent() {
    let limits = Limits { max_silence: Duration::from_millis(200), ..Limits::DEFAULT };
    let mut watched = Watched::new(TestServer::with(limits));
    let _silent = watched.server.connect("r"); // it reads no pings, so it answers none
    watched.until("closes_total{code=\"1006\",reason=\"silent\"}", 1.0);
}

#[test]
fn what_waits_for_a_slow_client_is_seen_until_it_is_closed() {
    let limits = Limits { max_backlog: 200_000, ..Limits::DEFAULT };
    let mut watched = Watched::new(TestServer::with(limits));
    let mut ada = watched.server.join("r", "Ada");
    let _sleeper = stalled(&watched.server, "Sleeper");
    let (mut most, too_slow) = (0.0_f64, "closes_total{code=\"4002\",reason=\"too_slow\"}");
    for n in 0..1_000 {
        ada.post_and_wait(&format!("{n} {}", "x".repeat(9_000)));
        let [outbox, closed] = watched.get(["outbox_bytes", too_slow]);
        most = most.max(outbox);
        if closed > 0.0 {
            break;
        }
    }
    assert_eq!(watched.get([too_slow]), [1.0]);
    assert!(most > 100_000.0, "{most} bytes waited");
}

#[test]
fn memory_is_told_beside_its_limits() {
    let limits =
        Limits { max_texts: 1 << 30, max_waiting: 1 << 29, ..Limits::DEFAULT.with_max_text(200_000) };
    let mut watched = Watched::new(TestServer::with(limits));
    let samples = ["text_bytes", "text_limit_bytes", "waiting_limit_bytes", "incoming_bytes"];
    assert_eq!(watched.get(samples), [0.0, f64::from(1 << 30), f64::from(1 << 29), 0.0]);
    let (mut ada, mut bob) = (watched.server.join("r", "Ada"), watched.server.join("r", "Bob"));
    ada.write(&"x".repeat(150_000));
    bob.until("the text", |page| page.text_of("Ada").is_some_and(|text| text.len() == 150_000));
    let [texts] = watched.get(["text_bytes"]);
    assert!(texts >= 131_072.0 && texts % 65_536.0 == 0.0, "{texts}");
    // The beginning of a large message.
    let frame = text(format!(r#"["updated_text",{{"text":"{}"}}]"#, "y".repeat(100_000)));
    ada.write_bytes(&frame[..50_000]);
    wait_until("the beginning", || watched.get(["incoming_bytes"])[0] > 40_000.0);
    ada.write_bytes(&frame[50_000..]);
    bob.until("the text", |page| page.text_of("Ada").is_some_and(|text| text.len() == 100_000));
    watched.until("incoming_bytes", 0.0);
}

#[test]
fn times_are_counted() {
    let mut watched = Watched::new(TestServer::start());
    let mut ada = watched.server.join("r", "Ada");
    watched.look();
    let events = watched.last.get("event_wait_seconds_count");
    (0..5).for_each(|n| ada.post_and_wait(&format!("post {n}")));
    assert_eq!(watched.change("event_wait_seconds_count"), 5.0);
    assert!(events >= 1.0, "the join");
    let [turns, seconds] = watched.get(["turn_seconds_count", "turn_seconds_sum"]);
    assert!(turns >= 6.0 && seconds > 0.0, "{turns} turns in {seconds} s");
}

#[test]
fn commits_of_the_store_are_counted_and_those_that_fail() {
    let mut store = TestStore::new();
    store.options.lock_timeout = Duration::from_millis(100);
    let mut watched = Watched::new(store.serve());
    let mut ada = watched.server.join("r", "Ada");
    let times = ["store_commit_seconds_count", "store_failed_commits_total"];
    ada.post_and_wait("stored");
    let [commits, failed] = watched.get(times);
    assert!(commits >= 1.0 && failed == 0.0, "{commits}");
    let holder = store.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(ada.try_post("a", "refused"), Err("not_stored".to_owned()));
    let [after, failed] = watched.get(times);
    assert!(after > commits && failed == 1.0, "{after} commits, {failed} failed");
    assert_eq!(watched.get(["refusals_total{code=\"not_stored\"}"]), [1.0]);
    holder.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn the_numbers_of_several_hubs_are_added() {
    const ROOMS: usize = 24;
    let mut watched = Watched::new(TestServer::with_hubs(2, Limits::DEFAULT, None));
    let mut clients: Vec<Client> =
        (0..ROOMS).map(|n| watched.server.join(&format!("room{n}"), "Ada")).collect();
    clients.iter_mut().for_each(|client| client.post_and_wait("hello"));
    let samples = ["hubs", "rooms", "users{state=\"present\"}", "posts_total", "clients{kind=\"websocket\"}"];
    let all = ROOMS as f64;
    assert_eq!(watched.get(samples), [2.0, all, all, all, all]);
    let joined = "events_received_total{event=\"got_a_new_user\"}";
    assert_eq!(watched.get([joined, "events_sent_total{event=\"data\"}"]), [all, all]);
}

#[test]
fn the_build_and_the_start_are_told() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - 1.0;
    let mut watched = Watched::new(TestServer::start());
    let [started] = watched.get(["start_time_seconds"]);
    assert!(started >= before && started <= before + 20.0, "{started}");
    let labels: BTreeSet<&str> =
        watched.last.families["typewall_build_info"].labels.iter().map(|l| &**l).collect();
    assert_eq!(labels, ["commit", "version"].into());
}

#[test]
fn only_metrics_are_served_there_and_nowhere_else() {
    let watched = Watched::new(TestServer::start());
    assert_eq!(watched.server.get("/metrics").status, 404);
    for (request, status) in [
        ("GET / HTTP/1.1", 404),
        ("GET /ws HTTP/1.1", 404),
        ("POST /metrics HTTP/1.1", 405),
        ("GET /metrics?name[]=up HTTP/1.0", 200),
        ("nonsense", 400),
    ] {
        let mut socket = dial(watched.address);
        write!(socket, "{request}\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(Response::read(&mut socket).status, status, "{request}");
        assert_eq!(read_to_end(&mut socket), 0, "{request}");
    }
    let mut socket = dial(watched.address);
    write!(socket, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let head = Response::read_head(&mut socket);
    assert_eq!((head.status, read_to_end(&mut socket)), (200, 0));
}

#[test]
fn whoever_asks_and_waits_takes_few_places_and_none_of_the_page() {
    let mut watched = Watched::new(TestServer::start());
    // One more than there may be from one address. Which one is refused depends on when the place of the request before
    // becomes free.
    let mut sockets: Vec<TcpStream> = (0..5).map(|_| dial(watched.address)).collect();
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).expect("a socket"));
    let is_answered = |socket: &TcpStream| socket.peek(&mut [0]).is_ok();
    wait_until("a refusal", || sockets.iter().any(is_answered));
    let mut refused = sockets.remove(sockets.iter().position(is_answered).expect("one"));
    refused.set_nonblocking(false).expect("a socket");
    assert_eq!(Response::read(&mut refused).status, 503);
    assert_eq!(watched.server.get("/healthz").status, 200);
    sockets.clear();
    // The places become free again.
    assert_eq!(watched.get(["http_responses_total{status=\"503\"}"]), [0.0], "only the page's are counted");
}

#[test]
fn metrics_end_with_the_server() {
    let watched = Watched::new(TestServer::start());
    watched.server.stop();
    if let Ok(mut socket) = TcpStream::connect(watched.address) {
        set_timeouts(&socket);
        let _ = socket.write_all(b"GET /metrics HTTP/1.1\r\n\r\n");
        let mut rest = Vec::new();
        assert!(!matches!(socket.read_to_end(&mut rest), Ok(n) if n > 0), "nobody answers");
    }
}
