// This person's seat in the room: asks for one, takes it again after a reload or a reconnection, and leaves it.

import { touch } from "./changes.js";
import { askFirst } from "./commands.js";
import { connect, hangUp, send } from "./connection.js";
import { at } from "./dom.js";
import { drawDoor } from "./door.js";
import { forgetMe } from "./events.js";
import { keepHistory } from "./history.js";
import { keepForDevice } from "./offer.js";
import { drawMe, note } from "./own-box.js";
import { forgetPending, hasUnposted, resumeText } from "./posting.js";
import { asked, draft, link, look, room, seat, tab } from "./state.js";
import { keepInTab, keptInTab } from "./storage.js";
import { forgetText, ownText, restoreText } from "./text.js";
import { keepAwake } from "./views.js";
import { isolated, say } from "./words.js";

/**
 * @typedef {object} KeptSeat  What a reload must not lose.
 * @property {string} tab
 * @property {string} room  the key of its name
 * @property {string | null} asked  the name in the address
 * @property {string} wanted
 * @property {string} [session]
 * @property {number | null} [cleared]
 * @property {boolean} [removed]
 * @property {import("./state.js").Pending[]} [pending]
 * @property {string | null} [paused]
 * @property {string} [text]
 */

/** The key of the seat in the tab's own storage. */
const SEAT = "typewall seat";
/** Another tab has this long to say that a seat is its own. */
const TWIN_MS = 200;

const tabs = new BroadcastChannel("typewall");

/** Asks for a seat, or to watch. Without a connection nothing happens; the page asks again when it has one. */
export function join() {
  if (!seat.wanted) return void send("watch", {});
  seat.session ??= newSession();
  send("got_a_new_user", { name: seat.wanted, session: seat.session });
}

/**
 * The session is made here and not by the server: a page that loses the connection before it hears of its seat comes
 * back to it all the same. `randomUUID` would need a secure page.
 */
function newSession() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The server has given this person a seat for the first time. */
export function welcome() {
  Object.assign(seat, { welcomed: true, inside: true, removed: false });
  const wanted = seat.wanted.trim().replace(/\s+/g, " ");
  note(seat.name === wanted ? "" : say("youAre", { name: isolated(seat.name) }));
  drawDoor();
  drawMe();
  at("my-text").focus();
}

/** The seat is this person's again. */
export function resume() {
  seat.wanted = seat.name; // a server that was restarted gives out names anew
  keepForDevice();
  const text = (room.you && room.users.get(room.you)?.text) || "";
  if (seat.returning) restoreText({ text: text + ownText() });
  seat.returning = false;
  resumeText(text);
}

/** Tries again now. If another window has the seat, this page asks for a new one and leaves the other's posts to it. */
export function retryNow() {
  if (link.status === "taken") forgetSeat();
  if (!link.socket) connect();
}

function forgetSeat() {
  Object.assign(seat, { session: undefined, cleared: null, welcomed: false, returning: false });
  forgetPending();
}

/** A host has removed this person, who may watch, but asks for no seat by itself; not even after a reload. */
export function loseSeat() {
  Object.assign(seat, { wanted: "", welcomed: false, removed: true });
  forgetMe();
  if (at("me").contains(document.activeElement)) at("title").focus(); // the box goes
  touch("me", "people");
}

/** Leaves the room; if something is not posted, only after a question. */
export function askToLeave() {
  if (hasUnposted()) askFirst(say("leaveAsk"), say("leave"), leave);
  else leave();
}

/** Leaves the room and shows the first screen. */
function leave() {
  hangUp();
  forgetSeat();
  Object.assign(seat, { inside: false, wanted: "", left: true });
  forgetMe();
  keepForDevice();
  forgetText();
  connect();
  touch("door", "me", "people");
  drawDoor();
  keepHistory();
  at("name").focus();
}

/**
 * Keeps the seat while the page is out of sight, and only then: a tab that is duplicated in sight finds nothing. A copy
 * of one that was out of sight is found out by isTaken.
 */
export function keepSeat() {
  if (!seat.wanted && !seat.removed) return;
  const { wanted, session, cleared, removed } = seat;
  const { pending, paused } = draft;
  const own = { tab, room: asked.roomKey, asked: asked.name, wanted, session, cleared, removed };
  keepInTab(SEAT, { ...own, pending, paused, text: ownText() });
}

/** Takes the seat that was kept, if it is of this room and this name. @returns {KeptSeat | null} */
export function takeSeat() {
  const kept = keptInTab(SEAT);
  keepInTab(SEAT, null);
  return kept?.room === asked.roomKey && kept.asked === asked.name ? kept : null;
}

/**
 * True if the tab that kept the seat is still there: then this one is its copy, and needs a seat of its own.
 *
 * @param {{ tab: string }} kept
 * @returns {Promise<boolean>}
 */
export function isTaken(kept) {
  return new Promise((done) => {
    tabs.addEventListener("message", ({ data }) => data.here === kept.tab && done(true));
    setTimeout(done, TWIN_MS, false);
    tabs.postMessage({ wanted: kept.tab });
  });
}

/** Tells copies of this tab that it is here. */
export function answerTwins() {
  tabs.addEventListener("message", ({ data }) => {
    if (data.wanted === tab) tabs.postMessage({ here: tab });
  });
}

/**
 * Takes the seat from before a reload, with what was written in it, or a new one.
 *
 * @param {KeptSeat | null} kept
 */
export function sitDown(kept) {
  const wanted = kept ? kept.wanted : nameInAddress();
  const { session, cleared = null, removed = false } = kept ?? {};
  Object.assign(seat, { wanted, session, cleared, removed });
  restoreText(kept ?? {});
  // An address that says who, or what to look at, needs no first screen.
  seat.inside = Boolean(wanted) || removed || look.view !== "wall" || asked.leftOut.includes("me");
  drawDoor();
  drawMe();
  keepAwake();
  if (!seat.inside) at("name").focus();
}

function nameInAddress() {
  return (asked.room && !asked.leftOut.includes("me") && asked.name?.trim()) || "";
}
