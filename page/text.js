// The text in this person's own box: sends what changes.

import { changes, touch } from "./changes.js";
import { send } from "./connection.js";
import { at } from "./dom.js";
import { boundaryAfter } from "./continuous.js";
import { wellFormed } from "./older.js";
import { drawMyError, note } from "./own-box.js";
import { renew, takeBack } from "./queue.js";
import { charactersIn, spliceBetween } from "./splices.js";
import { draft, isFrozen, link, room } from "./state.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").Pending} Pending */

/** The text in the box, well-formed: half a surrogate pair never leaves the page. */
export function ownText() {
  return wellFormed(at("my-text").value);
}

/** What others see of the box, or will as soon as it is sent. */
export function sharedText() {
  return draft.paused ?? ownText();
}

/** @param {string} text */
export function isTooLong(text) {
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
export function sendOwn(event, data) {
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

/**
 * Puts a text into the box, as before a reload.
 *
 * @param {{ text?: string, pending?: Pending[], paused?: string | null }} kept
 */
export function restoreText({ text = "", pending = [], paused = null }) {
  renew(draft);
  Object.assign(draft, { pending, paused, seen: text });
  at("my-text").value = text;
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

/** Empties the box of somebody who leaves the room. */
export function forgetText() {
  restoreText({});
  draft.shown = "";
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
  takeBack(draft, ownText());
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
