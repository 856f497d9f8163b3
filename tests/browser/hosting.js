// What the tests of hosts share: a page with the host link, and the controls on it.

import AxeBuilder from "@axe-core/playwright";
import { boxOf, expect, test as base } from "./wall.js";

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
export const PROJECTOR = { viewport: { width: 1920, height: 1080 }, search: { hide: "me,header,log", size: "150" } };

export const test = base.extend({
  // A page with the host link; a viewer without a name.
  host: async ({ open, server }, use) => {
    await use(async ({ search, ...options } = {}) => {
      const page = await open({ hash: `#host=${server.hostKey()}`, search, ...options });
      await page.waitForFunction(() => room.hosting);
      if (!search?.name) await page.locator("#just-watch").click();
      return page;
    });
  },
});

export const bar = (page) => page.getByRole("region", { name: "Host controls" });
export const press = (page, name) => bar(page).getByRole("button", { name, exact: true }).click();
export const board = (page) => page.locator("#state");
export const question = (page) => page.locator("#prompt");

export async function ask(page, text) {
  await page.locator("#to-question:visible, #question:visible").first().waitFor();
  if (await page.locator("#to-question").isVisible()) await press(page, "Question");
  await page.locator("#question").fill(text);
  await page.locator("#question").press("Enter");
}

export async function choose(page, name, item) {
  await boxOf(page, name).locator(".more").click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

// Chooses what is asked about, and answers with yes.
export async function chooseAndConfirm(page, name, item) {
  await choose(page, name, item);
  await confirm(page, item);
}

export const confirm = (page, verb) => page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();

export async function expectAccessible(page, state) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${state}: ${id}: ${nodes.map(({ html }) => html).join("\n  ")}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), state).toBeLessThanOrEqual(0);
}
