// What follows from an event of the server, beside the change of the room's state.

import { touch } from "./changes.js";
import { TRY_AGAIN, wordForError } from "./codes.js";
import { lose, send } from "./connection.js";
import { drawDoor, refuseName } from "./door.js";
import { applyEvent } from "./events.js";
import { drawTitle } from "./head.js";
import { drawMyError } from "./own-box.js";
import { refusePassphrase, unlock } from "./passphrase.js";
import { resume, welcome } from "./seat.js";
import { hidden, keyOf, link, reading, room, seat } from "./state.js";
import { dropPending, settle, tellWhole } from "./text.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").Post} Post */

/**
 * @typedef {object} Refusal  The data of `error`.
 * @property {string} code
 * @property {string} message
 * @property {string} [ref]
 * @property {number} [wait]  in seconds
 */

/**
 * @param {string} event
 * @param {any} data
 */
export function receive(event, data) {
  if (event === "unlocked") return unlock();
  if (event === "error") return refuse(data);
  if (event === "data") notePost(data);
  if (!applyEvent(event, data)) return resync();
  if (event === "data") drawTitle(); // at once, because a hidden tab has no frames
  if (event === "existing_users") settleIn();
}

/** A snapshot has come: this person may have a seat now, or again. */
function settleIn() {
  if (room.you && !seat.welcomed) welcome();
  if (room.you && !link.resyncing) resume();
  link.resyncing = false;
}

/** A text here is not what the server believes: all of them are asked for again, once. */
function resync() {
  link.resyncing ||= send("resync", {});
}

/** @param {Post} post */
function notePost(post) {
  settle(post);
  const isNew = !room.posts.has(keyOf(post)) && !hidden.has(post.name);
  if (isNew && document.hidden) reading.unread += 1;
}

/** @param {Refusal} refusal */
function refuse(refusal) {
  const { code } = refusal;
  if (code === "already_joined") return; // the answer to checkConnection
  if (code.startsWith("passphrase")) return refusePassphrase(refusal);
  if (code === "out_of_step") return tellWhole();
  // A restarted server has given this person's seat away: the page tries until there is one.
  if (code === "room_full" && room.you) return lose(link.socket, { code: TRY_AGAIN, reason: code });
  const word = wordForError(code);
  const words = word ? say(word, { n: room.limits.name }) : refusal.message;
  if (room.you) refuseText(words, refusal.ref);
  else refuseEntry(words);
}

/**
 * @param {string} words
 * @param {string | undefined} ref
 */
function refuseText(words, ref) {
  dropPending(ref);
  drawMyError(words);
  touch("me");
}

/** @param {string} words */
function refuseEntry(words) {
  seat.wanted = "";
  seat.inside = false;
  drawDoor();
  refuseName(words);
}
