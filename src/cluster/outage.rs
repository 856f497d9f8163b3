//! An outage of Redis: what the log says of it.

use crate::cluster::connection::RedisFailure;
use std::mem;

/// The most reasons of one outage that are logged. A Redis that restarts gives three or four.
const MAX_REASONS: usize = 10;

/// The reasons of the current outage that were logged; empty if there is no outage.
#[derive(Debug, Default)]
pub(super) struct Outage(Vec<RedisFailure>);

impl Outage {
    /// Redis cannot be used. Returns whether to log why: each reason once, because many attempts fail for it.
    pub(super) fn note(&mut self, why: &RedisFailure) -> bool {
        let is_new = self.0.len() < MAX_REASONS && !why.is_pause() && !self.0.contains(why);
        if is_new {
            self.0.push(why.clone());
        }
        is_new
    }

    /// Redis can be used. Returns whether to log that.
    pub(super) fn end(&mut self) -> bool {
        !mem::take(&mut self.0).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_an_outage_is_logged_once() {
        let mut outage = Outage::default();
        let [one, other] = ["one", "other"].map(RedisFailure::new);
        assert!(!outage.end());
        let logged = [&one, &RedisFailure::pause(), &other, &one, &other].map(|why| outage.note(why));
        assert_eq!(logged, [true, false, true, false, false]);
        assert!(outage.end() && !outage.end());
        assert!(outage.note(&one), "the next outage");
    }

    #[test]
    fn reasons_without_end_are_not_logged_without_end() {
        let mut outage = Outage::default();
        let logged = (0..100).filter(|n| outage.note(&RedisFailure::new(n.to_string()))).count();
        assert_eq!(logged, MAX_REASONS);
    }
}
