// Turns reading aloud on and off, and draws its buttons. What reads is a part, because few people need it.

import { all, at } from "./dom.js";
import { withPart } from "./parts.js";
import { say } from "./words.js";

/** @type {{ on: boolean, part?: typeof import("./reader.js") }} */
const aloud = { on: false };

/** The buttons show at once what is asked for; if the part does not arrive, they go back. */
export async function toggleReader() {
  aloud.on = !aloud.on;
  drawReader();
  await withPart(import("./reader.js"), (part) => (aloud.part = part));
  aloud.on &&= Boolean(aloud.part);
  followScope();
  drawReader();
}

export function drawReader() {
  for (const button of all(".reads-aloud")) {
    button.setAttribute("aria-pressed", String(aloud.on));
    button.title = say("readAloudHow");
  }
  at("read-aloud").checked = aloud.on;
}

/** Something else may be looked at than before. */
export function followScope() {
  aloud.part?.readScope(aloud.on);
}

/**
 * An event has changed the room.
 *
 * @param {string} event
 * @param {any} data
 */
export function overhear(event, data) {
  aloud.part?.readEvent(event, data);
}
