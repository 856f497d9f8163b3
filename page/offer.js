// A seat from before, on this device: the first screen offers it while it is away, so that whoever comes back is not
// "Ada 2".

import { at } from "./dom.js";
import { asked, room, seat, tab } from "./state.js";
import { keepOnDevice, keptOnDevice } from "./storage.js";
import { isolated, say } from "./words.js";

/**
 * @typedef {object} DeviceSeat
 * @property {string} room  the key of its name
 * @property {string} id
 * @property {string} name
 * @property {string} session
 * @property {string} tab  the one that had it
 * @property {number} when  it was taken, in milliseconds since 1970
 */

/** Rooms whose seats are kept; the oldest goes first. */
const ROOMS_KEPT = 8;
/** For this long. */
const KEPT_MS = 86_400_000;
/** The key of the seats in the storage of the browser. */
const SEATS = "typewall seats";

/** The seat that is offered. @type {{ seat?: DeviceSeat }} */
const offer = {};

/** @returns {DeviceSeat[]} */
function keptSeats() {
  const kept = keptOnDevice(SEATS);
  return Array.isArray(kept) ? kept.filter(({ when }) => Date.now() - when < KEPT_MS) : [];
}

/** Keeps this person's seat, or forgets it after a goodbye. */
export function keepForDevice() {
  const others = keptSeats().filter((kept) => kept.room !== asked.roomKey);
  const { name, session } = seat;
  const own = room.you && session ? [{ room: asked.roomKey, id: room.you, name, session, tab, when: Date.now() }] : [];
  keepOnDevice(SEATS, [...others, ...own].slice(-ROOMS_KEPT));
}

/** The seat that this device had in this room. */
export function deviceSeat() {
  return keptSeats().find((kept) => kept.room === asked.roomKey);
}

/** @param {DeviceSeat} kept  no other tab has it */
export function offerSeat(kept) {
  offer.seat = kept;
  drawOffer();
}

/** Draws the button, while the seat is away. */
export function drawOffer() {
  const user = offer.seat && room.users.get(offer.seat.id);
  if (!user?.away && document.activeElement === at("come-back")) at("name").focus();
  at("come-back").hidden = !user?.away;
  if (user) at("come-back").textContent = say("comeBack", { name: isolated(user.name) });
}

/** Takes the seat that is offered; what is in its box comes with the answer. */
export function takeOffer() {
  if (!offer.seat) return;
  const { name, session } = offer.seat;
  Object.assign(seat, { wanted: name, session, returning: true });
}
