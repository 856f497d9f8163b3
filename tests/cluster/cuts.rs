//! The link of one node to Redis is cut, or goes silent in one direction or both. Its people still see each other, and
//! when it is there again, everyone sees everything.

use crate::cluster::{Cluster, get, health};
use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::relay::{Relay, Way};
use crate::support::wait_until;
use crate::tab::Tab;
use serde_json::json;

/// How a link fails.
#[derive(Clone, Copy)]
enum Fault {
    /// Connections end, and new ones are refused.
    Cut,
    /// No byte arrives, and nobody is told.
    Silent(&'static [Way]),
}

/// Two nodes, the first of which owns the room. One has a link that can fail.
struct Link {
    /// The node with that link, and two people on it.
    cut: Program,
    inside: [Tab; 2],
    /// The other node, and somebody on it.
    other: Program,
    outside: Tab,
    relay: Relay,
    cluster: Cluster,
}

impl Link {
    fn start(cuts_owner: bool) -> Self {
        let cluster = Cluster::start();
        let relay = Relay::to(cluster.redis.address());
        let [cut, other] = [relay.address, cluster.redis.address()]
            .map(|redis| cluster.node_at(&format!("redis://{redis}"), &["--grace", "3"]));
        let outside = || Tab::open(&other, "r", "Cleo");
        let inside = || ["Ada", "Bob"].map(|name| Tab::open(&cut, "r", name));
        let (inside, outside) = match cuts_owner {
            true => (inside(), outside()),
            false => {
                let outside = outside();
                (inside(), outside)
            }
        };
        Self { cut, inside, other, outside, relay, cluster }
    }

    fn fail(&self, fault: Fault) {
        match fault {
            Fault::Cut => {
                self.relay.lead_to(None);
                self.relay.cut();
            }
            Fault::Silent(ways) => ways.iter().for_each(|way| self.relay.hold(*way)),
        }
    }

    fn mend(&self) {
        self.relay.lead_to(Some(self.cluster.redis.address()));
        self.relay.release();
    }

    /// What people see while the link fails, and after it.
    fn play(mut self, fault: Fault) {
        let ids = self.inside.each_ref().map(Tab::id);
        let [ada, bob] = &mut self.inside;
        for tab in [&mut *ada, &mut *bob, &mut self.outside] {
            tab.client.until("three people", |page| page.users.len() == 3);
        }
        ada.write("before");
        self.outside.client.sees("Ada", "before");
        self.fail(fault);
        let [ada, bob] = &mut self.inside;
        ada.client.sees_away("Cleo", true);
        bob.client.until("to be told", |page| page.is_alone);
        wait_until("a node that is not ready", || get(&self.cut, "/readyz").0 == 503);
        let health = health(&self.cut);
        assert_eq!((&health["healthy"], &health["linked"]), (&json!(true), &json!(false)), "{health}");
        self.outside.client.sees_away("Ada", true);
        assert_eq!(get(&self.other, "/readyz").0, 200);
        // Both sides go on.
        ada.write("seen by Bob");
        bob.client.sees("Ada", "seen by Bob");
        assert_eq!(ada.client.try_post("now", "refused"), Err("not_stored".to_owned()));
        self.outside.write("seen by nobody yet");
        self.outside.post("from outside");
        self.outside.until_posted();
        let mut late = Client::connect(self.cut.address, "r");
        late.send("got_a_new_user", json!({"name": "Late"}));
        assert_eq!(late.closed(), 1013);
        // The other side gives up their seats.
        self.outside.client.sees_users(&["Cleo"]);
        assert_eq!(bob.client.page.names().len(), 3, "here, nobody loses a seat meanwhile");
        self.mend();
        self.check_mended(&ids);
    }

    fn check_mended(mut self, ids: &[String; 2]) {
        let [ada, bob] = &mut self.inside;
        ada.client.sees("Cleo", "seen by nobody yet");
        self.outside.client.sees("Ada", "seen by Bob");
        self.outside.client.until("three people", |page| page.users.len() == 3);
        // Whatever Redis may have taken of the refused one, it is posted once.
        ada.post("after");
        ada.until_posted();
        let answer = ada.client.try_post("now", "refused");
        assert_eq!(ada.client.try_post("now", "refused"), answer);
        for tab in [&mut *ada, &mut *bob, &mut self.outside] {
            tab.client.until("all posts", |page| page.log.len() == 3);
            assert_eq!(tab.client.page.received, [1, 2, 3]);
            tab.client
                .until("everybody", |page| !page.is_alone && page.users.values().all(|user| !user.away));
        }
        assert_eq!(self.cluster.redis.posts("r"), 3);
        wait_until("a node that is ready", || get(&self.cut, "/readyz").0 == 200);
        assert!(ids.iter().all(|id| !self.outside.client.page.users.contains_key(id)), "they were given up");
    }
}

pub(crate) fn an_owner_is_cut_off() {
    let link = Link::start(true);
    link.play(Fault::Cut);
}

pub(crate) fn a_mirror_is_cut_off() {
    let link = Link::start(false);
    link.play(Fault::Cut);
}

pub(crate) fn the_link_of_an_owner_goes_silent() {
    let link = Link::start(true);
    link.play(Fault::Silent(&[Way::ToServer, Way::ToClient]));
}

pub(crate) fn a_mirror_hears_nothing_any_more() {
    let link = Link::start(false);
    link.play(Fault::Silent(&[Way::ToClient]));
}

pub(crate) fn an_owner_reaches_nobody_any_more() {
    let link = Link::start(true);
    link.play(Fault::Silent(&[Way::ToServer]));
}
