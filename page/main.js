// Starts the page: reads the address, learns the language, takes a seat and connects.

import { askedIn, choicesIn, viewIn } from "./address.js";
import { changes } from "./changes.js";
import { connect, handleConnection } from "./connection.js";
import { at } from "./dom.js";
import { drawDoor } from "./door.js";
import { startDrawing } from "./draw.js";
import { hideAgain } from "./hiding.js";
import { keepHistory } from "./history.js";
import { listen } from "./listeners.js";
import { deviceSeat, offerSeat } from "./offer.js";
import { findSecrets, knock } from "./passphrase.js";
import { noticeEnd, receive } from "./receive.js";
import { isTaken, sitDown, takeSeat } from "./seat.js";
import { drawWords, learn } from "./settings.js";
import { charactersIn } from "./splices.js";
import { asked, choices, look, seat } from "./state.js";
import { remembered } from "./storage.js";
import { languageFor, say, tongue, useOwnWords } from "./words.js";

/** The first screen waits this long for the words of another language than the document's. */
const WORDS_MS = 1_000;
/** Characters in the name of a room, as the server limits them. */
const ROOM_CHARACTERS = 64;

async function start() {
  if (!at("too-old").hidden) return;
  const query = new URLSearchParams(location.search);
  const saved = remembered();
  readAddress(query, saved);
  await speakFirst([query.get("lang"), saved.language, ...(navigator.languages ?? [])]);
  startDrawing();
  drawWords();
  listen();
  const { early } = /** @type {any} */ (window); // what was clicked before
  findSecrets();
  keepHistory();
  at("name").value ||= asked.name?.trim() || saved.name || "";
  await takePlace();
  early?.click();
}

/**
 * @param {URLSearchParams} query
 * @param {import("./storage.js").Saved} saved
 */
function readAddress(query, saved) {
  Object.assign(asked, askedIn(query));
  Object.assign(choices, choicesIn(query, saved));
  look.view = viewIn(query);
  look.home = history.state?.home ?? look.view;
  hideAgain();
}

/**
 * Speaks the first of these languages that the page has. The server has chosen by the same wishes, except for a
 * language that this browser remembers.
 *
 * @param {(string | null | undefined)[]} wishes
 */
async function speakFirst(wishes) {
  useOwnWords(document.documentElement.lang);
  const language = languageFor(wishes, [...at("language").options].map(({ value }) => value));
  if (language !== tongue.language) await learnSoon(language);
}

/**
 * Learns a language; waits for it, but not for long.
 *
 * @param {string} language
 */
async function learnSoon(language) {
  const learning = learn(language);
  const late = Symbol("late");
  const soon = await Promise.race([learning, new Promise((done) => setTimeout(done, WORDS_MS, late))]);
  if (soon === late) learning.then((isLearned) => isLearned && drawWords());
}

async function takePlace() {
  const kept = takeSeat();
  sitDown(kept);
  if (charactersIn(asked.room) > ROOM_CHARACTERS) return refuseRoom();
  if (kept && (await isTaken(kept))) sitDown(null);
  const before = seat.inside ? undefined : deviceSeat();
  if (before) isTaken(before).then((taken) => taken || offerSeat(before));
  handleConnection({ opened: knock, received: receive, lost: noticeEnd });
  connect();
}

/** The server would refuse a room with this name. */
function refuseRoom() {
  seat.inside = false;
  drawDoor();
  at("join").hidden = true;
  at("door-link").textContent = say("roomTooLong", { n: ROOM_CHARACTERS });
  changes.parts.clear();
}

start();
