// What somebody has said: the posts, and the text in the box. For a moment the box still holds what was posted; the
// captions must show it once.

import { commonEnd, commonStart } from "./splices.js";

/** Characters of one speaker's posts that the captions keep. */
const SAID_CHARACTERS = 200_000;
/** A box that begins with a post as long as this holds that post; a shorter one may have been typed again. */
const SURE_CHARACTERS = 32;

/**
 * What a box holds beside the posts at its start. It may hold only a part of them, as its text comes behind the post.
 *
 * @param {string} text
 * @param {string[]} posted
 */
export function restOf(text, posted) {
  const start = posted.join("");
  if (text.startsWith(start)) return text.slice(start.length);
  return start.startsWith(text) ? "" : text;
}

/**
 * The posts that a box still begins with when its text has changed: all but those whose going explains most of what
 * has changed.
 *
 * @param {string[]} posted
 * @param {string} before
 * @param {string} after
 */
export function stillPosted(posted, before, after) {
  const rest = restOf(before, posted);
  let still = /** @type {string[]} */ ([]);
  let least = changed(rest, after);
  for (let gone = posted.length - 1; gone >= 0; gone -= 1) {
    const left = posted.slice(gone);
    const start = left.join("");
    const isComing = after.length >= before.length && start.startsWith(after);
    const cost = changed(rest, restOf(after, left));
    if ((!isComing && !after.startsWith(start)) || cost > least) continue;
    still = left;
    least = cost;
  }
  return still;
}

/**
 * True if a box holds a post that has just come, after others.
 *
 * @param {string} text
 * @param {string[]} posted
 * @param {string} post
 * @param {boolean} isOld  it came before the text
 */
export function holdsPost(text, posted, post, isOld) {
  const rest = restOf(text, posted);
  const isSure = post.length >= SURE_CHARACTERS;
  if (isOld) return isSure && rest.startsWith(post);
  return rest === "" ? isSure : rest.startsWith(post) || post.startsWith(rest);
}

/**
 * True if what follows a post stands in the same line, because it was one text that was cut after a sentence: such a
 * post has white space at its end, where the script has any between sentences, and no other has.
 *
 * @param {string} post
 * @param {string} rest  what the box holds after it
 */
export function runsOn(post, rest) {
  return /\s$/.test(post) || (rest !== "" && /[。！？]$/.test(post));
}

/**
 * The latest of somebody's posts, as many as the captions keep.
 *
 * @template {{ text: string }} Post
 * @param {Post[]} said
 */
export function latestOf(said) {
  let room = SAID_CHARACTERS;
  return said.slice(said.findLastIndex(({ text }) => (room -= text.length) < 0) + 1);
}

/**
 * How many units differ between two texts.
 *
 * @param {string} one
 * @param {string} other
 */
function changed(one, other) {
  const start = commonStart(one, other);
  const most = Math.min(one.length, other.length) - start;
  return Math.max(one.length, other.length) - start - commonEnd(one, other, most);
}
