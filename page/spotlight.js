// The spotlight: the box that a host shows large to everyone. A person can go back to their own view of the wall, and
// sees the next spotlight again.

import { touch } from "./changes.js";
import { at } from "./dom.js";
import { keepHistory } from "./history.js";
import { drawStage } from "./stage.js";
import { hidden, look, room } from "./state.js";
import { shrink } from "./views.js";

/** The spotlight that this page has followed. @type {{ id: string | null }} */
const followed = { id: null };

export function drawSpotlight() {
  const id = look.view === "wall" ? room.state.spotlight : null;
  if (id === followed.id) return;
  followed.id = id;
  const user = id === null ? undefined : room.users.get(id);
  if (user && id !== room.you && !hidden.has(user.name)) show(user);
  else if (look.bySpotlight) shrink();
}

/**
 * Unlike a box that a person enlarges, it takes no focus from elsewhere, and is no step in the history.
 *
 * @param {import("./state.js").User} user
 */
function show(user) {
  const wasOnWall = at("wall").contains(document.activeElement);
  Object.assign(look, { large: user, bySpotlight: true, largeAtEnd: true });
  drawStage();
  touch("stage");
  if (wasOnWall) at("stage-text").focus();
  keepHistory();
}
