// Has screen readers and braille displays say what is new in the enlarged box or in the captions, sentence by sentence;
// aloud.js says which sentences are new. A part: read-aloud.js turns it on.

import { hear, newHearing } from "./aloud.js";
import { isOnAir } from "./captions.js";
import { at, element } from "./dom.js";
import { look, room } from "./state.js";
import { shownText } from "./transcript.js";
import { tongue } from "./words.js";

/** @typedef {import("./state.js").User} User */

/** Between two announcements there is at least this long; what comes meanwhile is joined. */
const EVERY_MS = 2_000;
/** After a change, more of it is likely to follow at once. */
const SOON_MS = 300;
/** An unfinished sentence is read when nobody has typed for this long. */
const REST_MS = 3_000;
/** Announcements that are kept for whoever reads them later. */
const KEPT = 20;

const reader = {
  /** What is read: a user, or the captions. @type {User | "captions" | null} */
  scope: null,
  /** @type {WeakMap<User, import("./aloud.js").Hearing>} */
  hearings: new WeakMap(),
  /** Whom the last announcement was about. @type {User | null} */
  speaker: null,
  said: -Infinity,
  timer: 0,
};

/**
 * Something else is looked at than before: only what comes from now on is read.
 *
 * @param {boolean} isOn
 */
export function readScope(isOn) {
  const seen = look.large ?? (look.view === "captions" ? look.view : null);
  const scope = isOn ? seen : null;
  if (scope === reader.scope) return;
  Object.assign(reader, { scope, hearings: new WeakMap(), speaker: look.large });
  if (scope) for (const user of room.users.values()) reader.hearings.set(user, newHearing(user.text));
}

/**
 * An event has changed the room.
 *
 * @param {string} event
 * @param {any} data
 */
export function readEvent(event, data) {
  if (!reader.scope) return;
  const author = event === "data" ? room.users.get(data.id) : undefined;
  if (author) hearingOf(author).posts.push(data.text);
  readLater();
}

/** @param {User} user */
function hearingOf(user) {
  const hearing = reader.hearings.get(user) ?? newHearing("");
  reader.hearings.set(user, hearing);
  return hearing;
}

function readLater() {
  reader.timer ||= setTimeout(readNow, Math.max(SOON_MS, reader.said + EVERY_MS - performance.now()));
}

function readNow() {
  reader.timer = 0;
  const users = usersToRead();
  const words = users.map(newsOf).filter(Boolean).join(" ");
  if (words) readOut(words);
  if (users.some((user) => user.text && !isResting(user))) readLater();
}

/** @param {string} words */
function readOut(words) {
  reader.said = performance.now();
  at("aloud").append(element("p", "", words));
  while (at("aloud").childElementCount > KEPT) at("aloud").firstElementChild?.remove();
}

/** @param {User} user */
function isResting(user) {
  return performance.now() - user.typedAt >= REST_MS;
}

function usersToRead() {
  if (reader.scope !== "captions") return reader.scope ? [reader.scope] : [];
  return [...room.users.values()].filter(isOnAir);
}

/**
 * What is new of a user, with the name if the last words were another's.
 *
 * @param {User} user
 */
function newsOf(user) {
  const news = hear(hearingOf(user), shownText(user), tongue.language, isResting(user)).join(" ");
  if (!news || reader.speaker === user) return news;
  reader.speaker = user;
  return `${user.name}: ${news}`;
}
