//! A node that mirrors a room in which somebody there has a seat.

use super::*;

/// The position of the owner's last message that gives Ada her seat.
pub(super) const SEATED: u64 = 4;

/// Somebody at the node, who is user 7 to the owner.
pub(super) struct Ada {
    pub room: RoomId,
    pub client: ClientId,
    pub pipe: Pipe,
    /// Her connection, as the owner knows it.
    pub rank: Value,
    /// The key of her session.
    pub key: Value,
}

impl Ada {
    /// She joins a room of which the other node is the owner in epoch 5.
    pub(super) fn join(node: &mut Node) -> Self {
        let (room, _viewer) = node.open_room();
        node.own(room, OTHER, 5);
        node.hear(&copy(5, false, "hello"));
        node.sleep(LIMITS.grace);
        let (client, pipe) = node.join("Ada");
        let asked = requests(&node.said()).pop().expect("a request for a seat");
        let (rank, key) = (asked["by"].clone(), asked["asks"]["join"]["key"].clone());
        let joined = json!({"fact": "joined", "id": "7", "name": "Ada", "mark": null, "cleared": 0});
        let by = json!({"node": ME, "number": asked["number"]});
        node.decide(5, SEATED, &json!({"fact": joined, "seat": {"key": key, "rank": rank}, "by": by}));
        pipe.take_frames();
        node.said();
        Self { room, client, pipe, rank, key }
    }

    /// The last snapshot that her page gets if she asks for one.
    pub(super) fn snapshot(&self, node: &mut Node) -> Value {
        node.act(self.client, Action::Resync);
        snapshot(&self.pipe).expect("a snapshot")
    }
}

impl Node {
    /// The owner says what it has decided.
    pub(super) fn decide(&mut self, epoch: u64, seq: u64, ruling: &Value) {
        self.hear_out(&json!({"at": {"epoch": epoch, "seq": seq}, "rulings": [ruling]}));
    }

    /// The owner says that it has handled this node's messages up to this one.
    pub(super) fn confirm(&mut self, epoch: u64, seq: u64, heard: u64) {
        let heard = json!({ ME.0.to_string(): heard });
        self.hear_out(&json!({"at": {"epoch": epoch, "seq": seq}, "rulings": [], "heard": heard}));
    }

    fn hear_out(&mut self, out: &Value) {
        self.hear_in_room(&json!({ "out": out }));
    }

    /// The other node says something to all nodes with the room.
    pub(super) fn hear_in_room(&mut self, says: &Value) {
        let message = json!({"from": OTHER, "says": says}).to_string();
        self.tell(LinkEvent::of_room("physics".to_owned(), &message, 0).expect("a message"));
    }

    /// What the node has said since this was last called.
    pub(super) fn said(&mut self) -> Vec<Value> {
        let says = |publication: &Publication| {
            let message: Value = serde_json::from_str(&publication.json).expect("JSON");
            message["says"].clone()
        };
        self.all_published().iter().map(says).collect()
    }

    /// The texts of the posts that Redis was to number since this was last called.
    pub(super) fn posts_to_store(&self) -> Vec<String> {
        let text = |write| match write {
            Write::Post(post) => Some(post.post.text),
            _ => None,
        };
        self.writes.try_iter().filter_map(text).collect()
    }

    /// So much time passes that other nodes have told of their people and posts, if they are alive.
    pub(super) fn await_others(&mut self) {
        for _ in 0..4 {
            self.sleep(Duration::from_secs(1));
            self.beat();
        }
    }
}

/// A user who is away, in a copy.
pub(super) fn away(key: &Value) -> Value {
    user(key, &json!({"Away": {"secs": 0, "nanos": 100_000_000}}))
}

/// Another text in a box.
pub(super) fn write(text: &'static str) -> Action {
    Action::Write(TextChange::Whole(text.into()))
}

/// What is asked for in these messages.
pub(super) fn requests(said: &[Value]) -> Vec<Value> {
    let bodies = said.iter().filter_map(|says| says.get("in").or(says.get("attach")));
    bodies.flat_map(|body| body["requests"].as_array().expect("requests").clone()).collect()
}

/// The number of the last of these messages to the owner.
pub(super) fn last_seq(said: &[Value]) -> u64 {
    let bodies = said.iter().filter_map(|says| says.get("in").or(says.get("attach")));
    bodies.filter_map(|body| body["seq"].as_u64()).next_back().expect("a message to the owner")
}

/// Those of these messages that tell of all clients.
pub(super) fn attaches(mut said: Vec<Value>) -> Vec<Value> {
    said.retain(|says| says.get("attach").is_some());
    said
}

/// The errors that a page was told of.
pub(super) fn errors(pipe: &Pipe) -> Vec<Value> {
    let code = |frame| match frame {
        Frame::Event(event, data) if event == "error" => Some(data["code"].clone()),
        _ => None,
    };
    pipe.take_frames().into_iter().filter_map(code).collect()
}
