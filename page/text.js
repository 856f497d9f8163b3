// The text in this person's own box: sends what changes, posts it, and takes a post out of the box once it is back.

import { changes, touch } from "./changes.js";
import { send } from "./connection.js";
import { at } from "./dom.js";
import { boundaryAfter, putInto } from "./continuous.js";
import { wellFormed } from "./older.js";
import { drawMyError, note } from "./own-box.js";
import { charactersIn, spliceBetween } from "./splices.js";
import { draft, isFrozen, link, room, seat, tab } from "./state.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").Pending} Pending */

/** After a refusal, a continuous text stays in the box for this long. */
const HELD_MS = 10_000;

/** The text in the box, well-formed: half a surrogate pair never leaves the page. */
export function ownText() {
  return wellFormed(at("my-text").value);
}

/** What others see of the box, or will as soon as it is sent. */
export function sharedText() {
  return draft.paused ?? ownText();
}

/** @param {string} text */
function isTooLong(text) {
  return text.length > room.limits.text && charactersIn(text) > room.limits.text;
}

/** The text has changed. */
export function write() {
  if (draft.paused !== null && !ownText()) draft.paused = ""; // clearing is for everyone, also while paused
  if (!draft.resting) sendText();
}

/** Sends the text at once, and then again no sooner than in the next frame, which sends the latest text. */
export function sendText() {
  draft.resting = false;
  const text = sharedText();
  if (text === draft.shown || isTooLong(text)) return;
  tellText(text, draft.inStep ? spliceBetween(draft.shown, text) : { text });
}

/**
 * @param {string} text
 * @param {object} change  how the wire says it
 */
export function tellText(text, change) {
  if (!room.you || !sendOwn("updated_text", change)) return;
  if ((text === "") !== (draft.shown === "")) touch("board");
  Object.assign(draft, { shown: text, inStep: true, resting: !document.hidden });
  requestAnimationFrame(sendText);
}

/**
 * Sends something of the box, if the server knows whose it is and the room is not frozen; false if not. After a lost
 * connection, resumeText sends what is new.
 *
 * @param {string} event
 * @param {object} data
 */
function sendOwn(event, data) {
  return link.status === "connected" && !isFrozen() && send(event, data);
}

/** The server has another text than this page believes: the next change is sent as a whole. */
export function tellWholeNext() {
  draft.inStep = false;
}

/** The server has another text than this page believes: it is sent as a whole. */
export function tellWhole() {
  tellText(draft.shown, { text: draft.shown });
}

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
 * Sends a post, behind the text that it is from, so that readers find it there; it stays in the box until it is back.
 *
 * @param {{ text: string, extent?: number }} wanted
 */
function addPending(wanted) {
  sendText();
  draft.refs += 1;
  const pending = { ...wanted, ref: `${tab}.${draft.refs}` };
  if (!draft.pending.length) draft.slowed = false;
  draft.pending.push(pending);
  sendPost(pending);
}

/** Sends the start of a continuous text to the log. @param {string} text */
export function sendPart(text) {
  draft.seen = ownText();
  addPending({ text, extent: text.length });
  touch("me");
}

export function postByButton() {
  if (isFrozen()) return;
  post();
  at("my-text").focus();
}

/**
 * Puts a text into the box, as before a reload.
 *
 * @param {{ text?: string, pending?: Pending[], paused?: string | null }} kept
 */
export function restoreText({ text = "", pending = [], paused = null }) {
  Object.assign(draft, { pending, paused, seen: text });
  at("my-text").value = text;
}

/**
 * The server has this text in the box: sends what was written meanwhile, and the posts that are not confirmed. The
 * server knows by their refs which of them it has already, and only confirms those.
 *
 * @param {string} shown
 */
export function resumeText(shown) {
  Object.assign(draft, { shown, inStep: false, resting: false });
  draft.pending.forEach(sendPost);
  write();
}

/**
 * While the room is frozen, posts wait as the text does. White space at the end says that the text goes on.
 *
 * @param {Pending} pending
 */
function sendPost({ text, ref, extent }) {
  sendOwn("message", { text: extent === undefined ? text.trimEnd() : text, ref });
}

/** The server is linked to the others again: sends the posts that it has refused meanwhile. */
export function postAgain() {
  draft.pending.forEach(sendPost);
}

/** The server has refused a text or a post, because the room is frozen. Both are sent again when that ends. */
export function waitFrozen() {
  draft.refused = true;
}

/** The room is no longer frozen: sends the text as a whole, and the posts that are not confirmed. */
export function thaw() {
  draft.refused = false;
  draft.pending.forEach(sendPost);
  const text = sharedText();
  if (!isTooLong(text)) tellText(text, { text });
}

/**
 * A host has cleared the box. Posts that are not confirmed leave it too, but are not lost. The server is told, because
 * a text that was on its way may have come to it later.
 */
export function emptyByHost() {
  for (const pending of draft.pending) pending.out = true;
  if (draft.paused !== null) draft.paused = "";
  at("my-text").value = "";
  tellText("", { text: "" });
  draft.shown = "";
  note(say("boxCleared"));
  draft.cleared = true;
}

/** The server lets a post wait, because posts came too fast. */
export function slowDown() {
  draft.slowed = true;
  touch("me");
}

/** Forgets the posts that are not confirmed; whoever has the seat now confirms them. */
export function forgetPending() {
  draft.pending = [];
}

/** Empties the box of somebody who leaves the room. */
export function forgetText() {
  restoreText({});
  draft.shown = "";
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
  draft.pending = draft.pending.filter((other) => other !== mine);
  if (!mine.out) takeOut(mine);
  touch("me");
}

/**
 * A post was refused. If a host has cleared the box meanwhile, it comes back there.
 *
 * @param {string | undefined} ref
 */
export function dropPending(ref) {
  const refused = draft.pending.find((pending) => pending.ref === ref);
  if (refused?.extent !== undefined) draft.heldUntil = performance.now() + HELD_MS;
  if (refused?.out) at("my-text").setRangeText(refused.text, 0, 0, "preserve");
  draft.pending = draft.pending.filter((pending) => pending.ref !== ref);
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

/** Pauses sharing, or shares again. */
export function togglePause() {
  draft.paused = draft.paused === null ? draft.shown : null;
  note(draft.paused === null ? say("shared") : "");
  write();
  at("my-text").focus();
}

/** Empties the box, through the editor if possible, so that undo brings the text back. */
export function clearText() {
  if (isFrozen()) return;
  const box = at("my-text");
  box.focus();
  box.select();
  if (!document.execCommand("delete")) box.value = "";
  typed();
}

/** Somebody typed. */
export function typed() {
  changes.typed = true;
  const [first] = draft.pending;
  if (first?.extent !== undefined) first.extent = boundaryAfter(draft.seen, ownText(), first.extent);
  draft.grew = ownText().length - draft.seen.length;
  draft.seen = ownText();
  note("");
  drawMyError("");
  write();
}

/** @param {boolean} isComposing */
export function compose(isComposing) {
  draft.composing = isComposing;
}
