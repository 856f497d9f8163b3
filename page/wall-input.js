// Pointer and keyboard on the wall. The wall is one stop for the keyboard, at the box that somebody was at last; the
// arrow keys go from box to box.

import { END, all, at, isAtEnd } from "./dom.js";
import { isLaidOut } from "./older.js";
import { look } from "./state.js";
import { withPart } from "./parts.js";
import { drawLatest } from "./transcript.js";
import { enlarge } from "./views.js";
import { boxAround } from "./wall.js";

/** @typedef {import("./wall.js").Box} Box */

/** How far each text of the captions could be scrolled when it was scrolled last. @type {WeakMap<Box, number>} */
const ranges = new WeakMap();

/**
 * Keeps one stop for the keyboard, and for hosts the menu of that box. In the captions each box is a stop: there are
 * few, and each can be scrolled.
 */
export function drawStop() {
  const texts = /** @type {HTMLElement[]} */ ([...at("wall").getElementsByClassName("text")]);
  if (look.view === "captions") return texts.forEach(makeStop);
  const stops = texts.filter((text) => text.tabIndex === 0);
  if (stops.length === 1 && isLaidOut(stops[0])) return;
  const stop = [...stops, ...texts].find(isLaidOut);
  if (stop) stopAt(stop);
}

/** @param {HTMLElement} text */
function stopAt(text) {
  for (const stop of all('#wall [tabindex="0"]')) stop.tabIndex = -1;
  makeStop(text);
}

/** @param {HTMLElement} text */
function makeStop(text) {
  text.tabIndex = 0;
  const box = boxAround(text);
  if (box) box.more.tabIndex = 0;
}

/**
 * A click enlarges a box, unless it ends a selection in that box.
 *
 * @param {Event} event
 */
export function clickWall(event) {
  const { target } = event;
  const button = target instanceof Element ? target.closest(".more") : null;
  if (button) return void withPart(import("./host-bar.js"), ({ openBoxMenu }) => openBoxMenu(button));
  const box = boxAround(target);
  const selection = getSelection();
  const isSelecting = selection && !selection.isCollapsed && box?.root.contains(selection.anchorNode);
  if (box && !isSelecting) enlarge(box.user);
}

/** @param {KeyboardEvent} event */
export function keyOnWall(event) {
  const { key, target } = event;
  const box = boxAround(target);
  if (!box || target !== box.text || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (key === "Enter" && look.view === "captions") openHiddenLook();
  else if (key === "Enter") enlarge(box.user);
  else if (!goTo(boxAt(box, key))) return;
  event.preventDefault();
}

/** @param {Box | undefined} box */
function goTo(box) {
  box?.text.focus();
  return Boolean(box);
}

/**
 * The box to which a key leads in the grid. Free places are skipped.
 *
 * @param {Box} box
 * @param {string} key
 */
function boxAt(box, key) {
  const places = [...at("wall").children].filter(isLaidOut);
  const step = stepFor(key);
  if (!step) return undefined;
  let next = places.indexOf(box.root) + step;
  if (key === "Home") next = 0;
  if (key === "End") next = places.length - 1;
  while (places[next]?.className === "free") next += step;
  return boxAround(places[next]);
}

/**
 * How many places a key leads on.
 *
 * @param {string} key
 */
function stepFor(key) {
  const columns = getComputedStyle(at("wall")).gridTemplateColumns.split(" ").length;
  const onward = document.documentElement.dir === "rtl" ? -1 : 1;
  switch (key) {
    case "ArrowRight":
      return onward;
    case "ArrowLeft":
      return -onward;
    case "ArrowDown":
      return columns;
    case "ArrowUp":
      return -columns;
    case "Home":
      return 1;
    case "End":
      return -1;
  }
  return 0;
}

/**
 * A box with the pointer or the focus can be scrolled, from its end, which it shows anyway.
 *
 * @param {Box | undefined} box
 */
export function readIn(box) {
  if (!box || look.view !== "wall") return;
  stopAt(box.text);
  if ("read" in box.root.dataset) return;
  box.root.dataset.read = "";
  const isAtStart = box.root.dataset.cut === "below";
  box.following = !isAtStart;
  box.text.scrollTop = isAtStart ? 0 : END;
}

/**
 * The pointer or the focus has left a box. If its reader had scrolled up, it stays as it was. Whether `:hover` still
 * matches here depends on the browser.
 *
 * @param {Box | undefined} box
 */
export function stopReading(box) {
  if (!box || box.root.matches(":focus-within")) return;
  if (box.following || (box.root.dataset.cut === "below" && !box.text.scrollTop)) delete box.root.dataset.read;
}

/**
 * The pointer enters or leaves a box. A finger does not count: it scrolls the wall.
 *
 * @param {PointerEvent} event
 */
export function pointOnWall({ target, relatedTarget, pointerType, type }) {
  if (pointerType === "touch") return;
  const box = boxAround(target);
  if (type === "pointerover") readIn(box);
  else if (boxAround(relatedTarget) !== box) stopReading(box);
}

/** Where the header with its button is left out, Enter or a double click on the captions opens their panel. */
export function openHiddenLook() {
  if (look.view === "captions" && at("room").classList.contains("no-header")) openLook();
}

/** Opens the panel of the captions. */
export function openLook() {
  withPart(import("./caption-panel.js"), ({ openCaptionLook }) => openCaptionLook());
}

/** @param {Event} event */
export function scrollWall({ target }) {
  const box = boxAround(target);
  if (!box || target !== box.text) return;
  if (look.view === "captions") return scrollCaptions(box);
  if ("read" in box.root.dataset) box.following = isAtEnd(box.text);
}

/**
 * A reader who scrolls up stops following. The browser scrolls, too, when a pane or its text gets another height.
 *
 * @param {Box} box
 */
function scrollCaptions(box) {
  const { text } = box;
  const range = text.scrollHeight - text.clientHeight;
  box.following = isAtEnd(text) || (box.following && ranges.get(box) !== range);
  ranges.set(box, range);
  if (box.following) text.scrollTop = END;
  box.root.toggleAttribute("data-above", text.scrollTop > 0);
  drawLatest(box);
}
