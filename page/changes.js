// What has changed and is not drawn yet. Modules that change the state report it here, by the name of the part; draw.js
// draws it in the next frame.

/** @typedef {"people" | "count" | "link" | "me" | "door" | "title" | "posts" | "log"} PartOfRoom */
/** @typedef {PartOfRoom | "stage" | "board" | "spotlight" | "order" | "fit"} Part */
/** @typedef {import("./state.js").User} User */
/** @typedef {import("./state.js").Entry} Entry */

export const changes = {
  /** Users whose boxes have changed. @type {Set<User>} */
  users: new Set(),
  /** @type {Set<Part>} */
  parts: new Set(),
  /** What is new in the log, and posts that have been removed. @type {Entry[]} */
  entries: [],
  /** A key was pressed since the last frame. */
  typed: false,
  /** Asks for a frame. */
  request: () => {},
};

/**
 * These parts have changed.
 *
 * @param {...Part} parts
 */
export function touch(...parts) {
  for (const part of parts) changes.parts.add(part);
  changes.request();
}

/**
 * This user's box has changed.
 *
 * @param {User} user
 */
export function change(user) {
  changes.users.add(user);
  touch();
}

/** Takes what is new in the log, to draw it. */
export function takeEntries() {
  const { entries } = changes;
  changes.entries = [];
  return entries;
}

/** Takes all other changes, to draw them. */
export function takeChanges() {
  const { users, parts } = changes;
  Object.assign(changes, { users: new Set(), parts: new Set() });
  return { users, parts };
}
