//! The events that a client can send, with the form of their data for error messages.

/// An event of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Gives the passphrase.
    Unlock,
    /// Asks for a seat.
    GotANewUser,
    /// Asks for the state of the room.
    Watch,
    /// Asks for the state of the room again.
    Resync,
    /// Changes the sender's box.
    UpdatedText,
    /// Posts to the log.
    Message,
}

impl EventKind {
    /// All of them, in the order in which a client uses them.
    pub const ALL: [Self; 6] =
        [Self::Unlock, Self::GotANewUser, Self::Watch, Self::Resync, Self::UpdatedText, Self::Message];

    /// The event with this name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name on the wire.
    fn name(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::GotANewUser => "got_a_new_user",
            Self::Watch => "watch",
            Self::Resync => "resync",
            Self::UpdatedText => "updated_text",
            Self::Message => "message",
        }
    }

    /// The whole event, as an error message shows it.
    pub fn usage(self) -> String {
        let data = match self {
            Self::Unlock => r#"{"passphrase": string, "token"?: string}"#,
            Self::GotANewUser => r#"{"name": string, "session"?: string}"#,
            Self::Watch | Self::Resync => "{}",
            Self::UpdatedText => {
                r#"{"text": string} or {"at": number, "cut": number, "put": string, "length": number}"#
            }
            Self::Message => r#"{"text": string, "ref"?: string}"#,
        };
        format!(r#"["{}", {data}]"#, self.name())
    }
}
