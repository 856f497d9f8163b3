// Draws the stage: one box, enlarged. It covers the wall, whose boxes stay where they are.

import { at } from "./dom.js";
import { drawMark } from "./marks.js";
import { followScope } from "./read-aloud.js";
import { drawRich } from "./rich.js";
import { isBlind, look, presenceOf, room } from "./state.js";
import { shownText } from "./transcript.js";
import { wordForPresence } from "./wall.js";

export function drawStage() {
  const user = look.large;
  const focused = at("stage").contains(document.activeElement) ? document.activeElement : null;
  followScope();
  at("stage").hidden = !user;
  at("wall").classList.toggle("covered", Boolean(user));
  at("wall").inert = Boolean(user);
  if (!user) return;
  const presence = presenceOf(user);
  at("stage").dataset.state = presence;
  at("stage").toggleAttribute("data-wrote", isBlind() && user.wrote);
  at("stage").style.setProperty("--hue", String(user.look.hue));
  drawMark(user.look, at("stage-mark"));
  at("stage-name").textContent = user.name;
  at("stage-state").textContent = wordForPresence(user, presence);
  at("stage-host").hidden = !room.hosts.has(user.id);
  at("stage-more").hidden = !room.hosting || user.gone;
  at("end-spotlight").hidden = !room.hosting || !look.bySpotlight;
  at("hide").hidden = room.hosting && look.bySpotlight;
  const text = shownText(user);
  at("copy-box").hidden = !text;
  drawRich(at("stage-text").children[0], text);
  keepFocus(focused);
}

/** A button or a link that had the focus may have gone. @param {Element | null} focused */
function keepFocus(focused) {
  if (focused && (!focused.isConnected || focused.closest("[hidden]"))) at("stage-text").focus();
}
