//! Invitations: the addresses at which others reach a room, and one as a QR code.

use crate::room::names::RoomName;
use form_urlencoded::Serializer;
use qrcode::QrCode;
use qrcode::render::svg;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Bytes of a link that is made a QR code: a long room name in a script of three bytes a character, escaped.
pub const MAX_LINK: usize = 1000;

/// The links with which other machines reach a room of a server that listens at `listen`, the likeliest first.
/// None where it listens to its own machine only.
pub fn links(listen: SocketAddr, room: &RoomName) -> Vec<String> {
    let mut query = Serializer::new(String::new());
    let query = query.append_pair("room", room.as_str()).finish();
    let link = |address| format!("http://{address}/?{query}");
    addresses(listen).into_iter().map(link).collect()
}

/// The addresses at which other machines reach a server that listens at `listen`, the likeliest first.
pub fn addresses(listen: SocketAddr) -> Vec<SocketAddr> {
    let mut addresses = match listen.ip().is_unspecified() {
        true => own_addresses(listen),
        false => vec![listen.ip()],
    };
    addresses.retain(is_reachable);
    let with_port = |ip| SocketAddr::new(ip, listen.port());
    addresses.into_iter().map(with_port).collect()
}

/// The addresses of this machine's networks; the one that leads to the rest of the world first, then IPv4,
/// which is the shorter to type.
fn own_addresses(listen: SocketAddr) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    addresses.retain(|ip| ip.is_ipv4() || listen.is_ipv6());
    let outward = outward_address();
    addresses.sort_by_key(|ip| (Some(*ip) != outward, ip.is_ipv6()));
    addresses
}

/// The address from which packets to the rest of the world would go. None is sent to find it.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?; // reserved for documentation (RFC 5737)
    Some(socket.local_addr().ok()?.ip())
}

/// True for addresses that another machine's browser can open: no loopback, and no link-local ones, which
/// need a zone that URLs cannot have.
fn is_reachable(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    }
}

/// A link as a QR code in SVG; `None` where it is longer than [`MAX_LINK`].
pub fn qr(link: &str) -> Option<String> {
    let code = QrCode::new(link).ok().filter(|_| link.len() <= MAX_LINK)?;
    Some(code.render::<svg::Color<'_>>().build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links_at(listen: &str) -> Vec<String> {
        links(listen.parse().unwrap(), &RoomName::from_query("room=Caf%C3%A9 2").unwrap())
    }

    #[test]
    fn a_server_of_its_own_machine_invites_nobody() {
        assert!(links_at("127.0.0.1:8080").is_empty());
        assert!(links_at("[::1]:8080").is_empty());
    }

    #[test]
    fn a_server_at_one_address_invites_there() {
        assert_eq!(links_at("192.168.1.20:8080"), ["http://192.168.1.20:8080/?room=Caf%C3%A9+2"]);
        assert_eq!(links_at("[2001:db8::1]:80"), ["http://[2001:db8::1]:80/?room=Caf%C3%A9+2"]);
    }

    #[test]
    fn a_server_everywhere_invites_nowhere_that_others_cannot_reach() {
        for link in links_at("0.0.0.0:8080").iter().chain(&links_at("[::]:8080")) {
            assert!(link.starts_with("http://") && link.ends_with(":8080/?room=Caf%C3%A9+2"), "{link}");
            assert!(!link.contains("127.0.0") && !link.contains("[::1]") && !link.contains("fe80"), "{link}");
        }
    }

    #[test]
    fn codes_are_made_of_links_and_not_of_books() {
        assert!(qr("http://192.168.1.20:8080/?room=physics").unwrap().contains("<svg"));
        assert_eq!(qr(&"x".repeat(MAX_LINK + 1)), None);
    }
}
