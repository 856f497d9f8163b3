// The posts that are not confirmed. One at a time is on its way, so their order never changes; and each has a ref, by
// which the server knows it when it is sent again.

/** @typedef {import("./state.js").Pending} Pending */

/**
 * @typedef {object} Queue
 * @property {Pending[]} pending  the one that was posted first comes first
 * @property {string | null} underWay  the ref of the one that was sent on this connection, and is not answered
 * @property {number} refusals  how often in a row the server could not store the first
 * @property {number} pause  the timer until the first is sent again; 0 for none
 */

/**
 * Pauses before a post that the server could not store is sent again. In 15 s, a server that is cut off from the others
 * has long said so, and a store that was locked or restarted is back. If the disk is full, somebody has to be told.
 */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];

/**
 * The post to send now, if any.
 *
 * @param {Queue} queue
 */
export function nextIn({ pending, underWay, pause }) {
  return underWay === null && !pause ? pending[0] : undefined;
}

/**
 * A post was sent. From now on the server may have it, whatever becomes of the connection.
 *
 * @param {Queue} queue
 * @param {Pending} pending
 */
export function noteSent(queue, pending) {
  queue.underWay = pending.ref;
  pending.sent = true;
}

/**
 * Sends everything anew: on a new connection, or because the server takes posts again.
 *
 * @param {Queue} queue
 */
export function renew(queue) {
  clearTimeout(queue.pause);
  Object.assign(queue, { underWay: null, refusals: 0, pause: 0 });
}

/**
 * The server has stored a post. Returns it, if it was not confirmed before.
 *
 * @param {Queue} queue
 * @param {string | undefined} ref
 */
export function noteStored(queue, ref) {
  const stored = queue.pending.find((pending) => pending.ref === ref);
  if (!stored) return undefined;
  const wasFirst = stored === queue.pending[0];
  queue.pending = queue.pending.filter((pending) => pending !== stored);
  if (wasFirst) renew(queue);
  return stored;
}

/**
 * The server does not have a post, and may take it later. Returns false if it is no longer wanted.
 *
 * @param {Queue} queue
 * @param {string | undefined} ref
 */
export function keep(queue, ref) {
  const [first] = queue.pending;
  if (!first || first.ref !== ref) return false;
  queue.underWay = null;
  first.sent = false;
  return true;
}

/**
 * How long to wait before the first post is sent again, which the server could not store; undefined if it was tried for
 * long enough.
 *
 * @param {Queue} queue
 */
export function pauseIn(queue) {
  queue.refusals += 1;
  return PAUSES_MS[queue.refusals - 1];
}

/**
 * Removes a post that is not to be sent, and those behind it, whose texts stand behind its text. Returns them.
 *
 * @param {Queue} queue
 * @param {string | undefined} ref
 */
export function drop(queue, ref) {
  const at = queue.pending.findIndex((pending) => pending.ref === ref);
  if (at < 0) return [];
  if (at === 0) renew(queue);
  return queue.pending.splice(at);
}

/**
 * The person has changed the box. A post that the server does not have, and whose text is no longer there as it was
 * posted, is taken back, with those behind it. A part of a continuous text moves with its text.
 *
 * @param {Queue} queue
 * @param {string} text  of the box
 */
export function takeBack(queue, text) {
  let start = 0;
  for (const pending of queue.pending.filter(({ out }) => !out)) {
    const isThere = pending.extent !== undefined || text.startsWith(pending.text, start);
    if (!isThere) return void (pending.sent || drop(queue, pending.ref));
    start += pending.extent ?? pending.text.length;
  }
}
