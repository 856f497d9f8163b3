// Marks of names, and links in posts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { partsOf } from "../../../page/links.js";
import { lookOf, markOf } from "../../../page/marks.js";
import vectors from "../../vectors/marks.json" with { type: "json" };

const MARKS = 192;

test("a name suggests the same mark here as on the server, without regard to case and width", () => {
  for (const [name, mark] of Object.entries(vectors)) assert.equal(markOf(name), mark, name);
  assert.deepEqual(lookOf("Ada"), lookOf("ＡＤＡ"));
});

test("all marks look different, and those that follow each other differ in colour and shape", () => {
  const looks = Array.from({ length: MARKS }, (_, mark) => lookOf("Ada", mark));
  assert.equal(new Set(looks.map((look) => JSON.stringify(look))).size, MARKS);
  for (const [mark, { hue, form }] of looks.entries()) {
    const next = looks[(mark + 1) % MARKS];
    const turn = Math.abs(hue - next.hue);
    assert.ok(Math.min(turn, 360 - turn) >= 60 && form !== next.form, `mark ${mark}`);
    assert.ok(hue >= 0 && hue < 360 && form >= 0 && form < 8);
  }
});

test("only http addresses are links, without what ends the sentence", () => {
  const links = (text) => partsOf(text).filter(({ isLink }) => isLink).map(({ part }) => part);
  assert.deepEqual(links("see (https://example.org/a_b?c=d&e=f#g), HTTP://EXAMPLE.ORG/x."), [
    "https://example.org/a_b?c=d&e=f#g",
    "HTTP://EXAMPLE.ORG/x",
  ]);
  for (const text of ["javascript:alert(1)", "ftp://x.y", "https://", "http://[", "no link"]) {
    assert.deepEqual(links(text), [], text);
  }
  assert.equal(partsOf("a https://b.c d").map(({ part }) => part).join(""), "a https://b.c d");
});
