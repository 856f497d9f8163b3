// Watches how tall the texts in the boxes are. A box whose text is cut off says so, and shows the start of it when its
// user has not typed for a while. On a narrow wall a box is as high as its text; while its user types it keeps the
// height that it had, so that those below do not move with every key. On a wall whose text size fits, another height
// may mean another size.

import { touch } from "./changes.js";
import { at, isNarrow } from "./dom.js";
import { isFitting } from "./state.js";

/** @typedef {import("./wall.js").Box} Box */

/** A text that is cut off shows its start when its user has not typed for this long. */
const IDLE_MS = 20_000;
const IDLE_CHECK_MS = 5_000;
/** Text grows again at most this often, so that the wall does not flicker while people write. */
const GROWING_MS = 2_000;

/** So many boxes or fewer share the height of a narrow wall; of more, each has a fixed number of lines at most. */
const FEW = 8;

/** The boxes by their elements. @type {WeakMap<Element, Box>} */
const watched = new WeakMap();
/** Boxes whose text is cut off. @type {Set<Box>} */
const cutOff = new Set();
/** The height of each text when the text size was chosen. @type {WeakMap<Box, number>} */
const fitted = new WeakMap();
const timers = { growing: 0, idle: 0 };

const observer = new ResizeObserver((entries) => {
  for (const { target } of entries) measure(watched.get(target));
});

/**
 * Watches a box as long as it is in sight.
 *
 * @param {Box} box
 * @param {boolean} isOn
 */
export function watchHeight(box, isOn) {
  const parts = [box.text, box.text.children[0]];
  if (watched.has(box.text) === isOn) return;
  for (const part of parts) {
    if (isOn) observer.observe(part);
    else observer.unobserve(part);
    if (isOn) watched.set(part, box);
    else watched.delete(part);
  }
}

/** @param {number} boxes  on the wall */
export function shareHeight(boxes) {
  at("wall").style.setProperty("--boxes", String(Math.min(Math.max(boxes, 1), FEW)));
}

/** @param {Box} box */
function heightOf(box) {
  return /** @type {HTMLElement} */ (box.text.firstElementChild).offsetHeight;
}

/**
 * The text size was chosen for these boxes.
 *
 * @param {Box[]} boxes
 */
export function noteFitted(boxes) {
  for (const box of boxes) {
    watchHeight(box, true);
    fitted.set(box, heightOf(box));
  }
}

/** @param {Box | undefined} box */
function measure(box) {
  if (!box) return;
  const height = heightOf(box);
  const { clientHeight } = box.text;
  if (!clientHeight) return; // on another page
  if (isNarrow()) box.text.style.setProperty("--held", `${box.text.getBoundingClientRect().height}px`);
  const isCut = height > clientHeight + 1;
  if (isFitting()) compare(box, height, isCut);
  if (isCut === cutOff.has(box)) return;
  if (!isCut) {
    cutOff.delete(box);
    delete box.root.dataset.cut;
    return;
  }
  cutOff.add(box);
  box.root.dataset.cut = "above";
  timers.idle ||= setTimeout(restAll, IDLE_CHECK_MS);
}

/**
 * A text that is no longer cut off, or more than before, may mean another size; at once if it is smaller.
 *
 * @param {Box} box
 * @param {number} height
 * @param {boolean} isCut
 */
function compare(box, height, isCut) {
  const before = fitted.get(box) ?? 0;
  if (isCut && height > before) touch("fit");
  else if (height < before) timers.growing ||= setTimeout(grow, GROWING_MS);
}

function grow() {
  timers.growing = 0;
  touch("fit");
}

/** Shows the start of each text that is cut off, if nobody writes it and nobody reads in it. */
function restAll() {
  timers.idle = 0;
  for (const box of cutOff) {
    const { root, user } = box;
    if (!root.isConnected) cutOff.delete(box);
    else if (isIdle(user) && !("read" in root.dataset)) root.dataset.cut = "below";
  }
  if (cutOff.size) timers.idle = setTimeout(restAll, IDLE_CHECK_MS);
}

/** The user of a box has typed: it shows the end of the text again. @param {Box} box */
export function showEnd({ root, user }) {
  if (root.dataset.cut === "below" && !isIdle(user)) root.dataset.cut = "above";
}

/** @param {import("./state.js").User} user */
function isIdle(user) {
  return performance.now() - user.typedAt >= IDLE_MS;
}
