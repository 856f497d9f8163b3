//! What an owner has saved before it died counts for the node that takes over, which may not have heard of it.

use super::*;

/// A record of a room with this prompt and the spotlight on a user who is not there, from which the users with these
/// keys were removed.
fn record(version: u64, prompt: &str, removed: &Value) -> RoomRecord {
    let state =
        json!({"locked": false, "hidden": false, "frozen": false, "prompt": prompt, "spotlight": "99"});
    let record = json!({"state": state, "all_cleared": 0, "cleared": [], "removed": removed, "hosts": [], "members": [],
        "version": version});
    serde_json::from_value(record).expect("a record")
}

/// The records that were to be stored since this was last called.
fn saved(node: &Node) -> Vec<RoomRecord> {
    node.saves().into_iter().map(|save| save.record).collect()
}

/// A node that takes over from an owner that has told it of a user, and of no change of the record.
fn heir(key: &Value) -> (Node, Pipe) {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.own(room, OTHER, 5);
    let connected = json!({"Connected": {"at": 1, "node": OTHER, "number": 1}});
    node.hear(&copy_with(5, 3, &user(key, &connected)));
    node.own(room, ME, 7);
    assert!(saved(&node).is_empty(), "the owner before may have saved a later one");
    (node, pipe)
}

#[test]
fn what_the_owner_before_has_saved_and_not_told_counts() {
    let key = json!("0".repeat(32));
    let (mut node, _page) = heir(&key);
    node.load_with(1, record(1, "Why?", &json!([key])));
    let (viewer, pipe) = node.connect();
    node.act(viewer, Action::Watch);
    let snapshot = snapshot(&pipe).expect("a snapshot");
    assert_eq!(
        (&snapshot["users"], &snapshot["state"]["prompt"], &snapshot["state"]["spotlight"]),
        (&json!({}), &json!("Why?"), &json!(null)),
        "{snapshot}"
    );
    let outs = node.all_published();
    assert!(outs.iter().any(|out| out.json.contains(r#""removed":true"#)), "others are told");
    let saved: Vec<String> =
        saved(&node).iter().map(|record| serde_json::to_string(record).expect("JSON")).collect();
    let last = saved.last().expect("a record");
    assert!(last.contains(&"0".repeat(32)) && last.contains(r#""version":2"#), "{last}");
    assert!(last.contains(r#""spotlight":null"#), "hosts could set nothing else with it: {last}");
}

#[test]
fn a_record_that_is_not_later_is_overwritten() {
    let (mut node, _page) = heir(&json!("0".repeat(32)));
    node.load_with(1, record(0, "Why?", &json!(["0".repeat(32)])));
    let saved: Vec<Value> =
        saved(&node).iter().map(|record| serde_json::to_value(record).expect("JSON")).collect();
    assert_eq!(saved.len(), 1);
    assert_eq!(
        (&saved[0]["version"], &saved[0]["state"]["prompt"], &saved[0]["removed"]),
        (&json!(1), &json!(""), &json!([])),
        "Redis has gone back"
    );
}
