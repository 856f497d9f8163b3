// Shows what happens in the room some seconds later, for captions beside a stream that is late itself.

import { confirmConnection } from "./connection.js";
import { receive } from "./receive.js";
import { asked, room, seat } from "./state.js";

/** Events that are not about what is shown. */
const AT_ONCE = new Set(["unlocked", "error", "hosting"]);

/** Events that wait. @type {[event: string, data: any][]} */
const later = [];

/**
 * Whoever has a box sees everything at once, and so is the first snapshot seen.
 *
 * @param {string} event
 * @param {any} data
 */
export function receiveLate(event, data) {
  const seconds = Number(asked.captions.delay);
  const isLate = seconds > 0 && !seat.wanted && room.title && !AT_ONCE.has(event);
  if (!isLate && !AT_ONCE.has(event)) while (later.length) receiveNext();
  if (!isLate) return receive(event, data);
  if (event === "existing_users") confirmConnection();
  later.push([event, data]);
  setTimeout(receiveNext, seconds * 1_000);
}

function receiveNext() {
  const first = later.shift();
  if (first) receive(...first);
}
