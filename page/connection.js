// The connection: opens the WebSocket, notices when it breaks, and tries again.

import { touch } from "./changes.js";
import { GOING_AWAY, PASSPHRASE_TIMEOUT, REMOVED, SEAT_TAKEN, wordForEnd } from "./codes.js";
import { isRefused } from "./http.js";
import { asked, link } from "./state.js";

/** A connection has this long to open. */
const OPEN_MS = 10_000;
/** After this long without a word from the server, the page asks for one. */
const QUIET_MS = 10_000;
/** A connection that may be dead has this long to answer. */
const PROBE_MS = 4_000;
/** The longest wait before the first new attempt. */
const FIRST_RETRY_MS = 500;
/** The longest wait before any attempt. */
const LAST_RETRY_MS = 15_000;
/** A room comes back within this time to a server that restarts. */
const RESTART_SPREAD_MS = 4_000;

/** After these ends of a connection, the page does not try again by itself. */
const FINAL = [SEAT_TAKEN, PASSPHRASE_TIMEOUT, REMOVED];

/** What happens when a connection opens or ends, and for each event; main.js sets it. */
const handlers = {
  opened: () => {},
  /** @type {(code: number) => void} */
  lost: () => {},
  /** @type {(event: string, data: any) => void} */
  received: () => {},
};

/** @param {typeof handlers} wanted */
export function handleConnection(wanted) {
  Object.assign(handlers, wanted);
}

export function connect() {
  const socket = new WebSocket(socketAddress());
  const deadline = setTimeout(() => lose(socket), OPEN_MS);
  Object.assign(link, { socket, retryAt: 0, resyncing: false });
  touch("link");
  socket.onopen = () => {
    clearTimeout(deadline);
    link.heardAt = performance.now();
    watchOver(socket);
    handlers.opened();
  };
  socket.onmessage = ({ data }) => {
    link.heard += 1;
    link.heardAt = performance.now();
    const [event, value] = JSON.parse(data);
    if (link.socket === socket) handlers.received(event, value);
  };
  socket.onclose = (end) => {
    clearTimeout(deadline);
    lose(socket, end);
  };
}

/** The first event of the room has come: the connection works. */
export function confirmConnection() {
  Object.assign(link, { failures: 0, status: "connected", retryAt: 0, resyncing: false });
  touch("link");
}

/** The server waits for the passphrase, and so does the connection. */
export function waitOutside() {
  Object.assign(link, { failures: 0, status: "needsPassphrase", retryAt: 0 });
  touch("link");
}

/** A text here is not what the server believes it is: the whole room is asked for again, once. */
export function resync() {
  link.resyncing ||= send("resync", {});
}

function socketAddress() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = String(new URLSearchParams({ room: asked.room, splice: "1" }));
  return url;
}

/**
 * A connection has ended. A dead one reports that much later, when there is another one already: hence the check.
 *
 * @param {WebSocket | null} socket
 */
export function lose(socket, { code = 0, reason = "" } = {}) {
  if (!socket || link.socket !== socket) return;
  link.socket = null;
  socket.close();
  link.failures += 1;
  const word = wordForEnd({ code, reason, failures: link.failures, isOffline: navigator.onLine === false });
  if (word === "silent") explainSilence();
  // A server that has refused this page says so again after each attempt, and the words need not change in between.
  if (word !== "silent" || link.status !== "refused") link.status = word;
  if (!FINAL.includes(code)) retryLater(code);
  handlers.lost(code);
  touch("link", "me");
}

/** A browser does not tell a page that the server has refused its WebSocket. */
async function explainSilence() {
  const status = (await isRefused()) ? "refused" : "silent";
  if (link.status !== "silent" && link.status !== "refused") return;
  link.status = status;
  touch("link");
}

/** Closes the connection with a goodbye, after which the server keeps no seat. */
export function hangUp() {
  link.socket?.close(1000);
  link.socket = null;
}

/**
 * Tries again at a random moment within a time that doubles with every failure, so that a room does not come back all
 * at once. The first wait is short, because most connections that break do so alone; a server that restarts, or does
 * not answer, takes all of them with it.
 *
 * @param {number} code
 */
export function retryLater(code) {
  const least = code === GOING_AWAY || link.failures > 1 ? RESTART_SPREAD_MS : FIRST_RETRY_MS;
  const most = Math.min(Math.max(FIRST_RETRY_MS * 2 ** (link.failures - 1), least), LAST_RETRY_MS);
  link.retryAt = Date.now() + Math.random() * most;
  tick();
}

function tick() {
  if (link.socket || !link.retryAt) return;
  touch("link");
  const rest = link.retryAt - Date.now();
  if (rest <= 0) connect();
  else setTimeout(tick, Math.min(rest, 1_000));
}

/** A phone that slept has a socket that only looks open. */
export function checkConnection() {
  if (!link.socket) return void (link.retryAt && connect());
  probe(link.socket);
}

/**
 * A cable that was pulled ends no connection: the browser would notice after minutes.
 *
 * @param {WebSocket} socket
 */
function watchOver(socket) {
  if (link.socket !== socket) return;
  const rest = link.heardAt + QUIET_MS - performance.now();
  if (rest > 0) setTimeout(watchOver, rest, socket);
  else probe(socket, watchOver);
}

/**
 * Gives up a connection on which the server does not answer.
 *
 * @param {WebSocket} socket
 * @param {(socket: WebSocket) => void} [answered]
 */
function probe(socket, answered = () => {}) {
  const { heard } = link;
  const judge = () => (link.heard === heard ? lose(socket) : answered(socket));
  if (send("ping", {})) setTimeout(judge, PROBE_MS);
}

/**
 * Sends an event; false if there is no connection to send it on.
 *
 * @param {string} event
 * @param {object} data
 */
export function send(event, data) {
  if (link.socket?.readyState !== WebSocket.OPEN) return false;
  link.socket.send(JSON.stringify([event, data]));
  return true;
}
