// On a narrow wall a box is as high as its text. While its author types it grows and does not shrink, so that the boxes
// below it do not move with every key.

import { isNarrow } from "./dom.js";

const growth = new ResizeObserver((entries) => {
  for (const { target, borderBoxSize } of entries) {
    /** @type {HTMLElement} */ (target).style.setProperty("--held", `${borderBoxSize[0].blockSize}px`);
  }
});

/**
 * @param {HTMLElement} text
 * @param {boolean} isTyped
 */
export function holdHeight(text, isTyped) {
  if (isTyped && isNarrow()) return growth.observe(text);
  growth.unobserve(text);
  text.style.removeProperty("--held");
}
