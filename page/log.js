// Draws the log; new entries come at its end. A screen reader announces posts, but neither arrivals nor departures.

import { all, at, element, isAtEnd, isNarrow } from "./dom.js";
import { takeEntries, touch } from "./changes.js";
import { withLinks } from "./links.js";
import { drawMark, lookOf } from "./marks.js";
import { areRemoversStale, drawRemover, drawRemoverStop, leaveItem } from "./removing.js";
import { asked, hidden, keyOf, look, reading, room, seat } from "./state.js";
import { listed, say, tongue } from "./words.js";

/** @typedef {import("./state.js").Post} Post */
/** @typedef {import("./state.js").News} News */
/** @typedef {import("./state.js").Entry} Entry */

/** For this long after the first posts, a screen reader announces nothing. */
const HUSH_MS = 1_000;

/** The element of each post, oldest first. @type {Map<string, HTMLElement>} */
const items = new Map();
/** The line of each piece of news. @type {Map<News, HTMLElement>} */
const lines = new Map();

export function logInSight() {
  const isShown = look.view === "log" || (look.view === "wall" && !isNarrow());
  return seat.inside && isShown && !look.projecting && !asked.leftOut.includes("log");
}

export function drawPosts() {
  const entries = takeEntries();
  const posts = entries.filter(isPost);
  if (posts.some((post) => post.old)) hush();
  const isNew = posts.map((post) => !items.has(keyOf(post)));
  for (const entry of entries) drawEntry(entry);
  if (areRemoversStale()) drawRemovers();
  dropOldItems();
  drawRemoverStop();
  at("log-empty").hidden = room.posts.size > 0;
  at("save").hidden = room.posts.size === 0;
  const fresh = posts.filter((post, index) => isNew[index] && !post.old && !hidden.has(post.name));
  if (!(reading.atEnd && logInSight())) reading.below += fresh.length;
  drawLog();
}

/**
 * @param {Entry} entry
 * @returns {entry is Post}
 */
function isPost(entry) {
  return "text" in entry;
}

/** @param {Entry} entry */
function drawEntry(entry) {
  if (isPost(entry)) drawPost(entry);
  else if ("seam" in entry) at("posts").append(newSeam(entry.seam));
  else drawNews(entry);
}

/** A post that is shown already has been removed since. @param {Post} post */
function drawPost(post) {
  const shown = items.get(keyOf(post));
  if (!shown) return at("posts").append(newItem(post));
  shown.querySelector(".body")?.replaceWith(newBody(post));
  drawRemover(post, shown);
}

/** Removes the oldest posts, which the room no longer keeps. */
function dropOldItems() {
  for (const [key, item] of items) {
    if (items.size <= room.posts.size) break;
    leaveItem(item);
    item.remove();
    items.delete(key);
  }
}

/** The first posts that a reader gets are not new, nor are those that are shown again or in another language. */
function hush() {
  const log = at("posts");
  log.setAttribute("aria-live", "off");
  setTimeout(() => log.removeAttribute("aria-live"), HUSH_MS);
}

/** Draws how many posts the reader has not seen. */
export function drawLog() {
  const inSight = logInSight();
  if (reading.atEnd && inSight) reading.below = 0;
  at("newer").hidden = reading.below === 0 || !inSight;
  at("newer").textContent = say("newer", { n: reading.below });
  at("log-count").textContent = reading.below && !inSight ? tongue.number.format(reading.below) : "";
}

/** @param {"seam" | "gap"} word */
function newSeam(word) {
  const line = element("p", "news seam", say(word));
  line.dataset.say = word;
  line.setAttribute("aria-live", "off");
  return line;
}

/** @param {News} news */
function drawNews(news) {
  const parts = [];
  if (news.came.length) parts.push(say("joined", { names: listed(news.came) }));
  if (news.went.length) parts.push(say("departed", { names: listed(news.went) }));
  if (!parts.length) return dropNews(news);
  const line = lines.get(news) ?? at("posts").appendChild(element("p", "news"));
  lines.set(news, line);
  line.setAttribute("aria-live", "off");
  line.textContent = parts.join(" · ");
}

/** @param {News} news */
function dropNews(news) {
  lines.get(news)?.remove();
  lines.delete(news);
}

/** @param {Post} post */
function newItem(post) {
  const item = element("div", "post");
  const name = element("div", "name");
  name.append(drawMark(post.look ?? lookOf(post.name)), element("bdi", "", post.name), newTime(post.at));
  item.append(name, newBody(post));
  item.hidden = hidden.has(post.name);
  items.set(keyOf(post), item);
  drawRemover(post, item);
  return item;
}

/** @param {Post} post */
function newBody({ text }) {
  const body = element("p", text ? "body" : "body gone", text ? "" : say("postRemoved"));
  if (text) body.dir = "auto";
  else body.dataset.say = "postRemoved";
  body.append(...withLinks(text));
  return body;
}

function drawRemovers() {
  for (const post of room.posts.values()) {
    const item = items.get(keyOf(post));
    if (item) drawRemover(post, item);
  }
}

/** @param {number} when */
function newTime(when) {
  const time = element("time", "", wordsForTime(when));
  time.dateTime = new Date(when).toISOString();
  return time;
}

/** @param {number} when */
function wordsForTime(when) {
  const isToday = new Date(when).toDateString() === new Date().toDateString();
  return (isToday ? tongue.time : tongue.day).format(when);
}

/** Says the times, and who came and went, in another language. */
export function retellLog() {
  hush();
  for (const news of lines.keys()) drawNews(news);
  for (const time of /** @type {Iterable<HTMLTimeElement>} */ (all("#posts time"))) {
    time.textContent = wordsForTime(Date.parse(time.dateTime));
  }
}

/** Hides the posts of people who are hidden now, and shows those of all others. */
export function drawHiddenPosts() {
  hush();
  for (const post of room.posts.values()) {
    const item = items.get(keyOf(post));
    if (item) item.hidden = hidden.has(post.name);
  }
  drawRemoverStop();
}

/** The reader has scrolled the log. @param {Event} event */
export function scrollLog({ target }) {
  if (!logInSight()) return;
  reading.atEnd = isAtEnd(/** @type {Element} */ (target));
  if (reading.atEnd && reading.below) touch("log");
}

/** Counts a post that comes while nobody sees the tab. */
export function countUnread() {
  if (document.hidden) reading.unread += 1;
}

/** The tab is seen again. */
export function forgetUnread() {
  reading.unread = 0;
}

/** The reader asks for the end of the log. */
export function readNewest() {
  reading.atEnd = true;
  touch("log");
  at("posts-area").focus();
}
