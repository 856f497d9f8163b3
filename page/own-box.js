// Draws this person's own box, all but the text, which belongs to whoever types.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { drawMark, lookOf } from "./marks.js";
import { charactersLeft, wordsForRest } from "./rest.js";
import { asked, choices, draft, isFrozen, link, room, seat } from "./state.js";
import { say } from "./words.js";

export function drawMe() {
  at("me").hidden = !room.you && !(seat.wanted && seat.inside);
  at("skip-to-mine").hidden = at("me").hidden;
  at("to-join").hidden = Boolean(seat.wanted) || asked.leftOut.includes("me");
  const name = seat.name || seat.wanted.trim();
  at("my-name").textContent = name;
  drawMark(lookOf(name), at("my-mark"));
  at("my-host").hidden = !room.you || !room.hosts.has(room.you);
  at("me").classList.toggle("paused", draft.paused !== null);
  drawFrozen();
  drawCharactersLeft();
}

/** In a frozen room, the box can be read, and its buttons keep the focus, but do nothing. */
function drawFrozen() {
  const frozen = isFrozen();
  at("my-text").readOnly = frozen;
  at("me").classList.toggle("frozen", frozen);
  for (const id of ["post", "clear"]) {
    if (frozen) at(id).setAttribute("aria-disabled", "true");
    else at(id).removeAttribute("aria-disabled");
  }
  at("hint").textContent = frozen ? "" : say(choices.enterPosts ? "hintEnter" : keyHint());
}

/** The hint for the key that this device has. */
function keyHint() {
  return /^(Mac|iP)/.test(navigator.platform) ? "hintCommand" : "hintControl";
}

function drawCharactersLeft() {
  const text = at("my-text").value;
  const rest = charactersLeft(text, room.limits.text);
  at("my-count").textContent = wordsForRest(rest);
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
