//! Posts: numbered, in one order for all, kept for who comes later.

use crate::person::TestServer;
use serde_json::{Value, json};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use typewall::Limits;

#[test]
fn a_post_reaches_everyone_and_its_author() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    ada.post("Hello");
    bob.until("the post", |bob| !bob.log.is_empty());
    ada.until("the post", |ada| !ada.log.is_empty());
    assert_eq!(ada.log, bob.log);
    let mut post = ada.log[0].clone();
    let at = post.as_object_mut().unwrap().remove("at").unwrap().as_u64().unwrap();
    assert!((before..before + 60_000).contains(&at), "{at} is no time in milliseconds since 1970");
    assert_eq!(post, json!({"n": 1, "id": ada.you, "name": "Ada", "text": "Hello"}));
}

#[test]
fn posts_have_one_order_for_all() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let people: Vec<_> = (0..10).map(|n| server.join("r", &format!("user {n}"))).collect();
    let posting = people.into_iter().map(|mut person| {
        thread::spawn(move || {
            for n in 0..20 {
                person.post(&format!("{} {n}", person.name.clone().unwrap()));
            }
            person.until("all posts", |person| person.log.len() == 200);
            person.log
        })
    });
    let logs: Vec<_> = posting.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect();
    viewer.until("all posts", |viewer| viewer.log.len() == 200);
    assert!(logs.iter().all(|log| *log == viewer.log));
    assert!((1..).zip(&viewer.log).all(|(n, post)| post["n"] == n));
    for person in 0..10 {
        let own = viewer.posts().into_iter().filter(|text| text.starts_with(&format!("user {person} ")));
        assert!(own.eq((0..20).map(|n| format!("user {person} {n}"))), "each one's posts keep their order");
    }
}

#[test]
fn who_comes_later_gets_the_last_posts() {
    let server = TestServer::with(Limits { log_length: 3, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    for n in 1..=5 {
        ada.post(&n.to_string());
    }
    ada.until("five posts", |ada| ada.log.len() == 5);
    let bob = server.join("r", "Bob");
    assert_eq!(bob.posts(), ["3", "4", "5"]);
    assert_eq!(bob.log[0]["n"], 3);
}

#[test]
fn the_same_ref_again_posts_nothing_new_and_is_answered_with_the_first() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    for _ in 0..2 {
        ada.send("message", json!({"text": "once", "ref": "1"}));
        bob.send("message", json!({"text": "a ref of his own", "ref": "1"}));
    }
    ada.post("end");
    bob.until("four", |bob| bob.log.len() == 4);
    ada.until("four", |ada| ada.log.len() == 4);
    for (person, own) in [(&ada, "once"), (&bob, "a ref of his own")] {
        let answers: Vec<&Value> = person.log.iter().filter(|post| post["text"] == own).collect();
        assert_eq!(answers.len(), 2, "the post and the answer to its repetition: {:?}", person.log);
        assert!(answers[0] == answers[1] && answers[0]["ref"] == "1");
        let others = person.log.iter().filter(|post| post["text"] != own);
        assert!(
            others.clone().count() == 2 && others.clone().all(|post| post["ref"].is_null()),
            "{:?}",
            person.log
        );
    }
    assert_eq!(server.join("r", "Cem").log.len(), 3);
}

#[test]
fn an_empty_or_overlong_post_is_refused() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post(" \n\t");
    assert_eq!(ada.refused(), "post_empty");
    ada.post(&"x".repeat(10_001));
    assert_eq!(ada.refused(), "text_too_long");
    for reference in [String::new(), "x".repeat(65)] {
        ada.send("message", json!({"text": "x", "ref": reference}));
        assert_eq!(ada.refused(), "bad_ref");
    }
    ada.post("x");
    ada.until("the post", |ada| ada.posts() == ["x"]);
}
