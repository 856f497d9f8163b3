// Marks: the colour and shape beside a name. The server gives each user of a room another one, so that a user looks the
// same on every screen; if it can, it takes the one that the name suggests.

import { element } from "./dom.js";

const HUES = 24;
const SHAPES = 8;

/**
 * @typedef {object} Look
 * @property {number} hue  in degrees
 * @property {number} form  which of the shapes in styles/marks.css
 */

/** Steps between the colours of marks that follow each other: as far apart as it can be without leaving any out. */
const HUE_STEP = 7;

/**
 * The look of a mark, by default of the one that the name suggests. Marks that follow each other differ in colour and
 * shape.
 *
 * @param {string} name
 * @param {number} [mark]
 * @returns {Look}
 */
export function lookOf(name, mark = markOf(name)) {
  const hue = ((mark * HUE_STEP) % HUES) * (360 / HUES);
  return { hue, form: (mark + Math.floor(mark / HUES)) % SHAPES };
}

/**
 * The number of the mark that a name suggests, without regard to case and width. The server computes the same.
 *
 * @param {string} name
 */
export function markOf(name) {
  return hash(name.normalize("NFKC").toLowerCase()) % (HUES * SHAPES);
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
