//! Crashes of the store. If the end of the write-ahead log is lost, the store contains a prefix of its commits, and
//! posting continues from there.

use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use typewall::internals::{
    ClientId, Database, Numbered, PendingPost, Post, RoomId, Session, StorePost, UserId,
};
use typewall::{Reader, RoomName};

const ROOMS: usize = 2;
const FILE: &str = "wall.sqlite";
const WAL: &str = "wall.sqlite-wal";

/// A post to be stored: its room, one of a few refs, and its text.
type NewPost = (usize, u8, String);

/// The damage that a crash does to the end of a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut,
    Zero,
    Garble(Vec<u8>),
}

impl Damage {
    /// Damages all bytes from `from` on.
    fn apply(&self, bytes: &mut Vec<u8>, from: usize) {
        match self {
            Self::Cut => bytes.truncate(from),
            Self::Zero => bytes[from..].fill(0),
            Self::Garble(noise) => {
                bytes[from..].iter_mut().zip(noise.iter().cycle()).for_each(|(byte, noise)| *byte ^= noise);
            }
        }
    }
}

/// A store that is open for writing and reading.
struct OpenStore {
    database: Database,
    reader: Reader,
}

impl OpenStore {
    fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        Self {
            database: Database::open(&file).expect("a store"),
            reader: Reader::open(&file).expect("a store"),
        }
    }

    /// Stores posts in one commit.
    fn record(&mut self, new: &[NewPost]) -> Vec<Numbered> {
        let record = |(room, reference, text): &NewPost| {
            let post = pending(*reference, text);
            StorePost {
                room: RoomId(1),
                name: name(*room),
                post,
                after: 0,
                epoch: None,
                by: ClientId(1).into(),
            }
        };
        let records: Vec<StorePost> = new.iter().map(record).collect();
        self.database.store_posts(records.iter()).expect("it is stored")
    }

    fn log(&self, room: usize) -> Vec<Post> {
        self.reader.last_posts(&name(room), 10_000, 0).expect("a log")
    }
}

fn name(room: usize) -> RoomName {
    RoomName::from_query(&format!("room={room}")).unwrap()
}

fn pending(reference: u8, text: &str) -> PendingPost {
    let session = Session::parse(&"a".repeat(32)).unwrap();
    let reference = reference.to_string();
    let key = session.key().idempotency_key(&reference);
    PendingPost {
        id: UserId(7),
        name: "Ada".to_owned(),
        text: text.to_owned(),
        at: 1,
        reference: Some((reference, key)),
    }
}

/// The expected content of a store: the posts in their order, each with its room and ref.
#[derive(Default, Clone)]
struct Expected(Vec<(usize, u8, Post)>);

impl Expected {
    fn add(&mut self, (room, reference, text): &NewPost) -> Numbered {
        let known = self.0.iter().find(|(r, named, _)| (r, named) == (room, reference));
        if let Some((_, _, post)) = known {
            return Numbered::Duplicate(post.clone());
        }
        let n = self.log(*room).len() as u64 + 1;
        let post = pending(*reference, text).numbered(n);
        self.0.push((*room, *reference, post.clone()));
        Numbered::New(post)
    }

    fn log(&self, room: usize) -> Vec<Post> {
        self.0.iter().filter(|(r, _, _)| *r == room).map(|(_, _, post)| post.clone()).collect()
    }
}

/// A copy of a store after a crash that damaged its write-ahead log from the byte `from` on.
fn crashed(folder: &Path, damage: &Damage, from: usize) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    fs::copy(folder.join(FILE), copy.path().join(FILE)).unwrap();
    let mut wal = fs::read(folder.join(WAL)).unwrap();
    damage.apply(&mut wal, from);
    fs::write(copy.path().join(WAL), wal).unwrap();
    copy
}

/// A store and everything that was posted to it.
struct Recording {
    folder: TempDir,
    batches: Vec<Vec<NewPost>>,
    all: Expected,
    /// For each commit: the length of the write-ahead log and the number of posts after it.
    points: Vec<(usize, usize)>,
}

/// Opens a store after a crash, checks what is left, and posts everything again.
fn check_crash(recording: &Recording, damage: &Damage, from: usize) {
    let Recording { folder, batches, all, points } = recording;
    let copy = crashed(folder.path(), damage, from);
    let mut store = OpenStore::open(copy.path());
    let logs: Vec<Vec<Post>> = (0..ROOMS).map(|room| store.log(room)).collect();
    let kept = logs.iter().map(Vec::len).sum();
    let mut expected = Expected(all.0[..kept].to_vec());
    for (room, log) in logs.iter().enumerate() {
        assert_eq!(*log, expected.log(room), "what is left is the beginning of what was recorded");
    }
    assert!(points.iter().any(|&(_, posts)| posts == kept), "{kept} posts are no whole number of commits");
    let safe = points.iter().filter(|&&(len, _)| len <= from).map(|&(_, posts)| posts).max().unwrap_or(0);
    match damage {
        Damage::Cut => assert_eq!(kept, safe),
        // The overwritten bytes may have had the same values.
        Damage::Zero | Damage::Garble(_) => assert!(kept >= safe, "{kept} of {safe} posts are left"),
    }
    let again = batches.concat();
    let entries: Vec<Numbered> = again.iter().map(|new_post| expected.add(new_post)).collect();
    assert_eq!(store.record(&again), entries, "lost posts are new, kept ones are known, numbers go on");
    for room in 0..ROOMS {
        assert_eq!(store.log(room), expected.log(room));
    }
}

fn new_post() -> impl Strategy<Value = NewPost> {
    (0..ROOMS, 0..40_u8, prop_oneof!["[a-z]{1,20}", "[a-zé😀]{200,6000}"])
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        2 => Just(Damage::Cut),
        1 => Just(Damage::Zero),
        1 => prop::collection::vec(1..=255_u8, 1..9).prop_map(Damage::Garble),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_leaves_whole_commits_and_posting_goes_on(
        batches in prop::collection::vec(prop::collection::vec(new_post(), 1..12), 1..8),
        crashes in prop::collection::vec((any::<Index>(), damage()), 4),
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut store = OpenStore::open(folder.path());
        let (mut all, mut points) = (Expected::default(), vec![(0, 0)]);
        for batch in &batches {
            let entries: Vec<Numbered> = batch.iter().map(|new_post| all.add(new_post)).collect();
            prop_assert_eq!(store.record(batch), entries);
            let len = fs::metadata(folder.path().join(WAL)).unwrap().len();
            points.push((len as usize, all.0.len()));
        }
        let len = points.last().map_or(0, |&(len, _)| len);
        let recording = Recording { folder, batches, all, points };
        for (from, damage) in &crashes {
            check_crash(&recording, damage, from.index(len + 1));
        }
    }
}
