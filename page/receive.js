// Handles server events: applies them to the room's state, and does what has to follow.

import { touch } from "./changes.js";
import { TRY_AGAIN, wordForError } from "./codes.js";
import { confirmConnection, lose, resync } from "./connection.js";
import { refuseEntry } from "./entry.js";
import { applyEvent } from "./events.js";
import { drawTitle } from "./head.js";
import { countUnread } from "./log.js";
import { drawMyError } from "./own-box.js";
import { refusePassphrase, unlock } from "./passphrase.js";
import { resume, welcome } from "./seat.js";
import { link, room, seat } from "./state.js";
import { dropPending, settle, slowDown, tellWhole, tellWholeNext } from "./text.js";
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
  if (event === "unlocked") return unlock(data);
  if (event === "error") return refuse(data);
  if (event === "slow_down") return slowDown();
  if (event === "data") notePost(data);
  if (!applyEvent(event, data)) return resync();
  if (event === "data") drawTitle(); // at once, because a hidden tab has no frames
  if (event === "existing_users") settleIn();
}

/** A snapshot has come: this person may have a seat now, or again. */
function settleIn() {
  const wasResync = link.resyncing;
  confirmConnection();
  if (room.you && !seat.welcomed) welcome();
  if (room.you && !wasResync) resume();
}

/** @param {Post} post */
function notePost(post) {
  settle(post);
  countUnread(post);
}

/** @param {Refusal} refusal */
function refuse(refusal) {
  const { code } = refusal;
  if (code === "already_joined") return; // the answer to checkConnection
  if (code.startsWith("passphrase")) return refusePassphrase(refusal);
  if (code === "out_of_step") return tellWhole();
  // A server that was restarted has no place left: the page tries until it has one.
  if (code === "room_full" && room.you) return lose(link.socket, { code: TRY_AGAIN, reason: code });
  if (code === "memory_full") tellWholeNext(); // the box has an older text, which the next splice might fit by accident
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
