//! The end of a server: everyone is told.

use crate::person::{TestServer, frame};

#[test]
fn everyone_is_told_with_1001() {
    let server = TestServer::start();
    let ada = server.join("r", "Ada");
    let viewer = server.connect("s");
    server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    assert_eq!(viewer.closed(), 1001);
    server.wait();
}

#[test]
fn clients_that_do_not_answer_do_not_hold_it_up() {
    let server = TestServer::start();
    let mut silent = server.join("r", "Silent");
    // In the middle of a frame, and never ending it.
    silent.write_bytes(&frame(0x81, b"hello")[..8]);
    let _half_a_request = server.dial();
    server.stopper.stop();
    server.wait();
    assert_eq!(silent.closed(), 1001);
}
