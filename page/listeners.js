// Connects the document and the window to the modules that handle their events.

import { watchBoard } from "./board.js";
import { touch } from "./changes.js";
import { confirmed, removePost } from "./commands.js";
import { checkConnection } from "./connection.js";
import { copyBox } from "./copy.js";
import { all, at, onNarrow, openDialog } from "./dom.js";
import { pressed } from "./enter.js";
import { comeBackIn, enterRoom, justWatch, toDoor } from "./entry.js";
import { flow, toggleFlow } from "./flow.js";
import { drawTitle } from "./head.js";
import { hide } from "./hiding.js";
import { forgetUnread, logInSight, readNewest, scrollLog } from "./log.js";
import { focusBoxes } from "./order.js";
import { withPart } from "./parts.js";
import { givePassphrase, showPassphrase, takeNewSecrets } from "./passphrase.js";
import { hasUnposted, postByButton } from "./posting.js";
import { toggleReader } from "./read-aloud.js";
import { focusOnPosts, keyOnPosts, postToRemove } from "./removing.js";
import { changeName, offerName } from "./renaming.js";
import { answerTwins, askToLeave, keepSeat, retryNow, takeSeat } from "./seat.js";
import { choose, chooseAlert, chooseLanguage, resize } from "./settings.js";
import { choices, look } from "./state.js";
import { clearText, compose, sendText, togglePause, typed } from "./text.js";
import { goneBack, keepAwake, listenToDialogs, project, scrollStage, setView, showDialog, shrink } from "./views.js";
import { boxAround, noticeSight, tidy } from "./wall.js";
import {
  clickWall, keyOnWall, openHiddenLook, openLook, pointOnWall, readIn, scrollWall, stopReading,
} from "./wall-input.js";

export function listen() {
  listenToDoor();
  listenToOwnBox();
  listenToWall();
  listenToLog();
  listenToHostBar();
  listenToDialogs();
  listenToSettings();
  listenToProjector();
  listenToWindow();
  answerTwins();
}

function listenToDoor() {
  at("gate").addEventListener("submit", givePassphrase);
  at("show-passphrase").addEventListener("click", showPassphrase);
  at("join").addEventListener("submit", enterRoom);
  at("come-back").addEventListener("click", comeBackIn);
  at("just-watch").addEventListener("click", justWatch);
  at("to-join").addEventListener("click", toDoor);
  at("now").addEventListener("click", retryNow);
  at("skip-to-boxes").addEventListener("click", (event) => {
    event.preventDefault();
    if (look.view === "log") setView("wall");
    focusBoxes();
  });
  at("skip-to-mine").addEventListener("click", (event) => skip(event, "my-text"));
  at("skip-to-log").addEventListener("click", (event) => {
    if (!logInSight()) setView("log");
    skip(event, "posts-area");
  });
}

/**
 * Moves the focus without the browser's own jump, which would be an entry in the history.
 *
 * @param {Event} event
 * @param {string} id
 */
function skip(event, id) {
  event.preventDefault();
  at(id).focus();
}

function listenToOwnBox() {
  const box = at("my-text");
  box.addEventListener("input", typed);
  box.addEventListener("input", () => flow());
  box.addEventListener("keydown", (event) => pressed(event, choices.enterPosts));
  box.addEventListener("compositionstart", () => compose(true));
  box.addEventListener("compositionend", () => compose(false));
  at("pause").addEventListener("click", togglePause);
  at("clear").addEventListener("click", clearText);
  at("post").addEventListener("click", postByButton);
  at("continuous").addEventListener("click", toggleFlow);
  at("leave").addEventListener("click", askToLeave);
}

function listenToWall() {
  const wall = at("wall");
  wall.addEventListener("click", clickWall);
  wall.addEventListener("dblclick", openHiddenLook);
  wall.addEventListener("keydown", keyOnWall);
  wall.addEventListener("focusin", ({ target }) => readIn(boxAround(target)));
  wall.addEventListener("focusout", ({ target }) => stopReading(boxAround(target)));
  wall.addEventListener("pointerover", pointOnWall);
  wall.addEventListener("pointerout", pointOnWall);
  wall.addEventListener("scroll", scrollWall, { capture: true, passive: true });
  wall.addEventListener("contentvisibilityautostatechange", noticeSight, true); // only in Chromium does it bubble
  at("stage-text").addEventListener("scroll", scrollStage, { passive: true });
  at("copy-box").addEventListener("click", copyBox);
  for (const button of all(".reads-aloud")) button.addEventListener("click", toggleReader);
  at("read-aloud").addEventListener("change", toggleReader);
  at("back").addEventListener("click", shrink);
  at("hide").addEventListener("click", () => {
    if (look.large) hide(look.large.name);
    shrink();
  });
}

function listenToLog() {
  at("posts-area").addEventListener("scroll", scrollLog, { passive: true });
  at("newer").addEventListener("click", readNewest);
  at("save").addEventListener("click", () => withPart(import("./save.js"), ({ saveLog }) => saveLog()));
  for (const button of all(".saves-wall")) button.addEventListener("click", () => showDialog("save-wall"));
  for (const button of all("[data-format]")) {
    const format = /** @type {any} */ (button.dataset.format);
    button.addEventListener("click", () => withPart(import("./save.js"), ({ saveWall }) => saveWall(format)));
  }
  at("posts").addEventListener("click", (event) => {
    const removed = postToRemove(event);
    if (removed) removePost(removed);
  });
  at("posts").addEventListener("focusin", focusOnPosts);
  at("posts").addEventListener("keydown", keyOnPosts);
}

function listenToHostBar() {
  watchBoard();
  at("confirm-yes").addEventListener("click", confirmed);
}

function listenToSettings() {
  at("to-caption-look").addEventListener("click", openLook);
  for (const button of all(".invites")) {
    button.addEventListener("click", () => withPart(import("./invite.js"), ({ invite }) => invite()));
  }
  at("to-settings").addEventListener("click", () => {
    offerName();
    showDialog("settings");
    import("./alerts.js"); // what is chosen there has to be at once, or it is no answer to a click
  });
  at("rename").addEventListener("submit", changeName);
  at("enter-posts").addEventListener("change", () => choose({ enterPosts: at("enter-posts").checked }));
  at("alert").addEventListener("change", chooseAlert);
  at("theme").addEventListener("change", () => choose({ theme: /** @type {any} */ (at("theme").value) }));
  at("language").addEventListener("change", () => chooseLanguage(at("language").value));
  document.addEventListener("click", resizeByButton);
  for (const button of all("[data-view-to]")) {
    button.addEventListener("click", () => setView(/** @type {any} */ (button.dataset.viewTo)));
  }
}

/** The buttons stand in several places, and the panel of the captions draws its own. @param {Event} event */
function resizeByButton({ target }) {
  const button = target instanceof Element && target.closest("[data-size]");
  if (button instanceof HTMLElement) resize(Number(button.dataset.size));
}

function listenToProjector() {
  at("to-projector").addEventListener("click", () => project(true));
  at("from-projector").addEventListener("click", () => project(false));
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || project(false));
}

function listenToWindow() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && !openDialog()) stepBack();
  });
  document.addEventListener("visibilitychange", noticeVisibility);
  document.addEventListener("resume", checkConnection);
  for (const event of ["online", "offline"]) window.addEventListener(event, checkConnection);
  window.addEventListener("popstate", goneBack);
  window.addEventListener("hashchange", takeNewSecrets);
  window.addEventListener("pagehide", keepSeat);
  window.addEventListener("pageshow", ({ persisted }) => persisted && comeBack());
  window.addEventListener("beforeunload", askToStay);
  window.addEventListener("resize", refit);
  for (const event of ["resize", "scroll"]) window.visualViewport?.addEventListener(event, fitKeyboard);
  onNarrow(refit);
}

/** Somebody who leaves the page would lose what is not posted. @param {BeforeUnloadEvent} event */
function askToStay(event) {
  if (!hasUnposted()) return;
  event.preventDefault();
  event.returnValue = true; // Chrome before 119, and Safari
}

/** From an enlarged box, or else from the projector. */
function stepBack() {
  if (look.large) shrink();
  else project(false);
}

function noticeVisibility() {
  if (document.hidden) {
    sendText(); // there are no frames from here on
    keepSeat(); // a phone may end the page without another word
    return tidy(true);
  }
  comeBack();
  forgetUnread();
  drawTitle();
  keepAwake();
}

function comeBack() {
  takeSeat();
  checkConnection();
}

/** Sizes have changed; a reader who was at an end stays there. */
function refit() {
  touch("people", "log", "order");
}

/** Where the keyboard covers the page instead of shrinking it, the page shrinks itself. */
function fitKeyboard() {
  const { height, scale, offsetTop } = /** @type {VisualViewport} */ (window.visualViewport);
  if (scale !== 1) return;
  document.documentElement.style.setProperty("--height", `${height}px`);
  if (offsetTop) window.scrollTo(0, 0);
  touch("log");
}
