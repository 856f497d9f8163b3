// The page under its Content-Security-Policy: all of it works, and what is not its own does not run.

import { expect, test } from "@playwright/test";
import { startServer } from "./server.js";

test("the page breaks nothing of its policy, and the policy holds", async ({ page }) => {
  const server = await startServer();
  try {
    const complaints = [];
    page.on("console", (message) => /Content Security Policy/i.test(message.text()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${server.url}?room=policy&name=Ada`);
    await page.locator("#my-text").fill("under a policy");
    await page.keyboard.press("Control+Enter");
    await expect(page.locator("#posts-area")).toContainText("under a policy");
    await page.goto(`${server.url}?room=policy&view=captions&theme=dark&size=200`);
    await expect(page.locator("body")).toContainText("Ada");
    expect(complaints).toEqual([]);

    const ran = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      const image = document.createElement("img");
      image.setAttribute("onerror", "window.ran = true");
      const failed = new Promise((resolve) => image.addEventListener("error", resolve));
      image.src = "data:,";
      await failed;
      return window.ran === true;
    });
    expect(ran).toBe(false);
    expect(complaints.length).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});
