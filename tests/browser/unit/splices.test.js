// Splices of the page against the cases that the server is tested with, and against arrays of code points.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { charactersIn, spliceBetween, spliced } from "../../../page/splices.js";

const vectors = JSON.parse(readFileSync(new URL("../../vectors/splices.json", import.meta.url), "utf8"));

test("the page makes the splices that the server makes", () => {
  assert.ok(vectors.between.length > 100);
  for (const { before, after, splice } of vectors.between) {
    assert.deepEqual(spliceBetween(before, after), splice, JSON.stringify({ before, after }));
    assert.equal(spliced(before, splice), after);
  }
});

test("the page applies and refuses the splices that the server applies and refuses", () => {
  assert.ok(vectors.apply.some(({ after }) => after === null));
  for (const { before, after, splice } of vectors.apply) {
    assert.equal(spliced(before, splice), after, JSON.stringify({ before, splice }));
  }
});

// Few characters, so that texts have much in common.
const MIXED = [..."ab \n\u0301é\u200d\u05d0\u0639\u202e", "😀", "😁", "👩", "\u{1f9d1}", "\u{2f800}", "\u{1f3fd}"];
const ALPHABETS = { "characters of all kinds": MIXED, "plain letters": [..."abc"], emoji: ["😀", "😁", "\u{1f640}"] };

/** Numbers below a bound, the same in every run. */
function randomNumbers(seed) {
  return (below) => {
    seed = (seed * 48_271) % 0x7fffffff;
    return Math.floor((seed / 0x7fffffff) * below);
  };
}

for (const [what, characters] of Object.entries(ALPHABETS)) {
  test(`splices do what arrays of code points do: ${what}`, () => {
    const random = randomNumbers(1);
    const text = (most) => Array.from({ length: random(most) }, () => characters[random(characters.length)]);
    for (let round = 0; round < 4_000; round += 1) {
      const [head, tail] = [text(12), text(12)];
      const before = [...head, ...text(5), ...tail];
      checkBetween(before, round % 3 ? [...head, ...text(5), ...tail] : text(20));
      const cut = random(before.length + 3);
      checkAny(before, { at: random(before.length + 3), cut, put: text(4).join("") });
    }
  });
}

function checkBetween(before, after) {
  const splice = spliceBetween(before.join(""), after.join(""));
  assert.deepEqual(before.toSpliced(splice.at, splice.cut, ...splice.put), after);
  assert.equal(splice.length, after.length);
  assert.ok(splice.put.isWellFormed());
  const isShort = !splice.cut || !splice.put || before[splice.at] !== after[splice.at];
  assert.ok(isShort, "the splice is longer than it need be");
  assert.equal(spliced(before.join(""), splice), after.join(""));
}

function checkAny(before, { at, cut, put }) {
  const fits = at + cut <= before.length;
  const length = before.length - cut + charactersIn(put);
  const after = fits ? before.toSpliced(at, cut, ...put).join("") : null;
  assert.equal(spliced(before.join(""), { at, cut, put, length }), after);
  assert.equal(spliced(before.join(""), { at, cut, put, length: length + 1 }), null);
}
