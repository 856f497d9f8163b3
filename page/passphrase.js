// The passphrase, if the server wants one: from the link, from before a reload of the tab, or from the first screen.

import { secretsIn } from "./address.js";
import { wordForError } from "./codes.js";
import { connect, send, waitOutside } from "./connection.js";
import { at, openDialog } from "./dom.js";
import { drawChecking, drawDoor, drawGate } from "./door.js";
import { findHostKey, keepHostKey, offerHostKey } from "./host-key.js";
import { join } from "./seat.js";
import { gate, link, seat } from "./state.js";
import { keepInTab, keptInTab } from "./storage.js";
import { say } from "./words.js";

/** The key of the passphrase in the tab's own storage. */
const PASSPHRASE = "typewall key";
/** The key of the token in the tab's own storage. */
const TOKEN = "typewall token";
/** An answer that takes longer than this waits for the guesses of others, and the page says that it waits. */
const SLOW_MS = 500;

/** Gives the passphrase and the host key, and asks for a seat, without waiting for an answer in between. */
export function knock() {
  gate.unheard = false;
  const { passphrase, token } = gate;
  if (passphrase && send("unlock", token ? { passphrase, token } : { passphrase })) awaitAnswer();
  askIn();
}

/** The host key comes first: a host has a seat in a locked room too. */
function askIn() {
  offerHostKey();
  join();
}

/** @param {string} passphrase */
function keepPassphrase(passphrase) {
  if (passphrase !== gate.passphrase) keepToken("");
  gate.passphrase = passphrase;
  keepInTab(PASSPHRASE, passphrase);
}

/** @param {string} token */
function keepToken(token) {
  gate.token = token;
  keepInTab(TOKEN, token);
}

/** The passphrase and the host key to start with: those of the link, or those from before a reload. */
export function findSecrets() {
  findHostKey();
  gate.passphrase = keptInTab(PASSPHRASE) ?? "";
  gate.token = keptInTab(TOKEN) ?? "";
  takeSecrets();
}

/** Takes secrets out of the link, so that nobody reads them there, bookmarks them or passes them on by accident. */
function takeSecrets() {
  const { passphrase, host } = secretsIn(location.hash);
  if (passphrase || host) history.replaceState(history.state, "", location.pathname + location.search);
  if (passphrase) keepPassphrase(passphrase);
  if (host) keepHostKey(host);
  return { passphrase, host };
}

/** Somebody has put a link with secrets into the address bar of this page. */
export function takeNewSecrets() {
  const { passphrase, host } = takeSecrets();
  if (passphrase && gate.locked) tryPassphrase();
  else if (host) offerHostKey();
}

/** @param {Event} event */
export function givePassphrase(event) {
  event.preventDefault();
  const passphrase = at("passphrase").value;
  if (!passphrase) return showGate(say("passphraseEmpty"));
  keepPassphrase(passphrase);
  tryPassphrase();
}

export function tryPassphrase() {
  clearTimeout(gate.timer);
  if (link.socket) knock();
  else connect();
}

function awaitAnswer() {
  clearTimeout(gate.timer);
  gate.timer = setTimeout(() => link.socket && drawChecking(), SLOW_MS);
}

/**
 * The server refuses the passphrase. A wrong one is not tried again; one that was not checked is, as soon as possible.
 *
 * @param {{ code: string, wait?: number }} refusal
 */
export function refusePassphrase({ code, wait = 0 }) {
  lock();
  if (code === "passphrase_needed") gate.unheard = true;
  const word = wordForError(code);
  if (!word) return;
  if (code === "passphrase_wrong") keepPassphrase("");
  showGate(say(word));
  awaitTry(Date.now() + wait * 1_000);
}

/** @param {string} error */
function showGate(error) {
  drawGate(error);
  at("passphrase").focus();
}

/** @param {number} until */
function awaitTry(until) {
  clearTimeout(gate.timer);
  const rest = Math.ceil((until - Date.now()) / 1_000);
  at("gate-wait").textContent = rest > 0 ? say(gate.passphrase ? "retrying" : "tryAgain", { n: rest }) : "";
  if (rest > 0) gate.timer = setTimeout(awaitTry, 1_000, until);
  else if (gate.passphrase) tryPassphrase();
}

/** The server wants a passphrase, or another one. */
function lock() {
  waitOutside();
  if (gate.locked) return;
  gate.locked = true;
  openDialog()?.close();
  drawDoor();
  showGate("");
}

/**
 * The server lets this page in.
 *
 * @param {{ token?: string }} answer
 */
export function unlock({ token }) {
  clearTimeout(gate.timer);
  if (token) keepToken(token);
  if (gate.unheard) askIn();
  gate.unheard = false;
  if (!gate.locked) return;
  gate.locked = false;
  at("passphrase").value = "";
  drawDoor();
  if (!seat.inside) at("name").focus();
  else at(seat.wanted ? "my-text" : "title").focus();
}

/** Shows what is typed in the field, or hides it again. */
export function showPassphrase() {
  const isShown = at("passphrase").type === "password";
  at("passphrase").type = isShown ? "text" : "password";
  at("show-passphrase").setAttribute("aria-pressed", String(isShown));
}
