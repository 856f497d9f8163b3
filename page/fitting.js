// Finds the grid and the text size at which the boxes of a wall are wholly visible, and how many boxes a page has.

/** @typedef {{ columns: number, rows: number }} Grid */
/** @typedef {{ width: number, height: number }} Area  In CSS pixels. */

/** More boxes than this are not read at once, however small their texts. */
const MOST = 60;
/** Boxes on a page, where there are several pages: their text is larger than the smallest by this factor. */
const PAGED = { most: 36, larger: 4 / 3 };
/** How much larger each size is than the one before. */
const STEP = 1.05;
/** The height of a line, and the narrowest column: a long word should fit. In text sizes. */
const LINE = 1.25;
const NARROWEST = 9;
/** Estimates, for the number of pages: characters in a line of one text size, and the head and the ends of a box. */
const USUAL = { characters: 2.1, head: 2.1, ends: 1.2 };
/** A longer text is cut off rather than that it makes all texts smaller than comfortable. */
export const LONG = 280;
/** The border and the gap below a text, in pixels. */
const FRAME_PX = 8;

/**
 * The text sizes from the smallest to the largest.
 *
 * @param {number} smallest
 * @param {number} largest
 */
export function sizesBetween(smallest, largest) {
  const sizes = [];
  for (let size = smallest; size < largest; size *= STEP) sizes.push(Math.round(size * 4) / 4);
  return [...sizes, largest];
}

/**
 * The grids for so many boxes, without a row to spare; the one whose boxes are nearest to a usual shape comes first.
 *
 * @param {number} count
 * @param {Area} area
 */
export function gridsFor(count, { width, height }) {
  const grids = [];
  for (let rows = 1; rows <= count; rows += 1) {
    const columns = Math.ceil(count / rows);
    if (Math.ceil(count / columns) === rows) grids.push({ columns, rows });
  }
  const oddity = (/** @type {Grid} */ { columns, rows }) => Math.abs(Math.log((width * rows) / columns / height / 1.6));
  return grids.sort((one, other) => oddity(one) - oddity(other));
}

/**
 * The largest size that fits in any of the grids, found with few questions; null if not even the smallest does.
 *
 * @param {Grid[]} grids
 * @param {number[]} sizes
 * @param {(grid: Grid, size: number) => boolean} fits
 */
export function largestFit(grids, sizes, fits) {
  let best = -1;
  let found = null;
  for (const grid of grids) {
    if (best + 1 === sizes.length || !fits(grid, sizes[best + 1])) continue;
    let tooLarge = sizes.length;
    best += 1;
    while (tooLarge - best > 1) {
      const middle = (best + tooLarge) >> 1;
      if (fits(grid, sizes[middle])) best = middle;
      else tooLarge = middle;
    }
    found = { grid, size: sizes[best] };
  }
  return found;
}

/**
 * The measures of a box: its name, its head, the lines below, and their width; null if it is too small for its text.
 *
 * @param {Grid} grid
 * @param {number} size
 * @param {Area & { gap: number }} area
 */
export function measuresOf({ columns, rows }, size, { width, height, gap }) {
  const column = (width - gap * (columns - 1)) / columns;
  const row = (height - gap * (rows - 1)) / rows;
  const name = size / 2 + 6;
  const head = Math.round(name * 1.6);
  const line = size * LINE;
  const lines = Math.floor((row - head - FRAME_PX) / line);
  const inside = column - 2 - 2 * Math.max(8, size / 4);
  return lines < 1 || (columns > 1 && column < NARROWEST * size) ? null : { name, head, line, lines, inside };
}

/**
 * The smallest and the largest text in a window.
 *
 * @param {Area} area  of the wall
 * @param {number} full  the height of the window
 */
export function boundsOf({ width }, full) {
  const smallest = Math.max(14, full / 60);
  return { smallest, largest: Math.max(smallest, Math.min(full / 7.5, width / NARROWEST)) };
}

/**
 * True if the wall counts as whole: no box is cut off, except long ones where the text is small already, and at the
 * smallest size a few others.
 *
 * @param {number[]} cut  the lengths of the texts that are cut off
 * @param {number} count
 * @param {number} times  how much larger the text is than the smallest
 */
export function isWhole(cut, count, times) {
  if (times > 1.5) return cut.length === 0;
  const others = cut.filter((length) => length <= LONG).length;
  return others <= (times > 1 ? 0 : count / 10);
}

/**
 * How many boxes a page has; all of them, if they can be read at once.
 *
 * @param {number[]} lengths  of the texts
 * @param {Area} area
 * @param {number} smallest
 */
export function boxesPerPage(lengths, area, smallest) {
  const count = lengths.length;
  const usual = [...lengths].sort((one, other) => one - other)[Math.floor((count - 1) * 0.9)];
  if (count <= Math.min(MOST, roomFor(usual, area, smallest))) return count;
  const most = Math.max(1, Math.min(PAGED.most, roomFor(usual, area, smallest * PAGED.larger)));
  return Math.ceil(count / Math.ceil(count / most));
}

/**
 * About how many texts of this length there is room for.
 *
 * @param {number} length
 * @param {Area} area
 * @param {number} size
 */
function roomFor(length, { width, height }, size) {
  let most = 0;
  for (let columns = 1; columns === 1 || width / columns > NARROWEST * size; columns += 1) {
    const characters = (width / columns / size - USUAL.ends) * USUAL.characters;
    const lines = Math.ceil(Math.min(Math.max(length, 1), LONG) / Math.max(characters, 1));
    most = Math.max(most, columns * Math.floor(height / ((USUAL.head + LINE * lines) * size)));
  }
  return most;
}
