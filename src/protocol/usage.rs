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
    /// Changes the user's name.
    ChangeName,
    /// Asks for a `pong`.
    Ping,
    /// Gives the host key.
    Host,
    /// Changes the state of the room.
    SetRoom,
    /// Removes a user.
    RemoveUser,
    /// Empties boxes.
    ClearBox,
    /// Makes a user a host.
    MakeHost,
    /// Removes a post.
    RemovePost,
}

impl EventKind {
    /// All of them, in the order in which a client uses them.
    pub const ALL: [Self; 14] = [
        Self::Unlock,
        Self::GotANewUser,
        Self::Watch,
        Self::Resync,
        Self::UpdatedText,
        Self::Message,
        Self::ChangeName,
        Self::Ping,
        Self::Host,
        Self::SetRoom,
        Self::RemoveUser,
        Self::ClearBox,
        Self::MakeHost,
        Self::RemovePost,
    ];

    /// The event with this name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::GotANewUser => "got_a_new_user",
            Self::Watch => "watch",
            Self::Resync => "resync",
            Self::UpdatedText => "updated_text",
            Self::Message => "message",
            Self::ChangeName => "change_name",
            Self::Ping => "ping",
            Self::Host => "host",
            Self::SetRoom => "set_room",
            Self::RemoveUser => "remove_user",
            Self::ClearBox => "clear_box",
            Self::MakeHost => "make_host",
            Self::RemovePost => "remove_post",
        }
    }

    /// The whole event, as an error message shows it.
    pub fn usage(self) -> String {
        let data = match self {
            Self::Unlock => r#"{"passphrase": string, "token"?: string}"#,
            Self::GotANewUser => r#"{"name": string, "session"?: string}"#,
            Self::Watch | Self::Resync | Self::Ping => "{}",
            Self::UpdatedText => {
                r#"{"text": string} or {"at": number, "cut": number, "put": string, "length": number}"#
            }
            Self::Message => r#"{"text": string, "ref"?: string}"#,
            Self::ChangeName => r#"{"name": string}"#,
            Self::Host => r#"{"key": string, "token"?: string}"#,
            Self::SetRoom => concat!(
                r#"{"locked"?: boolean, "hidden"?: boolean, "frozen"?: boolean, "prompt"?: string, "#,
                r#""spotlight"?: string or null}"#
            ),
            Self::RemoveUser | Self::MakeHost => r#"{"id": string}"#,
            Self::ClearBox => r#"{"id"?: string}"#,
            Self::RemovePost => r#"{"n": number}"#,
        };
        format!(r#"["{}", {data}]"#, self.name())
    }
}
