// Hiding people: their boxes and posts, for this person alone.

import { silence, speak } from "./captions.js";
import { touch } from "./changes.js";
import { at, element } from "./dom.js";
import { drawHiddenPosts } from "./log.js";
import { note } from "./own-box.js";
import { asked, hidden, room } from "./state.js";
import { keepInTab, keptInTab } from "./storage.js";
import { redraw } from "./wall.js";
import { isolated, say } from "./words.js";

/** The key under which the names that are hidden in this room are kept. */
function hiddenKey() {
  return `typewall hidden in ${asked.roomKey}`;
}

/** Hides the people whom this tab had hidden before a reload. */
export function hideAgain() {
  for (const name of keptInTab(hiddenKey()) ?? []) hidden.add(name);
}

/** @param {string} name */
export function hide(name) {
  hidden.add(name);
  note(say("hidden", { name: isolated(name) }));
  silence(name);
  drawHiding();
}

/**
 * Somebody has another name; whoever was hidden stays so.
 *
 * @param {string} before
 * @param {string} name
 */
export function hiddenToo(before, name) {
  if (!hidden.has(before)) return;
  hidden.add(name);
  drawHiding();
}

/** @param {string} name */
function unhide(name) {
  hidden.delete(name);
  for (const user of room.users.values()) if (user.name === name && (user.text || user.said.length)) speak(user);
  drawHiding();
  /** @type {HTMLElement} */ (at("hidden-people").firstElementChild ?? at("language")).focus(); // the button has gone
}

function drawHiding() {
  keepInTab(hiddenKey(), [...hidden]);
  drawHiddenPosts();
  redraw();
  drawHiddenPeople();
  touch("log", "people");
}

/** Draws the list in the settings. */
export function drawHiddenPeople() {
  const buttons = [...hidden].map((name) => {
    const button = element("button", "", say("showAgain", { name: isolated(name) }));
    button.onclick = () => unhide(name);
    return button;
  });
  at("hidden-people").replaceChildren(...buttons);
}
