//! Writers: what goes to a server, over one connection after the other.

use crate::remote::connection::Connection;
use crate::remote::failure::{Ended, Failure};
use crate::remote::link::Link;
use crate::remote::messages::Snapshot;

/// Writes to a room.
pub(crate) trait Writer {
    /// How it connects.
    fn link(&mut self) -> &mut Link;

    /// Has entered the room again, which is in this state.
    fn welcome(&mut self, snapshot: &Snapshot);

    /// Uses a connection until all is done, or until it breaks.
    fn drive(&mut self, connection: &mut Connection) -> Result<Result<(), Ended>, Failure>;
}

/// Runs a writer to the end.
pub(crate) fn run(mut writer: impl Writer, mut connection: Connection) -> Result<(), Ended> {
    loop {
        match writer.drive(&mut connection) {
            Ok(outcome) => {
                connection.close();
                return outcome;
            }
            Err(failure) => writer.link().lose(failure)?,
        }
        let (next, snapshot) = writer.link().connect()?;
        connection = next;
        writer.welcome(&snapshot);
    }
}
