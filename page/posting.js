// Posts of this person: sends what is in the box, takes it out of the box once it is back, and sends it again if the
// server could not store it.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { putInto } from "./continuous.js";
import { drawMyError } from "./own-box.js";
import { drop, keep, nextIn, noteSent, noteStored, pauseIn, renew } from "./queue.js";
import { draft, isFrozen, room, seat, tab } from "./state.js";
import { isTooLong, ownText, sendOwn, sendText, sharedText, tellText, write } from "./text.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").Pending} Pending */

/** After a refusal, a continuous text stays in the box for this long. */
const HELD_MS = 10_000;

/** Posts what is in the box; in a frozen room it stays there. */
export function post() {
  if (isFrozen()) return;
  const text = ownText().slice(pendingLength());
  drawMyError("");
  if (!text.trim()) return draft.pending.length ? undefined : drawMyError(say("postEmpty"));
  if (isTooLong(text)) return drawMyError(say("textTooLong"));
  addPending({ text });
  draft.paused = null; // what was written unseen is out, and what follows should be seen
  touch("me");
}

/**
 * Adds a post, which stays in the box until it is back. It is sent behind the text that it is from, so that readers
 * find it there.
 *
 * @param {{ text: string, extent?: number }} wanted
 */
function addPending(wanted) {
  sendText();
  draft.refs += 1;
  if (!draft.pending.length) draft.slowed = false;
  draft.pending.push({ ...wanted, ref: `${tab}.${draft.refs}` });
  sendNext();
}

/** Sends the start of a continuous text to the log. @param {string} text */
export function sendPart(text) {
  draft.seen = ownText();
  drawMyError("");
  addPending({ text, extent: text.length });
  touch("me");
}

export function postByButton() {
  if (isFrozen()) return;
  post();
  at("my-text").focus();
}

/**
 * Sends the next post, if it can be sent now. While the room is frozen, posts wait as the text does. White space at the
 * end of a part says that the text goes on.
 */
function sendNext() {
  const next = nextIn(draft);
  if (!next || !room.linked) return;
  const { text, ref, extent } = next;
  if (sendOwn("message", { text: extent === undefined ? text.trimEnd() : text, ref })) noteSent(draft, next);
}

/**
 * The server has this text in the box: sends the posts that are not confirmed, and what was written meanwhile. The
 * server knows by their refs which posts it has already, and only confirms those.
 *
 * @param {string} shown
 */
export function resumeText(shown) {
  Object.assign(draft, { shown, inStep: false, resting: false });
  postAgain();
  write();
}

/** The server may take posts again: sends those that are not confirmed. */
export function postAgain() {
  renew(draft);
  sendNext();
}

/**
 * The server could not store a post: it stays in the box, and is sent again in a moment, or when the server is linked
 * to the others again. Returns false if it was tried for long enough.
 *
 * @param {string | undefined} ref
 */
export function postLater(ref) {
  if (!keep(draft, ref)) return true; // nobody wants it any more
  touch("me");
  if (!room.linked) return true;
  const pause = pauseIn(draft);
  if (pause === undefined) return false;
  draft.pause = setTimeout(tryAgain, pause);
  return true;
}

function tryAgain() {
  draft.pause = 0;
  sendNext();
}

/**
 * The server has refused a text or a post, because the room is frozen. Both are sent again when that ends.
 *
 * @param {string | undefined} ref
 */
export function waitFrozen(ref) {
  draft.refused = true;
  keep(draft, ref);
}

/** The room is no longer frozen: sends the posts that are not confirmed, and the text as a whole. */
export function thaw() {
  draft.refused = false;
  postAgain();
  const text = sharedText();
  if (!isTooLong(text)) tellText(text, { text });
}

/** The server lets a post wait, because posts came too fast. */
export function slowDown() {
  draft.slowed = true;
  touch("me");
}

/** Forgets the posts that are not confirmed; whoever has the seat now confirms them. */
export function forgetPending() {
  renew(draft);
  draft.pending = [];
}

/** How much of the box was posted and is not confirmed. */
function pendingLength() {
  const inBox = draft.pending.filter(({ out }) => !out);
  const moved = inBox[0]?.extent ?? 0;
  const posted = inBox.filter(({ extent }) => extent === undefined).map(({ text }) => text).join("");
  return ownText().startsWith(posted, moved) ? moved + posted.length : moved;
}

/**
 * A post has come back. Only now does it leave the box: one that is refused or lost stays where it was written.
 *
 * @param {import("./state.js").Post} posted
 */
export function settle(posted) {
  const mine = posted.ref && draft.pending.find((pending) => pending.ref === posted.ref);
  if (!mine) return;
  if (draft.composing && mine.extent !== undefined) return afterComposing(() => settle(posted));
  noteStored(draft, mine.ref);
  if (!mine.out) takeOut(mine);
  if (draft.pending.length) sendText();
  sendNext();
  touch("me");
}

/**
 * A post was refused. If a host has cleared the box meanwhile, it comes back there.
 *
 * @param {string | undefined} ref
 */
export function dropPending(ref) {
  const dropped = drop(draft, ref);
  if (dropped.some(({ extent }) => extent !== undefined)) draft.heldUntil = performance.now() + HELD_MS;
  const lost = dropped.filter(({ out }) => out).map(({ text }) => text).join("");
  if (lost) at("my-text").setRangeText(lost, 0, 0, "preserve");
}

/** @param {() => void} action */
function afterComposing(action) {
  at("my-text").addEventListener("compositionend", () => setTimeout(action), { once: true });
}

/**
 * Takes a post out of the box; not while a word is composed, because that would tear the word. What was put into a part
 * of a continuous text while it was on its way stays. The lines in sight stay where they are.
 *
 * @param {Pending} pending
 */
function takeOut(pending) {
  if (draft.composing) return afterComposing(() => takeOut(pending));
  const { text, extent = text.length } = pending;
  const box = at("my-text");
  const below = box.scrollHeight - box.scrollTop;
  const now = ownText().slice(0, extent);
  if (pending.extent !== undefined || now === text) box.setRangeText(putInto(text, now), 0, extent, "preserve");
  box.scrollTop = box.scrollHeight - below;
  if (draft.paused !== null) draft.paused = "";
  write();
}

/** True if this person, who still has a seat, wrote something that is not in the log. */
export function hasUnposted() {
  return seat.wanted !== "" && (draft.pending.length > 0 || ownText().trim() !== "");
}
