// How many characters a field still takes. The page counts them as the server does, and never cuts what was typed.

import { charactersIn } from "./splices.js";
import { say } from "./words.js";

/** The part of the limit from which on the characters left are shown. */
const NEAR_LIMIT = 0.9;

/**
 * The characters that are left, below 0 for those that are too many; Infinity as long as the limit is far.
 *
 * @param {string} text
 * @param {number} limit
 */
export function charactersLeft(text, limit) {
  const near = limit * NEAR_LIMIT;
  if (text.length < near) return Infinity; // a text has no more characters than UTF-16 units
  const count = charactersIn(text);
  return count < near ? Infinity : limit - count;
}

/** @param {number} rest */
export function wordsForRest(rest) {
  if (rest === Infinity) return "";
  return say(rest < 0 ? "over" : "left", { n: Math.abs(rest) });
}
