//! Crashes of the store: whatever is lost of the end of its write-ahead log, what is left is what was committed up
//! to some moment, and posting goes on from there as if nothing else had been.

use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use typewall::internals::{Database, Numbered, PendingPost, Post, Session, UserId};
use typewall::{Reader, RoomName};

const ROOMS: usize = 2;
const FILE: &str = "wall.sqlite";
const WAL: &str = "wall.sqlite-wal";

/// Something to post: in which room, under which of a few refs, and what.
type Wanted = (usize, u8, String);

/// What a crash does to the end of a file.
#[derive(Debug, Clone)]
enum Harm {
    Cut,
    Zero,
    Garble(Vec<u8>),
}

impl Harm {
    /// Does it to all bytes from there on.
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

/// A store that commits what it is told to, all at once.
struct Scribe {
    database: Database,
    reader: Reader,
}

impl Scribe {
    fn open(folder: &Path) -> Self {
        let file = folder.join(FILE);
        Self {
            database: Database::open(&file).expect("a store"),
            reader: Reader::open(&file).expect("a store"),
        }
    }

    /// Has posts stored in one commit.
    fn record(&mut self, wanted: &[Wanted]) -> Vec<Numbered> {
        let posts: Vec<(RoomName, PendingPost)> =
            wanted.iter().map(|(room, reference, text)| (name(*room), pending(*reference, text))).collect();
        self.database.record(posts.iter().map(|(name, post)| (name, post))).expect("it is stored")
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
    let key = session.idempotency_key(&reference);
    PendingPost {
        id: UserId(7),
        name: "Ada".to_owned(),
        text: text.to_owned(),
        at: 1,
        reference: Some((reference, key)),
    }
}

/// What a store should hold: the posts in their order, each with its room and ref.
#[derive(Default, Clone)]
struct Expected(Vec<(usize, u8, Post)>);

impl Expected {
    fn enter(&mut self, (room, reference, text): &Wanted) -> Numbered {
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

/// A copy of a store as a crash leaves it that lost what stands in its write-ahead log from a byte on.
fn crashed(folder: &Path, harm: &Harm, from: usize) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    fs::copy(folder.join(FILE), copy.path().join(FILE)).unwrap();
    let mut wal = fs::read(folder.join(WAL)).unwrap();
    harm.apply(&mut wal, from);
    fs::write(copy.path().join(WAL), wal).unwrap();
    copy
}

/// What a store has recorded.
struct Recording {
    folder: TempDir,
    batches: Vec<Vec<Wanted>>,
    all: Expected,
    /// The commits: how long the write-ahead log was after each, and how many posts there were.
    points: Vec<(usize, usize)>,
}

/// Opens what a crash has left, and posts everything again.
fn check_crash(recording: &Recording, harm: &Harm, from: usize) {
    let Recording { folder, batches, all, points } = recording;
    let copy = crashed(folder.path(), harm, from);
    let mut scribe = Scribe::open(copy.path());
    let logs: Vec<Vec<Post>> = (0..ROOMS).map(|room| scribe.log(room)).collect();
    let kept = logs.iter().map(Vec::len).sum();
    let mut expected = Expected(all.0[..kept].to_vec());
    for (room, log) in logs.iter().enumerate() {
        assert_eq!(*log, expected.log(room), "what is left is the beginning of what was recorded");
    }
    assert!(points.iter().any(|&(_, posts)| posts == kept), "{kept} posts are no whole number of commits");
    let safe = points.iter().filter(|&&(len, _)| len <= from).map(|&(_, posts)| posts).max().unwrap_or(0);
    match harm {
        Harm::Cut => assert_eq!(kept, safe),
        // What was overwritten may have been the same.
        Harm::Zero | Harm::Garble(_) => assert!(kept >= safe, "{kept} of {safe} posts are left"),
    }
    let again = batches.concat();
    let entries: Vec<Numbered> = again.iter().map(|wanted| expected.enter(wanted)).collect();
    assert_eq!(scribe.record(&again), entries, "lost posts are new, kept ones are known, numbers go on");
    for room in 0..ROOMS {
        assert_eq!(scribe.log(room), expected.log(room));
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (0..ROOMS, 0..40_u8, prop_oneof!["[a-z]{1,20}", "[a-zé😀]{200,6000}"])
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        2 => Just(Harm::Cut),
        1 => Just(Harm::Zero),
        1 => prop::collection::vec(1..=255_u8, 1..9).prop_map(Harm::Garble),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_leaves_whole_commits_and_posting_goes_on(
        batches in prop::collection::vec(prop::collection::vec(wanted(), 1..12), 1..8),
        crashes in prop::collection::vec((any::<Index>(), harm()), 4),
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut scribe = Scribe::open(folder.path());
        let (mut all, mut points) = (Expected::default(), vec![(0, 0)]);
        for batch in &batches {
            let entries: Vec<Numbered> = batch.iter().map(|wanted| all.enter(wanted)).collect();
            prop_assert_eq!(scribe.record(batch), entries);
            let len = fs::metadata(folder.path().join(WAL)).unwrap().len();
            points.push((len as usize, all.0.len()));
        }
        let len = points.last().map_or(0, |&(len, _)| len);
        let recording = Recording { folder, batches, all, points };
        for (from, harm) in &crashes {
            check_crash(&recording, harm, from.index(len + 1));
        }
        }
}
