//! The end of a server: every client is told.

use crate::server::TestServer;
use crate::slow_clients::stalled;
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

#[test]
fn a_client_that_reads_late_gets_the_rest_of_a_frame_and_is_told() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut late = stalled(&server, "Late");
    // More than the sockets' buffers hold.
    for n in 0..100 {
        ada.post_and_wait(&format!("{n} {}", "x".repeat(9_000)));
    }
    server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    assert_eq!(late.receive_to_close(), 1001);
}
