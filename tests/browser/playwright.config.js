import { defineConfig } from "@playwright/test";
import { launchOptions } from "./chromium.js";

export default defineConfig({
  testDir: ".",
  timeout: 30_000,
  expect: { timeout: 5_000 },
  forbidOnly: true,
  workers: Number(process.env.WORKERS ?? 1),
  reporter: "list",
  use: {
    browserName: "chromium",
    launchOptions,
    actionTimeout: 5_000,
    navigationTimeout: 10_000,
    locale: "en",
    viewport: { width: 1280, height: 800 },
  },
});
