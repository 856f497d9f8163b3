// What the server says over HTTP.

import { gate } from "./state.js";

/** The server has this long to say whether it accepts this page. */
const ANSWER_MS = 10_000;

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
  if (gate.token) headers["Typewall-Token"] = gate.token;
  const credentials = gate.passphrase ? "omit" : "same-origin";
  try {
    const answer = await fetch(`${path}?${new URLSearchParams(values)}`, { headers, credentials });
    return answer.ok ? answer : null;
  } catch {
    return null;
  }
}

/**
 * True if the server does not accept the address of this page. It decides by the Origin header, which a request that
 * only reads lacks; hence a POST, although no route takes one.
 */
export async function isRefused() {
  const signal = AbortSignal.timeout?.(ANSWER_MS);
  const answer = await fetch("healthz", { method: "POST", signal }).catch(() => null);
  return answer?.status === 403;
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
