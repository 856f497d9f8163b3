//! The sockets that the program listens on: one that systemd has opened for it, or one that it binds; and perhaps one
//! for metrics.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};
use typewall::inherited_listener;

/// Ports after a taken one that are tried for the advice. Whoever starts many servers counts up from the same port.
const NEXT_PORTS: u16 = 100;

/// Takes the socket that another program has opened for this one, or else binds the first of the addresses that can be
/// bound.
pub(crate) fn listener(addresses: &[SocketAddr]) -> Result<TcpListener, String> {
    let inherited =
        inherited_listener().map_err(|error| format!("Cannot use the socket from systemd: {error}."))?;
    match inherited {
        Some(listener) => Ok(listener),
        None => bind(addresses, "--listen"),
    }
}

/// Binds the first of the addresses for metrics that can be bound. The page, which listens at `page`, must have another
/// one: on a port of both, only one of them would be reached.
pub(crate) fn metrics_listener(addresses: &[SocketAddr], page: SocketAddr) -> Result<TcpListener, String> {
    let is_same_host = |ip: IpAddr| ip == page.ip() || ip.is_unspecified() || page.ip().is_unspecified();
    match addresses.iter().find(|address| address.port() == page.port() && is_same_host(address.ip())) {
        Some(address) => Err(format!(
            "Cannot serve metrics on {address}: the page is on that port; give --metrics-listen another one."
        )),
        None => bind(addresses, "--metrics-listen"),
    }
}

fn bind(addresses: &[SocketAddr], option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(addresses).map_err(|error| bind_error(addresses, option, &error))
}

/// The message for addresses that cannot be bound: what is wrong and what to do.
fn bind_error(addresses: &[SocketAddr], option: &str, error: &io::Error) -> String {
    let listen = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" or ");
    let advice = match error.kind() {
        ErrorKind::AddrInUse => port_advice(addresses, option),
        ErrorKind::PermissionDenied => {
            format!("ports below 1024 need privileges; choose another with {option} ADDR:PORT")
        }
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address; 0.0.0.0 listens on all interfaces".to_owned()
        }
        _ => return format!("Cannot listen on {listen}: {error}."),
    };
    format!("Cannot listen on {listen}: {advice}.")
}

/// What to do if the port is taken.
fn port_advice(addresses: &[SocketAddr], option: &str) -> String {
    match addresses.iter().find_map(free_address) {
        Some(free) => format!("the port is already in use; port {} is free: {option} {free}", free.port()),
        None => format!("the port is already in use; choose another with {option} ADDR:PORT"),
    }
}

/// The same address with a port that is free now: the next one after the taken port, or else any.
fn free_address(taken: &SocketAddr) -> Option<SocketAddr> {
    let first = taken.port().saturating_add(1);
    let ports = (first..=first.saturating_add(NEXT_PORTS)).chain([0]);
    let bind = |port| TcpListener::bind(SocketAddr::new(taken.ip(), port)).ok()?.local_addr().ok();
    ports.map(bind).find(Option::is_some).flatten()
}
