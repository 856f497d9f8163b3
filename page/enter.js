// The Enter key in this person's own box.

import { post } from "./posting.js";
import { draft } from "./state.js";

/**
 * Posts on Enter with Ctrl or ⌘, or on Enter alone if that is chosen. The Enter that ends a composition never posts;
 * Safari ends the composition first, so only the key code 229 reveals that Enter.
 *
 * @param {KeyboardEvent} event
 * @param {boolean} enterPosts
 */
export function pressed(event, enterPosts) {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229 || draft.composing) return;
  const isAsked = event.ctrlKey || event.metaKey || (enterPosts && !event.shiftKey && !event.altKey);
  if (!isAsked) return;
  event.preventDefault();
  if (!event.repeat) post();
}
