// Captions: whom they show, and what of each.

import { change, touch } from "./changes.js";
import { wellFormed } from "./older.js";
import { hidden, look, room } from "./state.js";

/** @typedef {import("./state.js").User} User */

/** People whom the captions show at once. */
const SPEAKERS = 3;
/** A speaker keeps the place for this long after the last change. */
const SPEAKER_REST_MS = 4_000;
/** Characters of one speaker; more would not fit any screen. */
const CAPTION_CHARACTERS = 2_000;

/**
 * A user said something. A new speaker takes the place of the one who has been quiet for longest, and for long enough.
 *
 * @param {User} user
 */
export function speak(user, now = performance.now()) {
  if (room.speakers.includes(user.id) || user.id === room.you || hidden.has(user.name)) return;
  if (room.speakers.length >= SPEAKERS && !makeWay(now)) return;
  room.speakers.push(user.id);
  change(user);
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
  return room.speakers.includes(user.id);
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
 * What the captions show of a user: the text, and above it the latest posts. Without them an audience would lose each
 * sentence at the moment when it is finished.
 *
 * @param {User} user
 */
export function captionOf(user) {
  return wellFormed([...user.said, user.text].filter(Boolean).join("\n").slice(-CAPTION_CHARACTERS));
}
