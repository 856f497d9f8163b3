//! The tests of the bench itself, without a server. `cargo test --benches` runs them.

use crate::driver::event;
use crate::driver::frame;
use crate::driver::histogram::Histogram;
use crate::driver::ledger::Ledger;
use crate::driver::scenario::{Scenario, Schedule};
use crate::driver::text::Edit;
use crate::driver::wire::{Carrier, Message};

/// Runs all checks. The error says what the bench gets wrong.
pub(crate) fn check() -> Result<(), String> {
    check_histogram()?;
    for scenario in Scenario::all() {
        let scenario = Scenario { clients: 40, typists: scenario.typists.min(20), stalled: 0, ..scenario };
        check_schedule(&scenario)?;
        check_texts(&scenario)?;
        check_texts(&Scenario { splice: true, ..scenario })?;
    }
    check_rejections()?;
    check_rejections_while_hidden()?;
    check_carriers()
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("The bench is wrong about {what}.")) }
}

fn check_histogram() -> Result<(), String> {
    let mut histogram = Histogram::new();
    (1..=1_000_000).for_each(|nanos| histogram.count(nanos));
    let near = |found: u64, is: u64| found >= is && (found - is) * 32 <= is;
    expect(near(histogram.quantile(0.5), 500_000), "medians")?;
    expect(near(histogram.quantile(0.99), 990_000), "percentiles")?;
    expect(near(histogram.quantile(0.000_01), 10), "low percentiles")?;
    expect(histogram.quantile(1.0) == 1_000_000 && histogram.max() == 1_000_000, "maxima")
}

fn check_schedule(scenario: &Scenario) -> Result<(), String> {
    let schedule = Schedule::new(scenario);
    let updates: Vec<_> = (0..).map_while(|n| schedule.update(n)).collect();
    expect(updates.len() == scenario.typists * schedule.last as usize, "the number of updates")?;
    let dues: Vec<u64> = updates.iter().map(|&(typist, number)| schedule.due(typist, number)).collect();
    expect(dues.is_sorted() && dues.iter().all(|&due| due < schedule.end), "when updates are due")?;
    let measured = dues.iter().filter(|&&due| due >= schedule.measured_from).count();
    expect(measured as u64 == scenario.typists as u64 * schedule.measured(), "what is measured")
}

/// Every client that sees texts gets every third update, as a text or as a splice, and all others are told of each box.
/// After the last one, all updates count as conveyed.
fn check_texts(scenario: &Scenario) -> Result<(), String> {
    let mut ledger = Ledger::new(scenario);
    let last = ledger.schedule.last;
    (0..scenario.typists).for_each(|typist| ledger.name(typist, id(scenario, typist).as_bytes()));
    for typist in 0..scenario.typists {
        let mut seen = Vec::new();
        for number in (0..last).step_by(3).chain([last]) {
            let text = ledger.typed(typist, number).1.to_vec();
            let json = match scenario.splice {
                true => splice_event(&id(scenario, typist), &seen, &text),
                false => text_event(&id(scenario, typist), &text),
            };
            readers(scenario, typist)
                .filter(|&n| scenario.sees(n))
                .try_for_each(|n| ledger.receive(n, &event::read(&json)?, u64::MAX).map(drop))?;
            seen = text;
        }
        let json = wrote_event(&id(scenario, typist), true);
        readers(scenario, typist)
            .filter(|&n| !scenario.sees(n))
            .try_for_each(|n| ledger.receive(n, &event::read(&json)?, 0).map(drop))?;
    }
    if scenario.shown {
        check_shown(scenario, &mut ledger)?;
    }
    expect(
        ledger.all_begun() && ledger.all_ended(false) && ledger.all_ended(true),
        "which clients have everything",
    )?;
    expect(ledger.waits.total() == ledger.expected(), "what is conveyed")
}

/// When texts are shown, everyone gets the last ones.
fn check_shown(scenario: &Scenario, ledger: &mut Ledger) -> Result<(), String> {
    expect(ledger.all_begun() && !ledger.all_ended(false), "when texts are shown")?;
    ledger.show();
    for typist in 0..scenario.typists {
        let json = text_event(&id(scenario, typist), ledger.typed(typist, ledger.schedule.last).1);
        readers(scenario, typist)
            .try_for_each(|n| ledger.receive(n, &event::read(&json)?, u64::MAX).map(drop))?;
    }
    let all = (0..scenario.clients).filter(|&client| scenario.measures(client)).count();
    expect(ledger.completions.total() == all as u64, "who has all texts")
}

/// The clients that a typist's texts concern.
fn readers(scenario: &Scenario, typist: usize) -> impl Iterator<Item = usize> {
    (0..scenario.clients).filter(move |&n| n != typist && scenario.room(n) == scenario.room(typist))
}

/// The id of a typist. Each room assigns the same ids to other typists.
fn id(scenario: &Scenario, typist: usize) -> String {
    let rooms = scenario.rooms;
    format!("id{}", (typist / rooms + typist % rooms) % (scenario.typists / rooms))
}

fn text_event(id: &str, text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    format!(r#"["text_update",{{"id":"{id}","text":"{text}"}}]"#).into_bytes()
}

fn wrote_event(id: &str, wrote: bool) -> Vec<u8> {
    format!(r#"["user_wrote",{{"id":"{id}","wrote":{wrote}}}]"#).into_bytes()
}

/// The event that turns one text into another by a splice.
fn splice_event(id: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let behind = from[at..].iter().rev().zip(to[at..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (cut, length) = (from.len() - at - behind, to.len());
    let put = String::from_utf8_lossy(&to[at..to.len() - behind]);
    format!(r#"["text_update",{{"id":"{id}","at":{at},"cut":{cut},"put":"{put}","length":{length}}}]"#)
        .into_bytes()
}

/// Errors of a server that the bench has to notice.
fn check_rejections() -> Result<(), String> {
    let scenario = Scenario { clients: 3, typists: 2, ..Scenario::all().swap_remove(0) };
    let mut ledger = Ledger::new(&scenario);
    ledger.name(0, b"id0");
    ledger.name(1, b"id1");
    let [first, second, other] =
        [(0, 1), (0, 2), (1, 1)].map(|(typist, n)| ledger.typed(typist, n).1.to_vec());
    let mut receive =
        |client, json: &[u8]| event::read(json).and_then(|event| ledger.receive(client, &event, 0));
    expect(receive(2, &text_event("id0", &second)).is_ok(), "texts")?;
    expect(receive(2, &text_event("id0", &first)).is_err(), "older texts after newer")?;
    expect(receive(0, &text_event("id0", &first)).is_err(), "an author's own texts")?;
    expect(receive(2, &text_event("id0", &other)).is_err(), "texts of others")?;
    expect(receive(2, &text_event("id0", &first[..9])).is_err(), "texts that are cut")?;
    expect(receive(2, &splice_event("id0", &second, &other)).is_err(), "splices to what nobody typed")?;
    expect(receive(2, br#"["user_away",{"id":"id0"}]"#).is_err(), "events that no client caused")?;
    expect(
        Edit { at: 5, cut: 6, put: Vec::new() }.apply(&mut vec![0; 10]).is_none(),
        "splices that do not fit",
    )
}

/// The same while texts are hidden.
fn check_rejections_while_hidden() -> Result<(), String> {
    let scenario = Scenario { clients: 4, typists: 2, hidden: true, ..Scenario::all().swap_remove(0) };
    let mut ledger = Ledger::new(&scenario);
    ledger.name(0, b"id0");
    ledger.name(1, b"id1");
    let text = text_event("id0", ledger.typed(0, 1).1);
    let mut receive =
        |client, json: &[u8]| event::read(json).and_then(|event| ledger.receive(client, &event, 0));
    expect(receive(2, &text).is_ok(), "what the host sees")?;
    expect(receive(3, &text).is_err() && receive(1, &text).is_err(), "hidden texts")?;
    expect(receive(3, &wrote_event("id0", false)).is_err(), "boxes that nobody emptied")?;
    expect(receive(3, &wrote_event("id0", true)).is_ok(), "who wrote")?;
    expect(receive(3, &wrote_event("id0", true)).is_err(), "who was told before")?;
    expect(receive(0, &wrote_event("id0", true)).is_err(), "an author's own box")?;
    expect(receive(2, &wrote_event("id0", true)).is_err(), "what the host is told")?;
    expect(!ledger.all_know_hidden(), "who knows that texts are hidden")
}

/// What clients send and read on each carrier.
fn check_carriers() -> Result<(), String> {
    let (plain, socketio) = (Carrier::Plain, Carrier::SocketIo);
    let edit = Edit { at: 1, cut: 2, put: b"x".to_vec() };
    let sent = [
        (plain.join("p1"), r#"["got_a_new_user",{"name":"p1"}]"#),
        (socketio.join("p1"), r#"42["got_a_new_user",{"name":"p1"}]"#),
        (socketio.watch(), r#"42["watch",{}]"#),
        (plain.whole(b"a"), r#"["updated_text",{"text":"a"}]"#),
        (socketio.whole(b"a"), r#"42["updated_text",{"text":"a"}]"#),
        (socketio.splice(&edit, 8), r#"42["updated_text",{"at":1,"cut":2,"put":"x","length":8}]"#),
        (Carrier::connect(), "40"),
        (Carrier::pong(), "3"),
    ];
    sent.iter().try_for_each(|(bytes, text)| expect(*bytes == frame::text(text), "what clients send"))?;
    let read = [
        (plain, r#"["pong",{}]"#, Message::Event(br#"["pong",{}]"#)),
        (socketio, r#"42["pong",{}]"#, Message::Event(br#"["pong",{}]"#)),
        (socketio, r#"0{"sid":"a","upgrades":[],"pingInterval":5000}"#, Message::Open),
        (socketio, r#"40{"sid":"b"}"#, Message::Connected),
        (socketio, "2", Message::Ping),
    ];
    for (carrier, text, message) in read {
        expect(carrier.read(text.as_bytes()).as_ref() == Ok(&message), "the messages of servers")?;
    }
    // A refused connection, the end of one, an acknowledgement that nobody asked for, and an event without its carrier.
    let wrong = [r#"44{"message":"no"}"#, "41", "1", "431[{}]", r#"["pong",{}]"#, ""];
    expect(wrong.iter().all(|text| socketio.read(text.as_bytes()).is_err()), "what no server may send")
}
