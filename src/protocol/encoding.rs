//! Encodings: how events are written for a client. The client chooses one when it connects.

use crate::protocol::server_event::ServerEvent;
use crate::room::boxes::TextUpdate;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// The framing of events, and the form of texts in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// WebSocket text frames, each text whole.
    PlainWhole,
    /// WebSocket text frames, each text as a splice of the one before.
    PlainSpliced,
    /// WebSocket text frames, without texts.
    PlainHidden,
}

/// The form of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// The whole text each time.
    Whole,
    /// The difference from the text that was sent before, which the client must have.
    Spliced,
    /// Only whether there is a text.
    Hidden,
}

/// The place of a frame in its message (RFC 6455, section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The message begins with this frame.
    pub is_first: bool,
    /// The message ends with this frame.
    pub is_last: bool,
}

impl Fragment {
    /// The only frame of its message.
    const WHOLE: Self = Self { is_first: true, is_last: true };
}

impl TextForm {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Whole, Self::Spliced, Self::Hidden];

    /// The event for a changed text. `None` if the text is the same as before in this form.
    pub fn event<'a>(self, update: &TextUpdate<'a>) -> Option<ServerEvent<'a>> {
        match self {
            Self::Whole => Some(ServerEvent::whole_text(update)),
            Self::Spliced if update.before == update.after => None,
            Self::Spliced => Some(ServerEvent::spliced_text(update)),
            Self::Hidden => ServerEvent::wrote(update),
        }
    }
}

impl Encoding {
    /// The number of encodings.
    pub const COUNT: usize = 3;

    /// The index of this encoding in an array with one element per encoding.
    pub fn index(self) -> usize {
        match self {
            Self::PlainWhole => 0,
            Self::PlainSpliced => 1,
            Self::PlainHidden => 2,
        }
    }

    /// The form of texts.
    pub fn text_form(self) -> TextForm {
        match self {
            Self::PlainWhole => TextForm::Whole,
            Self::PlainSpliced => TextForm::Spliced,
            Self::PlainHidden => TextForm::Hidden,
        }
    }

    /// The encoding with the same framing and whole texts, for a client that may not have the previous texts.
    pub fn whole(self) -> Self {
        match self {
            Self::PlainWhole | Self::PlainSpliced | Self::PlainHidden => Self::PlainWhole,
        }
    }

    /// The encoding with the same framing and without texts, for a client that may not see them.
    pub fn hidden(self) -> Self {
        match self {
            Self::PlainWhole | Self::PlainSpliced | Self::PlainHidden => Self::PlainHidden,
        }
    }

    /// Appends an event to `frames`, as a frame.
    pub fn frame(self, json: &[u8], frames: &mut Vec<u8>) {
        self.frame_header(Fragment::WHOLE, json.len(), frames);
        frames.extend_from_slice(json);
    }

    /// Appends the header of a frame that contains `json_len` bytes of JSON.
    pub fn frame_header(self, fragment: Fragment, json_len: usize, frames: &mut Vec<u8>) {
        match self {
            Self::PlainWhole | Self::PlainSpliced | Self::PlainHidden => {
                let data = if fragment.is_first { Data::Text } else { Data::Continue };
                let header = FrameHeader {
                    is_final: fragment.is_last,
                    opcode: OpCode::Data(data),
                    ..FrameHeader::default()
                };
                header.format(json_len as u64, frames).expect("writing to a Vec does not fail");
            }
        }
    }
}
