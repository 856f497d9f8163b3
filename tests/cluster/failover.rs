//! A replica takes the place of its primary, as Sentinel or an operator has it.

use crate::cluster::Cluster;
use crate::redis::Redis;
use crate::redis_faults::{Room, replica};
use crate::support::relay::Relay;

/// Two nodes, each over a relay to the primary.
fn start(cluster: &Cluster) -> (Room, [Relay; 2]) {
    let relays = [(); 2].map(|()| Relay::to(cluster.redis.address()));
    let nodes = relays.each_ref().map(|relay| cluster.node_at(&format!("redis://{}", relay.address), &[]));
    (Room::on(nodes), relays)
}

/// Makes a replica the primary of a node.
fn lead_to(relay: &Relay, redis: &Redis) {
    relay.lead_to(Some(redis.address()));
    relay.cut();
}

pub(crate) fn a_replica_that_is_promoted_has_the_room() {
    let mut cluster = Cluster::start();
    let replica = replica(&cluster.redis);
    let (mut room, relays) = start(&cluster);
    room.all_go_on("before");
    let ids = room.ids();
    cluster.redis.kill();
    replica.tell(&["REPLICAOF", "NO", "ONE"]);
    relays.iter().for_each(|relay| lead_to(relay, &replica));
    room.all_go_on("afterwards");
    assert_eq!((room.ids(), replica.posts("r")), (ids, 8));
}

pub(crate) fn two_sides_of_a_failover_are_one_room_again() {
    let cluster = Cluster::start();
    let replica = replica(&cluster.redis);
    let (mut room, relays) = start(&cluster);
    room.all_go_on("before");
    let ids = room.ids();
    // One node stays with the old primary, which does not know yet that it is none.
    replica.tell(&["REPLICAOF", "NO", "ONE"]);
    lead_to(&relays[1], &replica);
    for (here, beside, far) in [(0, 1, "Cleo"), (2, 3, "Ada")] {
        room.tabs[here].client.sees_away(far, true);
        let name = room.tabs[here].name().to_owned();
        room.tabs[here].write("on one side");
        room.tabs[beside].client.sees(&name, "on one side");
    }
    room.tabs[2].post("on the new primary");
    room.tabs[2].until_posted();
    lead_to(&relays[0], &replica);
    room.tabs[1].client.sees("Cleo", "on one side");
    room.tabs[3].client.sees("Ada", "on one side");
    room.tabs.iter_mut().for_each(|tab| tab.client.until("the post", |page| page.log.len() == 5));
    room.all_go_on("afterwards");
    assert_eq!((room.ids(), replica.posts("r")), (ids, 9));
}

pub(crate) fn a_primary_without_its_replica_takes_no_posts_if_it_is_told_so() {
    let cluster = Cluster::start();
    let replica = replica(&cluster.redis);
    cluster.redis.tell(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let (mut room, relays) = start(&cluster);
    room.all_go_on("before");
    let ids = room.ids();
    replica.tell(&["REPLICAOF", "NO", "ONE"]);
    lead_to(&relays[1], &replica);
    room.tabs[2].client.sees_away("Ada", true);
    room.tabs[2].post("on the new primary");
    room.tabs[2].until_posted();
    assert_eq!(room.tabs[0].client.try_post("old", "on the old one"), Err("not_stored".to_owned()));
    lead_to(&relays[0], &replica);
    room.tabs[0].client.sees_away("Cleo", false);
    assert_eq!(room.tabs[0].client.try_post("old", "on the old one"), Ok(6));
    room.tabs.iter_mut().for_each(|tab| tab.client.until("both posts", |page| page.log.len() == 6));
    room.all_go_on("afterwards");
    assert_eq!((room.ids(), replica.posts("r")), (ids, 10));
}
