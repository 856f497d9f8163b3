// The page holds in Firefox 115, and reads and writes in Safari 15.4: what these lack has something plain beside it.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { isAddress, isLaidOut, wellFormed } from "../../../page/older.js";

const ROOT = new URL("../../../page/", import.meta.url);
const files = readdirSync(ROOT, { recursive: true });
const ending = (end) => files.filter((file) => file.endsWith(end)).map((file) => [file, readFileSync(new URL(file, ROOT), "utf8")]);

// Values that make a whole declaration invalid, and selectors that make a whole rule invalid, in one of the two.
const NEW_VALUE = /\blight-dark\(|\bround\(|\bmod\(|\brem\(|\d(?:lh|rlh|cq\w+)\b|\bcontrast-color\(|\banchor\w*\(|\bif\(|\bsibling-\w+\(/;
const NEW_SELECTOR = /:has\(|:popover-open|:open\b|:user-(?:in)?valid|:state\(|&|:dir\(|:picker|::details-content/;

// The rules of a style sheet: where each stands, its selector, and its declarations.
function rulesOf(css) {
  const rules = [];
  const outer = [];
  let text = "";
  for (const char of css.replace(/\/\*.*?\*\//gs, "")) {
    if (char === "{") {
      outer.push({ prelude: text.trim(), body: "" });
      text = "";
    } else if (char === "}") {
      const { prelude } = outer.pop();
      const supports = outer.map((rule) => rule.prelude).filter((rule) => rule.startsWith("@supports"));
      if (!prelude.startsWith("@")) rules.push({ selector: prelude, declarations: text.split(";"), supports });
      text = "";
    } else {
      text += char;
    }
  }
  return rules;
}

// What is wrong with a rule.
function faults({ selector, declarations, supports }) {
  if (supports.length) return [];
  const found = [];
  if (NEW_SELECTOR.test(selector) && selector.replace(/\([^()]*(?:\([^()]*\)[^()]*)*\)/g, "").includes(",")) {
    found.push(`${selector}: no rule of an older browser has to share its list with a newer selector`);
  }
  const plain = new Set();
  for (const declaration of declarations) {
    const [property, ...rest] = declaration.split(":").map((part) => part.trim());
    const value = rest.join(":");
    if (!NEW_VALUE.test(value)) plain.add(property);
    // A value with var() is parsed only when it is used, so what stands before it is lost.
    else if (!plain.has(property) || /var\(/.test(value)) found.push(`${selector}: ${property}: ${value}`);
  }
  return found;
}

test("faults are found", () => {
  const check = (css) => rulesOf(css).flatMap(faults).length;
  assert.equal(check("a { color: light-dark(red, blue) }"), 1);
  assert.equal(check("a { color: red; color: light-dark(red, blue) }"), 0);
  assert.equal(check("a { block-size: 1em; block-size: calc(1lh + var(--a)) }"), 1);
  assert.equal(check("@supports (block-size: 1lh) { a { block-size: calc(1lh + var(--a)) } }"), 0);
  assert.equal(check("@media (x: y) { a, b:has(c, d) { color: red } }"), 1);
  assert.equal(check("b:has(c, d) { color: red }"), 0);
});

test("styles have something plain before what Firefox 115 does not know, or stand in @supports", () => {
  const found = ending(".css").flatMap(([file, css]) => rulesOf(css).flatMap(faults).map((fault) => `${file}: ${fault}`));
  assert.deepEqual(found, [], "Say colours as var(--light, #…) var(--dark, #…); put the rest into @supports.");
});

// Functions and properties that are missing in Firefox 115 or in Safari 15.4. `?.` behind one of them is a guard.
const NEW_NAMES = [
  "checkVisibility", "toWellFormed", "isWellFormed", "canParse", "showPopover", "hidePopover", "togglePopover", "toSorted",
  "toReversed", "toSpliced", "groupBy", "withResolvers", "fromAsync", "requestIdleCallback", "startViewTransition",
  "moveBefore", "showPicker", "getHTML", "symmetricDifference", "isSubsetOf", "isDisjointFrom", "adoptedStyleSheets",
  "CSSStyleSheet", "Segmenter", "wakeLock", "timeout", "toArray", "scrollend",
];
const NEW_CODE = new RegExp(
  `\\b(?:${NEW_NAMES.join("|")})\\b(?!\\?\\.|")|AbortSignal\\.any|\\(\\?<[=!]|\\bstatic \\{|\\.aria[A-Z]\\w+ =|\\.role =` +
    "|\\.(?:values|keys|entries)\\(\\)\\.(?:map|filter|some|every|find|flatMap|reduce|take|drop|forEach)\\(",
);

test("modules use what Firefox 115 or Safari 15.4 lack only where it is there", () => {
  // In menu.js, hasPopovers is the guard.
  const found = ending(".js").flatMap(([file, code]) =>
    code.split("\n").flatMap((line, index) => {
      const isGuarded = /^\s*(\/\/|\*|\/\*)/.test(line) || /hasPopovers/.test(line);
      return NEW_CODE.test(line) && !isGuarded ? [`${file}:${index + 1}: ${line.trim()}`] : [];
    }),
  );
  assert.deepEqual(found, [], "Guard it with ?. or put it into older.js.");
  for (const line of ["text.toWellFormed()", "button.ariaLabel = 1", "map.values().map(f)", "/(?<=a)b/", "AbortSignal.timeout(1)"]) {
    assert.match(line, NEW_CODE);
  }
  for (const line of ["text.toWellFormed?.()", "[...map.values()].map(f)", "a.timeout?.(1)"]) assert.doesNotMatch(line, NEW_CODE);
});

test("half a surrogate pair is replaced, wherever it stands, and a whole one stays", () => {
  const texts = ["", "a", "😀", "\ud83d", "a\ude00b", "\ude00\ud83d", "😀\ud83d😀", "\ufeff\u0000"];
  for (const text of texts) assert.equal(wellFormed(text), text.toWellFormed());
});

test("an address is one that can be parsed", () => {
  assert.deepEqual(["https://a.b", "http://[", "https://", "no"].map(isAddress), [true, false, false, false]);
});

test("what has no box is not laid out, in browsers of any age", () => {
  assert.equal(isLaidOut({ checkVisibility: () => true, getClientRects: () => [] }), true);
  assert.equal(isLaidOut({ getClientRects: () => [] }), false);
  assert.equal(isLaidOut({ getClientRects: () => [{}] }), true);
});

// Contrast as WCAG 2 defines it.
const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
function luminance(colour) {
  const [red, green, blue] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test("selected text has a contrast of 4.5, in both themes, on paper and card", () => {
  const [, css] = ending("base.css")[0];
  for (const theme of ["light", "dark"]) {
    const colour = (name) => channels(css.match(new RegExp(`--${name}: .*?var\\(--${theme}, (#\\w{6})\\)`))[1]);
    const [, red, green, blue, alpha] = css.match(new RegExp(`--selection: .*?var\\(--${theme}, rgb\\((\\d+) (\\d+) (\\d+) / ([\\d.]+)`)).map(Number);
    for (const ground of ["paper", "card"]) {
      const mixed = colour(ground).map((value, at) => value * (1 - alpha) + [red, green, blue][at] * alpha);
      assert.ok(contrast(mixed, colour(ground)) > 1.3, "a selection shows");
      for (const text of ["ink", "quiet", "link", "alert"]) {
        const measured = contrast(colour(text), mixed);
        assert.ok(measured >= 4.5, `${theme}: ${text} selected on ${ground} has a contrast of ${measured.toFixed(2)}`);
      }
    }
  }
});
