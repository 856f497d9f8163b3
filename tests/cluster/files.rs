//! What reaches the files of Redis: posts, and neither unposted texts nor sessions.

use crate::cluster::{Cluster, host};
use crate::redis::Redis;
use crate::redis_faults::{Room, replica};
use crate::tab::Tab;
use data_encoding::HEXLOWER;
use memchr::memmem;
use serde_json::json;

/// Everything is written to files at once, and not compressed.
const FILES: [&str; 8] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--rdbcompression",
    "no",
    "--aof-use-rdb-preamble",
    "no",
];

/// The part that all unposted texts have in common.
const UNPOSTED: &str = "never posted";

fn contains(files: &[u8], part: &[u8]) -> bool {
    memmem::find(files, part).is_some()
}

/// Looks for what people have written and posted in the files of a Redis.
fn check(redis: &Redis, sessions: &[String]) {
    let files = redis.files();
    assert!(contains(&files, b"Ada posts") && contains(&files, b"Cleo posts"), "posts are there");
    assert!(!contains(&files, UNPOSTED.as_bytes()), "an unposted text");
    for session in sessions {
        let bytes = HEXLOWER.decode(session.as_bytes()).unwrap();
        assert!(!contains(&files, session.as_bytes()) && !contains(&files, &bytes), "a session");
    }
}

pub(crate) fn no_unposted_text_and_no_session_is_in_a_file_of_redis() {
    let redis = Redis::start(&FILES);
    let replica = replica(&redis);
    FILES.chunks(2).for_each(|option| replica.tell(&["CONFIG", "SET", &option[0][2..], option[1]]));
    let cluster = Cluster::on(redis);
    let Room { nodes: [owner, mirror], mut tabs } = Room::start(&cluster, &[]);
    let write = |tabs: &mut [Tab], what: &str| {
        for tab in &mut *tabs {
            let text = format!("{UNPOSTED} by {}, {what}", tab.name());
            tab.write(&text);
            tab.client.catch_up();
        }
    };
    write(&mut tabs, "while all is well");
    tabs[3].client.sees("Ada", "never posted by Ada, while all is well");
    tabs[1].client.sees("Dan", "never posted by Dan, while all is well");
    for tab in [0, 2] {
        let post = format!("{} posts", tabs[tab].name());
        tabs[tab].post(&post);
        tabs[tab].until_posted();
    }
    // What hosts set is kept, with what is needed to know those who were removed.
    host(&mut tabs[2].client);
    let dan = tabs[3].id();
    tabs[2].client.send("set_room", json!({"hidden": true, "prompt": "a question"}));
    tabs[2].client.send("remove_user", json!({"id": dan}));
    tabs[2].client.until("Dan's removal", |page| page.users.len() == 3);
    // Messages that tell of all texts and seats: of a takeover, and of pages that come back.
    owner.kill();
    tabs[2].client.sees_away("Ada", true);
    write(&mut tabs[2..3], "after a takeover");
    tabs[0].go_on_at(&mirror);
    tabs[2].client.sees("Ada", "never posted by Ada, while all is well");
    let late = cluster.node();
    tabs[1].go_on_at(&late);
    let sessions: Vec<String> = tabs.iter().map(|tab| tab.session().to_owned()).collect();
    cluster.redis.tell(&["WAIT", "1", "20000"]);
    for redis in [&cluster.redis, &replica] {
        check(redis, &sessions);
        redis.tell(&["SAVE"]);
        check(redis, &sessions);
    }
    assert!(contains(&cluster.redis.files(), b"a question"));
}
