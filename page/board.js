// Draws the board above the wall, for everyone: the question, what hosts have set, and notices to this person. Changes
// are announced to screen readers, each once.

import { touch } from "./changes.js";
import { all, at, element } from "./dom.js";
import { withLinks } from "./links.js";
import { countAnswers } from "./room-state.js";
import { draft, hidden, newRoom, room } from "./state.js";
import { isolated, say } from "./words.js";

/** @typedef {import("./words.js").WordKey} WordKey */

/** A question of more characters is shown in a smaller size. */
const LONG_PROMPT = 120;

/** What was drawn and announced last. */
const told = { ...newRoom().state, shownPrompt: "", notice: "" };
/** What is to be announced next. @type {string[]} */
const waiting = [];

/** @typedef {["hidden" | "locked" | "frozen", WordKey, WordKey]} Setting */
/** What is announced when a setting begins and when it ends. @type {Setting[]} */
const SETTINGS = [
  ["hidden", "answersHidden", "answersRevealed"],
  ["locked", "roomLocked", "roomUnlocked"],
  ["frozen", "roomFrozen", "roomUnfrozen"],
];

/**
 * Has screen readers say something.
 *
 * @param {string} words
 */
export function announce(words) {
  waiting.push(words);
  touch("board");
}

/**
 * Shows this person a line of their own, until it is replaced; none for an empty text.
 *
 * @param {string} words
 */
export function notice(words) {
  told.notice = words;
  for (const line of all(".notice")) line.textContent = words;
  if (words) announce(words);
  else touch("board");
}

export function drawBoard() {
  drawPrompt();
  const lines = stateLines();
  if (at("state").textContent !== lines.join("")) {
    at("state").replaceChildren(...lines.map((words) => element("span", "", words)));
  }
  at("board").hidden = !room.state.prompt && !lines.length && !told.notice;
  noticeChanges();
  if (waiting.length) at("announcement").textContent = waiting.splice(0).join(" ");
}

/** The question is drawn again only if it is another one, so that a selection in it stays. */
function drawPrompt() {
  const { prompt } = room.state;
  if (prompt === told.shownPrompt) return;
  told.shownPrompt = prompt;
  at("prompt").replaceChildren(...withLinks(prompt));
  at("prompt").hidden = !prompt;
  at("prompt").classList.toggle("long", prompt.length > LONG_PROMPT);
}

/** What does not fit scrolls, and is a stop for the keyboard then. */
export function watchBoard() {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollHeight > target.clientHeight;
      if (scrolls) target.setAttribute("tabindex", "0");
      else target.removeAttribute("tabindex");
    }
  });
  for (const id of ["board", "prompt"]) observer.observe(at(id));
}

/** What hosts have set, in words. */
function stateLines() {
  const { state } = room;
  const lines = [];
  if (state.hidden) lines.push(say("answersHidden"), ...wordsForCount());
  if (state.locked) lines.push(say("roomLocked"));
  if (state.frozen) lines.push(say("roomFrozen"));
  const star = spotlit();
  if (star && (room.hosting || star.id === room.you)) lines.push(wordsForSpotlight(star));
  return lines;
}

/** How many have written; nothing in a room of hosts alone. */
function wordsForCount() {
  const { wrote, people } = countAnswers(draft.shown !== "");
  return people ? [say("haveWritten", { n: wrote, all: people })] : [];
}

function spotlit() {
  const star = room.state.spotlight === null ? undefined : room.users.get(room.state.spotlight);
  return star && !hidden.has(star.name) ? star : undefined;
}

/** @param {import("./state.js").User} star */
function wordsForSpotlight(star) {
  return star.id === room.you ? say("youInSpotlight") : say("inSpotlight", { name: isolated(star.name) });
}

/** Announces what is not as it was last announced. */
function noticeChanges() {
  const { state } = room;
  if (state.prompt && state.prompt !== told.prompt) waiting.push(say("asked", { question: isolated(state.prompt) }));
  for (const [setting, begins, ends] of SETTINGS) {
    if (state[setting] !== told[setting]) waiting.push(say(state[setting] ? begins : ends));
  }
  const star = spotlit();
  if (star && state.spotlight !== told.spotlight) waiting.push(wordsForSpotlight(star));
  Object.assign(told, state);
}
