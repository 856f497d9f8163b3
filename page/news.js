// Notes who has come and gone between two posts, for the log.

import { changes, touch } from "./changes.js";
import { room } from "./state.js";

/**
 * Somebody came or went. Everything between two posts is one line, and somebody who comes back leaves no trace.
 *
 * @param {"came" | "went"} what
 * @param {string} name
 */
export function tell(what, name) {
  room.news ??= { came: [], went: [] };
  const other = room.news[what === "came" ? "went" : "came"];
  if (other.includes(name)) other.splice(other.indexOf(name), 1);
  else room.news[what].push(name);
  if (!changes.entries.includes(room.news)) changes.entries.push(room.news);
  touch("posts");
}
