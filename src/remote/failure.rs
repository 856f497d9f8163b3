//! Why a command that uses a server over the network fails.

use std::borrow::Cow;
use tungstenite::Error;
use tungstenite::http::StatusCode;
use tungstenite::protocol::CloseFrame;

/// Why there is no connection, or no seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server refuses it, and would again.
    Refused(String),
    /// The server refuses it, and may not later.
    TurnedAway(String),
    /// There is no connection, or no more.
    Lost(String),
}

/// Why a command ends without having done all that it was asked for, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The server, or a person, refused it.
    Refused(String),
    /// There is no connection.
    Lost(String),
}

impl Ended {
    /// The sentence.
    pub fn message(&self) -> &str {
        let (Self::Refused(message) | Self::Lost(message)) = self;
        message
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(message) | Failure::TurnedAway(message) => Self::Refused(message),
            Failure::Lost(message) => Self::Lost(message),
        }
    }
}

impl Failure {
    pub(crate) fn message(&self) -> &str {
        let (Self::Refused(message) | Self::TurnedAway(message) | Self::Lost(message)) = self;
        message
    }

    /// Whether there is no use in another attempt.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Nothing comes any more.
    pub(crate) fn silent() -> Self {
        Self::Lost("The server does not answer.".to_owned())
    }

    /// The server, or what is at its address, speaks something else.
    pub(crate) fn not_understood() -> Self {
        Self::Refused(
            "The server sent something that this version of Typewall does not understand.".to_owned(),
        )
    }

    /// What an `error` says while a client enters a room.
    pub(crate) fn of_entry(code: &str, message: &str) -> Self {
        match code {
            "passphrase_needed" => {
                Self::Refused("The server needs a passphrase: give --passphrase-file FILE.".to_owned())
            }
            "room_full" | "passphrase_wait" | "host_key_wait" => Self::TurnedAway(message.to_owned()),
            _ => Self::Refused(message.to_owned()),
        }
    }

    /// What a close frame says.
    pub(crate) fn of_close(frame: Option<&CloseFrame>) -> Self {
        let (code, reason) = frame.map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()));
        let sentence = match (code, reason) {
            (1001, _) => return Self::Lost("The server has stopped.".to_owned()),
            (1013, "server_full") => "The server has as many clients as it allows.",
            (1013, "address_full") => "The server allows no more clients from this IP address.",
            (1013, "rooms_full") => "The server has as many rooms as it allows.",
            (1013, _) => "The server is busy.",
            (4001, _) => return Self::Refused("Another connection has taken the seat.".to_owned()),
            (4003, _) => return Self::Refused("The server got no passphrase in time.".to_owned()),
            (4004, _) => return Self::Refused("A host has removed this user from the room.".to_owned()),
            _ => return Self::Lost(format!("The server has closed the connection ({code}).")),
        };
        Self::TurnedAway(sentence.to_owned())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(response) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy);
                of_status(response.status(), body)
            }
            Error::Io(error) if error.get_ref().is_some_and(|source| source.is::<rustls::Error>()) => {
                Self::TurnedAway(format!("The server's certificate or encryption is not accepted: {error}."))
            }
            Error::ConnectionClosed | Error::AlreadyClosed => {
                Self::Lost("The server has closed the connection.".to_owned())
            }
            error => Self::Lost(format!("The connection is lost: {error}.")),
        }
    }
}

/// What an HTTP status means where a WebSocket was expected. A refusal by Typewall has a sentence as its body.
fn of_status(status: StatusCode, body: Option<Cow<'_, str>>) -> Failure {
    let sentence = body.filter(|body| !body.contains('<')).unwrap_or_default();
    let sentence = sentence.lines().next().unwrap_or_default().trim();
    let answer = match sentence {
        "" => format!("There is no Typewall at this address: the server answers {status}."),
        sentence => format!("The server answers {}: {sentence}", status.as_u16()),
    };
    // A proxy says so while the server behind it restarts.
    if status.is_server_error() { Failure::Lost(answer) } else { Failure::TurnedAway(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::http::Response;

    fn of_response(status: u16, body: &str) -> Failure {
        let response = Response::builder().status(status).body(Some(body.as_bytes().to_vec())).unwrap();
        Error::Http(Box::new(response)).into()
    }

    #[test]
    fn a_status_is_explained_by_the_sentence_of_the_server() {
        let forbidden = of_response(403, "Start the server with --allow-host wall.example.\n");
        assert_eq!(
            forbidden,
            Failure::TurnedAway(
                "The server answers 403: Start the server with --allow-host wall.example.".into()
            )
        );
        let elsewhere = of_response(404, "<html>\n<title>Not found</title>");
        assert!(elsewhere.message().starts_with("There is no Typewall at this address"));
        assert!(matches!(of_response(502, ""), Failure::Lost(_)));
    }

    #[test]
    fn what_is_final_is_not_tried_again() {
        let close = |code: u16, reason: &str| CloseFrame { code: code.into(), reason: reason.into() };
        for (code, reason) in [(4001, "seat_taken"), (4003, "passphrase_timeout"), (4004, "removed")] {
            assert!(matches!(Failure::of_close(Some(&close(code, reason))), Failure::Refused(_)), "{code}");
        }
        for reason in ["server_full", "address_full", "rooms_full", "server_busy"] {
            assert!(matches!(Failure::of_close(Some(&close(1013, reason))), Failure::TurnedAway(_)));
        }
        for code in [1000, 1001, 1002, 4002] {
            assert!(matches!(Failure::of_close(Some(&close(code, ""))), Failure::Lost(_)), "{code}");
        }
        assert!(matches!(Failure::of_close(None), Failure::Lost(_)));
        for code in ["locked", "removed", "name_empty", "passphrase_wrong", "passphrase_needed"] {
            assert!(matches!(Failure::of_entry(code, "No."), Failure::Refused(_)), "{code}");
        }
        assert_eq!(Failure::of_entry("room_full", "Full."), Failure::TurnedAway("Full.".into()));
    }
}
