// Draws the first screen: who is in the room, the form for a name, and the one for the passphrase.

import { touch } from "./changes.js";
import { at, element } from "./dom.js";
import { drawMark } from "./marks.js";
import { gate, room, seat } from "./state.js";
import { say } from "./words.js";

/** Names on the first screen; more are counted. */
const NAMES_AT_THE_DOOR = 12;

export function drawDoor() {
  const inside = seat.inside && !gate.locked;
  at("door").hidden = inside;
  at("room").hidden = !inside;
  at("gate").hidden = !gate.locked;
  at("join").hidden = at("door-people").hidden = gate.locked;
  if (inside) touch("log", "people", "order"); // what could not be seen until now has no stop for the keyboard yet
}

export function drawVisitors() {
  const people = [...room.users.values()];
  at("door-count").textContent = people.length ? say("here", { n: people.length }) : say("nobody");
  const rows = people.slice(0, NAMES_AT_THE_DOOR).map((user) => {
    const row = element("li", "name");
    row.append(drawMark(user.look), element("bdi", "", user.name));
    if (room.hosts.has(user.id)) row.append(newHostMark());
    return row;
  });
  const more = people.length - rows.length;
  if (more) rows.push(element("li", "name", say("others", { n: more })));
  at("door-names").replaceChildren(...rows);
}

function newHostMark() {
  const mark = element("span", "host");
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", say("host"));
  return mark;
}

/** @param {string} error */
export function drawGate(error) {
  at("gate-error").textContent = error;
  at("gate-wait").textContent = at("gate-busy").textContent = "";
  at("passphrase").setAttribute("aria-invalid", String(Boolean(error)));
}

/** The passphrase has been sent, and its answer takes a while. */
export function drawChecking() {
  drawGate("");
  at("gate-busy").textContent = say("checking");
}

/**
 * Shows beside the field why the name was refused; with an empty text it was not.
 *
 * @param {string} words
 */
export function refuseName(words) {
  at("join-error").textContent = words;
  at("name").setAttribute("aria-invalid", String(Boolean(words)));
  if (words) at("name").focus();
}
