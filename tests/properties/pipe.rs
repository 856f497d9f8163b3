//! A fake socket. The test sets how many bytes it accepts, and reads the frames that were sent.

use crate::support::frame::{CLOSE, CONTINUATION, FIN, Fragments, PING, PONG, TEXT, close_code, first_frame};
use crate::support::page::Page;
use serde_json::Value;
use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;
use typewall::internals::Transport;

/// A socket that accepts `space` bytes and is full after that.
#[derive(Clone, Default)]
pub(crate) struct Pipe(pub Rc<RefCell<Line>>);

#[derive(Default)]
pub(crate) struct Line {
    pub space: usize,
    pub bytes: Vec<u8>,
    pub sends: usize,
    /// The number of pieces in all sends together.
    pub pieces: usize,
    pub shut: Option<Shutdown>,
}

impl Transport for Pipe {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut line = self.0.borrow_mut();
        line.sends += 1;
        line.pieces += pieces.len();
        if line.shut.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let taken = all.len().min(line.space);
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        line.space -= taken;
        line.bytes.extend_from_slice(&all[..taken]);
        Ok(taken)
    }

    fn shutdown(&self, how: Shutdown) {
        self.0.borrow_mut().shut = Some(how);
    }
}

/// A frame that was sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Event(String, Value),
    Close(u16),
    Ping,
    Pong,
}

impl Frame {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Event(event, _) => event,
            Self::Close(_) => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
        }
    }
}

impl Pipe {
    /// Every whole message that was sent to a client of the plain wire. Ignores a partial one at the end.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let event = |payload: &[u8]| {
            let (event, data) = serde_json::from_slice(payload).expect("an event");
            Frame::Event(event, data)
        };
        let frame = |(opcode, payload): (u8, Vec<u8>)| match opcode {
            TEXT => event(&payload),
            CLOSE => Frame::Close(close_code(&payload)),
            PING => Frame::Ping,
            _ => Frame::Pong,
        };
        self.messages().into_iter().map(frame).collect()
    }

    /// The same for a socket that is never full, each only once.
    pub(crate) fn take_frames(&self) -> Vec<Frame> {
        let frames = self.frames();
        self.0.borrow_mut().bytes.clear();
        frames
    }

    /// Every whole packet that was sent to a Socket.IO client, and `close` with its code.
    pub(crate) fn packets(&self) -> Vec<String> {
        let packet = |(opcode, payload): (u8, Vec<u8>)| match opcode {
            TEXT => String::from_utf8(payload).expect("text"),
            CLOSE => format!("close {}", close_code(&payload)),
            _ => panic!("the hub sent a frame with the opcode {opcode}"),
        };
        self.messages().into_iter().map(packet).collect()
    }

    /// The opcode and the payload of every whole message, and of every control frame, even in the middle of a message.
    fn messages(&self) -> Vec<(u8, Vec<u8>)> {
        let line = self.0.borrow();
        let (mut messages, mut rest, mut fragments) = (Vec::new(), &line.bytes[..], Fragments::default());
        let mut is_begun = false;
        while let Some((first, payload, length)) = first_frame(rest) {
            rest = &rest[length..];
            match first {
                TEXT | CONTINUATION => {
                    is_begun = true;
                    assert_eq!(fragments.add(first, payload), None);
                }
                _ if first == FIN | CONTINUATION => {
                    is_begun = false;
                    messages.extend(fragments.add(first, payload));
                }
                _ => {
                    let opcode = first ^ FIN;
                    assert!([TEXT, CLOSE, PING, PONG].contains(&opcode), "the hub sent {first:#x}");
                    assert!(opcode != TEXT || !is_begun, "a message in the middle of another");
                    messages.push((opcode, payload.to_vec()));
                }
            }
        }
        messages
    }

    /// The state that a page would show after these frames.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        for frame in self.frames() {
            if let Frame::Event(event, data) = frame {
                page.apply(&event, &data);
            }
        }
        page
    }
}
