// Waits, each with a bound.

import { once } from "node:events";

const WAIT_MS = 15_000;
const POLL_MS = 40;

// Until a condition holds; it may be asked for again and again. A condition that throws does not hold yet: the element that
// it looks into may not have been drawn.
export async function until(condition, what) {
  const deadline = Date.now() + WAIT_MS;
  let seen;
  while (Date.now() < deadline) {
    try {
      seen = await condition();
    } catch (error) {
      seen = String(error);
    }
    if (seen === true) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`In ${WAIT_MS / 1_000} s it did not come about that ${what}; at last: ${JSON.stringify(seen)}`);
}

// What a promise gives, if it comes in time.
export async function before(ms, complaint, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(complaint)), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Ends a process that was started here.
export async function end(child) {
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
