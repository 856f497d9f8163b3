// The bar with which a host runs the room, and the menu on each box: a part, because few people are hosts.

import { announce, notice } from "./board.js";
import { clearAll, clearBox, makeHost, removeUser, setRoom, toggleSpotlight } from "./commands.js";
import { at, reword } from "./dom.js";
import { openMenu } from "./menu.js";
import { isLaidOut, wellFormed } from "./older.js";
import { charactersLeft, wordsForRest } from "./rest.js";
import { PROMPT_CHARACTERS, look, room, seat } from "./state.js";
import { showDialog } from "./views.js";
import { boxAround } from "./wall.js";
import { isolated, say } from "./words.js";

/** A screen reader has heard that this page is a host's; a connection that comes back is no news. */
const heard = { hosting: false };
/** The question that the field was last filled with, and whether the field was full when it was last counted. */
const field = { prompt: "", isFull: false };

export function drawHostBar() {
  if (at("host-bar").hidden) listenToBar();
  const { hidden, locked, frozen } = room.state;
  at("host-bar").hidden = !room.hosting;
  at("room").classList.toggle("hosting", room.hosting);
  at("hide-answers").textContent = say(hidden ? "revealAnswers" : "hideAnswers");
  at("hide-answers").classList.toggle("main", hidden);
  at("lock").setAttribute("aria-pressed", String(locked));
  at("freeze").setAttribute("aria-pressed", String(frozen));
  reword(at("door-host"), room.hosting ? say("youHost") : "");
  if (room.hosting) tellHosting();
  drawField();
}

function listenToBar() {
  at("ask-form").onsubmit = askQuestion;
  at("question").oninput = typeQuestion;
  at("to-question").onclick = toggleQuestion;
  at("hide-answers").onclick = toggleHidden;
  at("lock").onclick = toggleLock;
  at("freeze").onclick = toggleFreeze;
  at("clear-all").onclick = clearAll;
  at("host-more").onclick = openMore;
  at("stage-more").onclick = openStageMenu;
  at("end-spotlight").onclick = endSpotlight;
}

/** The first screen has a line of its own for it. */
function tellHosting() {
  if (!heard.hosting && seat.inside) announce(say("youHost"));
  heard.hosting = true;
}

/** Another host's question replaces what is in the field, unless somebody is writing there. */
function drawField() {
  const { prompt } = room.state;
  if (prompt === field.prompt) return;
  field.prompt = prompt;
  if (document.activeElement !== at("question")) at("question").value = prompt;
  drawRest();
}

/** Somebody has typed in the field. A screen reader hears once that it is full; the count is its description. */
function typeQuestion() {
  const wasFull = field.isFull;
  field.isFull = drawRest() <= 0;
  if (field.isFull && !wasFull) announce(tooLong());
}

/** Draws how many characters are left, without the white space around them, which the server does not count either. */
function drawRest() {
  const rest = charactersLeft(questionInField(), PROMPT_CHARACTERS);
  at("question-count").textContent = wordsForRest(rest);
  at("question").setAttribute("aria-invalid", String(rest < 0));
  return rest;
}

function questionInField() {
  return wellFormed(at("question").value.trim());
}

function tooLong() {
  return say("promptTooLong", { n: PROMPT_CHARACTERS });
}

/** @param {Event} event */
function askQuestion(event) {
  event.preventDefault();
  if (charactersLeft(questionInField(), PROMPT_CHARACTERS) < 0) return notice(tooLong());
  setRoom({ prompt: questionInField() });
  showQuestion(false);
}

/** In a narrow window, the field is shown only when it is asked for. */
function toggleQuestion() {
  const isShown = at("to-question").getAttribute("aria-expanded") === "true";
  showQuestion(!isShown);
  if (!isShown) at("question").focus();
}

/** @param {boolean} isShown */
function showQuestion(isShown) {
  const hadFocus = at("ask-form").contains(document.activeElement);
  at("to-question").setAttribute("aria-expanded", String(isShown));
  at("ask-form").classList.toggle("asks", isShown);
  if (!isShown && hadFocus && isLaidOut(at("to-question"))) at("to-question").focus();
}

function toggleHidden() {
  setRoom({ hidden: !room.state.hidden });
}

function toggleLock() {
  setRoom({ locked: !room.state.locked });
}

function toggleFreeze() {
  setRoom({ frozen: !room.state.frozen });
}

/** The rest of the bar in a narrow window. */
function openMore() {
  openMenu(at("host-more"), say("more"), [
    { words: say("clearAll"), action: clearAll },
    { words: say("saveWall"), action: () => showDialog("save-wall") },
  ]);
}

/** The menu of a box on the wall. @param {Element} button */
export function openBoxMenu(button) {
  const box = boxAround(button);
  if (box && button instanceof HTMLElement) openUserMenu(button, box.user);
}

/** The menu of the enlarged box. */
function openStageMenu() {
  if (look.large) openUserMenu(at("stage-more"), look.large);
}

function endSpotlight() {
  setRoom({ spotlight: null });
}

/**
 * @param {HTMLElement} button
 * @param {import("./state.js").User} user
 */
function openUserMenu(button, user) {
  const isSpotlit = room.state.spotlight === user.id;
  const items = [
    { words: say(isSpotlit ? "endSpotlight" : "spotlight"), action: () => toggleSpotlight(user) },
    { words: say("clearBox"), action: () => clearBox(user) },
  ];
  if (!room.hosts.has(user.id)) items.push({ words: say("makeHost"), action: () => makeHost(user) });
  items.push({ words: say("remove"), action: () => removeUser(user) });
  openMenu(button, say("optionsFor", { name: isolated(user.name) }), items);
}
