//! Payloads and packets of Socket.IO clients. Any text is decoded or rejected, and what is decoded is encoded to
//! something that means the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use typewall::internals::{EnginePacket, SocketPacket};

fuzz_target!(|payload: &str| {
    let Ok(packets) = EnginePacket::decode_payload(payload).collect::<Result<Vec<_>, _>>() else { return };
    let mut encoded = String::new();
    packets.iter().for_each(|packet| packet.encode(&mut encoded));
    let again: Vec<_> = EnginePacket::decode_payload(&encoded).map(|packet| packet.expect("a packet")).collect();
    assert_eq!(again, packets);
    for packet in &packets {
        let EnginePacket::Message(text) = packet else { continue };
        if let Ok(packet) = SocketPacket::decode(text) {
            let mut encoded = String::new();
            packet.encode(&mut encoded);
            assert_eq!(SocketPacket::decode(&encoded), Ok(packet));
        }
    }
});
