// Copying: only a secure page has the clipboard; elsewhere an old command may work, or else the keyboard.

import { announce, notice } from "./board.js";
import { at } from "./dom.js";
import { look } from "./state.js";
import { say } from "./words.js";

/** The button says for this long that the text is copied. */
const COPIED_MS = 2_000;
const COPY = "M8 8V3h13v13h-5M3 8h13v13H3z";
const COPIED = "M4 13l5 5L20 6";

/**
 * Copies a text. The result says whether it worked, or what to do then.
 *
 * @param {string} text
 * @param {() => void} select  selects the text on the page, for the old command and for the keyboard
 * @returns {Promise<"copied" | "copyByHand">}
 */
export async function copyText(text, select) {
  if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return "copied";
  select();
  // The selection says what to copy, but not how lines break.
  const give = (/** @type {ClipboardEvent} */ event) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
  };
  document.addEventListener("copy", give);
  const isDone = document.execCommand("copy");
  document.removeEventListener("copy", give);
  return isDone ? "copied" : "copyByHand";
}

/** Copies the enlarged box. */
export async function copyBox() {
  const word = await copyText(look.large?.text ?? "", () => getSelection()?.selectAllChildren(at("stage-text")));
  if (word === "copyByHand") return notice(say(word));
  announce(say(word));
  drawCopied("copied", COPIED);
  setTimeout(drawCopied, COPIED_MS, "copy", COPY);
}

/**
 * @param {"copy" | "copied"} word
 * @param {string} icon  its path
 */
function drawCopied(word, icon) {
  const button = at("copy-box");
  button.setAttribute("aria-label", say(word));
  button.querySelector("path")?.setAttribute("d", icon);
  button.children[1].textContent = say(word);
}
