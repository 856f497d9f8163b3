// The wall as a file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { wallFile } from "../../../page/wall-file.js";

const sheet = (rows, more = {}) => ({
  title: "physics",
  question: "Why?",
  columns: ["Name", "Text"],
  rows: rows.map(([name, text]) => ({ name, text })),
  ...more,
});

test("as text, the question is on top, and the lines of an answer are indented", () => {
  const file = wallFile("txt", sheet([["Ada", "one\nBen\r\ntwo"], ["Efua", ""]]));
  assert.equal(file, "physics\nWhy?\n\nAda\n    one\n    Ben\n    two\n\nEfua\n");
});

test("no character can deceive a terminal or turn a line around", () => {
  assert.equal(wallFile("txt", sheet([["Ada", "\u001b[2J\u202eabc"]], { question: "" })), "physics\n\nAda\n    \ufffd[2J<U+202E>abc\n");
});

test("as Markdown, names are headings, answers are quotations, and nothing in them is markup", () => {
  const file = wallFile("md", sheet([["Ada", "# a *b*\n<b>  c\n    d"], ["Efua", ""]]));
  assert.equal(file, "# physics\n\nWhy?\n\n## Ada\n\n> \\# a \\*b\\*  \n> \\<b\\>  c  \n> \u00a0\u00a0\u00a0\u00a0d\n\n## Efua\n");
});

// As RFC 4180 has it.
function parse(csv) {
  const [records, record] = [[], []];
  for (const [, quoted, plain, end] of csv.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    record.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ",") records.push(record.splice(0));
  }
  return records;
}

test("CSV can be read again, whatever the cells hold", () => {
  const rows = [["Ada, B.", 'say "hi"'], ["Ben", "one\r\ntwo\nthree"], ["Efua", ""], ["שרה", " space "]];
  const file = wallFile("csv", sheet(rows));
  assert.ok(file.startsWith("\ufeff") && file.endsWith("\r\n"));
  assert.deepEqual(parse(file), [["", "Why?"], ["Name", "Text"], ...rows]);
  assert.deepEqual(parse(wallFile("csv", sheet([], { question: "" }))), [["Name", "Text"]]);
});

test("no cell is a formula", () => {
  const formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "＝1"];
  const rows = parse(wallFile("csv", sheet(formulas.map((text) => [text, text]), { question: "=1" })));
  for (const cells of [rows[0].slice(1), ...rows.slice(2)]) for (const cell of cells) assert.match(cell, /^'/, cell);
  assert.equal(rows.length, formulas.length + 2);
});

test("the page writes the cells that the server writes", () => {
  const vectors = JSON.parse(readFileSync(new URL("../../vectors/csv-cells.json", import.meta.url), "utf8"));
  assert.ok(vectors.length > 20);
  for (const { text, cell } of vectors) {
    const file = wallFile("csv", sheet([["Ada", text]], { question: "" }));
    assert.equal(file, `\ufeffName,Text\r\nAda,${cell}\r\n`, JSON.stringify(text));
  }
});
