// Draws the header of the room: its title, how many people are in it, and the connection.

import { at, reword } from "./dom.js";
import { hidden, link, reading, room, roomTitle } from "./state.js";
import { say, tongue } from "./words.js";

/** @typedef {import("./words.js").WordKey} WordKey */

/** The button beside the state of the connection, where it is not one to try again. */
/** @type {Map<WordKey, WordKey>} */
const BUTTONS = new Map([
  ["taken", "newBox"],
  ["removed", "watch"],
]);

export function drawTitle() {
  const title = roomTitle();
  at("title").textContent = title;
  at("door-room").textContent = title;
  const unread = reading.unread ? `(${tongue.number.format(reading.unread)}) ` : "";
  document.title = `${unread}${title} · Typewall`;
}

export function drawCount() {
  const people = [...room.users.values()];
  const out = people.filter((user) => hidden.has(user.name)).length;
  at("head-count").textContent = tongue.number.format(people.length);
  at("watch-count").textContent = tongue.number.format(room.viewers);
  at("watchers").hidden = !room.viewers;
  const writing = say("people", { n: people.length }) + (out ? say("ofThemHidden", { n: out }) : "");
  const watching = room.viewers ? [say("watching", { n: room.viewers })] : [];
  at("people").textContent = [writing, ...watching].join(" · ");
}

export function drawLink() {
  const status = linkStatus();
  const isUp = status === "connected";
  const isFine = isUp || status === "connecting";
  at("link").dataset.up = String(isFine);
  reword(at("link-state"), say(status));
  at("link-wait").textContent = link.retryAt ? say("retrying", { n: secondsUntil(link.retryAt) }) : "";
  const button = at("now");
  button.textContent = say(BUTTONS.get(status) ?? "retryNow");
  if (link.status === "connected" && document.activeElement === button) at(room.you ? "my-text" : "title").focus();
  button.hidden = isFine || status === "reconnecting";
  reword(at("door-link"), isFine || status === "needsPassphrase" ? "" : say(status));
  at("door-wait").textContent = at("link-wait").textContent;
  if (!link.socket) at("gate-busy").textContent = "";
}

/** The connection to the server, or once that works, the server's to the others. @returns {WordKey} */
function linkStatus() {
  return link.status === "connected" && !room.linked ? "reconnecting" : link.status;
}

/** @param {number} when */
function secondsUntil(when) {
  return Math.max(1, Math.ceil((when - Date.now()) / 1_000));
}
