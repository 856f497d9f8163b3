//! Questions of HTTP requests about rooms and the hub. Whoever asked may have given up waiting, so a failed reply is no
//! error.

use crate::base::clock::Now;
use crate::base::ids::RoomId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::health::Health;
use crate::hub::open_room::OpenRoom;
use crate::hub::report::Report;
use crate::hub::wall_part::WallPart;
use crate::hub::wall_part::WallQuestion;
use crate::room::copy::RoomCopy;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crossbeam_channel::Sender;
use std::sync::Arc;

impl<T: Transport> Hub<T> {
    /// Answers with the posts that a room keeps in memory.
    pub(super) fn answer_history(&self, room: &RoomName, reply_to: &Sender<Vec<Arc<Post>>>) {
        let room = self.rooms.id(room).and_then(|id| self.rooms.get(id));
        let posts = room.map_or_else(Vec::new, |room| room.view().posts().cloned().collect());
        let _ = reply_to.try_send(posts);
    }

    /// Answers with a part of a room's wall. Without an answer, the room is still to be loaded.
    pub(super) fn answer_wall(&mut self, name: &RoomName, question: WallQuestion, now: Now) {
        let id = self.rooms.id(name);
        match id.and_then(|id| self.rooms.get(id)) {
            Some(room) if !room.is_loading() => question.answer(room.view()),
            None if self.node.is_none() => {
                let _ = question.reply_to.try_send(WallPart::default());
            }
            _ if id.is_some_and(|id| self.is_out_of_reach(id)) => {}
            // Another node may have the room.
            _ if self.node.is_some() => {
                let id = id.map_or_else(|| self.open_room(name.clone(), now), Ok);
                if let Ok(Some(room)) = id.map(|id| self.rooms.get_mut(id)) {
                    room.keep_question(question);
                }
            }
            _ => {}
        }
    }

    /// A copy of a room, for tests that compare nodes.
    pub fn copy_of(&self, name: &RoomName, now: Now) -> Option<RoomCopy> {
        let room = self.rooms.get(self.rooms.id(name)?).filter(|room| !room.is_loading())?;
        Some(room.rules().copy(room.view(), now))
    }

    /// Answers the questions that have waited until a room is loaded.
    pub(super) fn answer_questions(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(id) {
            for question in room.take_questions() {
                question.answer(room.view());
            }
            self.on_vacated(id);
        }
    }

    /// The health of the hub.
    pub(super) fn health(&self) -> Health {
        // Whoever asks could otherwise tell the length of each hidden text.
        let hidden =
            self.rooms.iter().filter(|room| room.view().state().hidden).map(OpenRoom::memory_in_use).sum();
        Health {
            clients: self.clients.registry.len(),
            rooms: self.rooms.len(),
            waiting: self.clients.memory().of_owner(),
            texts: self.text_memory.of_owner().saturating_sub(hidden),
            cluster: self.node.as_ref().map(|node| node.health()),
        }
    }

    /// The numbers of the hub.
    pub(super) fn report(&self) -> Report {
        let mut counters = self.counters.clone();
        counters.sent.add(self.clients.sent_state());
        let seats: usize = self.rooms.iter().map(|room| room.view().user_count()).sum();
        let present: usize = self.rooms.iter().map(OpenRoom::present_users).sum();
        let elsewhere: usize = self.rooms.iter().map(OpenRoom::users_elsewhere).sum();
        Report {
            counters,
            closes: self.clients.closes.clone(),
            sent_bytes: self.clients.sent_bytes(),
            clients: self.clients.kinds(),
            present,
            away: seats.saturating_sub(present + elsewhere),
            cluster: self.node.as_ref().map(|node| node.health()),
            rooms: self.rooms.len(),
            outboxes: self.clients.memory().of_owner(),
            texts: self.text_memory.of_owner(),
        }
    }
}
