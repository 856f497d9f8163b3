// Draws the captions: what somebody has said, each post once, and after it the text of the box, which alone is written
// anew at each key. A reader who scrolls back finds all of it, and nothing slides.

import { isOnAir, mainOf } from "./captions.js";
import { END, at, element, rewriteNode } from "./dom.js";
import { restOf } from "./said.js";
import { isBlind, look, room } from "./state.js";
import { say } from "./words.js";

/** @typedef {import("./state.js").User} User */
/** @typedef {import("./state.js").Post} Post */
/** @typedef {import("./wall.js").Box} Box */

/** A paragraph with more characters than this is divided, because a browser lays out a whole paragraph at each key. */
const PARAGRAPH_CHARACTERS = 2_000;

/** The posts that a box shows, in order, each with its elements. @type {WeakMap<Box, Map<Post, HTMLElement[]>>} */
const transcripts = new WeakMap();
/** The button with which a reader goes back to the end. @type {WeakMap<Box, HTMLElement>} */
const latest = new WeakMap();

const panes = {
  /** The boxes of those on air. @type {Set<Box>} */
  shown: new Set(),
  /** The main speaker. @type {User | undefined} */
  main: undefined,
};

/** A pane gets another height when somebody else writes, too: its reader stays at the end. */
const paneObserver = new ResizeObserver(() => {
  for (const { text, following } of panes.shown) if (following) text.scrollTop = END;
});

/** Draws the text of a box; in the captions, of those who are on air, also what was said before. @param {Box} box */
export function drawWordsOf(box) {
  if (look.view === "captions") return "speaks" in box.root.dataset ? drawTranscript(box) : undefined;
  dropTranscript(box);
  rewriteNode(box.words, shownText(box.user));
}

/**
 * What a box shows: nothing of a hidden answer, even if a host's page has it.
 *
 * @param {User} user
 */
export function shownText(user) {
  return isBlind() ? "" : user.text;
}

/** @param {Box} box */
function drawTranscript(box) {
  const { user, words } = box;
  const isNew = !transcripts.has(box);
  const spans = transcripts.get(box) ?? new Map();
  transcripts.set(box, spans);
  dropPosts(box, spans);
  const fresh = user.said.filter((post) => !spans.has(post));
  for (const post of fresh) spans.set(post, [appendPost(words, post, isNew)]);
  rewriteNode(words, restOf(user.text, user.posted));
  if (fresh.length && !isNew) divideParagraph(words, spans);
  drawLatest(box);
}

/**
 * Removes posts that hosts or authors have removed, and the oldest; those not while a reader is above the end.
 *
 * @param {Box} box
 * @param {Map<Post, HTMLElement[]>} spans
 */
function dropPosts({ user, following }, spans) {
  let isOld = following;
  for (const [post, parts] of spans) {
    if (post === user.said[0]) isOld = false;
    if (post.text && !isOld) continue;
    spans.delete(post);
    for (const part of parts) {
      const paragraph = part.parentElement;
      part.remove();
      if (!paragraph?.hasChildNodes()) paragraph?.remove();
    }
  }
}

/**
 * Adds a post before the text of the box, in the same paragraph if its author goes on there.
 *
 * @param {Text} words
 * @param {Post} post
 * @param {boolean} isNew  nobody has read the paragraph yet, so that it may end at any sentence
 */
function appendPost(words, { text, runsOn }, isNew) {
  const span = element("span", "", runsOn || text.endsWith("\n") ? text : `${text}\n`);
  words.before(span);
  if (span.textContent?.endsWith("\n") || (isNew && isLong(words))) finishParagraph(words);
  return span;
}

/** @param {Text} words */
function isLong({ parentElement }) {
  return (parentElement?.textContent ?? "").length > PARAGRAPH_CHARACTERS;
}

/**
 * What stands before the text of the box becomes a paragraph of its own.
 *
 * @param {Text} words
 */
function finishParagraph(words) {
  const paragraph = /** @type {HTMLElement} */ (words.parentElement);
  const finished = /** @type {HTMLElement} */ (paragraph.cloneNode());
  finished.append(...[...paragraph.childNodes].filter((node) => node !== words));
  paragraph.before(finished);
  return Object.assign(paragraph, { dir: "auto", className: "" });
}

/**
 * Divides a long paragraph where a line of it begins, so that no word moves.
 *
 * @param {Text} words
 * @param {Map<Post, HTMLElement[]>} spans
 */
function divideParagraph(words, spans) {
  if (!isLong(words)) return;
  const [post, parts] = /** @type {[Post, HTMLElement[]]} */ ([...spans].at(-1));
  const node = parts.at(-1)?.firstChild;
  const paragraph = /** @type {HTMLElement} */ (words.parentElement);
  const start = node instanceof Text && paragraph.contains(node) ? lastLineIn(node) : 0;
  if (!start || !(node instanceof Text)) return;
  const { direction } = getComputedStyle(paragraph);
  const rest = element("span", "", node.data.slice(start));
  node.deleteData(start, node.length);
  finishParagraph(words).prepend(rest);
  Object.assign(paragraph, { dir: direction, className: "on" });
  spans.set(post, [...parts, rest]);
}

/**
 * Where the last line of a text begins; 0 if it begins before the text.
 *
 * @param {Text} node
 */
function lastLineIn(node) {
  const range = document.createRange();
  const top = (/** @type {number} */ index) => {
    range.setStart(node, index);
    range.setEnd(node, index + 1);
    return range.getBoundingClientRect().top;
  };
  let end = node.data.trimEnd().length - 1;
  const last = top(end);
  let start = 0;
  while (start < end) {
    const middle = (start + end) >> 1;
    if (top(middle) < last) start = middle + 1;
    else end = middle;
  }
  return start;
}

/**
 * The box shows the text alone again.
 *
 * @param {Box} box
 */
function dropTranscript(box) {
  if (!transcripts.delete(box)) return;
  latest.get(box)?.remove();
  latest.delete(box);
  const paragraph = /** @type {HTMLElement} */ (box.words.parentElement);
  paragraph.replaceChildren(box.words);
  box.text.replaceChildren(Object.assign(paragraph, { dir: "auto", className: "" }));
}

/**
 * A reader above the end has a button that leads there.
 *
 * @param {Box} box
 */
export function drawLatest(box) {
  if (box.following && !latest.has(box)) return;
  const button = latest.get(box) ?? box.root.appendChild(element("button", "latest"));
  latest.set(box, button);
  button.textContent = say("latest");
  button.hidden = box.following;
  button.onclick = () => readLatest(box);
}

/** @param {Box} box */
function readLatest(box) {
  box.following = true;
  box.text.scrollTop = END;
  box.text.focus();
  drawLatest(box);
}

/**
 * Shows those who are on air. The main speaker's pane gets the space that the others leave; theirs together are never
 * more than half.
 *
 * @param {(user: User) => Box | undefined} boxOf
 */
export function drawPanes(boxOf) {
  const speakers = [...room.users.values()].filter((user) => user.id !== room.you && isOnAir(user));
  const boxes = new Set(speakers.flatMap((user) => boxOf(user) ?? []));
  panes.main = mainOf(speakers, panes.main);
  at("wall").style.setProperty("--others", String(Math.max(speakers.length - 1, 1)));
  at("wall-empty").hidden = speakers.length > 0;
  for (const box of panes.shown) {
    if (boxes.has(box)) continue;
    box.root.removeAttribute("data-speaks");
    paneObserver.unobserve(box.text);
  }
  for (const box of boxes) {
    if (!panes.shown.has(box)) {
      drawTranscript(box);
      paneObserver.observe(box.text);
    }
    const pane = box.user === panes.main ? "main" : "";
    if (box.root.dataset.speaks !== pane) box.root.dataset.speaks = pane;
  }
  panes.shown = boxes;
}
