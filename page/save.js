// Saves the log as a text file.

import { element } from "./dom.js";
import { fetched, textOf } from "./http.js";
import { asked, room, roomTitle } from "./state.js";

/** @typedef {import("./state.js").Post} Post */

/** The browser has this long to read the file. */
const READ_MS = 10_000;
/** Characters that a terminal could obey. */
const CONTROLS = /(?!\t)\p{Cc}/gu;
/** Characters that turn the direction of the text around them. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;
/** What ends a line, for any program that may read the file. */
const LINE_ENDS = /[\n\v\f\r\u0085\u2028\u2029]/;

/** The server's log may go further back than the page's; posts that the server has lost or cannot give are added. */
export async function saveLog() {
  const log = await textOf(await fetched("log", { room: asked.room, format: "txt" }));
  const own = [...room.posts.values()].filter((post) => post.lost || log === null);
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([...own.map(lineOf), log ?? ""], { type: "text/plain;charset=utf-8" }));
  link.download = `typewall-${roomTitle().replace(/[^\p{L}\p{N}]+/gu, "-")}-${asTime(Date.now()).slice(0, 10)}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
}

/** @param {number} when */
function asTime(when) {
  return new Date(when).toISOString().replace(/\.\d+/, "");
}

/** @param {string} character */
function asCode(character) {
  return `<U+${character.charCodeAt(0).toString(16).toUpperCase()}>`;
}

/** @param {string} line */
function visible(line) {
  return line.replace(CONTROLS, "\ufffd").replace(DIRECTIONS, asCode);
}

/**
 * A post as the server writes it. Lines after the first are indented, so that nobody can post what looks like a post of
 * somebody else.
 *
 * @param {Post} post
 */
export function lineOf({ at: when, name, text }) {
  return `${asTime(when)} ${name}: ${text.split(LINE_ENDS).map(visible).join("\n    ")}\n`;
}
