// The suite in Firefox. What is tagged @chromium needs what only Chromium's own protocol has.

import { defineConfig } from "@playwright/test";
import { firefoxOptions } from "./firefox.js";
import chromium from "./playwright.config.js";

export default defineConfig({
  ...chromium,
  grepInvert: /@chromium/,
  use: { ...chromium.use, ...firefoxOptions },
});
