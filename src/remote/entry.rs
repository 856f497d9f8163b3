//! Entering a room: the passphrase, the host key, a name; up to the first snapshot.

use crate::remote::address::Address;
use crate::remote::connection::Connection;
use crate::remote::failure::Failure;
use crate::remote::messages::{Refusal, ServerMessage, Snapshot};
use crate::remote::tls::Tls;
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// A client has this long to enter, from its connection to the snapshot. A passphrase may have to wait for others.
const ENTRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Who enters.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// Somebody without a box.
    Viewer,
    /// Somebody with a box.
    User {
        name: String,
        /// The secret with which the seat is taken again.
        session: String,
    },
}

/// A secret, and the token that proves that it was right before.
#[derive(Clone)]
pub(crate) struct Secret {
    text: String,
    token: Option<String>,
}

/// All that is needed to enter a room, again and again.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub address: Address,
    /// `None` if the address does not need it.
    pub tls: Option<Tls>,
    pub passphrase: Option<Secret>,
    pub host_key: Option<Secret>,
    pub role: Role,
}

/// A connection that has entered.
#[derive(Debug)]
pub(crate) struct Entered {
    pub connection: Connection,
    pub snapshot: Box<Snapshot>,
    /// The visit, with the tokens that the server gave.
    pub visit: Visit,
}

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self { text, token: None }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

/// Hides the secret, so that no log shows it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Visit {
    /// Connects and enters, in bounded time.
    pub(crate) fn enter(mut self) -> Result<Entered, Failure> {
        let deadline = Instant::now() + ENTRY_TIMEOUT;
        let mut connection = Connection::open(&self.address, self.tls.as_ref())?;
        if let Some(secret) = &mut self.passphrase {
            let data = json!({ "passphrase": secret.text, "token": secret.token });
            let answer = ask(&mut connection, "unlock", &data, deadline)?;
            // Where no passphrase is required, any is right, and there is no token.
            if let ServerMessage::Unlocked { token } = answer {
                secret.token = token;
            }
        }
        if let Some(secret) = &mut self.host_key {
            let data = json!({ "key": secret.text, "token": secret.token });
            if let ServerMessage::Hosting { token } = ask(&mut connection, "host", &data, deadline)? {
                secret.token = token;
            }
        }
        let (event, data) = match &self.role {
            Role::Viewer => ("watch", json!({})),
            Role::User { name, session } => ("got_a_new_user", json!({ "name": name, "session": session })),
        };
        match ask(&mut connection, event, &data, deadline)? {
            ServerMessage::Snapshot(snapshot) => Ok(Entered { connection, snapshot, visit: self }),
            _ => Err(Failure::not_understood()),
        }
    }
}

/// Sends an event, and returns the answer to it. Sends it again if the server asks for that.
fn ask(
    connection: &mut Connection,
    event: &str,
    data: &Value,
    deadline: Instant,
) -> Result<ServerMessage, Failure> {
    connection.send(event, data)?;
    let mut again_at = None;
    loop {
        let Some(message) = connection.wait(again_at.unwrap_or(deadline))? else {
            if again_at.take().is_none() {
                return Err(Failure::silent());
            }
            connection.send(event, data)?;
            continue;
        };
        match (&message, event) {
            (ServerMessage::Unlocked { .. }, "unlock")
            | (ServerMessage::Hosting { .. }, "host")
            | (ServerMessage::Snapshot(_), "watch" | "got_a_new_user") => return Ok(message),
            (ServerMessage::Error(Refusal { code, wait, message, .. }), _) => {
                // A server may send any number, also one that is after the end of time.
                let wait = wait.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
                again_at = wait.filter(|at| *at < deadline);
                if again_at.is_none() {
                    return Err(Failure::of_entry(code, message));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;
    use tungstenite::Message;

    /// What becomes of a viewer whom the server answers with this.
    fn failure(answer: &'static str) -> Failure {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let server = thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            socket.send(Message::text(answer)).unwrap();
            while socket.read().is_ok() {}
        });
        let visit = Visit { address, tls: None, passphrase: None, host_key: None, role: Role::Viewer };
        let failure = visit.enter().expect_err("a failure");
        server.join().unwrap();
        failure
    }

    #[test]
    fn a_wait_that_is_too_long_is_a_refusal() {
        for answer in [
            r#"["error",{"code":"passphrase_wait","message":"No.","wait":61}]"#,
            r#"["error",{"code":"passphrase_wait","message":"No.","wait":18446744073709551615}]"#,
        ] {
            assert_eq!(failure(answer), Failure::TurnedAway("No.".to_owned()), "{answer}");
        }
    }
}
