//! `--metrics-listen`: where the program serves metrics, and what is said if it cannot.

use crate::support::metrics::Metrics;
use crate::support::program::{Program, fails, server, with_socket};
use nix::sys::signal::Signal;
use std::net::TcpListener;

const FREE: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

#[test]
fn metrics_are_served_at_the_address_that_is_printed() {
    let mut program = Program::start(server().args(FREE));
    let address = program.metrics();
    assert!(address.ip().is_loopback() && address != program.address);
    let _ada = program.join("r", "Ada");
    assert_eq!(Metrics::of(address).get("users{state=\"present\"}"), 1.0);
    let mut program = Program::start(server().env("TYPEWALL_METRICS_LISTEN", "localhost:0"));
    Metrics::of(program.metrics());
}

#[test]
fn without_the_option_there_are_no_metrics() {
    let mut program = Program::start(&mut server());
    program.host_key();
    program.signal(Signal::SIGTERM);
    assert_eq!(program.next_line(), "", "it has printed nothing more");
}

#[test]
fn metrics_need_a_port_of_their_own() {
    for (page, metrics) in [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1")] {
        let socket = TcpListener::bind((page, 0)).unwrap();
        let metrics = format!("{metrics}:{}", socket.local_addr().unwrap().port());
        let (status, error) = fails(with_socket(&socket, 1).args(["--metrics-listen", &metrics]));
        let sentence = format!(
            "typewall: Cannot serve metrics on {metrics}: the page is on that port; give --metrics-listen another \
             one.\n"
        );
        assert_eq!((status, error), (1, sentence));
    }
}

#[test]
fn a_taken_port_is_an_error_that_names_the_option() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let (status, error) = fails(server().args(["--metrics-listen", &taken.to_string()]));
    assert_eq!(status, 1);
    let start = format!("typewall: Cannot listen on {taken}: the port is already in use; port ");
    assert!(error.starts_with(&start) && error.contains(" is free: --metrics-listen 127.0.0.1:"), "{error}");
    let (status, error) = fails(server().args(["--metrics-listen", "nowhere"]));
    assert!(status == 2 && error.contains("such as 127.0.0.1:8080"), "{error}");
}

#[test]
fn a_socket_from_systemd_is_for_the_page() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = Program::start(with_socket(&socket, 1).args(FREE));
    assert_eq!(program.address, socket.local_addr().unwrap());
    let address = program.metrics();
    let _ada = program.join("r", "Ada");
    assert_eq!(Metrics::of(address).get("rooms"), 1.0);
}
