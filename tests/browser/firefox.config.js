// The specs in which engines can differ, in Firefox; with ALL=1, the others that Firefox can run as well. Never here:
// specs that look at the document alone (accessibility, looks), or on an emulated phone. What is tagged @chromium needs
// Chromium's own protocol, a download, a picture without a background, or Tab beyond the end of the document.

import { defineConfig } from "@playwright/test";
import { firefoxOptions } from "./firefox.js";
import chromium from "./playwright.config.js";

const SPECS = [
  "captions", "connection", "enlarged", "first-screen", "follow", "history", "join", "log", "old-browsers", "parts",
  "policy", "projector", "seat", "splices", "text", "wall", "writing",
];
const OTHERS = ["aloud", "everyone", "hosts-boxes", "hosts-page", "hosts-posts", "passphrase", "seat-again"];

export default defineConfig({
  ...chromium,
  testMatch: [...SPECS, ...(process.env.ALL ? OTHERS : [])].map((name) => `${name}.spec.js`),
  grepInvert: [/@chromium/, /axe finds nothing/],
  use: { ...chromium.use, ...firefoxOptions },
});
