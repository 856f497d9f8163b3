import { defineConfig } from "@playwright/test";
import { launchOptions } from "./chromium.js";

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.js",
  // For a machine that is busy with other things as well; what works does not wait for these.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  // A shared machine can hold a browser up for seconds; a test that needed its second try is reported as flaky.
  retries: process.env.CI ? 1 : 0,
  workers: Number(process.env.WORKERS ?? 1),
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions,
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    locale: "en",
    viewport: { width: 1280, height: 800 },
  },
});
