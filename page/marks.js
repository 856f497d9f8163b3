// Marks: the colour and shape beside a name. Both come from the name, so the same name looks the same on every screen
// and after every restart.

import { element } from "./dom.js";

const HUES = 24;
const SHAPES = 8;

/**
 * @typedef {object} Look
 * @property {number} hue  in degrees
 * @property {number} form  which of the shapes in styles/marks.css
 */

/**
 * The look of a name, without regard to case and width.
 *
 * @param {string} name
 * @returns {Look}
 */
export function lookOf(name) {
  const value = hash(name.normalize("NFKC").toLowerCase());
  return { hue: (value % HUES) * (360 / HUES), form: (value >>> 8) % SHAPES };
}

/**
 * FNV-1a.
 *
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/**
 * Draws a look into an element, by default a new one.
 *
 * @param {Look} look
 * @param {HTMLElement} [mark]
 */
export function drawMark({ hue, form }, mark = element("i", "mark")) {
  mark.style.setProperty("--hue", String(hue));
  mark.dataset.form = String(form);
  return mark;
}
