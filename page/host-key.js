// The host key: from the host link, or from before a reload of the tab. It is kept for the tab alone, and is in no link
// that the page shows.

import { notice } from "./board.js";
import { wordForError } from "./codes.js";
import { send } from "./connection.js";
import { hostKey } from "./state.js";
import { keepInTab, keptInTab } from "./storage.js";
import { say } from "./words.js";

/** The names under which the tab's own storage has the key, and the server's token for it. */
const HOST_KEY = "typewall host";
const HOST_TOKEN = "typewall host token";

/** The key from before a reload, if there was one. */
export function findHostKey() {
  hostKey.key = keptInTab(HOST_KEY) ?? "";
  hostKey.token = keptInTab(HOST_TOKEN) ?? "";
}

/** @param {string} key */
export function keepHostKey(key) {
  hostKey.key = key;
  keepInTab(HOST_KEY, key || null);
}

/** Proves that this page is a host's, on each new connection. */
export function offerHostKey() {
  clearTimeout(hostKey.timer);
  const { key, token } = hostKey;
  if (key) send("host", token ? { key, token } : { key });
}

/**
 * The server has accepted the key.
 *
 * @param {{ token?: string }} answer
 */
export function confirmHostKey({ token = "" }) {
  hostKey.token = token;
  keepInTab(HOST_TOKEN, token || null);
  clearTimeout(hostKey.timer);
  notice("");
}

/**
 * The server refuses the key. A wrong one is not tried again; one that was not checked is, as soon as possible.
 *
 * @param {{ code: string, message: string, wait?: number }} refusal
 */
export function refuseHostKey({ code, message, wait = 1 }) {
  clearTimeout(hostKey.timer);
  const word = wordForError(code);
  notice(word ? say(word) : message);
  if (code === "host_key_wait") hostKey.timer = setTimeout(offerHostKey, wait * 1_000);
  else keepHostKey("");
}
