// The specs of what people do, in Firefox. Not here: specs that look at the document alone (accessibility, looks), which
// no engine changes. What is tagged @chromium needs Chromium's own protocol, a download, an
// emulated phone, the frames of a WebSocket, or Tab beyond the end of the document.

import { defineConfig } from "@playwright/test";
import { firefoxOptions } from "./firefox.js";
import chromium from "./playwright.config.js";

const SPECS = [
  "connection", "follow", "history", "hosts-boxes", "hosts-page", "hosts-posts", "join", "log", "old-browsers",
  "passphrase", "policy", "seat", "splices", "text", "wall",
];

export default defineConfig({
  ...chromium,
  testMatch: SPECS.map((name) => `${name}.spec.js`),
  grepInvert: /@chromium/,
  use: { ...chromium.use, ...firefoxOptions },
});
