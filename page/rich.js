// The enlarged text: addresses can be followed, and what is fenced by ``` is in monospace. A change rewrites only what
// differs, so that a selection, the focus and the scroll position stay.

import { element, rewriteNode } from "./dom.js";
import { newLink, partsOf } from "./links.js";

/** @typedef {{ part: string, tag: "#text" | "A" | "CODE" }} RichPart */

/** Lines from one fence to the next; without a second fence, to the end. */
const FENCED = /(^```[^\n]*\n(?:[^]*?^```[^\S\n]*(?:\n|$)|[^]*))/m;

/**
 * The parts of a text, which together are the text.
 *
 * @param {string} text
 * @returns {RichPart[]}
 */
export function richPartsOf(text) {
  const parts = text.split(FENCED).flatMap((part, index) => (index % 2 ? { part, tag: "CODE" } : inlineParts(part)));
  return /** @type {RichPart[]} */ (parts.filter(({ part }) => part));
}

/** @param {string} text */
function inlineParts(text) {
  return partsOf(text).map(({ part, isLink }) => ({ part, tag: isLink ? "A" : "#text" }));
}

/**
 * Shows a text in an element that shows nothing else.
 *
 * @param {Element} parent
 * @param {string} text
 */
export function drawRich(parent, text) {
  const shown = [...parent.childNodes];
  const parts = richPartsOf(text);
  let tail = 0;
  while (isShown(shown.at(-1 - tail), parts.at(-1 - tail))) tail += 1;
  const end = parts.length - tail;
  const after = shown[shown.length - tail] ?? null;
  const olds = shown.slice(0, shown.length - tail);
  for (const [index, part] of parts.slice(0, end).entries()) drawPart(parent, olds[index], part, after);
  for (const old of olds.slice(end)) old.remove();
}

/**
 * @param {ChildNode | undefined} node
 * @param {RichPart | undefined} part
 */
function isShown(node, part) {
  return node !== undefined && part !== undefined && node.nodeName === part.tag && node.textContent === part.part;
}

/**
 * @param {Element} parent
 * @param {ChildNode | undefined} old  what is shown in this place
 * @param {RichPart} part
 * @param {ChildNode | null} after  what is shown after all new parts
 */
function drawPart(parent, old, { part, tag }, after) {
  if (old?.nodeName !== tag) {
    const made = newNode(part, tag);
    if (old) old.replaceWith(made);
    else parent.insertBefore(made, after);
    return;
  }
  rewriteNode(/** @type {Text} */ (tag === "#text" ? old : old.firstChild), part);
  if (old instanceof HTMLAnchorElement && old.href !== part) old.href = part;
}

/**
 * @param {string} part
 * @param {RichPart["tag"]} tag
 */
function newNode(part, tag) {
  if (tag === "A") return newLink(part);
  return tag === "CODE" ? element("code", "", part) : new Text(part);
}
