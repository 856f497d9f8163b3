//! Programs that post over HTTP, and that read the wall.

use super::*;
use crossbeam_channel::{TryRecvError, bounded};
use typewall::internals::{PostRefusal, PostRequest, PostRequester, WallPart};

/// How long a request waits for its answer, in milliseconds.
const PATIENCE: u64 = 10_000;

/// The connections of HTTP requests have numbers that no client has.
const CONNECTION: ClientId = ClientId(u64::MAX);

/// A post, which is sent until it has a number.
pub(super) struct HttpPost {
    pub text: String,
    asked: Option<Asked<Result<u64, PostRefusal>>>,
    pub n: Option<u64>,
}

/// A request for the wall.
pub(super) type Wall = Asked<WallPart>;

/// A request that was sent.
pub(super) struct Asked<T> {
    node: usize,
    at: u64,
    reply: Receiver<T>,
}

impl Sim {
    /// Programs look for their answers, and ask again.
    pub(super) fn request(&mut self) {
        self.read_answers();
        self.read_walls();
        if self.now < BUSY {
            let text = format!("post over HTTP at {}", self.now);
            self.posted.insert(text.clone());
            self.http.push(HttpPost { text, asked: None, n: None });
        }
        for which in 0..self.http.len() {
            if self.http[which].asked.is_none() && self.http[which].n.is_none() {
                self.http[which].asked = self.ask_post(which);
            }
        }
        if let Some(node) = self.living() {
            let (reply_to, reply) = bounded(1);
            let request = Event::WallRequest { room: room_name(), is_host: false, after: None, reply_to };
            self.deliver(node, request);
            self.walls.push(Asked { node, at: self.now, reply });
        }
    }

    fn ask_post(&mut self, which: usize) -> Option<Asked<Result<u64, PostRefusal>>> {
        let node = self.living()?;
        let (reply_to, reply) = bounded(1);
        let request = PostRequest {
            room: room_name(),
            name: Name::parse("Script", 40).expect("a name"),
            text: self.http[which].text.clone(),
            reference: Some(which.to_string()),
            address: here(),
            until: self.base + Duration::from_millis(self.now + PATIENCE),
            from: PostRequester { reply_to, place: None, charge: None },
        };
        self.deliver(node, Event::PostRequest { connection: CONNECTION, request: Box::new(request) });
        Some(Asked { node, at: self.now, reply })
    }

    fn read_answers(&mut self) {
        for post in &mut self.http {
            let Some(Asked { node, at, reply }) = &post.asked else { continue };
            match reply.try_recv() {
                Ok(Ok(n)) => {
                    assert_eq!(post.n.replace(n), None, "{:?} is answered twice", post.text);
                    post.asked = None;
                }
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => post.asked = None,
                // Nobody waits any longer, and it is sent again.
                Err(TryRecvError::Empty) if self.nodes[*node].is_dead || at + PATIENCE < self.now => {
                    post.asked = None;
                }
                Err(TryRecvError::Empty) => {}
            }
        }
    }

    fn read_walls(&mut self) {
        let mut waiting = Vec::new();
        for wall in std::mem::take(&mut self.walls) {
            match wall.reply.try_recv() {
                Ok(part) => {
                    for shown in part.boxes {
                        assert!(
                            !self.is_secret(&shown.text),
                            "the wall of node {} shows {shown:?}",
                            wall.node
                        );
                    }
                }
                Err(TryRecvError::Empty) => waiting.push(wall),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        self.walls = waiting;
    }

    /// Every post has its number, and every request an answer.
    pub(super) fn check_requests(&mut self) {
        self.read_answers();
        self.read_walls();
        for post in self.http.iter().filter(|post| !self.abandoned.contains(&post.text)) {
            let text = &post.text;
            let n = post.n.unwrap_or_else(|| panic!("{text:?} is not posted"));
            assert_eq!(self.redis.ever.get(&n), Some(text), "post {n}");
        }
        let is_late = |wall: &&Wall| !self.nodes[wall.node].is_dead && wall.at + PATIENCE < self.now;
        let late = self.walls.iter().find(is_late).map(|wall| (wall.node, wall.at));
        assert_eq!(late, None, "a request for the wall has no answer");
    }
}
