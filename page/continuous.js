// Continuous writing: what of a long text may leave the box for the log. Whole paragraphs go if there are any, else
// whole sentences; what was written last stays, and so does everything from the caret on.

import { commonEnd, commonStart } from "./splices.js";

/** A text of this many characters is long. */
const LONG_TEXT = 2_000;
/** From this part of the limit on, a text must become shorter, wherever the caret is and whatever has to be cut. */
const NEAR = 0.9;
/** The part of a long text that stays. */
const STAYS = 0.25;

/** Ends of paragraphs. */
const PARAGRAPHS = /\n+/g;
/** Ends of sentences: a full stop before a small letter ends none. */
const SENTENCES = /[.!?…؟।]["'”’»)\]]*\s+(?!\p{Ll})|[。！？]["”’」』）]*/gu;
const WORDS = /\s+/g;

/**
 * True if a text comes so near to the limit that the box would soon be full.
 *
 * @param {string} text
 * @param {number} limit  characters of a text
 */
export function isNearlyFull(text, limit) {
  return text.length >= limit * NEAR;
}

/**
 * How much of the text goes to the log, in UTF-16 units; 0 for nothing.
 *
 * @param {string} text
 * @param {number} caret  where the selection begins
 * @param {number} limit  characters of a text
 */
export function cutFor(text, caret, limit) {
  const long = Math.min(LONG_TEXT, limit / 2);
  if (text.length < long) return 0;
  const isUrgent = isNearlyFull(text, limit);
  const most = Math.floor(Math.min(text.length - long * STAYS, limit, isUrgent ? Infinity : caret));
  const least = isUrgent ? 1 : Math.min(most, long * STAYS);
  const ends = isUrgent ? [PARAGRAPHS, SENTENCES, WORDS] : [PARAGRAPHS, SENTENCES];
  const start = text.slice(0, Math.max(most, 0));
  const cuts = ends.map((end) => lastEnd(start, end)).filter((end) => text.slice(0, end).trim());
  const found = cuts.find((end) => end >= most / 2) ?? cuts.find((end) => end >= least);
  const cut = found ?? (isUrgent ? wholePair(text, most) : 0);
  return text.slice(0, cut).trim() ? cut : 0;
}

/**
 * Where the last match ends; 0 without one.
 *
 * @param {string} text
 * @param {RegExp} pattern
 */
function lastEnd(text, pattern) {
  const last = [...text.matchAll(pattern)].at(-1);
  return last ? last.index + last[0].length : 0;
}

/**
 * An index that divides no surrogate pair.
 *
 * @param {string} text
 * @param {number} index
 */
function wholePair(text, index) {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff ? index - 1 : index;
}

/**
 * Where a boundary in a text is after a change; what was put in at the boundary itself comes after it.
 *
 * @param {string} before
 * @param {string} after
 * @param {number} boundary
 */
export function boundaryAfter(before, after, boundary) {
  const start = commonStart(before, after);
  if (start >= boundary) return boundary;
  const end = commonEnd(before, after, Math.min(before.length, after.length) - start);
  return before.length - end <= boundary ? boundary + after.length - before.length : start;
}

/**
 * What was put into a text that has been posted meanwhile: it stays in the box.
 *
 * @param {string} posted
 * @param {string} now
 */
export function putInto(posted, now) {
  const start = commonStart(posted, now);
  return now.slice(start, now.length - commonEnd(posted, now, Math.min(posted.length, now.length) - start));
}
