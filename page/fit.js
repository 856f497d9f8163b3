// The text of the wall as large as it fits: measures the texts, and gives the wall its grid and its text size. A part,
// which comes when the text has to fit for the first time.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import {
  LONG, boundsOf, boxesPerPage, gridsFor, isWhole, largestFit, measuresOf, sizesBetween,
} from "./fitting.js";
import { noteFitted } from "./heights.js";
import { listenToPages, showPage } from "./pages.js";
import { asked, isFitting, look, seat } from "./state.js";
import { boxAround } from "./wall.js";

/** @typedef {import("./fitting.js").Grid} Grid */

/** Between boxes, in pixels. */
const GAP = 8;
/** Texts on the ruler, of the long ones and of the others: more than may be cut off. */
const RULER_TEXTS = 10;

/** The wall is as large as the window leaves it. */
export function startFitting() {
  listenToPages();
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
 * Finds the size on the ruler, and then looks whether it is right on the wall.
 *
 * @param {HTMLElement[]} places
 * @param {{ smallest: number, largest: number }} bounds
 */
function fit(places, { smallest, largest }) {
  const area = areaOfWall();
  const boxes = places.flatMap((place) => boxAround(place) ?? []);
  const isWholeWith = (/** @type {HTMLElement[]} */ texts, /** @type {number} */ most, /** @type {number} */ size) => {
    const cut = texts.filter((text) => text.offsetHeight > most + 1).map((text) => lengthOf(text));
    return isWhole(cut, boxes.length, size / smallest);
  };
  const texts = boxes.filter(({ user }) => user.text).map(({ text }) => /** @type {HTMLElement} */ (text.children[0]));
  const onRuler = putOnRuler(texts);
  const fits = (/** @type {Grid} */ grid, /** @type {number} */ size) => {
    const measures = measuresOf(grid, size, area);
    if (measures) setRuler(measures, size);
    return measures !== null && isWholeWith(onRuler, measures.lines * measures.line, size);
  };
  const sizes = sizesBetween(smallest, largest);
  const grids = gridsFor(places.length, area);
  const { grid, size } = largestFit(grids, sizes, fits) ?? { grid: grids[0], size: smallest };
  for (let index = sizes.indexOf(size); index >= 0; index -= 1) {
    const measures = layOut(grid, sizes[index], area);
    if (!measures || isWholeWith(texts, measures.lines * measures.line, sizes[index])) break;
  }
  at("ruler").replaceChildren();
  noteFitted(boxes);
}

/** @param {HTMLElement} text */
function lengthOf(text) {
  return text.textContent?.length ?? 0;
}

/**
 * Copies the texts that are likely to be the tallest: another size for the wall would cost a layout of all boxes.
 *
 * @param {HTMLElement[]} texts
 */
function putOnRuler(texts) {
  const weighed = texts.map((text) => ({ text, weight: weigh(text.textContent ?? "") }));
  weighed.sort((one, other) => other.weight - one.weight);
  const [long, usual] = [true, false].map((isLong) => weighed.filter(({ weight }) => weight > LONG === isLong));
  const tallest = [...long.slice(0, RULER_TEXTS), ...usual.slice(0, RULER_TEXTS)];
  const copies = tallest.map(({ text }) => /** @type {HTMLElement} */ (text.cloneNode(true)));
  at("ruler").replaceChildren(...copies);
  return copies;
}

/** About how many characters a text has room for, empty ends of lines included. @param {string} text */
function weigh(text) {
  return text.length + 20 * (text.split("\n").length - 1);
}

/**
 * @param {{ inside: number, line: number }} measures
 * @param {number} size
 */
function setRuler({ inside, line }, size) {
  const { style } = at("ruler");
  Object.assign(style, { inlineSize: `${inside}px`, fontSize: `${size}px`, lineHeight: `${line}px` });
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
