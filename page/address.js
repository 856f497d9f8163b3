// What the page's address asks for, together with what is remembered; docs/page.md lists it. Values that are not known
// are ignored.

import { captionLookIn, namesIn } from "./caption-address.js";

/** @typedef {"wall" | "captions" | "log"} View */
/** @typedef {"auto" | "light" | "dark"} Theme */

export const SIZES = [50, 75, 100, 125, 150, 200, 250, 300, 400];
/** @type {View[]} */
const VIEWS = ["wall", "captions", "log"];
/** @type {Theme[]} */
const THEMES = ["auto", "light", "dark"];
/** @type {import("./alerts.js").Alert[]} */
const ALERTS = ["nothing", "sound", "notification"];
const USUAL_SIZE = 100;

/**
 * What the address asks for that lasts as long as the page.
 *
 * @param {URLSearchParams} query
 */
export function askedIn(query) {
  const room = query.get("room")?.trim() ?? "";
  return {
    room,
    roomKey: (room || "lobby").normalize("NFKC").toLowerCase(),
    name: query.get("name"),
    only: namesIn(query),
    captions: captionLookIn(query),
    leftOut: (query.get("hide") ?? "").split(",").map((part) => part.trim()),
    showsCode: query.get("show") === "qr",
  };
}

/**
 * The secrets at the end of a link, none of which reaches a server by itself: the passphrase and the host key.
 *
 * @param {string} hash
 * @returns {{ passphrase?: string, host?: string }}
 */
export function secretsIn(hash) {
  const host = /[#&]host=([^&]+)/.exec(hash);
  const rest = host ? hash.replace(host[0], host[0].startsWith("#") ? "#" : "") : hash;
  const passphrase = /^#&?key=(.+)$/s.exec(rest)?.[1];
  return { passphrase: passphrase && decoded(passphrase), host: host?.[1] && decoded(host[1].replaceAll("+", " ")) };
}

/** @param {string} text */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody wrote it by hand
  }
}

/**
 * The view that the address asks for.
 *
 * @param {URLSearchParams} query
 */
export function viewIn(query) {
  return oneOf(query.get("view"), VIEWS) ?? "wall";
}

/**
 * The choices to start with: the address wins over what is remembered.
 *
 * @param {URLSearchParams} query
 * @param {import("./storage.js").Saved} saved
 */
export function choicesIn(query, saved) {
  const size = Number(query.get("size")) || saved.size || USUAL_SIZE;
  return {
    theme: oneOf(query.get("theme"), THEMES) ?? oneOf(saved.theme, THEMES) ?? "auto",
    size: Math.min(Math.max(size, SIZES[0]), SIZES[SIZES.length - 1]),
    fits: query.get("size") === "fit",
    enterPosts: saved.enterPosts ?? false,
    alert: oneOf(saved.alert, ALERTS) ?? "nothing",
    continuous: saved.continuous ?? null,
  };
}

/**
 * The next larger size, or the next smaller one for a negative step; the same at the end.
 *
 * @param {number} size
 * @param {number} step
 */
export function nextSize(size, step) {
  const next = step > 0 ? SIZES.find((other) => other > size) : SIZES.findLast((other) => other < size);
  return next ?? size;
}

/**
 * @template {string} Value
 * @param {string | null | undefined} value
 * @param {Value[]} allowed
 */
function oneOf(value, allowed) {
  return allowed.find((other) => other === value);
}
