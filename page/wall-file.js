// The wall as a file: text, Markdown, or CSV. Pure: what is saved is handed in.

import { linesOf, visible } from "./lines.js";

/** @typedef {"txt" | "md" | "csv"} Format */
/** @typedef {{ name: string, text: string }} Row */
/** @typedef {{ title: string, question: string, rows: Row[], columns: [string, string] }} Sheet */

/** Cells that a spreadsheet would run as formulas. Some take these characters for one in full width, too. */
const FORMULA = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r]/;
/** Characters that mean something in Markdown. */
const MARKDOWN = /[\\\u0060*_{}[\]()<>#+\-.!|~&]/g;
/** By this, Excel knows that a file is in UTF-8. */
const BYTE_ORDER_MARK = "\ufeff";

/**
 * @param {Format} format
 * @param {Sheet} sheet
 */
export function wallFile(format, sheet) {
  if (format === "csv") return asCsv(sheet);
  return format === "md" ? asMarkdown(sheet) : asText(sheet);
}

/**
 * Lines of an answer are indented, so that nobody can write what looks like the answer of somebody else.
 *
 * @param {Sheet} sheet
 */
function asText({ title, question, rows }) {
  const heads = [title, ...answerLines(question)];
  const answers = rows.map(({ name, text }) => [visible(name), ...answerLines(text)].join("\n    "));
  return [heads.join("\n"), ...answers].join("\n\n") + "\n";
}

/** @param {Sheet} sheet */
function asMarkdown({ title, question, rows }) {
  const heads = [`# ${escaped(title)}`, ...(question ? [answerLines(question).map(escaped).join("  \n")] : [])];
  const answers = rows.map(({ name, text }) => {
    const quoted = answerLines(text).map((line) => `> ${escaped(line)}`);
    return [`## ${escaped(visible(name))}`, ...(text ? [quoted.join("  \n")] : [])].join("\n\n");
  });
  return [...heads, ...answers].join("\n\n") + "\n";
}

/** RFC 4180, with the question in the first record. @param {Sheet} sheet */
function asCsv({ question, rows, columns }) {
  const heads = question ? [["", question], columns] : [columns];
  const records = [...heads, ...rows.map(({ name, text }) => [name, text])];
  return BYTE_ORDER_MARK + records.map((cells) => cells.map(cellOf).join(",") + "\r\n").join("");
}

/** @param {string} text */
function cellOf(text) {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The lines of a text; none of an empty one. @param {string} text */
function answerLines(text) {
  return text ? linesOf(text.replaceAll("\r\n", "\n")) : [];
}

/** Leading white space would begin a code block. @param {string} line */
function escaped(line) {
  return line.replace(MARKDOWN, "\\$&").replace(/^\s+/, (space) => "\u00a0".repeat(space.length));
}
