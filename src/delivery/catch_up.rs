//! The texts that a slow client has missed, as they are when its transport accepts output again.

use crate::delivery::framed::{TextFrame, empty};
use crate::delivery::share::Share;
use crate::protocol::encoding::{Encoding, Message};
use crate::protocol::server_event::ServerEvent;
use crate::room::boxes::Revision;

/// Current texts, each whole, for one client.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    texts: Vec<u8>,
    frames: Vec<TextFrame>,
    json: Vec<u8>,
}

impl CatchUp {
    /// Adds a text.
    pub(crate) fn push(&mut self, encoding: Encoding, event: &ServerEvent<'_>, revision: Revision) {
        self.json.clear();
        event.encode(&mut self.json);
        let start = self.texts.len();
        encoding.frame(Message::Event, &self.json, &mut self.texts);
        self.frames.push(TextFrame { bytes: start..self.texts.len(), author: None, revision });
    }

    /// The size of all frames, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The texts as a share.
    pub(crate) fn share(&self) -> Share<'_> {
        let mut share = Share::default();
        share.push_texts(&self.texts, &self.frames, None);
        share
    }

    /// Removes all texts and keeps the memory.
    pub(crate) fn clear(&mut self) {
        empty([&mut self.frames]);
        empty([&mut self.texts, &mut self.json]);
    }
}
