//! `/metrics`: the numbers of the server, for Prometheus. On a listener of its own, never on that of the page.
//!
//! Architecture invariant: every label is of a closed set. No room, no name and no address is in the answer, so it never
//! grows, and says nothing about anybody.

use crate::base::limits::Limits;
use crate::http::exposition::{Exposition, Kind};
use crate::http::request::Head;
use crate::http::response::Response;
use crate::http::responses::ResponseCounters;
use crate::hub::counters::{ClientKind, Counters};
use crate::hub::health::ClusterHealth;
use crate::hub::report::Report;
use crate::hub::shards::{HUB_TIMEOUT, Shards};
use crate::store::commits::Commits;
use std::fmt::Display;
use std::sync::Arc;
use tungstenite::http::Method;

/// The steps in which the memory of texts is reported, in bytes. Hidden texts are counted too, and nobody may learn
/// their lengths.
const TEXT_STEP: usize = 64 * 1024;

/// Where the numbers come from.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// The hubs.
    pub shards: Shards,
    /// What the threads of connections count.
    pub responses: Arc<ResponseCounters>,
    /// What the store counts, if there is one.
    pub commits: Option<Arc<Commits>>,
    /// The limits.
    pub limits: Limits,
    /// When the server started, in milliseconds since 1970.
    pub started: u64,
}

impl Metrics {
    /// Answers a request.
    pub(crate) fn respond(&self, head: &Head) -> Response {
        match (head.uri().path(), head.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => self.numbers(),
            ("/metrics", _) => {
                Response::text(405, "Only GET and HEAD are allowed here.").with_header("Allow", "GET, HEAD")
            }
            _ => Response::text(404, "Not found; the metrics are at /metrics."),
        }
    }

    fn numbers(&self) -> Response {
        let Some(report) = self.shards.report(HUB_TIMEOUT) else { return Response::busy() };
        let mut text = Exposition::default();
        self.write_server(&mut text);
        write_people(&mut text, &report);
        self.write_traffic(&mut text, &report);
        write_times(&mut text, &report.counters);
        self.write_memory(&mut text, &report);
        if let Some(commits) = &self.commits {
            write_store(&mut text, commits);
        }
        if let Some(ClusterHealth { nodes, linked, .. }) = report.cluster {
            text.single("nodes", Kind::Gauge, "Nodes that are alive, this one included.", nodes);
            let help = "1 while this node is linked to the others, 0 while it is cut off.";
            text.single("linked", Kind::Gauge, help, u8::from(linked));
        }
        Response::metrics(text.into_text())
    }

    fn write_server(&self, text: &mut Exposition) {
        let mut build = text.family("build_info", Kind::Gauge, "The version and its commit. Always 1.");
        build.sample(&[("version", &env!("CARGO_PKG_VERSION")), ("commit", &env!("TYPEWALL_COMMIT"))], 1);
        let started = self.started as f64 / 1000.0;
        text.single("start_time_seconds", Kind::Gauge, "When the server started, since 1970.", started);
        text.single("hubs", Kind::Gauge, "Hub threads.", self.shards.count());
    }

    fn write_traffic(&self, text: &mut Exposition, report: &Report) {
        let Counters { received, received_bytes, sent, posts, .. } = &report.counters;
        let help = "Events from clients, by name; those refused for their form are invalid.";
        by_label(text, "events_received_total", help, "event", received.counts());
        let help = "Events to clients, by name; one for a whole room counts once.";
        by_label(text, "events_sent_total", help, "event", sent.events.counts());
        let help = "Bytes from clients that are in a room or want to enter it.";
        text.single("received_bytes_total", Kind::Counter, help, received_bytes);
        let help = "Bytes to clients that are in a room or want to enter it.";
        text.single("sent_bytes_total", Kind::Counter, help, report.sent_bytes);
        text.single("posts_total", Kind::Counter, "Posts that have reached the log of a room.", posts);
        let mut refusals = sent.refusals.clone();
        refusals.add(&self.responses.refusals());
        let help = "Events and posts over HTTP that were refused, by code.";
        by_label(text, "refusals_total", help, "code", refusals.counts());
        let help = "Connections that the server has closed, by close code and reason.";
        let mut closes = text.family("closes_total", Kind::Counter, help);
        for ((code, reason), count) in report.closes.counts() {
            closes.sample(&[("code", &code), ("reason", &reason)], count);
        }
        let help = "HTTP responses, by status; handshakes of WebSockets are not counted.";
        by_label(text, "http_responses_total", help, "status", self.responses.statuses().counts());
    }

    fn write_memory(&self, text: &mut Exposition, report: &Report) {
        let help = "Bytes of pending output.";
        text.single("outbox_bytes", Kind::Gauge, help, report.outboxes);
        let help = "Bytes of large messages that are arriving.";
        text.single("incoming_bytes", Kind::Gauge, help, self.shards.input.of_owner());
        let help = "Limit of pending output and large messages together (--waiting-memory).";
        text.single("waiting_limit_bytes", Kind::Gauge, help, self.limits.max_waiting);
        let help = "Bytes of boxes and logs, in steps of 64 KiB.";
        text.single("text_bytes", Kind::Gauge, help, report.texts / TEXT_STEP * TEXT_STEP);
        let help = "Limit of boxes and logs (--text-memory).";
        text.single("text_limit_bytes", Kind::Gauge, help, self.limits.max_texts);
    }
}

fn write_people(text: &mut Exposition, report: &Report) {
    let clients = report.clients.counts().map(|(kind, count)| (kind_label(kind), count));
    let mut family = text.family("clients", Kind::Gauge, "Users and viewers, by kind of connection.");
    clients.for_each(|(kind, count)| _ = family.sample(&[("kind", &kind)], count));
    let connected = report.counters.connected.counts().map(|(kind, count)| (kind_label(kind), count));
    let help = "Users and viewers that have connected, by the kind of their first connection.";
    by_label(text, "connections_total", help, "kind", connected);
    let mut users = text.family("users", Kind::Gauge, "Users who are present, or away with their seat kept.");
    users.sample(&[("state", &"present")], report.present).sample(&[("state", &"away")], report.away);
    text.single("rooms", Kind::Gauge, "Open rooms.", report.rooms);
}

fn write_times(text: &mut Exposition, Counters { turns, waits, .. }: &Counters) {
    let help = "How long a turn of a hub takes: events are handled, then output is written.";
    text.histogram("turn_seconds", help, turns);
    let help = "How long an event of a client waits until a hub takes it.";
    text.histogram("event_wait_seconds", help, waits);
}

fn write_store(text: &mut Exposition, commits: &Commits) {
    text.histogram("store_commit_seconds", "How long a commit of the store takes.", &commits.times());
    let help = "Commits of the store that failed.";
    text.single("store_failed_commits_total", Kind::Counter, help, commits.failed());
}

fn by_label<L: Display>(
    text: &mut Exposition,
    name: &'static str,
    help: &str,
    label: &str,
    counts: impl Iterator<Item = (L, u64)>,
) {
    let mut family = text.family(name, Kind::Counter, help);
    counts.for_each(|(value, count)| _ = family.sample(&[(label, &value)], count));
}

fn kind_label(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::WebSocket => "websocket",
        ClientKind::SocketIo => "socketio_websocket",
        ClientKind::Polling => "socketio_polling",
    }
}
