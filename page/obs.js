// OBS puts its Custom CSS into a style element, which the page's policy forbids. In OBS, and nowhere else, the page
// takes the text of that element as a style sheet of its own.

export function adoptStylesOfObs() {
  if (!("obsstudio" in window)) return;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(adopt);
  }).observe(document.head, { childList: true });
}

/** @param {Node} node */
function adopt(node) {
  if (node.nodeName !== "STYLE") return;
  const sheet = new window.CSSStyleSheet();
  sheet.replaceSync(node.textContent ?? "");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
