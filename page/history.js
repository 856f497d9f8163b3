// The history: Back first leaves a dialog, an enlarged box or another view, and only then the page. Each of them is an
// entry, with the address of the view, so that it can be bookmarked.

import { viewIn } from "./address.js";
import { openDialogs } from "./dom.js";
import { look, seat } from "./state.js";

/** How many things this person has laid on top of the page, each an entry of the history. */
export function depth() {
  const isEnlarged = look.large !== null && !look.bySpotlight;
  return Number(look.view !== look.home) + Number(isEnlarged) + Number(look.projecting) + openDialogs().length;
}

/** Makes the history match what is shown. Going back takes a moment; what changes meanwhile is handled after it. */
export function keepHistory() {
  if (look.returning) return;
  const steps = depth() - (history.state?.depth ?? 0);
  look.returning = steps < 0;
  if (look.returning) return history.go(steps);
  const entry = { home: look.home, view: look.view, depth: depth() };
  if (steps) history.pushState(entry, "", addressOfView());
  else history.replaceState(entry, "", addressOfView());
}

/** The address of the current view. */
function addressOfView() {
  const url = new URL(location.href);
  if (viewIn(url.searchParams) !== look.view) url.searchParams.set("view", look.view);
  if (seat.left) url.searchParams.delete("name");
  return url;
}
