//! The end of a server: every client is told.

use crate::server::TestServer;
use crate::support::frame::text;

#[test]
fn every_client_is_closed_with_1001() {
    let server = TestServer::start();
    let ada = server.join("r", "Ada");
    let viewer = server.connect("s");
    server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    assert_eq!(viewer.closed(), 1001);
    server.wait();
}

#[test]
fn clients_that_do_not_answer_do_not_delay_it() {
    let server = TestServer::start();
    let mut silent = server.join("r", "Silent");
    // Part of a frame, whose rest never comes.
    silent.write_bytes(&text("hello")[..8]);
    let _unfinished_request = server.dial();
    server.stop();
    assert_eq!(silent.closed(), 1001);
}
