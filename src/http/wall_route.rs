//! The boxes of a room: `/boxes?room=ROOM&format=json|txt|md|csv`.

use crate::base::ids::UserId;
use crate::base::secret::SecretHash;
use crate::delivery::transport::SocketTransport;
use crate::http::download::{DownloadPermit, send_chunked};
use crate::http::hub_query::query_hub;
use crate::http::request::Head;
use crate::http::response::Response;
use crate::http::wall_writer::{WallFormat, WallWriter};
use crate::hub::event::Event;
use crate::hub::shards::Shards;
use crate::hub::wall_part::WallPart;
use crate::room::room_name::RoomName;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

/// The header for the host key. Only hosts see hidden texts.
const HOST_KEY_HEADER: &str = "typewall-host-key";

/// A parsed query.
#[derive(Debug)]
pub struct WallRequest {
    /// The room.
    pub(super) room: RoomName,
    format: WallFormat,
    /// It has proved the host key.
    pub(super) is_host: bool,
}

/// A wall that is ready to be sent.
#[derive(Debug)]
pub(super) struct Wall<'a> {
    request: &'a WallRequest,
    shards: &'a Shards,
    first: WallPart,
    _permit: DownloadPermit,
}

/// The host key in a request, if there is one.
pub(super) fn host_key(head: &Head) -> Option<SecretHash> {
    let key = head.headers().get(HOST_KEY_HEADER)?;
    Some(SecretHash::new(&String::from_utf8_lossy(key.as_bytes())))
}

impl WallRequest {
    /// Parses the query of a URL. An error is the response that rejects it.
    pub(super) fn from_query(query: &str) -> Result<Self, Response> {
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let format = match fields.find(|(field, _)| field == "format") {
            Some((_, name)) => WallFormat::from_name(&name).ok_or_else(invalid_format)?,
            None => WallFormat::Json,
        };
        Ok(Self { room, format, is_host: false })
    }

    /// The head of the response.
    pub(super) fn head(&self) -> Response {
        let Self { room, format, .. } = self;
        Response::chunked(format.content_type()).with_file_name(room.as_str(), "-wall", format.name())
    }

    /// Gets the first part from the hub. An error is the response that says why that failed. Without a permit, there
    /// are too many downloads.
    pub(super) fn open<'a>(
        &'a self,
        shards: &'a Shards,
        permit: Option<DownloadPermit>,
    ) -> Result<Wall<'a>, Response> {
        let permit = permit.ok_or_else(|| {
            Response::text(503, "There are too many downloads at the moment; please try again later.")
        })?;
        let first = self.part(shards, None).ok_or_else(Response::busy)?;
        Ok(Wall { request: self, shards, first, _permit: permit })
    }

    /// The part after this user. `None` if the hub does not answer in time, or the room is still to be loaded.
    fn part(&self, shards: &Shards, after: Option<UserId>) -> Option<WallPart> {
        let Self { room, is_host, .. } = self;
        let event = |reply_to| Event::WallRequest { room: room.clone(), is_host: *is_host, after, reply_to };
        query_hub(shards.of_room(room), event)
    }
}

fn invalid_format() -> Response {
    Response::text(400, "The format of the boxes must be json, txt, md or csv.")
}

impl Wall<'_> {
    /// [Sends](send_chunked) the wall.
    pub(super) fn send(self, transport: &SocketTransport, timeout: Duration) -> io::Result<()> {
        send_chunked(transport, timeout, |to| self.write(to))
    }

    /// Boxes that change while a large wall is sent are shown as they are when their part is sent.
    fn write(self, to: &mut dyn Write) -> io::Result<()> {
        let Self { request, shards, first: mut part, .. } = self;
        let room = request.room.as_str();
        let mut wall = WallWriter::begin(to, request.format, room, &part.prompt, part.hidden)?;
        loop {
            part.boxes.iter().try_for_each(|shown| wall.write(shown))?;
            let Some(last) = part.next else { return wall.end() };
            part = request.part(shards, Some(last)).ok_or(ErrorKind::TimedOut)?;
        }
    }
}
