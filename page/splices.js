// Splices: how one text becomes another. On the wire, positions and lengths count characters (Unicode code points), as
// the server does; JavaScript strings count UTF-16 units. All texts here are well-formed, so both counts are the same
// in a text without surrogate pairs.

/**
 * @typedef {object} Splice
 * @property {number} at  characters before the change
 * @property {number} cut  characters that are taken out
 * @property {string} put  text that is put in
 * @property {number} length  characters of the whole text afterwards
 */

const PAIR = /[\ud800-\udbff]/;

/**
 * The splice that makes `after` of `before`: everything between their common start and their common end. It never
 * divides a surrogate pair.
 *
 * @param {string} before
 * @param {string} after
 * @returns {Splice}
 */
export function spliceBetween(before, after) {
  const start = commonStart(before, after);
  const end = commonEnd(before, after, Math.min(before.length, after.length) - start);
  return {
    at: charactersIn(after.slice(0, start)),
    cut: charactersIn(before.slice(start, before.length - end)),
    put: after.slice(start, after.length - end),
    length: charactersIn(after),
  };
}

/**
 * Units that both texts begin with.
 *
 * @param {string} before
 * @param {string} after
 */
export function commonStart(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  return splitsPair(before, start) ? start - 1 : start;
}

/**
 * Units that both texts end with, `most` at most.
 *
 * @param {string} before
 * @param {string} after
 * @param {number} most
 */
export function commonEnd(before, after, most) {
  const unit = (/** @type {string} */ text, /** @type {number} */ end) => text.charCodeAt(text.length - end);
  let end = 0;
  while (end < most && unit(before, end + 1) === unit(after, end + 1)) end += 1;
  return splitsPair(before, before.length - end) ? end - 1 : end;
}

/**
 * True if a surrogate pair lies across this index.
 *
 * @param {string} text
 * @param {number} index
 */
function splitsPair(text, index) {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff;
}

/**
 * The text after the splice, or null if the splice was made for another text.
 *
 * @param {string} text
 * @param {Splice} splice
 */
export function spliced(text, { at, cut, put, length }) {
  const start = indexAfter(text, 0, at);
  const end = indexAfter(text, start, cut);
  const whole = text.slice(0, start) + put + text.slice(end);
  return end <= text.length && charactersIn(whole) === length ? whole : null;
}

/**
 * The index that lies this many characters after another one; beyond the end if the text has too few.
 *
 * @param {string} text
 * @param {number} index
 * @param {number} characters
 */
function indexAfter(text, index, characters) {
  if (!PAIR.test(text)) return index + characters;
  for (; characters > 0 && index <= text.length; characters -= 1) {
    index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  }
  return index;
}

/**
 * How many characters (Unicode code points) a text has.
 *
 * @param {string} text
 */
export function charactersIn(text) {
  if (!PAIR.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
