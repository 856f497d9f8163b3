//! How encrypted connections end.

use crate::encrypted::Wall;
use crate::support::http::{Response, read_response};
use crate::support::tls::close_notify;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

#[test]
fn every_client_is_closed_with_1001_when_the_server_stops() {
    let wall = Wall::start();
    let (ada, viewer) = (wall.join("r", "Ada"), wall.connect("s"));
    let mut idle = wall.dial();
    wall.server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    assert_eq!(viewer.closed(), 1001);
    wall.server.wait();
    // Its thread ends with the program, so nothing comes until then.
    idle.sock.set_nonblocking(true).unwrap();
    assert_eq!(idle.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn the_end_of_a_response_is_told_in_tls() {
    let wall = Wall::start();
    let mut socket = wall.dial();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut socket).status, 200);
    // Without close_notify, rustls reports an unexpected end.
    assert_eq!(socket.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_client_that_says_only_that_it_ends_gets_its_response() {
    let wall = Wall::start();
    let mut socket = wall.dial();
    socket.write_all(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    close_notify(&mut socket);
    socket.sock.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_response(&mut socket).0, 404);
    assert_eq!(socket.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_client_that_ends_is_gone_at_once() {
    let wall = Wall::start();
    let mut ben = wall.join("r", "Ben");
    let mut ada = wall.join("r", "Ada");
    ben.sees_users(&["Ben", "Ada"]);
    close_notify(ada.socket.get_mut());
    ben.sees_users(&["Ben"]);
    let carl = wall.join("r", "Carl");
    ben.sees_users(&["Ben", "Carl"]);
    // As when a program is killed: TCP ends, and TLS does not.
    drop(carl);
    ben.sees_users(&["Ben"]);
}
