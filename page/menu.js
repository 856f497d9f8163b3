// A menu that a button opens, as the ARIA Authoring Practices describe it. There is one menu; it lies above the page.

import { at, element } from "./dom.js";
import { nextItem } from "./keys.js";
import { isLaidOut } from "./older.js";
import { focusBoxes } from "./order.js";

/** @typedef {{ words: string, action: () => void }} Item */

/** The button that opened the menu. @type {{ button: HTMLElement | null }} */
const opened = { button: null };

/**
 * Opens the menu; a second press of its button closes it.
 *
 * @param {HTMLElement} button
 * @param {string} label
 * @param {Item[]} items
 */
export function openMenu(button, label, items) {
  const menu = at("menu");
  const wasOpen = opened.button;
  listenToMenu();
  closeMenu();
  forgetButton();
  if (wasOpen === button) return button.focus();
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...items.map(newItemOf));
  opened.button = button;
  button.setAttribute("aria-expanded", "true");
  menu.hidden = false;
  if (hasPopovers()) menu.showPopover({ source: button });
  placeBy(button.getBoundingClientRect());
  itemsOfMenu()[0]?.focus();
}

/** A function that listens already does not listen twice. */
function listenToMenu() {
  at("menu").addEventListener("toggle", menuToggled);
  at("menu").addEventListener("keydown", keyInMenu);
  at("menu").addEventListener("focusout", leaveMenu);
}

/** Without popovers, the menu is an element like any other, which closes when the focus leaves it. */
function hasPopovers() {
  return "showPopover" in at("menu");
}

function closeMenu() {
  if (hasPopovers()) return at("menu").hidePopover();
  if (at("menu").contains(document.activeElement)) focusOpener();
  at("menu").hidden = true;
  forgetButton();
}

/** Meanwhile the box may have gone, and the button with it. */
function focusOpener() {
  if (opened.button && isLaidOut(opened.button)) opened.button.focus();
  else focusBoxes();
}

function forgetButton() {
  opened.button?.setAttribute("aria-expanded", "false");
  opened.button = null;
}

/** @param {FocusEvent} event */
function leaveMenu({ relatedTarget }) {
  const isInside = relatedTarget instanceof Node && at("menu").contains(relatedTarget);
  if (!hasPopovers() && opened.button && !isInside) closeMenu();
}

/** @param {Item} item */
function newItemOf({ words, action }) {
  const item = element("button", "", words);
  item.setAttribute("role", "menuitem");
  item.tabIndex = -1;
  item.addEventListener("click", () => {
    closeMenu();
    action();
  });
  return item;
}

function itemsOfMenu() {
  return /** @type {HTMLElement[]} */ ([...at("menu").children]);
}

/**
 * Puts the menu below the button, or above it where there is more space, and ends it where the button ends, if the
 * window has the space for it. In a low window, the menu covers the button.
 *
 * @param {DOMRect} button
 */
function placeBy(button) {
  const { style, offsetHeight, offsetWidth } = at("menu");
  const least = Math.max(0, innerHeight - offsetHeight);
  const start = button.bottom <= least || button.top < offsetHeight ? button.bottom : button.top - offsetHeight;
  style.setProperty("inset-block-start", `${Math.min(start, least)}px`);
  const { dir, clientWidth } = document.documentElement;
  const end = dir === "rtl" ? button.left : clientWidth - button.right;
  style.setProperty("inset-inline-end", `${Math.min(end, clientWidth - offsetWidth)}px`);
}

/**
 * The menu has closed. The focus goes back to its button, unless the person has put it elsewhere.
 *
 * @param {Event} event
 */
function menuToggled(event) {
  if (/** @type {ToggleEvent} */ (event).newState !== "closed" || !opened.button) return;
  if (at("menu").contains(document.activeElement)) focusOpener();
  forgetButton();
}

/** @param {KeyboardEvent} event */
function keyInMenu(event) {
  const items = itemsOfMenu();
  const next = nextItem(event.key, items.indexOf(/** @type {HTMLElement} */ (document.activeElement)), items.length);
  event.stopPropagation(); // Escape closes the menu, and nothing below it
  if (event.key === "Escape" || event.key === "Tab") {
    focusOpener();
    closeMenu();
  } else if (next === -1) return;
  else items[next].focus();
  if (event.key !== "Tab") event.preventDefault();
}
