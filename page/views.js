// What the reader looks at: a view of the room, an enlarged box, a dialog; and the way back from each.

import { touch } from "./changes.js";
import { all, at, isAtEnd, openDialog } from "./dom.js";
import { depth, keepHistory } from "./history.js";
import { followScope } from "./read-aloud.js";
import { drawChoices } from "./settings.js";
import { drawStage } from "./stage.js";
import { hidden, look, room } from "./state.js";
import { boxOf, redraw, tidy } from "./wall.js";

/** What keeps the screen on. @type {{ lock: WakeLockSentinel | null }} */
const awake = { lock: null };

/** @param {import("./state.js").User} user */
export function enlarge(user) {
  if (look.view === "captions") return;
  look.large = user;
  look.bySpotlight = false;
  look.largeAtEnd = true;
  drawStage();
  touch("stage");
  at("stage-text").focus();
  keepHistory();
}

/** Goes back from the enlarged box. */
export function shrink() {
  if (!look.large) return;
  const box = boxOf(look.large);
  const hadFocus = at("stage").contains(document.activeElement);
  look.large = null;
  look.bySpotlight = false;
  drawStage();
  if (hadFocus) (box && !hidden.has(box.user.name) ? box.text : at("wall")).focus();
  keepHistory();
}

/** The reader has scrolled the enlarged box. */
export function scrollStage() {
  look.largeAtEnd = isAtEnd(at("stage-text"));
}

/** Each box shows the end of its text again, wherever its reader was. */
function followAll() {
  for (const user of room.users.values()) {
    const box = boxOf(user);
    if (!box) continue;
    box.following = true;
    delete box.root.dataset.read;
  }
}

/** @param {import("./address.js").View} view */
export function setView(view) {
  shrink();
  look.view = view;
  tidy(true);
  followAll();
  followScope();
  drawChoices();
  redraw();
  touch("me", "people", "log", "spotlight", "order");
  keepAwake();
  keepHistory();
}

/**
 * Shows only the boxes, as large as they fit, or everything again. Full screen is asked for, and does without.
 *
 * @param {boolean} isOn
 */
export function project(isOn) {
  if (look.projecting === isOn) return;
  if (isOn && look.view !== "wall") setView("wall");
  look.projecting = isOn;
  drawChoices();
  redraw();
  touch("people", "log", "order");
  keepAwake();
  at(isOn ? "from-projector" : "to-projector").focus();
  keepHistory();
  if (isOn) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
}

/** @param {"settings" | "invite" | "confirm" | "save-wall" | "caption-look" | "poster"} id */
export function showDialog(id) {
  at(id).showModal();
  keepHistory();
}

/**
 * The browser went to another entry of the history: because keepHistory asked for it, or because the reader did.
 *
 * @param {PopStateEvent} event
 */
export function goneBack({ state: entry }) {
  if (!look.returning) follow(entry);
  look.returning = false;
  keepHistory();
}

/** @param {{ depth: number, view: import("./address.js").View } | null} entry */
function follow(entry) {
  look.returning = true;
  while (depth() > (entry?.depth ?? 0)) leaveTop();
  if (entry && entry.view !== look.view) setView(entry.view);
}

function leaveTop() {
  const dialog = openDialog();
  if (dialog) dialog.close();
  else if (look.large && !look.bySpotlight) shrink();
  else if (look.projecting) project(false);
  else setView(look.home);
}

/** What an audience looks at should not go dark; only a secure page may ask for that. */
export async function keepAwake() {
  if (document.hidden || !isForAudience()) return void awake.lock?.release();
  if (awake.lock && !awake.lock.released) return;
  awake.lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  if (!isForAudience()) awake.lock?.release();
}

function isForAudience() {
  return look.view === "captions" || look.projecting;
}

/** Closes each dialog with its buttons, and leaves its entry in the history. */
export function listenToDialogs() {
  for (const dialog of /** @type {Iterable<HTMLDialogElement>} */ (all("dialog"))) {
    dialog.addEventListener("close", keepHistory);
    dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  }
}
