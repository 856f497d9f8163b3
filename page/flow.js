// Continuous writing in this person's own box: sends the oldest sentences of a long text to the log, so that the box is
// never full. One post at a time is on its way; it leaves the box when the server has it.

import { touch } from "./changes.js";
import { cutFor, isNearlyFull } from "./continuous.js";
import { at } from "./dom.js";
import { sendPart } from "./posting.js";
import { choose } from "./settings.js";
import { choices, draft, isFrozen, link, room } from "./state.js";
import { ownText } from "./text.js";

/** Sends the start of a long text to the log; without a choice, from when the box is nearly full. */
export function flow(now = performance.now()) {
  const text = ownText();
  if (!mayFlow(now)) return;
  if (choices.continuous === null && fills(text, room.limits.text)) {
    choices.continuous = true;
    touch("me");
  }
  const cut = choices.continuous ? cutFor(text, at("my-text").selectionStart, room.limits.text) : 0;
  if (cut) sendPart(text.slice(0, cut));
}

/**
 * True if typing has just made the box nearly full; a paste is no continuous text.
 *
 * @param {string} text
 * @param {number} limit
 */
function fills(text, limit) {
  const before = text.slice(0, text.length - draft.grew);
  return draft.grew < limit / 10 && isNearlyFull(text, limit) && !isNearlyFull(before, limit);
}

/**
 * Not while nobody is to see the text: everyone sees a post.
 *
 * @param {number} now
 */
function mayFlow(now) {
  const isSeen = draft.paused === null && !room.state.hidden && !isFrozen();
  return room.you && link.socket && isSeen && !draft.composing && !draft.pending.length && now >= draft.heldUntil;
}

export function toggleFlow() {
  choose({ continuous: !choices.continuous });
  flow();
  at("my-text").focus();
}
