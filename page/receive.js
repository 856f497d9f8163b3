// Handles server events: applies them to the room's state, and does what has to follow.

import { touch } from "./changes.js";
import { announce, notice } from "./board.js";
import { REMOVED, TRY_AGAIN, isAboutEntry, isAboutHosting, isAboutKey, wordForError } from "./codes.js";
import { confirmConnection, lose, resync } from "./connection.js";
import { noticeOpenRoom, refuseEntry } from "./entry.js";
import { applyEvent } from "./events.js";
import { drawTitle } from "./head.js";
import { flow } from "./flow.js";
import { confirmHostKey, refuseHostKey } from "./host-key.js";
import { countUnread } from "./log.js";
import { drawMyError } from "./own-box.js";
import { withPart } from "./parts.js";
import { refusePassphrase, unlock } from "./passphrase.js";
import { dropPending, postAgain, postLater, settle, slowDown, thaw, waitFrozen } from "./posting.js";
import { overhear } from "./read-aloud.js";
import { noticeName } from "./renaming.js";
import { loseSeat, resume, welcome } from "./seat.js";
import { PROMPT_CHARACTERS, asked, choices, draft, hidden, isFrozen, keyOf, link, room, seat } from "./state.js";
import { emptyByHost, tellWhole, tellWholeNext } from "./text.js";
import { isolated, say } from "./words.js";

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
  // A post may come before the first snapshot of a connection, which has it in its place among the others.
  if (event !== "data" || link.status === "connected") receiveChange(event, data);
}

/**
 * The room has changed.
 *
 * @param {string} event
 * @param {any} data
 */
function receiveChange(event, data) {
  if (event === "data") notePost(data);
  else if (event === "user_renamed") noticeName(data);
  const wasFrozen = isFrozen();
  if (!applyEvent(event, data)) return resync();
  overhear(event, data);
  if (event === "data") drawTitle(); // at once, because a hidden tab has no frames
  if (event === "existing_users") settleIn();
  else obeyHost(event, data);
  if (event === "linked" && room.you && room.linked) postAgain();
  if (wasFrozen || (draft.refused && event === "room_state")) goOn();
}

/** A freeze may be over. */
function goOn() {
  if (room.you && !isFrozen()) thaw();
}

/**
 * What hosts do to this person, or what everyone is told of it.
 *
 * @param {string} event
 * @param {any} data
 */
function obeyHost(event, data) {
  if (event === "hosting") confirmHostKey(data);
  if (event === "room_state") noticeOpenRoom();
  if (event === "text_cleared" && seat.emptied) dropEmptied();
  else if (event === "text_cleared") announce(say("allCleared"));
  if (event === "disconnect_user" && data.removed) announce(say("userRemoved", { name: isolated(data.name) }));
}

/** A host has cleared this person's box; a screen reader hears of it by the note beside the name. */
function dropEmptied() {
  seat.emptied = false;
  emptyByHost();
}

/**
 * The connection has ended.
 *
 * @param {number} code
 */
export function noticeEnd(code) {
  if (code === REMOVED) loseSeat();
}

/** A snapshot has come: this person may have a seat now, or again. */
function settleIn() {
  const wasResync = link.resyncing;
  confirmConnection();
  noticeOpenRoom();
  if (room.you && !seat.welcomed) welcome();
  if (seat.emptied) dropEmptied();
  if (room.you && !wasResync) resume();
  if (asked.showsCode) withPart(import("./invite.js"), ({ showCode }) => showCode());
}

/** @param {Post} post */
function notePost(post) {
  settle(post);
  flow();
  if (room.posts.has(keyOf(post)) || hidden.has(post.name)) return;
  countUnread();
  if (post.id === room.you || choices.alert === "nothing") return;
  withPart(import("./alerts.js"), ({ alertOf }) => alertOf(post));
}

/** @param {Refusal} refusal */
function refuse(refusal) {
  const { code } = refusal;
  if (code.startsWith("passphrase")) return refusePassphrase(refusal);
  if (isAboutKey(code)) return refuseHostKey(refusal);
  if (code === "out_of_step") return tellWhole();
  // A server that was restarted has no place left: the page tries until it has one.
  if (code === "room_full" && room.you) return lose(link.socket, { code: TRY_AGAIN, reason: code });
  if (code === "memory_full") tellWholeNext(); // the box has an older text, which the next splice might fit by accident
  if (code === "frozen") return waitFrozen(refusal.ref);
  if (code === "not_stored" && postLater(refusal.ref)) return;
  if (code === "removed" && !seat.removed) return lose(link.socket, { code: REMOVED });
  explain(refusal);
}

/** @param {Refusal} refusal */
function explain({ code, message, ref }) {
  const word = wordForError(code);
  const words = word ? say(word, { n: limitFor(code) }) : message;
  if (isAboutHosting(code)) notice(words);
  else if (room.you && !isAboutEntry(code)) refuseText(words, ref);
  else if (seat.wanted) refuseEntry(words, code === "locked");
  else notice(words);
}

/** @param {string} code */
function limitFor(code) {
  return code === "prompt_too_long" ? PROMPT_CHARACTERS : room.limits.name;
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
