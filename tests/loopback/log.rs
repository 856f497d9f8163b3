//! The log: posts are numbered, in the same order for everyone, and kept for users who come later.

use crate::server::TestServer;
use crate::support::http::Response;
use crate::test_store::TestStore;
use chunked_transfer::Decoder;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use typewall::Limits;

#[test]
fn a_post_reaches_everyone_including_its_author() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let before = now();
    ada.post_and_wait("Hello");
    bob.until("the post", |page| !page.log.is_empty());
    assert_eq!(ada.page.log, bob.page.log);
    let mut post = ada.page.log[0].clone();
    let at = post.as_object_mut().unwrap().remove("at").unwrap().as_u64().unwrap();
    assert!((before..=now()).contains(&at), "{at} is not the time of the post in milliseconds since 1970");
    assert_eq!(post, json!({"n": 1, "id": ada.page.you, "name": "Ada", "text": "Hello"}));
}

#[test]
fn posts_have_the_same_order_for_everyone() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let clients: Vec<_> = (0..10).map(|n| server.join("r", &format!("user {n}"))).collect();
    let posting = clients.into_iter().map(|mut client| {
        thread::spawn(move || {
            for n in 0..20 {
                client.post(&format!("{} {n}", client.page.name.clone().unwrap()));
            }
            client.until("all posts", |page| page.log.len() == 200);
            client.page.log
        })
    });
    let logs: Vec<_> = posting.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect();
    viewer.until("all posts", |page| page.log.len() == 200);
    assert!(logs.iter().all(|log| *log == viewer.page.log));
    assert!((1..).zip(&viewer.page.log).all(|(n, post)| post["n"] == n));
    for user in 0..10 {
        let own = viewer.page.posts().into_iter().filter(|text| text.starts_with(&format!("user {user} ")));
        assert!(
            own.eq((0..20).map(|n| format!("user {user} {n}"))),
            "the posts of each user keep their order"
        );
    }
}

#[test]
fn a_new_user_gets_the_last_posts() {
    let server = TestServer::with(Limits { log_length: 3, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    for n in 1..=5 {
        ada.post(&n.to_string());
    }
    ada.until("five posts", |page| page.log.len() == 5);
    let bob = server.join("r", "Bob");
    assert_eq!(bob.page.posts(), ["3", "4", "5"]);
    assert_eq!(bob.page.log[0]["n"], 3);
}

#[test]
fn a_repeated_ref_posts_nothing_and_is_answered_with_the_first_post() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    for _ in 0..2 {
        ada.post_as("1", "once");
        bob.post_as("1", "the same ref of another user");
    }
    for (client, own) in [(&mut ada, "once"), (&mut bob, "the same ref of another user")] {
        let mut answers: Vec<Value> = Vec::new();
        while answers.len() < 2 {
            let post = client.wait_for("data");
            if post["text"] == own {
                answers.push(post);
            } else {
                assert!(post["ref"].is_null(), "a ref is for its author only: {post}");
            }
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0]["ref"], "1");
    }
    ada.post_and_wait("end");
    assert_eq!(server.join("r", "Cem").page.log.len(), 3);
}

#[test]
fn an_empty_post_and_one_that_is_too_long_are_refused() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post(" \n\t");
    assert_eq!(ada.next_error(), "post_empty");
    ada.post(&"x".repeat(10_001));
    assert_eq!(ada.next_error(), "text_too_long");
    for reference in [String::new(), "x".repeat(65)] {
        ada.send("message", json!({"text": "x", "ref": reference}));
        assert_eq!(ada.next_error(), "bad_ref");
    }
    ada.post_and_wait("x");
}

/// The numbers of the posts on a page of the log, and the query for the next one.
fn page(server: &TestServer, query: &str) -> (Vec<u64>, Option<String>) {
    let mut socket = server.dial();
    write!(socket, "GET /log{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let response = Response::read_head(&mut socket);
    assert_eq!(response.header("Content-Disposition"), Some("inline; filename=\"typewall-r-s.json\""));
    let next = response.header("Link").map(|link| {
        let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        query.expect("a link to the next page").to_owned()
    });
    let mut body = String::new();
    Decoder::new(socket).read_to_string(&mut body).expect("a last chunk");
    let posts: Vec<Value> = serde_json::from_str(&body).expect("JSON");
    (posts.iter().map(|post| post["n"].as_u64().expect("a number")).collect(), next)
}

#[test]
fn a_log_comes_in_pages_that_lead_to_each_other() {
    let store = TestStore::new();
    let limits = Limits { log_length: 200, ..Limits::DEFAULT };
    for server in [TestServer::with(limits), TestServer::with_store(limits, Some(&store.options))] {
        let mut ada = server.join("r+s", "Ada");
        // More than the store reads at a time.
        (0..130).for_each(|n| ada.post(&n.to_string()));
        ada.until("all posts", |page| page.log.len() == 130);
        let (mut numbers, mut lengths) = (Vec::new(), Vec::new());
        let mut next = Some("?room=r+s&format=json&limit=60".to_owned());
        while let Some(query) = next {
            let (page, following) = page(&server, &query);
            lengths.push(page.len());
            numbers.extend(page);
            next = following;
        }
        assert_eq!((numbers, lengths), ((1..=130).collect(), vec![60, 60, 10]));
        let last = page(&server, "?room=r+s&format=json&limit=65&after=65");
        assert_eq!(last, ((66..=130).collect(), None), "a full page that is the last one");
        assert_eq!(page(&server, "?room=r+s&format=json").1, None);
        assert_eq!(server.get("/log?limit=0").status, 400);
    }
}
