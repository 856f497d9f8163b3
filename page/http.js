// What the server says over HTTP.

import { gate } from "./state.js";

/**
 * The body of an answer, or null if there is none. The passphrase goes in a header, because addresses are written into
 * logs. Credentials are omitted then, or the browser would show its own prompt for a name and a password.
 *
 * @param {string} path
 * @param {{ [field: string]: string }} values
 * @param {{ [name: string]: string }} [headers]
 * @returns {Promise<Response | null>}
 */
export async function fetched(path, values, headers = {}) {
  if (gate.passphrase) headers.Authorization = `Basic ${inBase64(`:${gate.passphrase}`)}`;
  const credentials = gate.passphrase ? "omit" : "same-origin";
  try {
    const answer = await fetch(`${path}?${new URLSearchParams(values)}`, { headers, credentials });
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}

/** @param {string} text */
function inBase64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/**
 * The body of an answer as text, or null.
 *
 * @param {Response | null} answer
 */
export async function textOf(answer) {
  return (await answer?.text().catch(() => null)) ?? null;
}
