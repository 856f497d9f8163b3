// Lines of a saved log against the cases that the server is tested with.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { lineOf } from "../../../page/save.js";

const vectors = JSON.parse(readFileSync(new URL("../../vectors/log-lines.json", import.meta.url), "utf8"));

test("the page saves the lines that the server writes", () => {
  assert.ok(vectors.posts.length > 5);
  for (const { text, line } of vectors.posts) {
    const post = { n: 1, id: "7", at: vectors.at, name: vectors.name, text };
    assert.equal(lineOf(post), line, JSON.stringify(text));
  }
});
