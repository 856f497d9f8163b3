// The text of the wall as large as it fits: measures the texts, and gives the wall its grid and its text size.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { boundsOf, boxesPerPage, gridsFor, isWhole, largestFit, measuresOf, sizesBetween } from "./fitting.js";
import { heightOf, noteFitted } from "./heights.js";
import { showPage } from "./pages.js";
import { asked, isFitting, look, seat } from "./state.js";
import { boxAround } from "./wall.js";

/** @typedef {import("./fitting.js").Grid} Grid */

/** Between boxes, in pixels. */
const GAP = 8;

/** The wall is as large as the window leaves it. */
export function watchWall() {
  new ResizeObserver(() => isFitting() && touch("fit")).observe(at("wall"));
}

export function drawFit() {
  const isOn = isFitting() && seat.inside;
  const places = isOn ? placesOnWall() : [];
  at("room").classList.toggle("fits", isOn);
  const full = innerHeight;
  const { smallest } = boundsOf(areaOfWall(), full);
  const lengths = places.map((place) => boxAround(place)?.user.text.length ?? 0);
  const perPage = places.length ? boxesPerPage(lengths, areaOfWall(), smallest) : 1;
  const shown = showPage(places, perPage);
  if (shown.length) fit(shown, boundsOf(areaOfWall(), full));
  fitStage();
}

/** The enlarged text is as large as it fits, too; a long one scrolls. */
export function fitStage() {
  if (!look.large || !isFitting()) return;
  const text = at("stage-text");
  const { smallest, largest } = boundsOf(areaOfWall(), innerHeight);
  const write = (/** @type {number} */ size) => text.style.setProperty("--large", `${size}px`);
  const fits = (/** @type {Grid} */ _, /** @type {number} */ size) => {
    write(size);
    return text.scrollHeight <= text.clientHeight;
  };
  const sizes = sizesBetween(smallest * 1.5, largest);
  write(largestFit([{ columns: 1, rows: 1 }], sizes, fits)?.size ?? sizes[0]);
}

/** All places that are not hidden; the page shows some of them. */
function placesOnWall() {
  const places = /** @type {HTMLElement[]} */ ([...at("wall").children]);
  return places.filter((place) => !place.hidden && !isEmptied(place));
}

/** @param {HTMLElement} place */
function isEmptied(place) {
  return asked.leftOut.includes("empty") && "empty" in place.dataset && !place.contains(document.activeElement);
}

function areaOfWall() {
  const { clientWidth: width, clientHeight: height } = at("wall");
  return { width, height, gap: GAP };
}

/**
 * @param {HTMLElement[]} places
 * @param {{ smallest: number, largest: number }} bounds
 */
function fit(places, { smallest, largest }) {
  const area = areaOfWall();
  const boxes = places.flatMap((place) => boxAround(place) ?? []);
  const fits = (/** @type {Grid} */ grid, /** @type {number} */ size) => {
    const measures = layOut(grid, size, area);
    if (!measures) return false;
    const most = measures.lines * measures.line + 1;
    const cut = boxes.filter((box) => box.user.text && heightOf(box) > most);
    return isWhole(cut.map((box) => box.user.text.length), boxes.length, size / smallest);
  };
  const grids = gridsFor(places.length, area);
  const { grid, size } = largestFit(grids, sizesBetween(smallest, largest), fits) ?? { grid: grids[0], size: smallest };
  layOut(grid, size, area);
  noteFitted(boxes);
}

/**
 * Gives the wall a grid and a text size; null if the boxes would be too small.
 *
 * @param {Grid} grid
 * @param {number} size
 * @param {ReturnType<typeof areaOfWall>} area
 */
function layOut(grid, size, area) {
  const measures = measuresOf(grid, size, area);
  if (!measures) return null;
  const { name, head, line, lines } = measures;
  const { style } = at("wall");
  style.setProperty("--columns", String(grid.columns));
  style.setProperty("--rows", String(grid.rows));
  for (const [property, pixels] of Object.entries({ fit: size, name, top: head, leading: line, lines: lines * line })) {
    style.setProperty(`--${property}`, `${pixels}px`);
  }
  return measures;
}
