//! Many at once.

use crate::gate::Gate;
use crate::person::{Person, TestServer};
use std::thread;

const CROWD: usize = 100;

/// The crowd, joined at the same moment.
fn join_at_once(server: &TestServer) -> Vec<Person> {
    let start = Gate::for_all(CROWD);
    thread::scope(|scope| {
        let join = |n: usize| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                server.join("r", &format!("user {n}"))
            })
        };
        let threads: Vec<_> = (0..CROWD).map(join).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_hundred_join_at_once_and_leave_at_once() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut people = join_at_once(&server);
    for person in &mut people {
        person.until("everyone", |person| person.users.len() == CROWD);
    }
    viewer.until("everyone", |viewer| viewer.users.len() == CROWD);
    assert!(people.iter().all(|person| person.users == viewer.users));
    let start = Gate::for_all(CROWD);
    thread::scope(|scope| {
        for person in people {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                person.leave();
            });
        }
    });
    viewer.sees_people(&[]);
}

#[test]
fn a_hundred_of_one_name_are_a_hundred() {
    let server = TestServer::start();
    let start = Gate::for_all(CROWD);
    let mut names: Vec<String> = thread::scope(|scope| {
        let (server, start) = (&server, &start);
        let join = |_| {
            scope.spawn(move || {
                let mut person = server.join("r", "Ada");
                start.wait();
                person.until("everyone", |person| person.users.len() == CROWD);
                // Nobody leaves before all have seen all.
                start.wait();
                person.name.unwrap()
            })
        };
        let threads: Vec<_> = (0..CROWD).map(join).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    names.sort_by_key(|name| name[3..].trim().parse().unwrap_or(1));
    assert_eq!(names[0], "Ada");
    assert!((2..=CROWD).zip(&names[1..]).all(|(n, name)| *name == format!("Ada {n}")));
}

#[test]
fn the_server_says_when_it_is_full() {
    let limits = typewall::Limits { max_clients: 2, ..typewall::Limits::DEFAULT };
    let server = TestServer::with(limits);
    let ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    assert_eq!(server.connect("r").closed(), 1013);
    bob.catch_up();
    assert_eq!(bob.names(), ["Ada", "Bob"], "nobody hears of one who was not let in");
    ada.leave();
    bob.sees_people(&["Bob"]);
    assert_eq!(server.join("r", "Cem").names(), ["Bob", "Cem"], "a place that is free is given at once");
}
