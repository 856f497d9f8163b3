// Draws this person's own box, all but the text, which belongs to whoever types.

import { touch } from "./changes.js";
import { at, reword } from "./dom.js";
import { drawMark, lookOf } from "./marks.js";
import { charactersLeft, wordsForRest } from "./rest.js";
import { asked, choices, draft, isBlind, isFrozen, link, look, room, seat } from "./state.js";
import { say } from "./words.js";

/** Characters from the start of the text that set the height of the box; they fill more than it may have. */
const MEASURED = 4_000;
/** Behind a line break, it makes the last line one. */
const NO_SPACE = "\u200b";

export function drawMe() {
  at("me").hidden = !room.you && !(seat.wanted && seat.inside);
  at("skip-to-mine").hidden = at("me").hidden;
  // Whoever reads captions came to read.
  at("no-box").hidden = Boolean(seat.wanted) || asked.leftOut.includes("me") || look.view === "captions";
  drawNoBox();
  at("room").classList.toggle("watching", Boolean(at("me").hidden && at("no-box").hidden));
  const name = seat.name || seat.wanted.trim();
  at("my-name").textContent = name;
  drawMark(room.users.get(room.you ?? "")?.look ?? lookOf(name), at("my-mark"));
  at("my-host").hidden = !room.you || !room.hosts.has(room.you);
  at("me").classList.toggle("paused", draft.paused !== null);
  drawFrozen();
  drawHint();
  drawOwnText();
}

/** What stands in place of the box: whoever was removed gets no other one. */
function drawNoBox() {
  at("to-join").hidden = seat.removed;
  at("no-box").classList.toggle("removed", seat.removed);
  const key = seat.removed ? "removedOut" : "everyKey";
  const words = at("no-box-words");
  words.dataset.say = key;
  words.textContent = say(key);
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
}

/** How to post; while answers are hidden, that everyone sees a post. In a frozen room nobody can post. */
function drawHint() {
  const warns = isBlind() && !isFrozen();
  at("hint").textContent = isFrozen() ? "" : say(warns ? "postsShow" : keyHint());
  at("continuous").setAttribute("aria-pressed", String(Boolean(choices.continuous)));
  at("hint").classList.toggle("warns", warns);
  if (warns) at("post").setAttribute("aria-describedby", "hint");
  else at("post").removeAttribute("aria-describedby");
}

/** The hint for what posts here, by choice and by the keys that this device has. */
function keyHint() {
  if (choices.continuous) return "goesOn";
  if (choices.enterPosts) return "hintEnter";
  return /^(Mac|iP)/.test(navigator.platform) ? "hintCommand" : "hintControl";
}

/** Draws what depends on the text itself: the lines, what is said of it, and whether there is something to post. */
export function drawOwnText() {
  const text = at("my-text").value;
  at("my-lines").textContent = text.slice(0, MEASURED) + NO_SPACE;
  at("me").classList.toggle("long", choices.continuous || text.length > room.limits.text / 4);
  at("post").classList.toggle("main", !choices.continuous && room.posts.size > 0 && text.trim() !== "");
  const rest = charactersLeft(text, room.limits.text);
  at("me").classList.toggle("over", rest < 0);
  drawNotes(rest);
}

/**
 * Says one thing at a time, the most urgent first: an error, what becomes of the text, the characters left, the hint.
 *
 * @param {number} rest
 */
function drawNotes(rest) {
  const hasError = at("my-error").textContent !== "";
  const words = hasError ? "" : noteFor(rest);
  const count = hasError || (words && rest >= 0) ? "" : wordsForRest(rest);
  reword(at("my-note"), words);
  at("my-count").textContent = count;
  at("hint").hidden = hasError || words + count !== "";
}

/** @param {number} rest */
function noteFor(rest) {
  if (isFrozen() && !draft.cleared) return say("frozenBox");
  if (draft.pending.length && !isMoving()) return say(noteForPending());
  if (rest < 0) return say("tooLong");
  return draft.note || (draft.paused === null ? "" : say("paused"));
}

/** Only a part of a continuous text is on its way, and needs no words. */
function isMoving() {
  return canPost() && !draft.slowed && !draft.refusals && draft.pending.every(({ extent }) => extent !== undefined);
}

/** The server is there, and can store posts. */
function canPost() {
  return Boolean(link.socket) && room.linked;
}

function noteForPending() {
  if (!canPost()) return "willPost";
  if (draft.refusals) return "triesAgain";
  return draft.slowed ? "tooFast" : "posting";
}

/**
 * Shows a note beside the name until the next key.
 *
 * @param {string} words
 */
export function note(words) {
  Object.assign(draft, { note: words, cleared: false });
  touch("me");
}

/**
 * Shows an error beside the name; none for an empty text.
 *
 * @param {string} words
 */
export function drawMyError(words) {
  at("my-error").textContent = words;
  drawOwnText();
}
