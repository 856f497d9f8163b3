// What hosts have set in the room, who they are, and what they have cleared: events.js hands their events on to here.

import { change, touch } from "./changes.js";
import { isBlind, room, seat } from "./state.js";

/** @typedef {import("./state.js").User} User */
/** @typedef {import("./state.js").RoomState & { hosts: string[] }} Described  The data of `room_state`. */

/**
 * Applies an event that comes of what a host does.
 *
 * @param {string} event
 * @param {any} data
 * @param {User | undefined} user
 */
export function applyHostEvent(event, data, user) {
  if (event === "room_state") setRoomState(data);
  else if (event === "hosting") becomeHost();
  else if (event === "text_cleared") emptyOwnBox(data);
  else if (user && event === "user_wrote") noteWrote(user, data.wrote);
}

/** @param {Described} described */
export function setRoomState({ hosts, ...state }) {
  const marked = new Set([...room.hosts, ...hosts]);
  room.state = { ...state };
  room.hosts = new Set(hosts);
  if (room.you && room.hosts.has(room.you)) becomeHost();
  dropHiddenTexts();
  for (const id of marked) changeUser(id);
  touch("board", "spotlight", "me", "people");
}

/** This page is a host's from now on. */
function becomeHost() {
  room.hosting = true;
  for (const user of room.users.values()) change(user);
  touch("board", "me", "people", "posts");
}

/** While answers are hidden, only hosts keep the texts of others; everyone else knows who has written. */
function dropHiddenTexts() {
  for (const user of room.users.values()) {
    if (isBlind() && user.id !== room.you) Object.assign(user, { text: "", typing: false });
    change(user);
  }
}

/**
 * @param {User} user
 * @param {boolean} wrote
 */
function noteWrote(user, wrote) {
  user.wrote = wrote;
  change(user);
  touch("board");
}

/**
 * A user has left. The server says so only once, and not again in a new state.
 *
 * @param {string} id
 */
export function dropFromState(id) {
  room.hosts.delete(id);
  if (room.state.spotlight === id) room.state.spotlight = null;
  touch("board", "spotlight");
}

/**
 * When a host last cleared this person's box, by the server's clock. If it is later than before, a host has cleared the
 * box while this page did not hear of it.
 *
 * @param {number | null | undefined} cleared  null for a viewer
 */
export function noteCleared(cleared) {
  if (cleared === null || cleared === undefined) return;
  if (seat.cleared !== null && cleared > seat.cleared) seat.emptied = true;
  seat.cleared = cleared;
}

/**
 * A host has cleared this person's box, or all boxes.
 *
 * @param {{ cleared: number }} said
 */
function emptyOwnBox({ cleared }) {
  if (!room.you) return;
  seat.cleared = cleared;
  seat.emptied = true;
}

/** How many have written, of those who are no hosts. @param {boolean} haveI  this person has written */
export function countAnswers(haveI) {
  const people = [...room.users.values()].filter(({ id }) => !room.hosts.has(id));
  const writers = people.filter(({ id, wrote }) => (id === room.you ? haveI : wrote));
  return { wrote: writers.length, people: people.length };
}

/** @param {string} id */
function changeUser(id) {
  const user = room.users.get(id);
  if (user) change(user);
}
