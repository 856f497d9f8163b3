// What the address says of the captions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { captionLookIn, contrastOf, namesIn, putCaptions } from "../../../page/caption-address.js";

globalThis.CSS = { supports: (_, value) => ["navy", "white", "transparent"].includes(value) };

const query = (text) => new URLSearchParams(text);
const looks = (text) => Object.fromEntries(Object.entries(captionLookIn(query(text))).filter(([, value]) => value));

test("colours, fonts and numbers that are known are taken, and nothing else", () => {
  assert.deepEqual(looks("bg=000&fg=%23ffcc00&font=Atkinson Hyperlegible&lines=3&align=center&spacing=1.5&pad=4&delay=2.5"), {
    bg: "#000", fg: "#ffcc00", font: "Atkinson Hyperlegible", lines: "3", align: "center", spacing: "1.5", pad: "4", delay: "2.5",
  });
  assert.deepEqual(looks("bg=transparent&fg=navy&font=serif&pad=0"), { bg: "transparent", fg: "navy", font: "serif", pad: "0" });
  const bad = 'bg=url(x)&fg=reddish&font=a"b;c&lines=0&align=top&spacing=9&pad=x&delay=61';
  assert.deepEqual(looks(bad), {});
});

test("those whom alone the captions show may be several", () => {
  assert.deepEqual(namesIn(query("only=Ada&only= Ben &only=")), ["Ada", "Ben"]);
});

test("an address gets what is set, loses what is not, and keeps the rest", () => {
  const written = (text, change) => {
    const address = query(text);
    putCaptions(address, { captions: captionLookIn(query("fg=navy&lines=2")), only: ["Ada", "Ben"], leftOut: ["me", "names"], ...change });
    return decodeURIComponent(String(address));
  };
  assert.equal(written("room=r&bg=000&only=Eve"), "room=r&fg=navy&lines=2&hide=me,names&only=Ada&only=Ben");
  const same = "hide=me,names&lines=2&fg=navy&only=Ada&only=Ben";
  assert.equal(written(same), same);
  assert.equal(written(same, { captions: captionLookIn(query("")), only: [], leftOut: [""] }), "");
});

test("contrast is what WCAG says", () => {
  assert.equal(contrastOf([0, 0, 0], [255, 255, 255]), 21);
  assert.ok(Math.abs(contrastOf([119, 119, 119], [255, 255, 255]) - 4.48) < 0.01);
});
