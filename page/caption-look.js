// What the captions look like: draws what the address asks for, by custom properties.

import { LOOKS, brightnessOf } from "./caption-address.js";
import { at } from "./dom.js";
import { asked, look } from "./state.js";

/** Families that every system has. */
const FAMILIES = /** @type {Record<string, string>} */ ({ sans: "sans-serif", serif: "serif", mono: "monospace" });

/** A colour is bright when black is read on it better than white. */
const BRIGHT = 0.18;

export function drawCaptionLook() {
  const root = document.documentElement;
  const { captions } = asked;
  for (const key of LOOKS) setProperty(root, `--caption-${key}`, captions[key]);
  const { font } = captions;
  setProperty(root, "--caption-font", font && (FAMILIES[font] ?? `"${font}", sans-serif`));
  root.classList.toggle("bare", isBare());
  at("room").classList.toggle("few-lines", captions.lines !== "");
  const { fg, bg } = captionColours();
  const isDark = isBare() ? isBright(fg) : !isBright(bg);
  at("wall-area").style.colorScheme = look.view === "captions" && captions.bg ? (isDark ? "dark" : "light") : "";
  root.style.setProperty("--halo", isBright(fg) ? "#000000" : "#ffffff");
}

/** True if nothing but the letters is shown, as for a picture that is laid over another. */
export function isBare() {
  return look.view === "captions" && asked.captions.bg === "transparent";
}

/** The colours in use, as red, green and blue. */
export function captionColours() {
  const { color, backgroundColor } = getComputedStyle(at("wall-area"));
  return { fg: rgbOf(color), bg: rgbOf(backgroundColor) };
}

/** @param {string} colour  as a browser computes it */
function rgbOf(colour) {
  return (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}

/** @param {number[]} colour */
function isBright(colour) {
  return brightnessOf(colour) > BRIGHT;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value  empty for none
 */
function setProperty({ style }, name, value) {
  if (value) style.setProperty(name, value);
  else style.removeProperty(name);
}
