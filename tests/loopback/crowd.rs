//! A hundred clients at once.

use crate::barrier::Barrier;
use crate::server::TestServer;
use crate::support::client::Client;
use std::thread;

const CLIENTS: usize = 100;

/// A hundred users who join at the same moment.
fn join_at_once(server: &TestServer) -> Vec<Client> {
    let start = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        let join = |n: usize| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                server.join("r", &format!("user {n}"))
            })
        };
        let threads: Vec<_> = (0..CLIENTS).map(join).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_hundred_users_join_at_once_and_leave_at_once() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut clients = join_at_once(&server);
    for client in &mut clients {
        client.until("all users", |page| page.users.len() == CLIENTS);
    }
    viewer.until("all users", |page| page.users.len() == CLIENTS);
    assert!(clients.iter().all(|client| client.page.users == viewer.page.users));
    let start = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for client in clients {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                client.leave();
            });
        }
    });
    viewer.sees_users(&[]);
}

#[test]
fn a_hundred_users_with_the_same_name_get_different_names() {
    let server = TestServer::start();
    let start = Barrier::new(CLIENTS);
    let mut names: Vec<String> = thread::scope(|scope| {
        let (server, start) = (&server, &start);
        let join = |_| {
            scope.spawn(move || {
                let mut client = server.join("r", "Ada");
                start.wait();
                client.until("all users", |page| page.users.len() == CLIENTS);
                // Nobody leaves before all have seen all.
                start.wait();
                client.page.name.unwrap()
            })
        };
        let threads: Vec<_> = (0..CLIENTS).map(join).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    names.sort_by_key(|name| name[3..].trim().parse().unwrap_or(1));
    assert_eq!(names[0], "Ada");
    assert!((2..=CLIENTS).zip(&names[1..]).all(|(n, name)| *name == format!("Ada {n}")));
}
