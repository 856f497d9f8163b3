// Saves the log as a text file, and the wall as a file of a chosen kind.

import { at, element } from "./dom.js";
import { fetched, textOf } from "./http.js";
import { linesOf } from "./lines.js";
import { asked, hidden, isBlind, room, roomTitle } from "./state.js";
import { sharedText } from "./text.js";
import { wallFile } from "./wall-file.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").Post} Post */
/** @typedef {import("./state.js").User} User */

/** The browser has this long to read the file. */
const READ_MS = 10_000;
/** The media types of files other than plain text. */
const TYPES = new Map([
  ["md", "text/markdown"],
  ["csv", "text/csv"],
]);

/** The server's log may go further back than the page's; posts that the server has lost or cannot give are added. */
export async function saveLog() {
  const log = await textOf(await fetched("log", { room: asked.room, format: "txt" }));
  const own = [...room.posts.values()].filter((post) => post.lost || log === null);
  saveFile([...own.map(lineOf), log ?? ""], "", "txt");
}

/** Saves what this person sees of the wall. @param {import("./wall-file.js").Format} format */
export function saveWall(format) {
  const seen = [...room.users.values()].filter((user) => !hidden.has(user.name));
  const rows = seen.map((user) => ({ name: user.name, text: textSeen(user) }));
  /** @type {[string, string]} */
  const columns = [say("name"), say("asText")];
  const sheet = { title: roomTitle(), question: room.state.prompt, rows, columns };
  at("save-wall").close();
  saveFile([wallFile(format, sheet)], `-${asTime(Date.now()).slice(11, 16).replace(":", "")}-wall`, format);
}

/** What a file says of a box: a text that this person may not see is not nothing. @param {User} user */
function textSeen({ id, text, wrote }) {
  if (id === room.you) return sharedText();
  return isBlind() && wrote ? say("hiddenText") : text;
}

/**
 * @param {string[]} parts
 * @param {string} suffix  after the date
 * @param {string} format
 */
function saveFile(parts, suffix, format) {
  const link = element("a");
  const type = TYPES.get(format) ?? "text/plain";
  link.href = URL.createObjectURL(new Blob(parts, { type: `${type};charset=utf-8` }));
  const title = roomTitle().replace(/[^\p{L}\p{N}]+/gu, "-");
  link.download = `typewall-${title}-${asTime(Date.now()).slice(0, 10)}${suffix}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS);
}

/** @param {number} when */
function asTime(when) {
  return new Date(when).toISOString().replace(/\.\d+/, "");
}

/**
 * A post as the server writes it, also one that was removed. Lines after the first are indented, so that nobody can
 * post what looks like a post of somebody else.
 *
 * @param {Post} post
 */
export function lineOf({ at: when, name, text }) {
  return `${asTime(when)} ${name}: ${linesOf(text || "(removed)").join("\n    ")}\n`;
}
