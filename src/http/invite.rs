//! Invitations: links with which other machines reach a room.

use crate::http::origin::Scheme;
use crate::room::room_name::RoomName;
use crate::tls::names::Names;
use form_urlencoded::Serializer;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Links to a room for other machines, the most likely to work first. Empty if the server listens on loopback only.
pub(crate) fn links(listen: SocketAddr, names: Option<&Names>, room: &RoomName) -> Vec<String> {
    let mut query = Serializer::new(String::new());
    let query = query.append_pair("room", room.as_str()).finish();
    origins(listen, names).into_iter().map(|origin| format!("{origin}/?{query}")).collect()
}

/// Where other machines reach a server that listens on `listen`, the most likely to work first: as the beginnings of
/// links, without a slash at the end. An encrypted server has the names of its certificate.
pub fn origins(listen: SocketAddr, names: Option<&Names>) -> Vec<String> {
    let addresses = addresses(listen);
    match names {
        None => addresses.into_iter().map(|address| format!("http://{address}")).collect(),
        Some(names) => secure_origins(&addresses, names),
    }
}

/// Only where the certificate is valid, because browsers warn of the others. If it is valid for no address and has no
/// name, people have to live with that.
fn secure_origins(addresses: &[SocketAddr], names: &Names) -> Vec<String> {
    let Some(port) = addresses.first().map(SocketAddr::port) else { return Vec::new() };
    let valid = addresses.iter().filter(|address| names.include(&address.ip().to_string()));
    let valid = valid.map(|address| format!("https://{address}"));
    let hosts = names.hosts().iter().filter(|host| *host != "localhost");
    let hosts = hosts.map(|host| match Scheme::Https.default_port() == port {
        true => format!("https://{host}"),
        false => format!("https://{host}:{port}"),
    });
    let origins: Vec<String> = valid.chain(hosts).collect();
    match origins.is_empty() {
        true => addresses.iter().map(|address| format!("https://{address}")).collect(),
        false => origins,
    }
}

/// The addresses at which other machines reach a server, the most likely to work first.
fn addresses(listen: SocketAddr) -> Vec<SocketAddr> {
    let mut addresses = match listen.ip().is_unspecified() {
        true => interface_addresses(listen),
        false => vec![listen.ip()],
    };
    addresses.retain(is_reachable);
    let with_port = |ip| SocketAddr::new(ip, listen.port());
    addresses.into_iter().map(with_port).collect()
}

/// The addresses of this machine's interfaces: the one with the default route first, then IPv4 ones, which are shorter
/// to type.
fn interface_addresses(listen: SocketAddr) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    addresses.retain(|ip| ip.is_ipv4() || listen.is_ipv6());
    let default_route = default_route_address();
    addresses.sort_by_key(|ip| (Some(*ip) != default_route, ip.is_ipv6()));
    addresses
}

/// The source address of packets that take the default route. Connecting a UDP socket sends no packet.
fn default_route_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?; // reserved for documentation (RFC 5737)
    Some(socket.local_addr().ok()?.ip())
}

/// True if another machine's browser can open the address. A link-local address needs a zone, which a URL cannot have.
fn is_reachable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links_at(listen: &str) -> Vec<String> {
        links(listen.parse().unwrap(), None, &RoomName::from_query("room=Caf%C3%A9 2").unwrap())
    }

    #[test]
    fn a_server_on_loopback_has_no_links() {
        assert!(links_at("127.0.0.1:8080").is_empty());
        assert!(links_at("[::1]:8080").is_empty());
    }

    #[test]
    fn a_server_on_one_address_has_one_link() {
        assert_eq!(links_at("192.168.1.20:8080"), ["http://192.168.1.20:8080/?room=Caf%C3%A9+2"]);
        assert_eq!(links_at("[2001:db8::1]:80"), ["http://[2001:db8::1]:80/?room=Caf%C3%A9+2"]);
    }

    #[test]
    fn a_server_on_all_interfaces_has_no_links_that_others_cannot_open() {
        for link in links_at("0.0.0.0:8080").iter().chain(&links_at("[::]:8080")) {
            assert!(link.starts_with("http://") && link.ends_with(":8080/?room=Caf%C3%A9+2"), "{link}");
            assert!(!link.contains("127.0.0") && !link.contains("[::1]") && !link.contains("fe80"), "{link}");
        }
    }

    #[test]
    fn an_address_that_other_machines_cannot_open_is_in_no_link() {
        for (listen, count) in [
            ("169.254.1.2:8080", 0),
            ("[fe80::1]:8080", 0),
            ("127.1.2.3:8080", 0),
            ("169.253.1.2:8080", 1),
            ("[fd00::1]:8080", 1),
        ] {
            assert_eq!(links_at(listen).len(), count, "{listen}");
        }
    }

    #[test]
    fn an_encrypted_server_is_reached_where_its_certificate_is_valid() {
        let addresses = ["192.0.2.1:8443", "[2001:db8::1]:8443"].map(|address| address.parse().unwrap());
        for (certified, expected) in [
            (&["localhost", "wall.example", "192.0.2.1"][..], &["192.0.2.1:8443", "wall.example:8443"][..]),
            (&["wall.example", "*.wall.example"], &["wall.example:8443"]),
            (&["localhost"], &["192.0.2.1:8443", "[2001:db8::1]:8443"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|at| format!("https://{at}")).collect();
            assert_eq!(secure_origins(&addresses, &names(certified)), expected);
        }
        let on_standard_port = ["192.0.2.1:443".parse().unwrap()];
        assert_eq!(secure_origins(&on_standard_port, &names(&["wall.example"])), ["https://wall.example"]);
        assert!(origins("127.0.0.1:8443".parse().unwrap(), Some(&names(&["wall.example"]))).is_empty());
    }

    fn names(certified: &[&str]) -> Names {
        let names: Vec<String> = certified.iter().map(|name| (*name).to_owned()).collect();
        Names::of(rcgen::generate_simple_self_signed(names).unwrap().cert.der().clone()).unwrap()
    }
}
