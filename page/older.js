// What the oldest browsers lack in which the page works: each function here uses it where it is there.

/**
 * A text in which half a surrogate pair, which cannot be sent, is replaced.
 *
 * @param {string} text
 */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/**
 * True if an element is laid out.
 *
 * @param {Element} element
 */
export function isLaidOut(element) {
  return element.checkVisibility?.() ?? element.getClientRects().length > 0;
}

/** @param {string} text */
export function isAddress(text) {
  try {
    return Boolean(new URL(text));
  } catch {
    return false;
  }
}
