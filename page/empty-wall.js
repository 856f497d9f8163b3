// Says why there is no box on the wall, or no caption.

import { at } from "./dom.js";
import { asked, hidden, look, room } from "./state.js";
import { listed, say } from "./words.js";

export function drawEmptyWall() {
  const isCaptions = look.view === "captions";
  const others = [...room.users.values()].filter((user) => user.id !== room.you);
  const visible = others.filter(({ name }) => !hidden.has(name));
  const written = asked.leftOut.includes("empty") ? visible.filter(({ text, wrote }) => text || wrote) : visible;
  if (!isCaptions) at("wall-empty").hidden = written.length > 0;
  at("wall-empty-words").textContent = wordsFor(others, isCaptions || visible.length > 0);
  at("wall-empty").children[1].toggleAttribute("hidden", isCaptions || others.length > 0);
}

/**
 * @param {import("./state.js").User[]} others
 * @param {boolean} isUnwritten
 */
function wordsFor(others, isUnwritten) {
  if (isUnwritten) return say("captionsEmpty");
  if (others.length) return `${say("hiddenPeople")}: ${listed(others.map(({ name }) => name))}`;
  return say(room.you ? "wallEmpty" : "nobody");
}
