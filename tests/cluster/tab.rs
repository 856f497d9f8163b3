//! A tab of a browser: it keeps what a page keeps, and comes back through any node.

use crate::support::client::Client;
use crate::support::page::Page;
use crate::support::program::Program;
use std::collections::BTreeMap;
use typewall::internals::Session;

/// A tab with a page.
pub(crate) struct Tab {
    pub client: Client,
    room: String,
    name: String,
    session: String,
    text: String,
    /// The posts that may not be in the log, by their refs.
    unanswered: BTreeMap<String, String>,
    /// The number of posts, which is the ref of the last one.
    posts: usize,
}

impl Tab {
    /// Opens the page at a node, and joins.
    pub(crate) fn open(node: &Program, room: &str, name: &str) -> Self {
        let session = Session::random().to_hex();
        let client = join(node, room, name, &session);
        let [room, name] = [room, name].map(str::to_owned);
        Self { client, room, name, session, text: String::new(), unanswered: BTreeMap::new(), posts: 0 }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// The id of its user.
    pub(crate) fn id(&self) -> String {
        self.client.page.you.clone().expect("a seat")
    }

    /// Writes, on a connection that may have ended.
    pub(crate) fn write(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        let _ = self.client.try_send("updated_text", serde_json::json!({ "text": text }));
    }

    /// Posts, on a connection that may have ended.
    pub(crate) fn post(&mut self, text: &str) {
        self.posts += 1;
        self.unanswered.insert(self.posts.to_string(), text.to_owned());
        self.send_unanswered();
    }

    /// Waits until its posts are in the log.
    pub(crate) fn until_posted(&mut self) {
        let refs = std::mem::take(&mut self.unanswered);
        self.client.until("all of its posts", |page| refs.keys().all(|sent| page.references.contains(sent)));
    }

    /// The same, if its node may have refused a post while it was cut off: then it is posted again.
    pub(crate) fn until_posted_in_the_end(&mut self) {
        let is_answered = |page: &Page, sent: &String| page.references.contains(sent);
        self.client.until("an answer to its posts", |page| {
            !page.errors.is_empty() || self.unanswered.keys().all(|sent| is_answered(page, sent))
        });
        let refusals = std::mem::take(&mut self.client.page.errors);
        assert!(refusals.iter().all(|code| code == "not_stored"), "{refusals:?}");
        if !refusals.is_empty() {
            self.client.until("a node that is not alone", |page| !page.is_alone);
            self.send_unanswered();
        }
        self.until_posted();
    }

    /// Comes back through a node, with its text and the posts that were not answered.
    pub(crate) fn go_on_at(&mut self, node: &Program) {
        self.unanswered.retain(|sent, _| !self.client.page.references.contains(sent));
        self.client = join(node, &self.room, &self.name, &self.session);
        if self.client.page.text_of(&self.name) != Some(&self.text) {
            self.client.write(&self.text);
        }
        self.send_unanswered();
    }

    /// Loses its connection without a goodbye, and comes back through a node.
    pub(crate) fn drop_and_go_on_at(&mut self, node: &Program) {
        let _ = self.client.socket.get_ref().shutdown(std::net::Shutdown::Both);
        self.go_on_at(node);
    }

    fn send_unanswered(&mut self) {
        for (reference, text) in &self.unanswered {
            let data = serde_json::json!({ "text": text, "ref": reference });
            let _ = self.client.try_send("message", data);
        }
    }
}

fn join(node: &Program, room: &str, name: &str, session: &str) -> Client {
    let mut client = Client::connect(node.address, room);
    client.page = Page::of_cluster();
    client.rejoin(name, session);
    client
}
