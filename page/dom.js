// Small helpers for the document that several modules share.

/**
 * The elements that are more than an HTMLElement to this page, by their ids.
 *
 * @typedef {object} Elements
 * @property {HTMLInputElement} name
 * @property {HTMLInputElement} new-name
 * @property {HTMLInputElement} passphrase
 * @property {HTMLInputElement} address
 * @property {HTMLInputElement} with-key
 * @property {HTMLInputElement} enter-posts
 * @property {HTMLInputElement} read-aloud
 * @property {HTMLTextAreaElement} my-text
 * @property {HTMLSelectElement} addresses
 * @property {HTMLSelectElement} theme
 * @property {HTMLSelectElement} alert
 * @property {HTMLSelectElement} language
 * @property {HTMLButtonElement} now
 * @property {HTMLImageElement} qr
 * @property {HTMLInputElement} question
 * @property {HTMLDialogElement} settings
 * @property {HTMLDialogElement} confirm
 * @property {HTMLDialogElement} save-wall
 * @property {HTMLDialogElement} invite
 * @property {HTMLDialogElement} caption-look
 * @property {HTMLDialogElement} poster
 * @property {HTMLImageElement} code-picture
 * @property {HTMLImageElement} poster-picture
 * @property {HTMLTemplateElement} new-box
 */

/** A scroll position beyond every end: it scrolls to the end without asking the browser for a layout. */
export const END = 1e9;

/** A window in which the wall and the log do not fit side by side. */
const NARROW = "(max-width: 55.99rem)";

/** How many pixels from its end an element still counts as scrolled to the end. */
const END_PX = 8;

/**
 * The element with this id. The document has all the ids that the page asks for.
 *
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Elements ? Elements[Id] : HTMLElement}
 */
export function at(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/**
 * Writes a text only if it is another one; otherwise a screen reader would say it again.
 *
 * @param {HTMLElement} part
 * @param {string} words
 */
export function reword(part, words) {
  if (part.textContent !== words) part.textContent = words;
}

/**
 * All elements that match a selector.
 *
 * @param {string} selector
 * @returns {Iterable<HTMLElement>}
 */
export function all(selector) {
  return document.querySelectorAll(selector);
}

/** The dialogs that are open, the top one last. */
export function openDialogs() {
  return /** @type {HTMLDialogElement[]} */ ([...document.querySelectorAll("dialog[open]")]);
}

/** The dialog that is open, if any; the top one. @returns {HTMLDialogElement | undefined} */
export function openDialog() {
  return openDialogs().pop();
}

/**
 * True if an element is scrolled to its end. This costs a layout; ask only when somebody scrolls.
 *
 * @param {Element} element
 */
export function isAtEnd({ scrollHeight, scrollTop, clientHeight }) {
  return scrollHeight - scrollTop - clientHeight < END_PX;
}

export function isNarrow() {
  return matchMedia(NARROW).matches;
}

/** @param {() => void} action */
export function onNarrow(action) {
  matchMedia(NARROW).addEventListener("change", action);
}

/**
 * Replaces only what differs, so that a selection in the rest stays.
 *
 * @param {CharacterData} node
 * @param {string} text
 */
export function rewriteNode(node, text) {
  const before = node.data;
  if (before === text) return;
  const shorter = Math.min(before.length, text.length);
  let same = 0;
  while (same < shorter && before.charCodeAt(same) === text.charCodeAt(same)) same += 1;
  let tail = 0;
  while (tail < shorter - same && before.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
  node.replaceData(same, before.length - same - tail, text.slice(same, text.length - tail));
}
