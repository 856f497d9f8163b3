// The panel that sets what the captions look like, at once and in the address.

import { ALIGNS, RANGES, captionLookIn, contrastOf } from "./caption-address.js";
import { captionColours, isBare } from "./caption-look.js";
import { touch } from "./changes.js";
import { at, element } from "./dom.js";
import { keepHistory } from "./history.js";
import { drawChoices } from "./settings.js";
import { asked } from "./state.js";
import { showDialog } from "./views.js";
import { redraw } from "./wall.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").WordKey} WordKey */

/** What can be set, with the type of its field and its word. @type {[name: string, type: string, word: WordKey][]} */
const FIELDS = [
  ["only", "text", "onlyPeople"], ["fg", "color", "textColour"], ["bg", "color", "background"],
  ["transparent", "checkbox", "transparent"], ["font", "text", "font"], ["lines", "number", "lines"],
  ["align", "select", "align"], ["spacing", "number", "spacing"], ["pad", "number", "margin"],
  ["delay", "number", "delay"], ["names", "checkbox", "hideNames"], ["header", "checkbox", "hideHeader"],
];
/** Text needs this contrast. */
const CONTRAST = 4.5;

export function openCaptionLook() {
  at("caption-fields").oninput = setCaptionLook;
  at("reset-captions").onclick = resetCaptionLook;
  drawSize();
  drawFields();
  showDialog("caption-look");
}

/** The text size is that of the settings. */
function drawSize() {
  const setting = /** @type {HTMLElement} */ (at("size-setting").cloneNode(true));
  setting.removeAttribute("id");
  at("caption-size").replaceChildren(setting);
}

function drawFields() {
  const families = element("datalist");
  families.id = "families";
  families.append(...["sans", "serif", "mono"].map((family) => new Option(family)));
  at("caption-fields").replaceChildren(...FIELDS.map(newField), families);
  drawContrast();
}

/** @param {typeof FIELDS[number]} field */
function newField([name, type, word]) {
  const label = element("label", "setting");
  const input = type === "select" ? element("select") : Object.assign(element("input"), { type, autocomplete: "off" });
  if (type === "select") input.append(new Option("—", ""), ...ALIGNS.map(newAlign));
  if (name in RANGES) {
    const [min, max] = RANGES[/** @type {keyof typeof RANGES} */ (name)];
    Object.assign(input, { min, max, step: name === "spacing" ? 0.1 : 1 });
  }
  if (name === "font") input.setAttribute("list", "families");
  input.name = name;
  const isChecked = name === "transparent" ? isBare() : asked.leftOut.includes(name);
  if (type === "checkbox") Object.assign(input, { checked: isChecked });
  else input.value = shownValue(name);
  label.append(element("span", "", say(word)), input);
  return label;
}

/** @param {string} align */
function newAlign(align) {
  return new Option(say(/** @type {WordKey} */ (align)), align);
}

/** @param {string} name */
function shownValue(name) {
  if (name === "only") return asked.only.join(", ");
  if (name !== "fg" && name !== "bg") return asked.captions[/** @type {"font"} */ (name)];
  return `#${captionColours()[name].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** A field has changed. @param {Event} event */
function setCaptionLook({ target }) {
  const { name, value, checked } = /** @type {HTMLInputElement} */ (target);
  if (name === "only") asked.only = value.split(",").map((one) => one.trim()).filter(Boolean);
  else if (name === "names" || name === "header") leaveOut(name, checked);
  else {
    const change = name === "transparent" ? { bg: checked ? name : "" } : { [name]: value };
    asked.captions = captionLookIn(new URLSearchParams({ ...asked.captions, ...change }));
  }
  showLook();
}

/**
 * @param {string} part
 * @param {boolean} isOut
 */
function leaveOut(part, isOut) {
  asked.leftOut = [...asked.leftOut.filter((other) => other !== part), ...(isOut ? [part] : [])];
}

/** Everything looks as usual again. */
function resetCaptionLook() {
  asked.captions = captionLookIn(new URLSearchParams());
  asked.only = [];
  for (const part of ["names", "header"]) leaveOut(part, false);
  showLook();
  drawFields();
}

function showLook() {
  drawChoices();
  redraw();
  touch("people");
  keepHistory();
  drawContrast();
}

function drawContrast() {
  const { fg, bg } = captionColours();
  at("low-contrast").hidden = isBare() || contrastOf(fg, bg) >= CONTRAST;
}
