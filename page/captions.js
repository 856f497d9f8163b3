// Captions: whom they show, and what of each.

import { change, touch } from "./changes.js";
import { restOf } from "./said.js";
import { hidden, look, room } from "./state.js";

/** @typedef {import("./state.js").User} User */

/** People whom the captions show at once. */
const SPEAKERS = 3;
/** A speaker keeps the place for this long after the last change. */
const SPEAKER_REST_MS = 4_000;
/** Somebody else becomes the main speaker only with so much more to say that the panes do not change to and fro. */
const MORE_TO_SAY = 1.5;

/**
 * A user said something. A new speaker takes the place of the one who has been quiet for longest, and for long enough.
 * The pane of somebody who has taken everything back goes at once.
 *
 * @param {User} user
 */
export function speak(user, now = performance.now()) {
  if (!hasWords(user)) return leaveAir(user);
  if (room.speakers.includes(user.id) || user.id === room.you || hidden.has(user.name)) return;
  if (room.speakers.length >= SPEAKERS && !makeWay(now)) return;
  room.speakers.push(user.id);
  change(user);
  if (look.view === "captions") touch("people");
}

/** @param {User} user */
function hasWords({ text, said }) {
  return text !== "" || said.length > 0;
}

/** @param {User} user */
function leaveAir({ id }) {
  if (!room.speakers.includes(id)) return;
  room.speakers = room.speakers.filter((other) => other !== id);
  if (look.view === "captions") touch("people");
}

/**
 * True if the captions show this user: in a spotlight nobody else, otherwise each speaker.
 *
 * @param {User} user
 */
export function isOnAir(user) {
  const star = room.state.spotlight === null ? undefined : room.users.get(room.state.spotlight);
  if (star && star.id !== room.you && !hidden.has(star.name)) return user === star;
  return room.speakers.includes(user.id) && hasWords(user);
}

/**
 * The speaker with most to say, whose pane gets the space that the others leave.
 *
 * @param {User[]} speakers
 * @param {User | undefined} before  the main speaker until now
 */
export function mainOf(speakers, before) {
  const [first] = [...speakers].sort((one, other) => charactersOf(other) - charactersOf(one));
  const stays = before && speakers.includes(before) && charactersOf(before) * MORE_TO_SAY >= charactersOf(first);
  return stays ? before : first;
}

/** @param {User} user */
function charactersOf({ text, said }) {
  return said.reduce((sum, post) => sum + post.text.length, text.length);
}

/**
 * The captions no longer show people with this name.
 *
 * @param {string} name
 */
export function silence(name) {
  room.speakers = room.speakers.filter((id) => room.users.get(id)?.name !== name);
}

/**
 * Frees the place of the speaker who has been quiet for longest; false if all have spoken just now.
 *
 * @param {number} now
 */
function makeWay(now) {
  const speakers = room.speakers.flatMap((id) => room.users.get(id) ?? []);
  const [quietest] = speakers.sort((one, other) => one.typedAt - other.typedAt);
  if (now - quietest.typedAt < SPEAKER_REST_MS) return false;
  room.speakers.splice(room.speakers.indexOf(quietest.id), 1);
  change(quietest);
  return true;
}

/**
 * What the captions show of a user: the posts, without which an audience would lose each sentence at the moment when it
 * is finished, and the rest of the text.
 *
 * @param {User} user
 */
export function captionOf(user) {
  return user.said.map(({ text, runsOn }) => (runsOn ? text : `${text}\n`)).join("") + restOf(user.text, user.posted);
}
