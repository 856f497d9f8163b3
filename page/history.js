// The history: Back first leaves what lies on top, a dialog, an enlarged box or another view, and only then the page.
// Each of them is an entry, and its address is that of the view, so that it can be bookmarked.

import { viewIn } from "./address.js";
import { openDialog } from "./dom.js";
import { look, seat } from "./state.js";

/** How many entries lie on top of the page. */
export function depth() {
  return Number(look.view !== look.home) + Number(Boolean(look.large)) + Number(Boolean(openDialog()));
}

/** Makes the history what is shown. The browser goes back later, and what has changed by then is settled then. */
export function keepHistory() {
  if (look.returning) return;
  const steps = depth() - (history.state?.depth ?? 0);
  look.returning = steps < 0;
  if (look.returning) return history.go(steps);
  const entry = { home: look.home, view: look.view, depth: depth() };
  if (steps) history.pushState(entry, "", addressOfView());
  else history.replaceState(entry, "", addressOfView());
}

/** The address of what is shown. */
function addressOfView() {
  const url = new URL(location.href);
  if (viewIn(url.searchParams) !== look.view) url.searchParams.set("view", look.view);
  if (seat.left) url.searchParams.delete("name");
  return url;
}
