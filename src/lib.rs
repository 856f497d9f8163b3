//! Typewall: a wall of live text boxes in one binary.
//!
//! Threads block, and communicate over channels. One thread per client reads. A hub thread owns rooms, and is the only
//! one that writes to their clients. Each folder uses only the folders above it in this table:
//!
//! | folder | what it owns |
//! |---|---|
//! | `platform` | what differs between operating systems |
//! | `base` | ids, time, limits, and other small types that everything may use |
//! | `room` | the domain, pure: `Rules` turns actions into facts, `View` is the state that facts produce |
//! | `protocol` | the wire: events, errors, snapshots, close reasons, encodings |
//! | `delivery` | batches, outboxes (the policy for slow clients), transports |
//! | `store` | posts, and what hosts have set, in an SQLite file |
//! | `cluster` | several processes that serve the same rooms, connected by Redis, which keeps their posts |
//! | `hub` | the loop that owns rooms and clients |
//! | `client` | reading and checking what one client sends |
//! | `tls` | encryption of accepted connections: certificates, handshakes, pumps |
//! | `http` | requests, routes, responses, the page |
//! | `server` | accepting connections, starting and stopping |
//! | `remote` | the commands that use a server over the network |

mod base;
mod client;
mod cluster;
mod delivery;
mod http;
mod hub;
mod platform;
mod protocol;
mod remote;
mod room;
mod server;
mod store;
mod tls;

pub use base::host_key::HostKey;
pub use base::limits::Limits;
pub use base::random::{NoRandomSource, check_random_source};
pub use base::secret::{SecretFileError, SecretHash, read_line as read_secret};
pub use cluster::connection::RedisFailure;
pub use cluster::options::{InvalidRedisUrl, KeyPrefix, RedisOptions, RedisUrl};
pub use cluster::redis_log::RedisLog;
pub use http::access::Access;
pub use http::invite::origins as network_origins;
pub use http::origin::{Host, InvalidOrigin, Origin};
pub use hub::host_options::HostOptions;
pub use hub::shards::MAX_HUBS;
pub use platform::{
    StopSignal, has_own_console, inherited_listener, is_open_to_others, set_up_process, shows_unicode,
    system_memory,
};
pub use remote::address::{Address as RoomAddress, InvalidAddress};
pub use remote::failure::Ended;
pub use remote::link::say;
pub use remote::read::{ReadOptions, read};
pub use remote::seen::Since;
pub use remote::tls::Tls;
pub use remote::write::{Destination, WriteOptions, write};
pub use room::room_name::{RoomName, RoomNameTooLong};
pub use room::state::HostMode;
pub use server::capacity::{Capacity, SystemLimit};
pub use server::storage::Storage;
pub use server::{Crash, Server, StartError, Stopper, reachable};
pub use store::error::{OpenError, StoreError};
pub use store::export::{Format, LogWriter};
pub use store::options::StoreOptions;
pub use store::reader::Reader;
pub use store::room_list::{StoredRoom, write_rooms};
pub use tls::certificate::{Certificate, CertificateError, CertificateFiles};
pub use tls::names::Names;

/// Items that tests, benchmarks and fuzz targets use directly. Not a public API: they may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::base::address::Address;
    pub use crate::base::clock::Now;
    pub use crate::base::ids::NodeId;
    pub use crate::base::ids::{AckId, ClientId, Epoch, RoomId, UserId};
    pub use crate::base::permits::{ConnectionLimiter, Permit, SPARE_CONNECTIONS};
    pub use crate::base::rate_limit::RateLimit;
    pub use crate::base::token::Token;
    pub use crate::base::window::Slot;
    pub use crate::client::socketio::application::{Application, InvalidMessage, Join, Message, Reaction};
    pub use crate::client::socketio::heartbeat::SessionOptions;
    pub use crate::client::socketio::output::Output;
    pub use crate::cluster::link::{Beat, Channel, LinkEvent, LinkRequest, Publication};
    pub use crate::cluster::room_link::Ownership;
    pub use crate::delivery::client_transport::ClientTransport;
    pub use crate::delivery::stall::MAX_STALL;
    pub use crate::delivery::transport::{SocketTransport, Transport};
    pub use crate::http::auth::from_authorization;
    pub use crate::http::connection::{Connection, linger};
    pub use crate::http::download::{DownloadLimiter, MAX_DOWNLOADS, MAX_DOWNLOADS_PER_ADDRESS};
    pub use crate::http::exchange::{Exchange, Served};
    pub use crate::http::log_route::LogRequest;
    pub use crate::http::qr::QrCodes;
    pub use crate::http::request::{Head, HeadError, MAX_HEAD, MAX_HEADERS, parse_head, read_head};
    pub use crate::http::responses::ResponseCounters;
    pub use crate::http::routes::Router;
    pub use crate::http::socketio::Endpoint;
    pub use crate::hub::Hub;
    pub use crate::hub::attempts::Refusal;
    pub use crate::hub::event::{Event, FromClient, NewClient, QueuedEvent};
    pub use crate::hub::health::Health;
    pub use crate::hub::passphrase_gate::PASSPHRASE_TIMEOUT;
    pub use crate::hub::post_request::{MAX_POST_REQUESTS_PER_ADDRESS, PostRequest, PostRequester};
    pub use crate::hub::shards::{Shard, Shards, SocketEvent};
    pub use crate::hub::store_link::{MAX_LOADING_ROOMS, MAX_POSTS_UNDER_WAY, MAX_SIZE_UNDER_WAY};
    pub use crate::hub::wall_part::WallPart;
    pub use crate::protocol::client_event::{ClientEvent, SetRoom};
    pub use crate::protocol::encoding::Encoding;
    pub use crate::protocol::error::EventError;
    pub use crate::protocol::post_refusal::PostRefusal;
    pub use crate::protocol::snapshot::encode_part;
    pub use crate::protocol::socketio::engine::{EnginePacket, InvalidEnginePacket};
    pub use crate::protocol::socketio::handshake::{Handshake, RequestError};
    pub use crate::protocol::socketio::packet::{Content, InvalidSocketPacket, MAIN_NAMESPACE, SocketPacket};
    pub use crate::room::action::{Action, Actor, Rank};
    pub use crate::room::copy::{RoomCopy, differences};
    pub use crate::room::fact::Fact;
    pub use crate::room::names::Name;
    pub use crate::room::post::{NotStored, Numbered, PendingPost, Post};
    pub use crate::room::rules::{MIN_STAY, Reply, RoomOptions, Rules, Ruling};
    pub use crate::room::session::{IdempotencyKey, Session};
    pub use crate::room::state::{RoomRecord, RoomState, StateChange};
    pub use crate::room::text::{Text, TextChange};
    pub use crate::room::view::{View, Visibility};
    pub use crate::store::database::Database;
    pub use crate::store::request::{
        Answer, Change, Erase, Load, Requests, Restore, Restored, Returned, Save, StorePost, Write,
    };
    pub use crate::store::{Store, start as start_store};
}
