// The settings: theme, text size, language, and whether Enter posts.

import { nextSize } from "./address.js";
import { drawCaptionLook, isBare } from "./caption-look.js";
import { touch } from "./changes.js";
import { all, at } from "./dom.js";
import { drawTitle } from "./head.js";
import { drawHiddenPeople } from "./hiding.js";
import { retellLog } from "./log.js";
import { withPart } from "./parts.js";
import { drawReader } from "./read-aloud.js";
import { asked, choices, look } from "./state.js";
import { remember } from "./storage.js";
import { labelBoxes, redraw } from "./wall.js";
import { say, tongue, useWords, wordsOf } from "./words.js";

/** @typedef {import("./words.js").WordKey} WordKey */

/** Only a secure page may show notifications, and not every browser can. */
const canNotify = isSecureContext && "Notification" in window;

/** Draws what is chosen: theme, size, view, and which parts are left out. */
export function drawChoices() {
  const root = document.documentElement;
  root.dataset.theme = choices.theme;
  root.style.setProperty("--size", String(choices.size / 100));
  at("room").dataset.view = look.view;
  for (const part of ["log", "header", "me", "empty", "names"]) {
    at("room").classList.toggle(`no-${part}`, isLeftOut(part));
  }
  at("room").classList.toggle("projecting", look.projecting);
  for (const button of all("[data-view-to]")) {
    button.setAttribute("aria-pressed", String(button.dataset.viewTo === look.view));
  }
  drawCaptionLook();
  at("sizes").hidden = at("read-captions").hidden = look.view !== "captions";
  const size = choices.fits ? say("fit") : tongue.percent.format(choices.size / 100);
  for (const output of all(".size")) output.textContent = size;
  at("skip-to-log").hidden = isLeftOut("log");
  at("theme").value = choices.theme;
  at("language").value = tongue.language;
  at("enter-posts").checked = choices.enterPosts;
  drawAlerts();
  drawReader();
  drawHiddenPeople();
}

/** A projector shows nothing but the boxes. @param {string} part */
function isLeftOut(part) {
  const isAlone = look.projecting || isBare();
  return asked.leftOut.includes(part) || (isAlone && part !== "empty" && part !== "names");
}

/** Draws everything that has words in it. */
export function drawWords() {
  document.documentElement.lang = tongue.language;
  document.documentElement.dir = tongue.direction;
  for (const part of all("[data-say]")) part.textContent = say(/** @type {WordKey} */ (part.dataset.say));
  for (const part of all("[data-label]")) {
    part.setAttribute("aria-label", say(/** @type {WordKey} */ (part.dataset.label)));
  }
  at("question").placeholder = say("question");
  document.documentElement.style.setProperty("--more", JSON.stringify(say("more")));
  at("my-text").placeholder = say("writeHere");
  drawChoices();
  drawTitle();
  labelBoxes();
  retellLog();
  redraw();
  touch("me", "link", "people", "posts", "log", "stage", "board");
}

/**
 * Changes the theme, or whether Enter posts.
 *
 * @param {Partial<typeof choices>} choice
 */
export function choose(choice) {
  remember(choice);
  Object.assign(choices, choice);
  drawChoices();
  touch("me");
}

/** A notification can be chosen only where it is allowed. */
function drawAlerts() {
  at("alert").value = choices.alert;
  at("alert").options[2].disabled = !canNotify || Notification.permission === "denied";
}

/** Changes what tells of posts by others. The old choice stands until the new one is allowed. */
export async function chooseAlert() {
  const wanted = /** @type {any} */ (at("alert").value);
  await withPart(import("./alerts.js"), async ({ allowedAlert }) => choose({ alert: await allowedAlert(wanted) }));
  drawAlerts();
}

/**
 * Changes the language. If its words cannot be fetched, the page keeps the one that it has.
 *
 * @param {string} language
 */
export async function chooseLanguage(language) {
  if (await learn(language)) remember({ language });
  drawWords();
}

/**
 * Fetches the words of a language and uses them from then on; false if they cannot be fetched, or if another language
 * is wanted by then.
 *
 * @param {string} language
 */
export async function learn(language) {
  choices.language = language;
  const words = await wordsOf(language);
  const isWanted = words !== null && choices.language === language;
  if (isWanted) useWords(language, words);
  return isWanted;
}

/** @param {number} step */
export function resize(step) {
  Object.assign(choices, { size: nextSize(choices.size, step), fits: false });
  remember({ size: choices.size });
  drawChoices();
  touch("people", "log");
}
