// What the browser keeps: choices and the last seats for all tabs, the seat and the passphrase for one tab. A browser
// may forbid storage; then nothing is remembered, and everything else works.

/**
 * @typedef {object} Saved  Choices that are remembered for all tabs.
 * @property {string} [name]
 * @property {string} [theme]
 * @property {string} [language]
 * @property {number} [size]
 * @property {boolean} [enterPosts]
 * @property {string} [alert]
 * @property {boolean | null} [continuous]
 */

const CHOICES = "typewall";

/** The remembered choices. @returns {Saved} */
export function remembered() {
  return readJson(() => localStorage, CHOICES) ?? {};
}

/**
 * Remembers choices beside those that are remembered already.
 *
 * @param {Saved} choice
 */
export function remember(choice) {
  writeJson(() => localStorage, CHOICES, { ...remembered(), ...choice });
}

/**
 * Keeps a value for all tabs.
 *
 * @param {string} key
 * @param {unknown} value
 */
export function keepOnDevice(key, value) {
  writeJson(() => localStorage, key, value);
}

/**
 * What was kept for all tabs, or null.
 *
 * @param {string} key
 */
export function keptOnDevice(key) {
  return readJson(() => localStorage, key);
}

/**
 * Keeps a value for this tab, also through a reload.
 *
 * @param {string} key
 * @param {unknown} value
 */
export function keepInTab(key, value) {
  writeJson(() => sessionStorage, key, value);
}

/**
 * What was kept for this tab, or null.
 *
 * @param {string} key
 */
export function keptInTab(key) {
  return readJson(() => sessionStorage, key);
}

// The storage itself is asked for inside: where it is forbidden, even that throws.

/**
 * @param {() => Storage} storage
 * @param {string} key
 */
function readJson(storage, key) {
  try {
    return JSON.parse(storage().getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {unknown} value
 */
function writeJson(storage, key, value) {
  try {
    storage().setItem(key, JSON.stringify(value));
  } catch {
    // nothing is remembered
  }
}
