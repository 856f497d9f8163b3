// The parts of the enlarged text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { richPartsOf } from "../../../page/rich.js";

const shortly = (text) => richPartsOf(text).map(({ part, tag }) => (tag === "#text" ? part : `${tag}(${part})`));

test("addresses and fenced lines are parts of their own, and all parts together are the text", () => {
  for (const [text, parts] of [
    ["", []],
    ["words", ["words"]],
    ["https://a.example", ["A(https://a.example)"]],
    ["see https://a.example, ok", ["see ", "A(https://a.example)", ", ok"]],
    ["a\n```\nlet b;\n```\nc", ["a\n", "CODE(```\nlet b;\n```\n)", "c"]],
    ["```js\nhttps://a.example\n```", ["CODE(```js\nhttps://a.example\n```)"]],
    ["```\na\n```\n```\nb\n```\n", ["CODE(```\na\n```\n)", "CODE(```\nb\n```\n)"]],
    ["still\n```\nwriting", ["still\n", "CODE(```\nwriting)"]],
    ["no ```fence``` here", ["no ```fence``` here"]],
    ["```", ["```"]],
  ]) {
    assert.deepEqual(shortly(text), parts, text);
    assert.equal(richPartsOf(text).map(({ part }) => part).join(""), text);
  }
});

test("a long text is cut quickly, however many fences it has", () => {
  for (const text of ["```\n".repeat(2_500), "```\n" + "x\n".repeat(5_000), "`".repeat(10_000), "```a\n".repeat(2_000)]) {
    assert.equal(richPartsOf(text).map(({ part }) => part).join(""), text);
  }
});
