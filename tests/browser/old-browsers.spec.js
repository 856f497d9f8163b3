// Browsers that lack what newer ones have: the oldest that hold can read and write, and older ones are told so.

import { expect, test } from "./wall.js";

const TOO_OLD = /too old|zu alt/;

// What Safari before 15.4 lacks, all of it or only a part.
for (const [name, removal] of [
  ["without dialogs", () => delete window.HTMLDialogElement],
  ["without findLast", () => delete Array.prototype.findLast],
  ["without BroadcastChannel", () => delete window.BroadcastChannel],
  ["without dvh", () => (CSS.supports = () => false)],
]) {
  test(`a browser ${name} is told that it is too old, and nothing else happens`, async ({ browser, server }) => {
    const page = await browser.newPage({ locale: "en" });
    await page.addInitScript(removal);
    await page.goto(server.url);
    await expect(page.locator("#too-old")).toBeVisible();
    await expect(page.locator("#too-old")).toContainText("Firefox 115");
    await expect(page.locator("#door")).toBeHidden();
    await page.close();
  });
}

test("a browser is told so in its language", async ({ browser, server }) => {
  const page = await browser.newPage({ locale: "de-AT" });
  await page.addInitScript(() => delete window.HTMLDialogElement);
  await page.goto(server.url);
  await expect(page.locator("#too-old")).toContainText("zu alt");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.close();
});

test("no other browser is told so", async ({ join }) => {
  const page = await join("Ada");
  await expect(page.getByText(TOO_OLD)).toBeHidden();
});
