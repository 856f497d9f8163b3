//! What an open room keeps for the other nodes that have it too.

use crate::base::ids::{AckId, ClientId, IdMap, NodeId, RequestId, UserId};
use crate::cluster::message::{Asked, Outcome, Request, Ruled};
use crate::cluster::room_link::RoomLink;
use crate::hub::post_request::PostRequester;
use crate::hub::wall_part::WallQuestion;
use crate::room::action::Rank;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use crate::room::text::Text;
use crate::store::request::Requester;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::mem;
use std::time::Instant;

/// For how many posts the keys of their `ref`s are kept: as many as a log has by default, because a Redis that has lost
/// everything gets no older ones again. A page sends a post again within minutes.
const MAX_KEYS: usize = 200;

/// How many requests of a room may wait for its owner, beside texts, and how many posts may wait until the owner has
/// read the log. As many posts may wait for a store.
pub(crate) const MAX_UNCONFIRMED: usize = 1024;

/// How many requests and texts of a room may wait for its owner before a text is refused whose author asks to be told
/// of its effect. Of other texts, only the last of each author waits.
pub(crate) const MAX_ACKNOWLEDGED: usize = 4 * MAX_UNCONFIRMED;

/// How many requests an owner remembers that it must not do again. More than hosts can make before a mirror has heard
/// that the first is done.
const MAX_DONE: usize = 128;

/// A room's part in the cluster, and what is under way to other nodes.
#[derive(Debug)]
pub(crate) struct Linked {
    /// Who owns the room, and whether this node is synced.
    pub link: RoomLink,
    /// This node is alone: it is cut off from the others, or was and does not know yet who owns the room. People here
    /// go on among themselves.
    pub is_alone: bool,
    /// People here were told that this node is alone.
    pub shows_alone: bool,
    /// The seats of the room count on this node.
    pub counts_seats: bool,
    /// What the owner keeps.
    pub owned: Owned,
    /// What a mirror keeps.
    pub mirrored: Mirrored,
    /// When another node has handed the room over to this one, as long as it is not clear whether this one owns it.
    pub handed_over: Option<Instant>,
    /// Questions of HTTP requests that wait until the room is loaded.
    pub questions: Vec<WallQuestion>,
    /// The numbers of the last posts, and the keys of their `ref`s, for when Redis loses them.
    pub keys: VecDeque<(u64, IdempotencyKey)>,
}

/// What the owner of a room keeps for other nodes.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    /// Facts that this node has decided and not yet published.
    pub outgoing: Vec<Ruled>,
    /// The room's record, if it has changed since then.
    pub record: Option<RoomRecord>,
    /// Redis could not keep the record, and hosts of other nodes are still to be told.
    pub is_unsaved: bool,
    /// Nodes of which a client has proved the host key.
    pub key_holders: BTreeSet<NodeId>,
    /// The users of other nodes' connections, as long as those have the seats.
    pub remotes: HashMap<Rank, UserId>,
    /// Posts that wait until the log of the owner before is read, and all nodes have attached.
    pub held_posts: Vec<(Requester, PendingPost)>,
    /// What is still to be done before posts can be numbered.
    pub log: LogState,
    /// Posts that Redis has lost.
    pub restoring: Restoring,
    /// Posts that are numbered, and wait until the log is read once more.
    pub numbered: Vec<(Requester, PendingPost, Numbered)>,
    /// The last requests of other nodes that are done [once](Asked::is_done_once): by whom, and their numbers. A node that
    /// has not heard that they are done asks again.
    pub done: VecDeque<(Rank, u64)>,
    /// Answers to requests of other nodes, for after the facts.
    pub answers: Vec<(RequestId, Outcome)>,
    /// Nodes that get a copy of the room.
    pub copies_for: BTreeSet<NodeId>,
    /// The node that this one hands the room over to. It gets a copy too.
    pub successor: Option<NodeId>,
}

/// What the owner of a room still needs to know before it numbers posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogState {
    /// The log was read since this node owns the room.
    pub is_read: bool,
    /// It could not be read, and has to be read again.
    pub is_due: bool,
    /// The other nodes have attached, or have had the time to.
    pub is_told: bool,
}

impl LogState {
    /// Whether posts may be numbered.
    pub(crate) fn is_complete(self) -> bool {
        self.is_read && self.is_told
    }
}

/// What the owner of a room does about posts that Redis may have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Restoring {
    /// It has to begin, or to begin again once it has ended.
    pub is_due: bool,
    /// Redis is still to answer.
    pub is_under_way: bool,
    /// The last number in Redis; `None` if Redis was asked for it.
    pub stored: Option<u64>,
    /// Redis was sent what it lacked up to this number.
    pub sent: u64,
}

/// What a mirror of a room keeps for the owner.
#[derive(Debug, Default)]
pub(crate) struct Mirrored {
    /// What the clients here ask of the owner, since the last message to it.
    pub requests: Vec<Request>,
    /// What the owner has not answered for, by number.
    pub unconfirmed: BTreeMap<u64, Unconfirmed>,
    /// The texts of clients here, which the owner may not have yet.
    pub texts: IdMap<ClientId, OwnText>,
    /// The next message to the owner is an `Attach`.
    pub attaches: bool,
    /// Posts that the owner lacks.
    pub surplus: Vec<(Post, Option<IdempotencyKey>)>,
    /// The number of the last request.
    last_request: u64,
    /// The viewers here, as the owner was told.
    pub told_viewers: usize,
    /// The owner was told that a client here has proved the host key.
    pub told_key: bool,
    /// The viewers on other nodes, as the owner has told.
    pub other_viewers: usize,
}

/// A request that the owner has not answered for.
#[derive(Debug)]
pub(crate) struct Unconfirmed {
    /// The connection.
    pub by: Rank,
    /// It has proved the host key.
    pub has_key: bool,
    /// What it asks for. `None` if it is not to be sent again: a text, which is kept apart, or the seat of a client
    /// that has one, of which every message tells that tells of all clients.
    pub asks: Option<Asked>,
    /// The number of the message that it was sent with; `None` if it was not sent.
    pub sent_with: Option<u64>,
    /// Who asked for it.
    pub from: RequestedBy,
}

/// Who waits for the answer to a request.
#[derive(Debug)]
pub(crate) enum RequestedBy {
    /// A client.
    Client {
        /// The client.
        client: ClientId,
        /// The `ref` that it gave its post.
        reference: Option<String>,
        /// The acknowledgement that it asks for.
        ack: Option<AckId>,
    },
    /// An HTTP request.
    Http(PostRequester),
}

impl RequestedBy {
    /// A client that gets no acknowledgement.
    pub(crate) fn client(client: ClientId) -> Self {
        Self::Client { client, reference: None, ack: None }
    }

    /// Whether it is this client.
    pub(crate) fn is(&self, other: ClientId) -> bool {
        matches!(self, Self::Client { client, .. } if *client == other)
    }
}

/// The text of an author here.
#[derive(Debug)]
pub(crate) struct OwnText {
    /// As the author has it.
    pub text: Text,
    /// The number of the message with the last change; `None` if that was not sent.
    pub sent_with: Option<u64>,
    /// The request with a change that was not sent, among the requests.
    pub queued: Option<usize>,
    /// The number of the last request with a change.
    pub number: u64,
}

impl OwnText {
    /// A text that the owner was not told.
    pub(crate) fn new(text: Text) -> Self {
        Self { text, sent_with: None, queued: None, number: 0 }
    }
}

impl Linked {
    /// A room that this node does not have yet.
    pub(crate) fn new(me: NodeId) -> Self {
        Self {
            link: RoomLink::new(me),
            is_alone: false,
            shows_alone: false,
            counts_seats: false,
            owned: Owned::default(),
            mirrored: Mirrored::default(),
            handed_over: None,
            questions: Vec::new(),
            keys: VecDeque::new(),
        }
    }

    /// Keeps the key of a post's `ref`.
    pub(crate) fn note_key(&mut self, n: u64, key: Option<IdempotencyKey>) {
        self.keys.extend(key.map(|key| (n, key)));
        if self.keys.len() > MAX_KEYS {
            self.keys.pop_front();
        }
    }

    /// The key of a post's `ref`, if that is known.
    pub(crate) fn key_of(&self, n: u64) -> Option<IdempotencyKey> {
        self.keys.iter().rev().find(|(known, _)| *known == n).map(|(_, key)| *key)
    }

    /// Keeps the keys of the posts in a log, and those of later posts.
    pub(crate) fn set_keys(&mut self, keys: Vec<(u64, IdempotencyKey)>) {
        let last = keys.last().map_or(0, |(n, _)| *n);
        let later = mem::take(&mut self.keys).into_iter().filter(|(n, _)| *n > last);
        keys.into_iter().chain(later).for_each(|(n, key)| self.note_key(n, Some(key)));
    }

    /// The viewers on other nodes, as far as this node knows.
    pub(crate) fn viewers_elsewhere(&self) -> usize {
        match (self.is_alone, self.link.is_owner()) {
            (true, _) => 0,
            (false, true) => self.link.other_viewers(),
            (false, false) => self.mirrored.other_viewers,
        }
    }

    /// Whether there is something for the other nodes.
    pub(crate) fn has_output(&self, viewers: usize, has_key: bool) -> bool {
        let Owned { outgoing, record, is_unsaved, answers, copies_for, successor, log, .. } = &self.owned;
        let for_mirrors = !outgoing.is_empty()
            || record.is_some()
            || *is_unsaved
            || !answers.is_empty()
            || (log.is_read && (!copies_for.is_empty() || successor.is_some()))
            || self.link.has_unconfirmed();
        let Mirrored { requests, attaches, told_viewers, told_key, .. } = &self.mirrored;
        // The owner keeps the room as long as somebody is here. Of other changes it is told every second.
        let is_first_or_last = (viewers == 0) != (*told_viewers == 0);
        let is_told = !is_first_or_last && has_key == *told_key;
        let for_owner = self.link.is_synced() && (!requests.is_empty() || *attaches || !is_told);
        !self.is_alone && (for_mirrors || for_owner)
    }
}

impl Owned {
    /// Notes that a request is done.
    pub(crate) fn note_done(&mut self, by: Rank, number: u64) {
        self.done.push_back((by, number));
        if self.done.len() > MAX_DONE {
            self.done.pop_front();
        }
    }
}

impl Mirrored {
    /// The number of the next request.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    /// Adds what a client asks of the owner.
    pub(crate) fn ask(&mut self, by: Rank, has_key: bool, asks: Asked, from: RequestedBy) {
        let number = self.next_number();
        self.requests.push(Request { by, has_key, number, asks: asks.clone() });
        let request = Unconfirmed { by, has_key, asks: Some(asks), sent_with: None, from };
        self.unconfirmed.insert(number, request);
    }

    /// Adds a change of a client's text. As long as the one before was not sent, the two become one.
    pub(crate) fn ask_text(&mut self, client: ClientId, request: Request, ack: Option<AckId>) {
        let Some(own) = self.texts.get_mut(&client) else { return };
        own.sent_with = None;
        match own.queued.and_then(|at| self.requests.get_mut(at)) {
            Some(queued) => {
                queued.asks = Asked::Write(own.text.to_change());
                own.number = queued.number;
            }
            None => {
                own.queued = Some(self.requests.len());
                own.number = request.number;
                self.requests.push(request.clone());
            }
        }
        let Request { by, has_key, .. } = request;
        let from = RequestedBy::Client { client, reference: None, ack };
        let unconfirmed = Unconfirmed { by, has_key, asks: None, sent_with: None, from };
        let before = self.unconfirmed.insert(own.number, unconfirmed);
        // Every change that asks for it is acknowledged.
        if let Some(before @ Unconfirmed { from: RequestedBy::Client { ack: Some(_), .. }, .. }) = before {
            let number = self.next_number();
            self.unconfirmed.insert(number, before);
        }
    }

    /// Notes that what waits is sent with this message, or everything `again`: the owner may have been another one.
    pub(crate) fn note_sent(&mut self, seq: u64, again: bool) {
        let note = |sent_with: &mut Option<u64>| *sent_with = sent_with.filter(|_| !again).or(Some(seq));
        self.unconfirmed.values_mut().for_each(|request| note(&mut request.sent_with));
        for text in self.texts.values_mut() {
            text.queued = None;
            note(&mut text.sent_with);
        }
    }

    /// Takes out requests that the owner has not answered for, in order.
    pub(crate) fn take_unconfirmed(&mut self, is_wanted: impl Fn(&Unconfirmed) -> bool) -> Vec<Unconfirmed> {
        let all = mem::take(&mut self.unconfirmed);
        let (wanted, others): (BTreeMap<_, _>, _) =
            all.into_iter().partition(|(_, request)| is_wanted(request));
        self.unconfirmed = others;
        wanted.into_values().collect()
    }

    /// How many requests wait of which a client may have several: not those for seats, and not texts.
    pub(crate) fn unconfirmed_requests(&self) -> usize {
        let asks = self.unconfirmed.values().filter_map(|request| request.asks.as_ref());
        asks.filter(|asks| !matches!(asks, Asked::Join { .. } | Asked::Leave { .. })).count()
    }
}
