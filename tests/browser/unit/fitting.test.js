// The text size and the pages of a wall.

import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsOf, boxesPerPage, gridsFor, isWhole, largestFit, measuresOf, sizesBetween } from "../../../page/fitting.js";

const AREA = { width: 1896, height: 1056, gap: 8 };

test("sizes go from the smallest to the largest in small steps", () => {
  const sizes = sizesBetween(18, 144);
  assert.deepEqual([sizes[0], sizes.at(-1)], [18, 144]);
  for (const [index, size] of sizes.slice(1).entries()) assert.ok(size > sizes[index] && size < sizes[index] * 1.08);
  assert.deepEqual(sizesBetween(18, 18), [18]);
});

test("grids hold all boxes without a row to spare, each number of rows once", () => {
  for (let count = 1; count <= 60; count += 1) {
    const grids = gridsFor(count, AREA);
    for (const { columns, rows } of grids) {
      assert.ok(columns * rows >= count && columns * (rows - 1) < count && (columns - 1) * rows < count, `${count}: ${columns} × ${rows}`);
    }
    assert.equal(new Set(grids.map(({ rows }) => rows)).size, grids.length);
    assert.ok(grids.some(({ columns }) => columns === 1) && grids.some(({ rows }) => rows === 1));
  }
});

test("the largest size that fits is found, whatever grid it is in, with few questions", () => {
  const sizes = sizesBetween(18, 144);
  const grids = gridsFor(60, AREA);
  for (const most of [0, 1, 7, sizes.length - 1]) {
    for (const best of grids) {
      let questions = 0;
      const fits = (grid, size) => {
        questions += 1;
        return size <= (grid === best ? sizes[most] : sizes[most - 1] ?? 0);
      };
      assert.deepEqual(largestFit(grids, sizes, fits), { grid: best, size: sizes[most] });
      assert.ok(questions <= grids.length + 12, String(questions));
    }
  }
  assert.equal(largestFit(grids, sizes, () => false), null);
});

test("the measures of a box stay within its row, and a column is never too narrow for a word", () => {
  for (const size of sizesBetween(14, 144)) {
    for (const grid of gridsFor(30, AREA)) {
      const measures = measuresOf(grid, size, AREA);
      if (!measures) continue;
      assert.ok(measures.head + measures.lines * measures.line <= (AREA.height - 8 * (grid.rows - 1)) / grid.rows);
      assert.ok(measures.lines >= 1 && (AREA.width - 8 * (grid.columns - 1)) / grid.columns >= 9 * size);
    }
  }
  assert.equal(measuresOf({ columns: 1, rows: 60 }, 18, AREA), null);
});

test("text is between 18 and 144 pixels on a projector, and smaller than a phone is wide", () => {
  assert.deepEqual(boundsOf(AREA, 1080), { smallest: 18, largest: 144 });
  const { smallest, largest } = boundsOf({ width: 374, height: 828 }, 844);
  assert.ok(smallest >= 14 && smallest < 15 && largest > 40 && largest < 42);
});

test("no box is cut off while the text is large; then long ones, and at the smallest size a few", () => {
  assert.ok(isWhole([], 30, 1));
  assert.ok(!isWhole([2_000], 30, 1.6));
  assert.ok(isWhole([2_000], 30, 1.5));
  assert.ok(!isWhole([100], 30, 1.5));
  assert.ok(isWhole([100, 100, 100], 30, 1));
  assert.ok(!isWhole([100, 100, 100, 100], 30, 1));
});

test("up to 60 boxes are one page, and more are equal pages with a larger text", () => {
  const pages = (count, length) => boxesPerPage(Array(count).fill(length), AREA, 18);
  for (const count of [1, 2, 30, 60]) assert.equal(pages(count, 80), count);
  assert.equal(pages(61, 40), 31);
  assert.equal(pages(61, 80), 31);
  assert.equal(pages(100, 40), 34);
  assert.ok(pages(60, 280) < 60); // nobody could read them
  assert.equal(boxesPerPage(Array(60).fill(80), { width: 300, height: 80 }, 14), 1);
  assert.ok(boxesPerPage(Array(30).fill(80), { width: 374, height: 776 }, 14) >= 8); // a phone
});
