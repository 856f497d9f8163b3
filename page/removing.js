// The buttons that remove posts, for hosts and for authors. Together they are one stop for the keyboard, at the newest
// post; the arrow keys go from one to the next.

import { at, element } from "./dom.js";
import { nextItem } from "./keys.js";
import { room } from "./state.js";
import { isolated, say, tongue } from "./words.js";

/** @typedef {import("./state.js").Post} Post */

/** The post of each button. @type {WeakMap<Element, Post>} */
const postsOf = new WeakMap();
/** For whom the buttons were drawn, and in which language. */
const drawn = { hosting: false, you: room.you, language: tongue.language };

/** True if all buttons have to be drawn again: others may be removed than before, or the language is another one. */
export function areRemoversStale() {
  const { hosting, you } = room;
  const { language } = tongue;
  if (drawn.hosting === hosting && drawn.you === you && drawn.language === language) return false;
  Object.assign(drawn, { hosting, you, language });
  return true;
}

/**
 * Draws the button of a post, if it may be removed. It is not announced with the post.
 *
 * @param {Post} post
 * @param {HTMLElement} item  what shows the post
 */
export function drawRemover(post, item) {
  const mayRemove = post.text !== "" && !post.lost && (room.hosting || post.id === room.you);
  const shown = removerIn(item);
  if (!mayRemove) return shown && dropRemover(shown);
  const button = shown ?? newRemover(post, item);
  button.setAttribute("aria-label", say("removePost", { n: post.n, name: isolated(post.name) }));
}

/** @param {Element} item */
function removerIn(item) {
  return /** @type {HTMLElement | null} */ (item.querySelector(".remove"));
}

/**
 * @param {Post} post
 * @param {HTMLElement} item
 */
function newRemover(post, item) {
  const button = element("button", "plain remove");
  button.setAttribute("aria-live", "off");
  button.tabIndex = -1;
  postsOf.set(button, post);
  item.firstElementChild?.append(button);
  return button;
}

/** The focus goes on to the next button, or else to the one before, or to the log. @param {HTMLElement} button */
function dropRemover(button) {
  if (document.activeElement === button) {
    const buttons = removers();
    const place = buttons.indexOf(button);
    (buttons[place + 1] ?? buttons[place - 1] ?? at("posts-area")).focus();
  }
  button.remove();
}

/** Before a post goes out of the log: the focus stays in the log. @param {HTMLElement} item */
export function leaveItem(item) {
  const button = removerIn(item);
  if (button) dropRemover(button);
}

/** The buttons of posts that are not hidden, oldest first. */
function removers() {
  const buttons = /** @type {HTMLElement[]} */ ([...at("posts").getElementsByClassName("remove")]);
  return buttons.filter((button) => !button.closest(".post[hidden]"));
}

/** Makes the newest button the stop, unless one has the focus. */
export function drawRemoverStop() {
  const buttons = removers();
  const { activeElement } = document;
  stopAtRemover(buttons.find((button) => button === activeElement) ?? buttons.at(-1));
}

/** @param {HTMLElement | undefined} button */
function stopAtRemover(button) {
  for (const stop of at("posts").querySelectorAll('.remove[tabindex="0"]')) {
    if (stop !== button) stop.setAttribute("tabindex", "-1");
  }
  if (button) button.tabIndex = 0;
}

/** The focus has come to a button. @param {Event} event */
export function focusOnPosts({ target }) {
  if (isRemover(target)) stopAtRemover(target);
}

/** @param {KeyboardEvent} event */
export function keyOnPosts(event) {
  const { key, target } = event;
  if (!isRemover(target) || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const buttons = removers();
  const place = buttons.indexOf(target);
  const next = nextItem(key, place, buttons.length);
  if (next === -1) return;
  event.preventDefault();
  const wraps = (key === "ArrowDown" && next < place) || (key === "ArrowUp" && next > place);
  if (!wraps) buttons[next].focus(); // a log has a beginning and an end
}

/**
 * @param {EventTarget | null} target
 * @returns {target is HTMLElement}
 */
function isRemover(target) {
  return target instanceof HTMLElement && postsOf.has(target);
}

/** The post whose button was clicked, if it was one. @param {Event} event */
export function postToRemove({ target }) {
  return target instanceof Element ? postsOf.get(target) : undefined;
}
