//! Routes: what a request is for, who may make it, and the response to it.

use crate::base::address::Address;
use crate::base::hash_slots::HashSlots;
use crate::base::ids::ClientId;
use crate::base::token::Token;
use crate::client::socketio::rooms::Rooms;
use crate::http::access::{Access, AccessError};
use crate::http::auth::from_authorization;
use crate::http::cors::{preflight, with_origin};
use crate::http::invite;
use crate::http::log_route::LogRequest;
use crate::http::page::Page;
use crate::http::qr::QrCodes;
use crate::http::request::Head;
use crate::http::response::Response;
use crate::http::responses::ResponseCounters;
use crate::http::socketio;
use crate::http::upgrade::Upgrade;
use crate::http::wall_route::{WallRequest, host_key};
use crate::hub::attempts::{CHECK_INTERVAL, MAX_ATTEMPTS, Refusal};
use crate::hub::post_request::PostPlaces;
use crate::hub::shards::{HUB_TIMEOUT, Refused, Shards};
use crate::protocol::error::EventError;
use crate::protocol::invitation::Invitation;
use crate::room::room_name::RoomName;
use log::Level;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tungstenite::http::{Method, header};

/// Paths that show something of a room, or change it. They need the passphrase, if the server has one.
const PROTECTED_PATHS: [&str; 4] = ["/log", "/boxes", "/invite", "/post"];

/// Paths that pages of other origins may use, if their origins are allowed.
const CROSS_ORIGIN_PATHS: [&str; 2] = ["/boxes", "/post"];

/// The value of `WWW-Authenticate`: the passphrase is the password, the user name does not matter.
const CHALLENGE: &str = "Basic realm=\"Typewall\", charset=\"UTF-8\"";

/// Refused hosts and origins that are logged as warnings: enough for the names that an operator has forgotten to allow,
/// and few enough that strangers cannot fill the log. Further ones are logged at the level `debug`.
const MAX_WARNINGS: usize = 16;

/// The header for the token of a page that was let in before.
const TOKEN_HEADER: &str = "typewall-token";

/// The answer to a page that expects Socket.IO's client here, where Socket.IO's own server has it.
const NO_CLIENT: &str = "Typewall does not serve Socket.IO's client. Copy socket.io.min.js from the npm package \
                         socket.io-client, version 4, and serve it with your page.";

/// How long a request waits until its passphrase is checked: a little longer than a full queue of attempts takes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(MAX_ATTEMPTS as u64 * CHECK_INTERVAL.as_secs() + 1);

/// What a request leads to.
#[derive(Debug)]
pub enum Route {
    /// A response, after which the connection may stay open.
    Response(Response),
    /// The download of a log, by a client at this address.
    Log(LogRequest, Address),
    /// The download of a room's boxes, by a client at this address.
    Boxes(WallRequest, Address),
    /// A WebSocket.
    WebSocket(Upgrade),
    /// A post, by a client at this address.
    Post(Address),
    /// A request of a Socket.IO client at this address.
    SocketIo(Address),
}

/// Finds the routes of all connections' requests.
#[derive(Debug)]
pub struct Router {
    /// The address that the server listens on.
    listen: SocketAddr,
    /// Who may use the server.
    access: Access,
    /// The page and its words.
    page: Page,
    /// Where events go.
    pub shards: Shards,
    /// The posts that wait.
    pub(super) posts: PostPlaces,
    /// Draws QR codes.
    qr_codes: QrCodes,
    /// Counts responses.
    pub(crate) responses: Arc<ResponseCounters>,
    /// The refused hosts and origins that have been logged as warnings.
    warned: HashSlots<MAX_WARNINGS>,
}

impl Router {
    /// A router for a server that listens on `listen`.
    pub fn new(listen: SocketAddr, access: Access, shards: Shards, qr_codes: QrCodes) -> Self {
        let page = Page::new(&access.frame_ancestors());
        let (posts, responses, warned) = (PostPlaces::default(), Arc::default(), HashSlots::default());
        Self { listen, access, page, shards, posts, qr_codes, responses, warned }
    }

    /// Finds the route of a request from `peer`, or the response that rejects it.
    pub fn route(&self, head: &Head, client: ClientId, peer: IpAddr) -> Route {
        if let Err(error) = self.access.check(head, self.listen) {
            log::log!(self.level(&error), "client {}: request rejected: {error}", client.0);
            return Route::Response(Response::text(error.status(), error.to_string()));
        }
        let address = self.access.client_address(head, peer);
        if !CROSS_ORIGIN_PATHS.contains(&head.uri().path()) {
            return self.permitted_route(head, address);
        }
        if head.method() == Method::OPTIONS {
            return Route::Response(with_origin(preflight(head), head));
        }
        match self.permitted_route(head, address) {
            Route::Response(response) => Route::Response(with_origin(response, head)),
            route => route,
        }
    }

    /// The response to a request that is not encrypted, although it has to be. A browser asks again as it should.
    pub(crate) fn redirect(&self, head: &Head) -> Response {
        const TEXT: &str = "This server speaks HTTPS only: use https:// in place of http://.";
        let is_read = [Method::GET, Method::HEAD].contains(head.method());
        match self.access.secure_address(head, self.listen).filter(|_| is_read) {
            // Not for ever: the server may be without a certificate later.
            Some(address) => Response::text(307, TEXT).with_header("Location", address),
            None => Response::text(400, TEXT),
        }
    }

    /// Finds the route of a request from an allowed page or a script at this address.
    fn permitted_route(&self, head: &Head, address: Address) -> Route {
        if PROTECTED_PATHS.contains(&head.uri().path())
            && let Err(response) = self.authorize(head, address, ATTEMPT_TIMEOUT)
        {
            return Route::Response(response);
        }
        self.match_path(head, address).unwrap_or_else(Route::Response)
    }

    /// What handles the messages of a Socket.IO client at `address` until it has entered a room. Its name may have so many
    /// characters.
    pub(crate) fn rooms(&self, head: &Head, address: Address, max_name: usize) -> Rooms {
        let query = head.uri().query().unwrap_or_default();
        let room = RoomName::from_query(query);
        Rooms::new(self.shards.clone(), address, room, self.access.passphrase.is_some(), max_name)
    }

    /// The level at which to log a rejected request. Two threads that reject the same host at the same moment may both
    /// log a warning.
    fn level(&self, error: &AccessError) -> Level {
        let is_new = || self.warned.count(error) == 0 && self.warned.take(error).is_some();
        if error.status() == 403 && is_new() { Level::Warn } else { Level::Debug }
    }

    fn match_path(&self, head: &Head, address: Address) -> Result<Route, Response> {
        let method = head.method();
        let is_read = method == Method::GET || method == Method::HEAD;
        let query = head.uri().query().unwrap_or_default();
        if let Some(response) = self.page.response(head.uri(), head.headers()) {
            return if is_read { Ok(Route::Response(response)) } else { Err(only_read()) };
        }
        match head.uri().path() {
            "/healthz" if is_read => Ok(Route::Response(self.health_check(head, address))),
            "/readyz" if is_read => Ok(Route::Response(Response::readiness(self.shards.health(HUB_TIMEOUT)))),
            "/log" if is_read => LogRequest::from_query(query).map(|request| Route::Log(request, address)),
            "/boxes" if is_read => self.boxes(head, query, address),
            "/invite" if is_read => self.invite(query).map(Route::Response),
            "/qr.svg" if is_read => self.qr_codes.response(head).map(Route::Response),
            "/ws" if method == Method::GET => Upgrade::from_head(head, address).map(Route::WebSocket),
            "/post" if method == Method::POST => Ok(Route::Post(address)),
            "/post" => {
                Err(Response::text(405, "Post a text with POST.").with_header("Allow", "POST, OPTIONS"))
            }
            path if socketio::serves(path) => Ok(Route::SocketIo(address)),
            "/ws" => Err(Response::text(405, "Open a WebSocket with GET.").with_header("Allow", "GET")),
            "/boxes" | "/healthz" | "/invite" | "/log" | "/qr.svg" | "/readyz" => Err(only_read()),
            path if socketio::is_file(path) => Err(Response::text(404, NO_CLIENT)),
            _ => Err(Response::text(404, "Not found; the wall is at /.")),
        }
    }

    /// Requires the passphrase in the request, if the server has one.
    fn authorize(&self, head: &Head, address: Address, timeout: Duration) -> Result<(), Response> {
        if self.access.passphrase.is_none() {
            return Ok(());
        }
        let authorization = head.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(passphrase) = authorization.and_then(from_authorization) else {
            return Err(unauthorized("Send the passphrase as the password; any user name will do."));
        };
        let token = head.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
        let token = token.and_then(Token::parse);
        self.shards.check_passphrase(address, passphrase, token, timeout).map_err(|refused| match refused {
            Refused::ByHub(Refusal::Wait(seconds)) => {
                try_again(seconds, &EventError::PassphraseWait(seconds))
            }
            Refused::ByHub(Refusal::Wrong) => unauthorized(EventError::PassphraseWrong.to_string()),
            Refused::Busy => Response::busy(),
        })
    }

    /// A request for boxes. If it has the host key, that is checked.
    fn boxes(&self, head: &Head, query: &str, address: Address) -> Result<Route, Response> {
        let mut request = WallRequest::from_query(query)?;
        if let Some(key) = host_key(head) {
            let checked = self.shards.check_host_key(&request.room, address, key, ATTEMPT_TIMEOUT);
            checked.map_err(|refused| match refused {
                Refused::ByHub(Refusal::Wait(seconds)) => {
                    try_again(seconds, &EventError::HostKeyWait(seconds))
                }
                Refused::ByHub(Refusal::Wrong) => Response::text(403, EventError::HostKeyWrong.to_string()),
                Refused::Busy => Response::busy(),
            })?;
            request.is_host = true;
        }
        Ok(Route::Boxes(request, address))
    }

    /// Reports health to everyone, and the numbers of clients and rooms to those with the passphrase. Health is asked
    /// for by programs that do not wait for long, so they get no numbers if their passphrase has to wait.
    fn health_check(&self, head: &Head, address: Address) -> Response {
        let with_counts = self.authorize(head, address, HUB_TIMEOUT).is_ok();
        Response::health(self.shards.health(HUB_TIMEOUT), with_counts)
    }

    fn invite(&self, query: &str) -> Result<Response, Response> {
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        Ok(Response::json(&Invitation {
            links: invite::links(self.listen, self.access.names.as_ref(), &room),
        }))
    }
}

/// Too many secrets wait to be checked.
fn try_again(seconds: u64, error: &EventError) -> Response {
    Response::text(429, error.to_string()).with_header("Retry-After", seconds.to_string())
}

fn only_read() -> Response {
    Response::text(405, "Only GET and HEAD are allowed here.").with_header("Allow", "GET, HEAD")
}

fn unauthorized(text: impl Into<Cow<'static, str>>) -> Response {
    Response::text(401, text).with_header("WWW-Authenticate", CHALLENGE)
}
