//! Heads of HTTP requests. Any bytes are a head, the beginning of a head, or an error, and no check of a head panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{Ipv4Addr, SocketAddr};
use typewall::{Access, RoomName};
use typewall::internals::{LogRequest, from_authorization, parse_head};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some((len, head))) = parse_head(bytes) else { return };
    assert!(matches!(parse_head(&bytes[..len - 1]), Ok(None)), "the beginning of a head is no head");
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    for trusts_proxy in [false, true] {
        let access = Access { trusts_proxy, ..Access::default() };
        let _ = access.check(&head, here);
        access.client_address(&head, here.ip());
    }
    let query = head.uri().query().unwrap_or_default();
    let _ = LogRequest::from_query(query);
    if let Ok(room) = RoomName::from_query(query) {
        let again = RoomName::parse(room.as_str()).expect("a cleaned name is a name");
        assert_eq!((again.as_str(), again.key()), (room.as_str(), room.key()));
    }
    let authorization = head.headers().get("authorization").and_then(|value| value.to_str().ok());
    authorization.map(from_authorization);
});
