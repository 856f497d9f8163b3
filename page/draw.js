// Draws what has changed, once a frame.

import { drawBoard } from "./board.js";
import { changes, takeChanges, touch } from "./changes.js";
import { END, at } from "./dom.js";
import { drawDoor, drawVisitors } from "./door.js";
import { drawEmptyWall } from "./empty-wall.js";
import { drawCount, drawLink, drawTitle } from "./head.js";
import { shareHeight } from "./heights.js";
import { drawLog, drawPosts, logInSight } from "./log.js";
import { orderParts } from "./order.js";
import { drawMe, drawOwnText } from "./own-box.js";
import { drawOffer } from "./offer.js";
import { withPart } from "./parts.js";
import { drawSpotlight } from "./spotlight.js";
import { drawStage } from "./stage.js";
import { isFitting, look, reading, room, seat } from "./state.js";
import { drawPanes } from "./transcript.js";
import { boxOf, drawBox, followBox } from "./wall.js";
import { drawStop } from "./wall-input.js";

const DRAWING = {
  people: drawPeople,
  count: drawCount,
  link: drawLink,
  me: drawMe,
  door: drawDoor,
  title: drawTitle,
  posts: drawNewPosts,
  log: drawLog,
  stage: drawStage,
  board: drawHosting,
  spotlight: drawSpotlight,
  fit: () => {}, // after all others, because it measures
  order: orderParts,
};

/** What finds the text size, once one has to fit. @type {{ part?: typeof import("./fit.js") }} */
const fitter = {};

/** The frame that was asked for, and whether the boxes of others waited in the last one. */
const pace = { frame: 0, waited: false };

/** From now on, whatever changes is drawn. */
export function startDrawing() {
  changes.request = () => (pace.frame ||= requestAnimationFrame(draw));
  changes.request();
}

/** What others wrote does not delay the frame of this person's own key: it waits for the next frame, but only once. */
function draw() {
  pace.waited = changes.typed && !pace.waited;
  changes.typed = false;
  pace.frame = pace.waited ? requestAnimationFrame(draw) : 0;
  if (!pace.waited) drawAll();
}

/** Writes everything first and scrolls then, so that the browser lays out once, however many boxes have changed. */
function drawAll() {
  const { users, parts } = takeChanges();
  for (const user of users) drawBox(user);
  if (look.large && users.has(look.large)) parts.add("stage");
  for (const part of parts) DRAWING[part]();
  if (look.view === "captions") drawPanes(boxOf);
  drawSizes(parts);
  // Somebody who comes or goes may change the size of every box.
  for (const user of parts.has("people") ? room.users.values() : users) followBox(user);
  if (look.large && look.largeAtEnd) at("stage-text").scrollTop = END;
  if (reading.atEnd && logInSight()) at("posts-area").scrollTop = END;
}

/** Where the text is as large as it fits. @param {Set<import("./changes.js").Part>} parts */
function drawSizes(parts) {
  const { part } = fitter;
  if (!part && isFitting()) withPart(import("./fit.js"), takeFitter);
  else if (parts.has("people") || parts.has("fit")) part?.drawFit();
  else if (parts.has("stage")) part?.fitStage();
}

/** @param {typeof import("./fit.js")} part */
function takeFitter(part) {
  if (!fitter.part) part.startFitting();
  fitter.part = part;
  touch("fit");
}

function drawPeople() {
  drawCount();
  drawBoard();
  if (!seat.inside) {
    drawVisitors();
    drawOffer();
  }
  drawEmptyWall();
  shareHeight(room.users.size - Number(Boolean(room.you)));
  drawStop();
}

/** The first post makes a button of the own box the main one. */
function drawNewPosts() {
  drawPosts();
  drawOwnText();
}

/** What hosts have set, and the bar with which they set it. */
function drawHosting() {
  drawBoard();
  const hasBar = room.hosting || !at("host-bar").hidden;
  if (hasBar) withPart(import("./host-bar.js"), ({ drawHostBar }) => drawHostBar());
}
