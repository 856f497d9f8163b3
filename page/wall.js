// Draws the wall: a box for each user, which keeps its place whatever the others do.

import { change, touch } from "./changes.js";
import { END, at, element } from "./dom.js";
import { showEnd, watchHeight } from "./heights.js";
import { drawMark } from "./marks.js";
import { TYPING_MS, asked, hidden, isBlind, isFitting, look, presenceOf, room } from "./state.js";
import { drawWordsOf } from "./transcript.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").User} User */

/**
 * @typedef {object} Box  What shows a user on the wall.
 * @property {User} user
 * @property {HTMLElement} root
 * @property {HTMLElement} name
 * @property {HTMLElement} text
 * @property {HTMLElement} host  the mark of a host
 * @property {HTMLElement} more  the button of the menu, for hosts
 * @property {Text} status
 * @property {Text} words
 * @property {boolean} seen  is in sight
 * @property {boolean} following  its reader is at the end of the text
 * @property {string} called  the name that it shows
 * @property {import("./marks.js").Look} [look]  that it shows
 * @property {number} timer  until it no longer says that the user types
 */

/** The place of a user who is missing after a reconnection is kept for this long. */
const KEPT_PLACE_MS = 30_000;

/** True if the browser says which boxes are in sight; it skips the others. */
const IS_LAZY = "oncontentvisibilityautostatechange" in HTMLElement.prototype;

/** @type {WeakMap<User, Box>} */
const boxes = new WeakMap();
/** @type {WeakMap<Element, Box>} */
const owners = new WeakMap();

/**
 * The box of a user, if there is one.
 *
 * @param {User} user
 */
export function boxOf(user) {
  return boxes.get(user);
}

/**
 * The box that an element is in, if it is in one.
 *
 * @param {EventTarget | null} target
 */
export function boxAround(target) {
  const root = target instanceof Element ? target.closest(".box") : null;
  return root ? owners.get(root) : undefined;
}

/** @param {User} user */
export function drawBox(user) {
  if (user.id === room.you && !user.gone) return dropMine(user);
  if (user.gone && !boxes.has(user)) return;
  const box = boxes.get(user) ?? place(newBox(user));
  if (box.look !== user.look || box.called !== user.name) identify(box);
  const presence = presenceOf(user);
  drawWordsOf(box);
  drawPresence(box, presence);
  noteEmpty(box);
  drawHostMark(box);
  setHidden(box.root, hidden.has(user.name));
  if (presence === "typing") settleLater(box);
  showEnd(box);
  if (user.gone) vacate(box);
}

/**
 * @param {Box} box
 * @param {"gone" | "away" | "typing" | "idle"} presence
 */
function drawPresence({ user, root, status }, presence) {
  if (root.dataset.state !== presence) root.dataset.state = presence;
  const word = wordForPresence(user, presence);
  root.toggleAttribute("data-wrote", isBlind() && user.wrote);
  if (status.data !== word) status.data = word;
}

/** A box may be left out as long as nobody has written in it. @param {Box} box */
function noteEmpty({ user, root }) {
  const isEmpty = !user.text && !user.wrote;
  if (isEmpty === "empty" in root.dataset) return;
  root.toggleAttribute("data-empty", isEmpty);
  if (asked.leftOut.includes("empty")) touch("people");
}

/** @param {Box} box */
function drawHostMark({ user, host, more }) {
  setHidden(host, !room.hosts.has(user.id));
  if (user.gone && document.activeElement === more) at("wall").focus();
  setHidden(more, !room.hosting || user.gone);
}

/**
 * @param {User} user
 * @param {ReturnType<typeof presenceOf>} presence
 */
export function wordForPresence(user, presence) {
  if (presence === "idle" && isBlind() && user.wrote) return say("hasWritten");
  return presence === "idle" ? "" : say(presence);
}

/**
 * @param {HTMLElement} root
 * @param {boolean} isHidden
 */
function setHidden(root, isHidden) {
  if (root.hidden !== isHidden) root.hidden = isHidden;
}

/**
 * Draws the box again when its user has stopped typing.
 *
 * @param {Box} box
 */
function settleLater(box) {
  const settle = () => {
    box.timer = 0;
    change(box.user);
  };
  box.timer ||= setTimeout(settle, box.user.typedAt + TYPING_MS - performance.now());
}

/**
 * The event of this person's own arrival comes before the snapshot that says whose box it is.
 *
 * @param {User} user
 */
function dropMine(user) {
  boxes.get(user)?.root.remove();
  boxes.delete(user);
}

/**
 * Enter on the text does what the button in the name does, so the button is no stop for the keyboard.
 *
 * @param {User} user
 * @returns {Box}
 */
function newBox(user) {
  const root = /** @type {HTMLElement} */ (at("new-box").content.firstElementChild?.cloneNode(true));
  const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
  const [name, status, text, host, more] = ["h3 button", ".state", ".text", ".host", ".more"].map(part);
  const nodes = { status: status.appendChild(new Text()), words: text.children[0].appendChild(new Text()) };
  const box = { user, root, name, text, host, more, ...nodes, seen: !IS_LAZY, following: true, called: "", timer: 0 };
  boxes.set(user, box);
  owners.set(root, box);
  watchHeight(box, box.seen);
  return box;
}

/** Draws whose box it is. @param {Box} box */
function identify(box) {
  const { user, root, name, text } = box;
  Object.assign(box, { look: user.look, called: user.name });
  root.style.setProperty("--hue", String(user.look.hue));
  drawMark(user.look, /** @type {HTMLElement} */ (root.querySelector("i")));
  name.children[0].textContent = user.name;
  text.setAttribute("aria-label", user.name);
  labelBox(box);
}

/** @param {Box} box */
function labelBox({ user, name, host, more }) {
  host.setAttribute("aria-label", say("host"));
  more.setAttribute("aria-label", say("optionsFor", { name: user.name }));
  name.setAttribute("aria-label", say("enlarge", { name: user.name }));
}

/** Labels all boxes again, in another language. */
export function labelBoxes() {
  for (const user of room.users.values()) {
    const box = boxes.get(user);
    if (box) labelBox(box);
  }
}

/**
 * Puts a box on the wall. A place that was left stays free until somebody comes, so that no other box moves.
 *
 * @param {Box} box
 */
function place(box) {
  const { name } = box.user;
  const wasRead = takeAwayKept(name);
  const free = freePlaces();
  const seat = free.find((other) => other.dataset.name === name) ?? free[0];
  if (seat) seat.replaceWith(box.root);
  else at("wall").append(box.root);
  if (wasRead) box.text.focus({ preventScroll: true });
  return box;
}

function freePlaces() {
  return /** @type {HTMLElement[]} */ ([...at("wall").getElementsByClassName("free")]);
}

/**
 * Whoever reads in a box that was left may stay in it; it goes when they do.
 *
 * @param {Box} box
 */
function vacate(box) {
  const { root } = box;
  if (root.contains(document.activeElement)) root.addEventListener("focusout", () => takeAway(box), { once: true });
  else takeAway(box);
}

/**
 * Takes away the boxes that a user of this name left, because the user is back under another id. True if somebody reads
 * in one of them.
 *
 * @param {string} name
 */
function takeAwayKept(name) {
  const left = [...at("wall").querySelectorAll('.box[data-state="gone"]')].flatMap((root) => owners.get(root) ?? []);
  const kept = left.filter((box) => box.user.name === name && boxes.get(box.user) === box);
  const wasRead = kept.some(({ root }) => root.contains(document.activeElement));
  kept.forEach(takeAway);
  return wasRead;
}

/** @param {Box} box */
function takeAway(box) {
  if (boxes.get(box.user) !== box) return;
  const seat = element("div", "free");
  seat.dataset.name = box.user.name;
  const drop = () => {
    seat.remove();
    touch("fit");
  };
  if (box.user.missing || isFitting()) setTimeout(drop, KEPT_PLACE_MS);
  boxes.delete(box.user); // first, because the focus that goes with the box asks for this again
  box.root.replaceWith(seat);
  tidy();
}

/**
 * Removes the free places at the end, which are useless; all of them when nobody looks, or when the reader changes the
 * layout anyway.
 *
 * @param {boolean} [everywhere]
 */
export function tidy(everywhere = false) {
  const wall = at("wall");
  while (wall.lastElementChild?.className === "free") wall.lastElementChild.remove();
  if (everywhere) for (const seat of freePlaces()) seat.remove();
}

/**
 * Scrolls a box to its end, if its reader is there.
 *
 * @param {User} user
 */
export function followBox(user) {
  const box = boxes.get(user);
  if (!box?.following) return;
  if (look.view === "captions" || (box.seen && "read" in box.root.dataset)) box.text.scrollTop = END;
}

/** Has all boxes drawn again. */
export function redraw() {
  for (const user of room.users.values()) change(user);
}

/**
 * The browser says that a box comes into sight or leaves it.
 *
 * @param {Event & { skipped?: boolean }} event
 */
export function noticeSight(event) {
  const box = boxAround(event.target);
  if (!box) return;
  box.seen = !event.skipped;
  if (!isFitting()) watchHeight(box, box.seen);
  if (box.seen) change(box.user);
}
