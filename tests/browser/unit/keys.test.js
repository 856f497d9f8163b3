// The keys of menus and lists.

import assert from "node:assert/strict";
import { test } from "node:test";
import { nextItem } from "../../../page/keys.js";

test("arrows go round, Home and End go to the ends, other keys nowhere", () => {
  assert.deepEqual(["ArrowDown", "ArrowUp", "Home", "End", "a"].map((key) => nextItem(key, 0, 4)), [1, 3, 0, 3, -1]);
  assert.deepEqual(["ArrowDown", "ArrowUp"].map((key) => nextItem(key, 3, 4)), [0, 2]);
});
