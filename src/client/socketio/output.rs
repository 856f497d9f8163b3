//! What a session writes itself, before the client belongs to a hub.

use crate::delivery::client_transport::ClientTransport;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::{Transport, is_full};
use crate::protocol::socketio::engine::EnginePacket;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::mem;
use std::net::Shutdown;
use std::time::Duration;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

/// Bytes that may wait for a client's next poll: a few of the largest payloads, echoed.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// How long a transport may take for what waits.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Packets for a client, and the transport that they go to.
#[derive(Debug)]
pub struct Output {
    transport: ClientTransport,
    packets: VecDeque<EnginePacket<'static>>,
    /// Bytes of the packets, roughly.
    bytes: usize,
    /// The rest of a frame whose beginning was sent.
    begun: Vec<u8>,
}

impl Output {
    /// An output in which nothing waits.
    pub(crate) fn new(transport: ClientTransport) -> Self {
        Self { transport, packets: VecDeque::new(), bytes: 0, begun: Vec::new() }
    }

    /// Adds a packet.
    pub fn send(&mut self, packet: EnginePacket<'static>) {
        self.bytes += size_of::<EnginePacket<'_>>() + packet.len();
        self.packets.push_back(packet);
    }

    /// Sends what the transport accepts. A WebSocket accepts everything, or is broken.
    pub fn flush(&mut self) -> io::Result<()> {
        loop {
            if self.begun.is_empty() {
                let Some(packet) = self.packets.pop_front() else { break };
                self.bytes -= size_of::<EnginePacket<'_>>() + packet.len();
                self.begun = self.frame(&packet);
            }
            match self.send_begun() {
                Ok(sent) => drop(self.begun.drain(..sent)),
                Err(error) if is_full(&error) => return self.wait_for_transport(),
                Err(error) => return Err(error),
            }
        }
        self.transport.end_response();
        Ok(())
    }

    /// Sends of the frame that was begun what the transport accepts. A poll accepts everything, in time.
    fn send_begun(&self) -> io::Result<usize> {
        let frame = [IoSlice::new(&self.begun)];
        match &self.transport {
            ClientTransport::Polling(polling) => polling.send_in_time(&frame, WRITE_TIMEOUT),
            ClientTransport::Socket(socket) => socket.send(&frame),
        }
    }

    /// The transport is full. A poll will come; a socket has to be waited for.
    fn wait_for_transport(&mut self) -> io::Result<()> {
        match &self.transport {
            ClientTransport::Polling(_) if self.bytes > MAX_WAITING => Err(ErrorKind::OutOfMemory.into()),
            ClientTransport::Polling(_) => Ok(()),
            ClientTransport::Socket(socket) => {
                let mut rest = mem::take(&mut self.begun);
                rest.extend(mem::take(&mut self.packets).iter().flat_map(|packet| self.frame(packet)));
                self.bytes = 0;
                DeadlineStream::with_timeout(socket, WRITE_TIMEOUT).write_all(&rest)
            }
        }
    }

    fn frame(&self, packet: &EnginePacket<'_>) -> Vec<u8> {
        match &self.transport {
            ClientTransport::Socket(_) => frame(packet),
            ClientTransport::Polling(_) => text_frame(packet),
        }
    }

    /// Sends whole control frames, ahead of all packets that wait.
    pub(crate) fn write_frames(&mut self, frames: &[u8]) -> io::Result<()> {
        self.begun.extend_from_slice(frames);
        self.flush()
    }

    /// The transport.
    pub(crate) fn transport(&self) -> &ClientTransport {
        &self.transport
    }

    /// Goes on over another transport, which gets what waits.
    pub(crate) fn replace_transport(&mut self, transport: ClientTransport) -> io::Result<()> {
        let earlier = mem::replace(&mut self.transport, transport);
        if earlier.is_mid_message() {
            return Err(ErrorKind::InvalidData.into());
        }
        self.flush()
    }

    /// Ends the connection, after what waits.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &'static str) {
        // The connection may have ended already.
        let _ = match &self.transport {
            ClientTransport::Polling(_) => {
                self.send(EnginePacket::Close);
                self.flush()
            }
            ClientTransport::Socket(_) => {
                self.flush().and_then(|()| self.write_frames(&close_frame(code, reason)))
            }
        };
        self.transport.shutdown(Shutdown::Write);
    }

    /// The transport, and the frames that are still to be sent.
    pub(crate) fn into_parts(mut self) -> (ClientTransport, Vec<u8>) {
        let packets = mem::take(&mut self.packets);
        let frames = packets.iter().flat_map(|packet| self.frame(packet)).collect::<Vec<_>>();
        let Self { transport, begun, .. } = self;
        (transport, [begun, frames].concat())
    }
}

fn close_frame(code: CloseCode, reason: &'static str) -> Vec<u8> {
    let mut frame = Vec::new();
    let close = Frame::close(Some(CloseFrame { code, reason: reason.into() }));
    close.format(&mut frame).expect("writing to a Vec does not fail");
    frame
}

/// A packet as a frame of a WebSocket.
fn frame(packet: &EnginePacket<'_>) -> Vec<u8> {
    match packet {
        EnginePacket::Binary(bytes) => data_frame(Data::Binary, bytes),
        _ => text_frame(packet),
    }
}

/// A packet as it is in a payload, as a frame.
pub(crate) fn text_frame(packet: &EnginePacket<'_>) -> Vec<u8> {
    let mut text = String::new();
    packet.encode(&mut text);
    data_frame(Data::Text, text.as_bytes())
}

fn data_frame(opcode: Data, content: &[u8]) -> Vec<u8> {
    let header = FrameHeader { opcode: OpCode::Data(opcode), ..FrameHeader::default() };
    let mut frame = Vec::new();
    header.format(content.len() as u64, &mut frame).expect("writing to a Vec does not fail");
    frame.extend_from_slice(content);
    frame
}
