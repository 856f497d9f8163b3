// Rules for the files of the page that neither the compiler nor eslint checks.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), "utf8");
const files = readdirSync(new URL("page/", ROOT), { recursive: true }).filter((path) => path.includes("."));
const modules = files.filter((path) => path.endsWith(".js"));
const html = read("index.html");
const keys = Object.keys(JSON.parse(read("page/words/en.json")));

test("files are short, and so are their lines", () => {
  assert.ok(files.length > 40);
  for (const path of files) {
    const lines = read(`page/${path}`).split("\n");
    assert.ok(lines.length <= 300, `${path} has ${lines.length} lines`);
    const long = lines.findIndex((line) => [...line].length > 120);
    assert.equal(long, -1, `page/${path}:${long + 1} is longer than 120 characters`);
  }
});

test("text reaches the page as text", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\("style/;
  for (const path of modules) assert.doesNotMatch(read(`page/${path}`), forbidden, path);
});

test("every word that the document asks for is there, and every word is used", () => {
  const asked = [...html.matchAll(/data-(?:say|label)="(\w+)"/g)].map(([, key]) => key);
  for (const key of asked) assert.ok(keys.includes(key), key);
  const code = modules.map((path) => read(`page/${path}`)).join("\n");
  const unused = keys.filter((key) => !asked.includes(key) && !code.includes(`"${key}"`));
  assert.deepEqual(unused.filter((key) => !["typing", "away", "gone", "languageName", "direction"].includes(key)), []);
});

test("every element that a module asks for is in the document", () => {
  const ids = new Set([...html.matchAll(/\bid="([\w-]+)"/g)].map(([, id]) => id));
  for (const path of modules) {
    for (const [, id] of read(`page/${path}`).matchAll(/\bat\("([\w-]+)"\)/g)) assert.ok(ids.has(id), `${path}: ${id}`);
  }
});

test("styles name no left and no right, so that right-to-left just works, and nothing is important", () => {
  const physical = /(?<![-(\w])(left|right|top|bottom|width|height):|-(left|right|top|bottom):/;
  for (const path of files.filter((path) => path.endsWith(".css"))) {
    assert.doesNotMatch(read(`page/${path}`), /!important/, path);
    assert.doesNotMatch(read(`page/${path}`), physical, path);
  }
});
