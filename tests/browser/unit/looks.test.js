// Marks of names, and links in posts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { partsOf } from "../../../page/links.js";
import { lookOf } from "../../../page/marks.js";

test("the same name has the same mark, without regard to case and width, and few names share one", () => {
  assert.deepEqual(lookOf("Ada"), lookOf("ＡＤＡ"));
  const looks = Array.from({ length: 96 }, (_, index) => JSON.stringify(lookOf(`Student ${index}`)));
  assert.ok(new Set(looks).size > 50);
  for (const look of looks.map((look) => JSON.parse(look))) {
    assert.ok(look.hue >= 0 && look.hue < 360 && look.form >= 0 && look.form < 8);
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
