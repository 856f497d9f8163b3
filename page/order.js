// The order of the document, which is the order of reading and of the Tab key: the own box comes before the wall and
// the log where it is seen above them, and after them where it is seen below.

import { at } from "./dom.js";

/** Costs a layout; only for a change of the layout. */
export function orderParts() {
  const [wall, log] = ["wall-area", "log"].map(at);
  const other = [wall, log].find((part) => part.offsetParent);
  const me = ["me", "no-box"].map(at).find((part) => part.offsetParent);
  if (!me || !other) return;
  const isAbove = me.getBoundingClientRect().top <= other.getBoundingClientRect().top;
  const isBefore = me.compareDocumentPosition(wall) === me.DOCUMENT_POSITION_FOLLOWING;
  if (isAbove === isBefore) return;
  // Whoever is writing keeps the focus, and a word that is being composed: then the others move.
  const isInUse = me.contains(document.activeElement);
  if (isAbove) isInUse ? me.after(wall, log) : wall.before(me);
  else isInUse ? me.before(wall, log) : log.after(me);
}

/** The boxes, for the keyboard: the enlarged one, or else the stop on the wall. */
export function focusBoxes() {
  /** @type {HTMLElement | null} */
  const stop = document.querySelector(at("stage").hidden ? '#wall .text[tabindex="0"]' : "#stage-text");
  (stop ?? at("wall")).focus();
}
