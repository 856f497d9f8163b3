// What somebody has said: posts that their box still holds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsPost, latestOf, restOf, runsOn, stillPosted } from "../../../page/said.js";

test("a box holds, beside what was posted, the rest", () => {
  assert.equal(restOf("One. Two", ["One. "]), "Two");
  assert.equal(restOf("One. Two. Three", ["One. ", "Two. "]), "Three");
  assert.equal(restOf("One", ["One. "]), ""); // the text comes behind the post
  assert.equal(restOf("Other", ["One. "]), "Other");
});

test("a post leaves the box when its going explains what has changed, also among words that repeat", () => {
  const cases = [
    [["a b. "], "a b. c", "a b. cd", ["a b. "]],
    [["a b. "], "a b. c", "cd", []],
    [["ha "], "ha ha ha ", "ha ha ha h", ["ha "]],
    [["ha "], "ha ha ha ", "ha ha ", []],
    [["one ", "two "], "one two x", "two xy", ["two "]],
    [["one ", "two "], "one two x", "xy", []],
    [["hello"], "hello", "", []],
    [["hello"], "hello", "h", []],
    [["hello"], "hel", "hello", ["hello"]],
    [["a b. "], "a b. c", "new", []],
  ];
  for (const [posted, before, after, left] of cases) assert.deepEqual(stillPosted(posted, before, after), left, after);
});

test("a post that comes is held by a box that begins with it, or is about to", () => {
  assert.ok(holdsPost("One. Two", [], "One. ", false));
  assert.ok(holdsPost("One. Two", ["One. "], "Two", false));
  assert.ok(holdsPost("On", [], "One. ", false));
  assert.ok(!holdsPost("", [], "One. ", false));
  const long = "long ".repeat(8);
  assert.ok(holdsPost("One. ", ["One. "], long, false)); // the text that holds both comes behind them
  assert.ok(holdsPost(`One. ${long}`, ["One. "], long, true));
  assert.ok(!holdsPost("Two", [], "One. ", false));
  assert.ok(!holdsPost("ok then", [], "ok", true));
  assert.ok(holdsPost(`${long}then`, [], long, true));
});

test("a sentence that was cut from its text runs on, and a post of its own does not", () => {
  assert.ok(runsOn("One. ", "Two"));
  assert.ok(runsOn("One. ", ""));
  assert.ok(runsOn("これは文です。", "次"));
  assert.ok(!runsOn("これは文です。", ""));
  assert.ok(!runsOn("One", "Two"));
});

test("the captions keep the latest posts", () => {
  const said = [150_000, 60_000, 140_000].map((length) => ({ text: "x".repeat(length) }));
  assert.deepEqual(latestOf(said), said.slice(1));
  assert.deepEqual(latestOf([]), []);
});
