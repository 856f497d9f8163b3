// Fetches parts of the page when they are first used. In the source that is `import("./invite.js")`; the build makes a
// file of each part, and turns the import into a call of fetchPart.

import { notice } from "./board.js";
import { say } from "./words.js";

/** The parts that are there or on their way, by their URLs. @type {Map<string, Promise<any>>} */
const fetching = new Map();
/** How often a part did not arrive, and whether this person sees that one did not. */
const failures = { count: 0, shown: false };

/** @param {string} file */
export function fetchPart(file) {
  // Some browsers remember that an import has failed, so each try has a URL of its own.
  const url = failures.count ? `${file}?${failures.count}` : file;
  const part = fetching.get(file) ?? import(url);
  fetching.set(file, part);
  part.catch(() => fetching.delete(file) && (failures.count += 1));
  return part;
}

/**
 * Uses a part once it is there. If it does not arrive, this person is told, and the next use tries again.
 *
 * @template Part
 * @param {Promise<Part>} arriving
 * @param {(part: Part) => void} use
 */
export async function withPart(arriving, use) {
  const part = await arriving.catch(() => null);
  if (failures.shown === Boolean(part)) notice(part ? "" : say("partMissing")); // else it would be drawn for ever
  failures.shown = !part;
  if (part) use(part);
}
