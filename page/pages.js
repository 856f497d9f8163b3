// The pages of a wall with more boxes than can be read at once. They turn by themselves, unless somebody reads.

import { touch } from "./changes.js";
import { all, at, openDialog } from "./dom.js";
import { look } from "./state.js";
import { say } from "./words.js";

const TURNING_MS = 8_000;
/** The way back from the projector is seen for this long after the pointer has moved. */
const WAY_BACK_MS = 3_000;

const paging = { page: 0, pages: 1, timer: 0, moved: 0, isHeld: false, hadFocus: false };
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Shows one page of these places, and returns what is on it.
 *
 * @param {HTMLElement[]} places
 * @param {number} perPage
 */
export function showPage(places, perPage) {
  paging.pages = Math.ceil(places.length / perPage) || 1;
  paging.page %= paging.pages;
  const start = paging.page * perPage;
  const shown = places.slice(start, start + perPage);
  const off = new Set([...places.slice(0, start), ...places.slice(start + perPage)]);
  for (const place of /** @type {Iterable<HTMLElement>} */ (at("wall").children)) {
    if (off.has(place) !== "off" in place.dataset) place.toggleAttribute("data-off");
  }
  at("pages").hidden = paging.pages === 1;
  at("page-range").textContent = say("range", { from: start + 1, to: start + shown.length, all: places.length });
  at("hold").hidden = still.matches;
  at("hold").setAttribute("aria-pressed", String(paging.isHeld));
  if (paging.hadFocus) /** @type {HTMLElement | null} */ (shown[0]?.querySelector(".text"))?.focus();
  paging.hadFocus = false;
  if (paging.pages > 1) paging.timer ||= setTimeout(turnByItself, TURNING_MS);
  return shown;
}

export function listenToPages() {
  for (const button of all("[data-turn]")) button.onclick = () => turnPage(Number(button.dataset.turn));
  at("hold").onclick = holdPage;
  at("room").addEventListener("pointermove", showWayBack);
  document.addEventListener("keydown", keyOnPages);
}

/** @param {number} step */
function turnPage(step) {
  clearTimeout(paging.timer);
  paging.timer = 0;
  paging.hadFocus = at("wall").contains(document.activeElement);
  paging.page = (paging.page + step + paging.pages) % paging.pages;
  touch("fit");
}

function showWayBack() {
  const { dataset } = at("from-projector");
  clearTimeout(paging.moved);
  dataset.seen = "";
  paging.moved = setTimeout(() => delete dataset.seen, WAY_BACK_MS);
}

/** Turns pages no longer by themselves, or does it again. */
function holdPage() {
  paging.isHeld = !paging.isHeld;
  touch("fit");
}

function turnByItself() {
  paging.timer = 0;
  if (paging.pages > 1) turnPage(mayTurn() ? 1 : 0);
}

function mayTurn() {
  const isRead = document.activeElement?.closest(".box, #pages") || at("wall").querySelector("[data-read]");
  return !paging.isHeld && !still.matches && !document.hidden && !look.large && !openDialog() && !isRead;
}

/**
 * PageUp and PageDown turn the pages, except where they mean something else.
 *
 * @param {KeyboardEvent} event
 */
function keyOnPages(event) {
  const step = { PageDown: 1, PageUp: -1 }[event.key];
  const { target } = event;
  const isElsewhere = target instanceof Element && target.closest("input, textarea, select, dialog, #stage, #log");
  if (!step || paging.pages === 1 || isElsewhere || look.large || look.view !== "wall") return;
  event.preventDefault();
  turnPage(step);
}
