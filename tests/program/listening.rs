//! What the program listens on: an address, or a socket from systemd, and what is said if it cannot.

use crate::support::client::dial;
use crate::support::http::Response;
use crate::support::program::{Program, fails, typewall, with_socket};
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};

#[test]
fn if_the_port_is_in_use_the_error_names_a_free_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let next = taken.port().saturating_add(1);
    // The next port is taken too: by this test, or by somebody else.
    let _next = TcpListener::bind((taken.ip(), next));
    let (status, error) = fails(typewall().args(["--listen", &taken.to_string()]));
    assert_eq!(status, 1);
    let start = format!("typewall: Cannot listen on {taken}: the port is already in use; port ");
    let (port, option) =
        error.strip_prefix(&start).and_then(|rest| rest.split_once(" is free: ")).expect(&error);
    assert_eq!(option, format!("--listen 127.0.0.1:{port}.\n"));
    let port: u16 = port.parse().expect("a port");
    assert!(![0, taken.port(), next].contains(&port), "{error}");
}

#[test]
fn an_address_of_another_machine_is_an_error() {
    let (status, error) = fails(typewall().args(["--listen", "192.0.2.1:8080"]));
    assert_eq!(status, 1);
    assert!(error.contains("this machine does not have that address"), "{error}");
}

#[test]
fn a_socket_from_systemd_is_used_in_place_of_an_address() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    // Its own address is taken, so it would fail to bind it.
    let mut command = with_socket(&socket, 1);
    let program = Program::start(command.args(["--max-clients", "10", "--listen", &address.to_string()]));
    assert_eq!(program.address, address);
    program.join("lobby", "Ada");
    let (status, logged) = program.terminate();
    assert_eq!((status, logged.lines().count()), (Some(0), 1), "only the memory limits: {logged}");
    // The socket is still open, so whoever comes meanwhile is served by the next program.
    let mut early = dial(address);
    early.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let _program = Program::start(&mut with_socket(&socket, 1));
    assert_eq!(Response::read(&mut early).status, 200);
}

#[test]
fn a_socket_that_is_not_a_listener_is_an_error() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (status, error) = fails(&mut with_socket(&udp, 1));
    assert_eq!(
        (status, error.as_str()),
        (1, "typewall: Cannot use the socket from systemd: fd 3 is not a valid tcp socket.\n")
    );
    let file = File::open("/dev/null").unwrap();
    let (status, error) = fails(&mut with_socket(&file, 1));
    assert_eq!(
        (status, error.as_str()),
        (1, "typewall: Cannot use the socket from systemd: fd 3 is not a socket.\n")
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (status, error) = fails(&mut with_socket(&listener, 2));
    let sentence =
        "typewall: Cannot use the socket from systemd: there are 2, and Typewall listens on one.\n";
    assert_eq!((status, error.as_str()), (1, sentence));
}
