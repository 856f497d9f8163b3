// Applies server events to the state of the room, with room-state.js for those of hosts. This module knows neither the
// document nor the connection; receive.js does what has to follow.

import { speak } from "./captions.js";
import { change, touch } from "./changes.js";
import { lookOf } from "./marks.js";
import { tell } from "./news.js";
import { addPost, forgetPost, rememberSaid, replaceLog } from "./posts.js";
import { applyHostEvent, dropFromState, noteCleared, setRoomState } from "./room-state.js";
import { stillPosted } from "./said.js";
import { spliced } from "./splices.js";
import { newRoom, room, seat } from "./state.js";
import { newUser } from "./users.js";

/** @typedef {import("./state.js").User} User */
/** @typedef {import("./state.js").Post} Post */

/**
 * @typedef {object} Snapshot  The data of `existing_users`.
 * @property {string | null} you
 * @property {string | null} name
 * @property {string | null} [session]
 * @property {string} room
 * @property {{ [id: string]: { name: string, mark?: number, text: string, wrote?: boolean, away?: boolean } }} users
 * @property {number | null} [cleared]
 * @property {boolean} [host]
 * @property {boolean} [linked]
 * @property {number} [viewers]
 * @property {import("./room-state.js").Described} [state]
 * @property {Post[]} log
 * @property {{ text: number, name: number }} [limits]
 */

/**
 * Applies an event. Events that are not about the room change nothing here.
 *
 * @param {string} event
 * @param {any} data
 * @returns {boolean}  false if a splice did not fit the text that it was for
 */
export function applyEvent(event, data, now = performance.now()) {
  const user = room.users.get(data.id);
  if (event === "existing_users") replaceAll(data, now);
  else if (event === "new_user") welcomeUser(data.id, data.new_user_name, data.mark);
  else if (event === "disconnect_user") farewell(user, data.name);
  else if (event === "data") addPost(data);
  else if (event === "post_removed") forgetPost(data.n);
  else return applyOther(event, data, user, now);
  return true;
}

/**
 * @param {string} event
 * @param {any} data
 * @param {User | undefined} user
 * @param {number} now
 */
function applyOther(event, data, user, now) {
  if (user && event === "text_update") return rewrite(user, data, now);
  if (user && event === "user_renamed") rename(user, data.name);
  else if (user && (event === "user_away" || event === "user_back")) setAway(user, event === "user_away");
  else if (event === "linked") setLinked(data.linked);
  else if (event === "viewers") {
    room.viewers = data.count;
    touch("count");
  } else applyHostEvent(event, data, user);
  return true;
}

/**
 * Replaces all that is known of the room. A user who was here before keeps box, place and scroll position, even if
 * another server now gives new ids.
 *
 * @param {Snapshot} snapshot
 * @param {number} now
 */
function replaceAll(snapshot, now) {
  replaceUsers(snapshot.users, now);
  room.you = snapshot.you;
  replaceFrame(snapshot);
  seat.name = snapshot.name ?? "";
  // The snapshot of a viewer who has given a name meanwhile knows of no session yet.
  seat.session = snapshot.session ?? seat.session;
  noteCleared(snapshot.cleared);
  room.hosting = snapshot.host ?? false;
  setRoomState(snapshot.state ?? { ...newRoom().state, hosts: [] });
  if (room.news?.came.includes(seat.name)) tell("went", seat.name); // one's own arrival is no news
  const fresh = replaceLog(snapshot.log);
  for (const post of fresh) rememberSaid(post, true);
  for (const user of room.users.values()) if (user.text || user.said.length) speak(user, now);
  touch("people", "door", "title", "me");
}

/** What is known beside people and posts. @param {Snapshot} snapshot */
function replaceFrame({ room: title, limits, viewers = 0, linked = true }) {
  Object.assign(room, { title, viewers });
  Object.assign(room.limits, limits);
  setLinked(linked);
}

/**
 * A text that changed meanwhile counts as changed now; whether its user still types is not known.
 *
 * @param {Snapshot["users"]} users
 * @param {number} now
 */
function replaceUsers(users, now) {
  // The same name may be here twice: from before, and from a `new_user` since then.
  const left = new Set(room.users.values());
  const before = new Map([...left].map((user) => [user.name, user]));
  room.users = new Map();
  room.speakers = [];
  for (const [id, said] of Object.entries(users)) {
    const known = before.get(said.name);
    before.delete(said.name);
    if (known) left.delete(known);
    if (known && known.text !== said.text) Object.assign(known, { typing: false, typedAt: now });
    const { text, wrote = text !== "", away = false } = said;
    const posted = known ? stillPosted(known.posted, known.text, text) : [];
    const look = lookOf(said.name, said.mark);
    add(Object.assign(known ?? newUser(id, said), { id, look, text, wrote, away, posted }));
  }
  for (const user of left) miss(user);
}

/**
 * @param {string} id
 * @param {string} name
 * @param {number} [mark]  by default the one that the name suggests
 */
function welcomeUser(id, name, mark) {
  if (room.users.has(id)) return;
  add(newUser(id, { name, mark }));
  tell("came", name);
}

/** Posts keep the name of their time. @param {User} user @param {string} name */
function rename(user, name) {
  user.name = name;
  change(user);
  touch("people", "stage", "board");
}

/** @param {User} user */
function add(user) {
  room.users.set(user.id, user);
  change(user);
  touch("people");
}

/**
 * Gives a user another text, a whole one or by a splice.
 *
 * @param {User} user
 * @param {any} update
 */
export function rewrite(user, update, now = performance.now()) {
  const text = update.text ?? spliced(user.text, update);
  if (text === null) return false;
  const isRevealed = user.wrote && user.text === ""; // a text from before, which this page may see only now
  if (user.posted.length) user.posted = stillPosted(user.posted, user.text, text);
  user.text = text;
  if (user.wrote !== (text !== "")) touch("board");
  user.wrote = text !== "";
  user.typing = text !== "" && !isRevealed;
  user.typedAt = now;
  speak(user, now);
  change(user);
  return true;
}

/** @param {boolean} linked */
function setLinked(linked) {
  room.linked = linked;
  touch("link", "me");
}

/** @param {User} user @param {boolean} away */
function setAway(user, away) {
  user.away = away;
  change(user);
  if (!seat.inside) touch("people"); // the first screen may offer the seat
}

/**
 * @param {User | undefined} user
 * @param {string} name
 */
function farewell(user, name) {
  if (user) remove(user);
  tell("went", name);
}

/** @param {User} user */
export function remove(user) {
  // A restarted server gives the same ids to others.
  if (room.users.get(user.id) === user) {
    room.users.delete(user.id);
    dropFromState(user.id);
  }
  room.speakers = room.speakers.filter((id) => id !== user.id);
  user.gone = true;
  change(user);
  touch("people");
}

/**
 * A user who is not there after a reconnection is likely to come back, as after a restart of the server.
 *
 * @param {User} user
 */
function miss(user) {
  user.missing = true;
  remove(user);
}

/** This person leaves the room, before the server says so. */
export function forgetMe() {
  room.you = null;
}
