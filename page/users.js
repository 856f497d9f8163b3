// Users as the server describes them.

import { lookOf } from "./marks.js";

/**
 * A user as the server describes one.
 *
 * @param {string} id
 * @param {{ name: string, mark?: number, text?: string, wrote?: boolean, away?: boolean }} said
 * @returns {import("./state.js").User}
 */
export function newUser(id, { name, mark, text = "", wrote = text !== "", away = false }) {
  const status = { away, typing: false, typedAt: 0, gone: false, missing: false };
  return { id, name, text, wrote, look: lookOf(name, mark), said: [], posted: [], ...status };
}
