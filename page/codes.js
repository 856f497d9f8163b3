// Codes of the server, and the page's words for them. The page never parses a sentence of the server; it only shows one
// if it does not know the code.

/** @typedef {import("./words.js").WordKey} WordKey */

/** A close frame: the server stops. */
export const GOING_AWAY = 1001;
/** A close frame: the server cannot take this connection now; the reason is one of REASONS. */
export const TRY_AGAIN = 1013;
/** A close frame: a later connection has the seat. */
export const SEAT_TAKEN = 4001;
/** A close frame: this client reads too slowly. */
export const TOO_SLOW = 4002;
/** A close frame: the passphrase did not come in time. */
export const PASSPHRASE_TIMEOUT = 4003;

/** A close frame: a host has removed this person. */
export const REMOVED = 4004;

/** @type {Map<number, WordKey>} */
const CLOSE_CODES = new Map([
  [GOING_AWAY, "stopping"],
  [SEAT_TAKEN, "taken"],
  [TOO_SLOW, "tooSlow"],
  [PASSPHRASE_TIMEOUT, "needsPassphrase"],
  [REMOVED, "removed"],
]);

/** @type {Map<string, WordKey>} */
const REASONS = new Map([
  ["server_full", "serverFull"],
  ["address_full", "addressFull"],
  ["rooms_full", "roomsFull"],
  ["room_full", "roomFull"],
  ["server_busy", "serverBusy"],
]);

/** @type {Map<string, WordKey>} */
const ERRORS = new Map([
  ["passphrase_wrong", "passphraseWrong"],
  ["passphrase_wait", "passphraseWait"],
  ["room_full", "roomFull"],
  ["name_empty", "nameEmpty"],
  ["name_too_long", "nameTooLong"],
  ["text_too_long", "textTooLong"],
  ["not_stored", "notStored"],
  ["not_removed", "notRemoved"],
  ["memory_full", "memoryFull"],
  ["post_empty", "postEmpty"],
  ["locked", "lockedOut"],
  ["removed", "removedOut"],
  ["frozen", "roomFrozen"],
  ["host_key_wrong", "hostKeyWrong"],
  ["host_key_wait", "hostKeyWait"],
  ["no_hosts", "noHosts"],
  ["not_host", "notHost"],
  ["unknown_user", "unknownUser"],
  ["unknown_post", "unknownPost"],
  ["prompt_too_long", "promptTooLong"],
  ["hosts_full", "hostsFull"],
  ["state_not_stored", "stateNotStored"],
]);

/** Refusals of the host key. */
const KEY_ERRORS = new Set(["host_key_wrong", "host_key_wait", "no_hosts"]);
/** Refusals of what hosts do, whether or not they have a box; `remove_post` is for authors too. */
const HOST_ERRORS = new Set([
  "not_host", "unknown_user", "unknown_post", "prompt_too_long", "hosts_full", "state_not_stored", "not_removed",
]);

/** A room that hosts have closed to this person; even if they had a seat there before. @param {string} code */
export function isAboutEntry(code) {
  return code === "locked" || code === "removed";
}

/** @param {string} code */
export function isAboutKey(code) {
  return KEY_ERRORS.has(code);
}

/** @param {string} code */
export function isAboutHosting(code) {
  return HOST_ERRORS.has(code);
}

/**
 * The word for the end of a connection.
 *
 * @param {{ code: number, reason: string, failures: number, isOffline: boolean }} end  `failures` counts the attempts
 *   since the last connection that worked, this one included
 * @returns {WordKey}
 */
export function wordForEnd({ code, reason, failures, isOffline }) {
  if (code === TRY_AGAIN) return REASONS.get(reason) ?? "serverBusy";
  const known = CLOSE_CODES.get(code);
  if (known) return known;
  if (isOffline) return "offline";
  return failures > 1 ? "silent" : "lost";
}

/**
 * The word for an `error` event, if there is one.
 *
 * @param {string} code
 */
export function wordForError(code) {
  return ERRORS.get(code);
}
