//! The thread that stores posts and records of rooms in Redis, in place of the store. It answers as the store does.
//!
//! Every request can be repeated, because Redis knows a post by its idempotency key. So a request that has failed on a
//! lost connection is tried once more on a new one.

mod commands;
mod sweeper;

use crate::base::clock::Now;
use crate::base::warning::Warning;
use crate::cluster::connection::{Connection, Redis, RedisFailure, is_full};
use crate::cluster::ledger::commands::{Expiry, answer_of, command_of};
use crate::cluster::ledger::sweeper::Sweeper;
use crate::cluster::options::RedisOptions;
use crate::cluster::reconnecting::Reconnecting;
use crate::cluster::redis_log;
use crate::room::post::NotStored;
use crate::store::request::{Answer, Load, Write};
use crossbeam_channel::{Receiver, never, select};
use redis::{Cmd, ServerError, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most requests that are sent at once. It limits how long the first of them waits for the last.
const MAX_AT_ONCE: usize = 256;

/// Size of the texts after which no more requests are sent at once, in bytes. The last one may exceed it. Redis does
/// nothing else while it handles them.
const MAX_SIZE_AT_ONCE: usize = 1024 * 1024;

/// How long the thread waits for a request if no sweep is ever due. It then does nothing, so any time would do.
const IDLE: Duration = Duration::from_secs(60);

/// Stores posts and records.
pub(crate) struct Ledger<A> {
    redis: Arc<Redis>,
    expiry: Expiry,
    sweeper: Option<Sweeper>,
    /// Passes an answer on. It returns false if nobody receives it any more.
    answer: A,
    connection: Reconnecting,
    /// Redis refuses to write, so a successful read does not end the outage.
    refuses_writes: bool,
    /// The warning that Redis is full. Some posts may still fit then.
    full: Warning,
    /// The warning that some data in Redis is invalid.
    invalid: Warning,
    /// Requests to write, in the order in which they came.
    waiting: VecDeque<Write>,
}

impl<A: Fn(Answer) -> bool> Ledger<A> {
    /// The ledger of a node.
    pub(crate) fn new(redis: Arc<Redis>, options: &RedisOptions, answer: A) -> Self {
        Self {
            redis,
            expiry: Expiry::new(options.keep_days),
            sweeper: options.keep_days.map(|days| Sweeper::new(days, Instant::now())),
            answer,
            connection: Reconnecting::new(),
            refuses_writes: false,
            full: Warning::default(),
            invalid: Warning::default(),
            waiting: VecDeque::new(),
        }
    }

    /// Works until all senders are gone.
    pub(crate) fn run(mut self, mut loads: Receiver<Load>, mut writes: Receiver<Write>) {
        let (mut may_load, mut may_write) = (true, true);
        while may_load || may_write {
            select! {
                recv(loads) -> load => match load {
                    Ok(load) => self.load(load),
                    Err(_) => (may_load, loads) = (false, never()),
                },
                recv(writes) -> write => match write {
                    Ok(write) => {
                        self.waiting.push_back(write);
                        self.waiting.extend(writes.try_iter());
                    }
                    Err(_) => (may_write, writes) = (false, never()),
                },
                default(self.pause()) => {}
            }
            while !self.waiting.is_empty() {
                self.write();
            }
            self.sweep();
        }
    }

    fn pause(&self) -> Duration {
        let pause = |sweeper: &Sweeper| sweeper.due().saturating_duration_since(Instant::now());
        self.sweeper.as_ref().map_or(IDLE, pause)
    }

    fn load(&mut self, Load { room, name, count, epoch }: Load) {
        let not_before = self.expiry.keeps_from(Now::read().unix_millis);
        let outcome =
            self.attempt(|redis, connection| redis_log::load(redis, connection, &name, count, not_before));
        let (record, stored) = match outcome {
            Ok((record, stored)) => {
                self.end_outage();
                (Some(record), stored)
            }
            Err(_) => (None, Vec::new()),
        };
        let keys = stored.iter().filter_map(|(post, key)| Some((post.n, (*key)?))).collect();
        let posts = stored.into_iter().map(|(post, _)| post).collect();
        self.pass_on(Answer::Keys { room, keys });
        self.pass_on(Answer::Loaded { room, epoch, record, posts });
    }

    /// Sends some of the waiting requests, and answers them.
    fn write(&mut self) {
        let mut size = 0;
        let fits = |write: &&Write| {
            let fits = size < MAX_SIZE_AT_ONCE;
            size += commands::size(write);
            fits
        };
        let count = self.waiting.iter().take(MAX_AT_ONCE).take_while(fits).count();
        let writes: Vec<Write> = self.waiting.drain(..count).collect();
        let commands: Vec<Cmd> =
            writes.iter().map(|write| command_of(write, &self.redis, &self.expiry)).collect();
        match self.attempt(|_, connection| connection.run(&commands)) {
            Ok(answers) => self.on_answers(writes, answers),
            Err(_) => {
                let refuse = |write| self.pass_on(answer_of(write, Err(NotStored::Unavailable)));
                writes.into_iter().for_each(refuse);
            }
        }
    }

    /// Redis has answered requests.
    fn on_answers(&mut self, writes: Vec<Write>, answers: Vec<Value>) {
        if self.takes_writes(&answers) {
            self.refuses_writes = false;
            self.end_outage();
        }
        for (write, answer) in writes.into_iter().zip(answers) {
            let answer = match answer {
                Value::ServerError(error) => Err(self.on_error(&error)),
                answer => Ok(answer),
            };
            self.pass_on(answer_of(write, answer));
        }
    }

    fn pass_on(&self, answer: Answer) {
        (self.answer)(answer); // a hub that is gone needs none
    }

    /// Redis refuses a request. Returns why it was not done.
    fn on_error(&mut self, error: &ServerError) -> NotStored {
        let failure = self.redis.failure_of_server(error);
        if is_full(error) {
            self.full.log(Instant::now(), || {
                format!("Redis is full, and what does not fit is rejected: {failure}")
            });
            return NotStored::Full;
        }
        match failure.concerns_keys_only() {
            true => self.warn_of_room(&failure),
            false => {
                self.refuses_writes = true;
                self.fail(&failure); // the address may lead to another Redis by now
            }
        }
        NotStored::Unavailable
    }

    /// Warns that a room cannot be used, and others can. The name of the room is not logged, because anybody who knows
    /// it can enter.
    fn warn_of_room(&mut self, why: &RedisFailure) {
        self.invalid.log(Instant::now(), || format!("a room cannot be stored in Redis or read there: {why}"));
    }

    /// Does something that can be repeated. If the connection is lost, does it again on a new one.
    fn attempt<T>(
        &mut self,
        mut run: impl FnMut(&Redis, &mut Connection) -> Result<T, RedisFailure>,
    ) -> Result<T, RedisFailure> {
        let mut run = |connection: &mut Connection| run(&self.redis, connection);
        let was_connected = self.connection.is_connected();
        let mut outcome = self.connection.run(&self.redis, &mut run);
        if was_connected && !self.connection.is_connected() {
            outcome = self.connection.run(&self.redis, &mut run);
        }
        match &outcome {
            Err(why) if why.concerns_keys_only() => self.warn_of_room(why),
            Ok(_) => {}
            Err(why) => self.fail(why),
        }
        outcome
    }

    /// Whether these answers to requests show that Redis can be written to: it has done some, and refuses none for a
    /// reason that concerns all rooms.
    fn takes_writes(&self, answers: &[Value]) -> bool {
        let refuses = |answer: &Value| match answer {
            Value::ServerError(error) => {
                !is_full(error) && !self.redis.failure_of_server(error).concerns_keys_only()
            }
            _ => false,
        };
        let is_done = |answer: &Value| !matches!(answer, Value::ServerError(_));
        answers.iter().any(is_done) && !answers.iter().any(refuses)
    }

    /// Redis has done something, which ends an outage unless it refuses to write.
    fn end_outage(&mut self) {
        if !self.refuses_writes && self.connection.recover() {
            log::info!("posts are stored in Redis again");
        }
    }

    fn fail(&mut self, why: &RedisFailure) {
        if self.connection.fail(why) {
            log::error!("nothing can be stored in Redis: {why}");
        }
    }

    /// Deletes some of the old posts, if that is due.
    fn sweep(&mut self) {
        let Some(mut sweeper) = self.sweeper.take_if(|sweeper| sweeper.due() <= Instant::now()) else {
            return;
        };
        let outcome = self.attempt(|redis, connection| sweeper.step(redis, connection, Now::read()));
        match outcome {
            Ok(before) => {
                self.end_outage();
                before.into_iter().for_each(|before| self.pass_on(Answer::Trimmed { before }));
            }
            Err(_) => sweeper.retry(Instant::now()),
        }
        self.sweeper = Some(sweeper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RoomId;
    use crate::room::room_name::RoomName;
    use crate::room::state::RoomRecord;
    use crate::store::request::{Change, Save};

    fn ledger() -> Ledger<impl Fn(Answer) -> bool> {
        let url = "redis://127.0.0.1:1".parse().expect("a URL");
        let options = RedisOptions { url, prefix: Default::default(), keep_days: None };
        Ledger::new(Redis::new(&options).into(), &options, |_| true)
    }

    fn answer(text: &str) -> Value {
        redis::parse_redis_value(format!("{text}\r\n").as_bytes()).expect("an answer")
    }

    #[test]
    fn an_outage_ends_once_redis_has_written_and_refuses_nothing_for_all_rooms() {
        let ledger = ledger();
        let done = ":1";
        let of_keys = ["-WRONGTYPE another type", "-ERR no more numbers", "-OOM command not allowed"];
        for error in of_keys {
            assert!(ledger.takes_writes(&[answer(error), answer(done)]), "{error}");
            assert!(!ledger.takes_writes(&[answer(error)]), "{error}");
        }
        let of_all = ["-NOPERM no", "-READONLY replica", "-ERR The user executing the script can't run this"];
        for error in of_all {
            assert!(!ledger.takes_writes(&[answer(done), answer(error)]), "{error}");
        }
        assert!(ledger.takes_writes(&[answer(done)]) && !ledger.takes_writes(&[]));
    }

    #[test]
    fn an_outage_goes_on_while_redis_refuses_to_write_and_answers() {
        let mut ledger = ledger();
        let save = || {
            let (room, name) = (RoomId(1), RoomName::parse("r").expect("a name"));
            Write::Change(Change::Save(Save {
                room,
                name,
                record: RoomRecord::default(),
                at: 0,
                epoch: None,
            }))
        };
        let refused = "-READONLY replica";
        let Value::ServerError(error) = answer(refused) else { panic!("an error") };
        let why = ledger.redis.failure_of_server(&error);
        for text in [refused, "-NOPERM no"] {
            ledger.on_answers(vec![save()], vec![answer(text)]);
            ledger.end_outage(); // it has read something meanwhile
            assert!(!ledger.connection.fail(&why), "the log has said so");
        }
        ledger.on_answers(vec![save()], vec![answer(":1")]);
        assert!(ledger.connection.fail(&why), "that was another outage");
    }
}
