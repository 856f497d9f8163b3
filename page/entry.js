// The ways through the first screen: joining with a name, or just watching.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { drawDoor, refuseName } from "./door.js";
import { takeOffer } from "./offer.js";
import { drawMe } from "./own-box.js";
import { join, retryNow } from "./seat.js";
import { link, room, seat } from "./state.js";
import { remember } from "./storage.js";
import { say } from "./words.js";

/** @param {Event} event */
export function enterRoom(event) {
  event.preventDefault();
  const name = at("name").value;
  forgetRefusal();
  if (!name.trim()) return refuseName(say("nameEmpty"));
  remember({ name });
  seat.wanted = name;
  enter();
}

/** Takes the seat that this device had before. */
export function comeBackIn() {
  forgetRefusal();
  takeOffer();
  enter();
}

function enter() {
  seat.inside = true; // at once, so that the next key is in the box already
  drawDoor();
  drawMe();
  at("my-text").focus();
  if (link.socket) join();
  else retryNow();
}

/**
 * The server refuses the name, or has no place. This person watches from now on; a page that joined at once has not
 * seen the room yet.
 *
 * @param {string} words
 * @param {boolean} isLocked  the reason is that the room is locked
 */
export function refuseEntry(words, isLocked) {
  Object.assign(seat, { wanted: "", inside: false, lockedOut: isLocked });
  join();
  drawDoor();
  refuseName(words);
}

/** A room that is open again refuses nobody: what says that it is locked goes. */
export function noticeOpenRoom() {
  if (seat.lockedOut && !room.state.locked) forgetRefusal();
}

function forgetRefusal() {
  seat.lockedOut = false;
  refuseName("");
}

export function justWatch() {
  seat.inside = true;
  drawDoor();
  touch("me");
  at("title").focus();
}

export function toDoor() {
  seat.inside = false;
  drawDoor();
  at("name").focus();
}
