// Draws this person's own box, all but the text, which belongs to whoever types.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { drawMark, lookOf } from "./marks.js";
import { charactersIn } from "./splices.js";
import { asked, choices, draft, isFrozen, link, room, seat } from "./state.js";
import { say } from "./words.js";

/** The part of the limit from which on the characters left are shown. */
const NEAR_LIMIT = 0.9;

export function drawMe() {
  at("me").hidden = !room.you && !(seat.wanted && seat.inside);
  at("skip-to-mine").hidden = at("me").hidden;
  at("to-join").hidden = Boolean(seat.wanted) || asked.leftOut.includes("me");
  const name = seat.name || seat.wanted.trim();
  at("my-name").textContent = name;
  drawMark(lookOf(name), at("my-mark"));
  at("my-host").hidden = !room.you || !room.hosts.has(room.you);
  at("my-text").readOnly = isFrozen();
  at("me").classList.toggle("frozen", isFrozen());
  at("me").classList.toggle("paused", draft.paused !== null);
  at("hint").textContent = say(choices.enterPosts ? "hintEnter" : keyHint());
  drawCharactersLeft();
}

/** The hint for the key that this device has. */
function keyHint() {
  return /^(Mac|iP)/.test(navigator.platform) ? "hintCommand" : "hintControl";
}

function drawCharactersLeft() {
  const text = at("my-text").value;
  const { limits } = room;
  const isNear = text.length >= limits.text * NEAR_LIMIT;
  const rest = isNear ? limits.text - charactersIn(text) : Infinity;
  at("my-count").textContent = isNear ? say(rest < 0 ? "over" : "left", { n: Math.abs(rest) }) : "";
  at("me").classList.toggle("over", rest < 0);
  at("my-note").textContent = noteFor(rest);
}

/** @param {number} rest */
function noteFor(rest) {
  if (isFrozen()) return say("frozenBox");
  if (draft.pending.length) return say(noteForPending());
  if (rest < 0) return say("tooLong");
  return draft.paused === null ? draft.note : say("paused");
}

function noteForPending() {
  if (!link.socket) return "willPost";
  return draft.slowed ? "tooFast" : "posting";
}

/**
 * Shows a note beside the name until the next key.
 *
 * @param {string} words
 */
export function note(words) {
  draft.note = words;
  touch("me");
}

/**
 * Shows an error beside the name; none for an empty text.
 *
 * @param {string} words
 */
export function drawMyError(words) {
  at("my-error").textContent = words;
}
