// The page for everyone: what screen readers, the keyboard and a high zoom have of it.

import AxeBuilder from "@axe-core/playwright";
import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const ENLARGED = { viewport: { width: 320, height: 256 } }; // 1280 × 1024 at 400 %

// The parts that are in sight, in the order of the document, and from top to bottom.
const orders = (page) =>
  page.evaluate(() => {
    const parts = [...document.querySelectorAll("#head, #host-bar, #board, #me, #wall-area, #log")].filter((part) => part.offsetParent);
    const ids = parts.map(({ id }) => id);
    const top = (part) => part.getBoundingClientRect().top;
    const seen = [...parts].sort((one, other) => top(one) - top(other) || one.getBoundingClientRect().left - other.getBoundingClientRect().left);
    return { ids, seen: seen.map(({ id }) => id) };
  });

for (const [layout, options] of Object.entries({ desktop: {}, phone: PHONE, "400 %": ENLARGED, "right to left": { locale: "ar" } })) {
  test(`the order of the document is the one in which the page is seen: ${layout}`, async ({ open, bot }) => {
    await bot("Ada");
    const page = await open({ ...options, search: { name: "Me" } });
    await expect(page.locator(".box")).toHaveCount(1);
    for (const view of ["wall", "captions", "log", "wall"]) {
      await page.locator(`[data-view-to=${view}]`).click();
      await expect.poll(async () => {
        const { ids, seen } = await orders(page);
        // On a desktop the log is beside the own box and the wall, and comes after both.
        const last = view === "wall" && ids.includes("log") ? ["log"] : [];
        const wanted = [...seen.filter((id) => !last.includes(id)), ...last];
        return ids.join() === wanted.join() ? "" : `${ids} is seen as ${seen}`;
      }).toBe("");
    }
  });
}

test("when the layout turns, the own box keeps focus and caret, and the parts change places around it", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Me");
  await mine(page).pressSequentially("words");
  await mine(page).press("ArrowLeft");
  for (const [width, order] of [[390, "wall-area,log,me"], [1280, "me,wall-area,log"]]) {
    await page.setViewportSize({ width, height: 800 });
    await expect.poll(() => page.evaluate(() => [...document.querySelectorAll("#main > section")].map(({ id }) => id).join())).toBe(order);
    expect(await mine(page).evaluate((box) => [document.activeElement === box, box.selectionStart])).toEqual([true, 4]);
  }
});

test("links at the top skip to the boxes, the own box and the log, from every view", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("a post");
  const page = await join("Me");
  await expect(posts(page)).toHaveCount(1);
  const skip = async (name) => {
    await page.locator("#title").focus();
    for (let presses = 0; presses < 4; presses += 1) {
      await page.keyboard.press("Shift+Tab");
      if (await page.evaluate(() => document.activeElement.textContent) !== name) continue;
      await expect(page.locator(":focus")).toBeInViewport({ ratio: 1 });
      return page.keyboard.press("Enter");
    }
    throw new Error(`no link "${name}"`);
  };
  await skip("Skip to the boxes");
  await expect(textOf(page, "Ada")).toBeFocused();
  await page.keyboard.press("Enter");
  await skip("Skip to the boxes");
  await expect(page.locator("#stage-text")).toBeFocused();
  await page.keyboard.press("Escape");
  await skip("Skip to your box");
  await expect(mine(page)).toBeFocused();
  await skip("Skip to the log");
  await expect(page.locator("#posts-area")).toBeFocused();
  await page.locator("[data-view-to=log]").click();
  await skip("Skip to the boxes");
  await expect(textOf(page, "Ada")).toBeFocused();
});

test("what is written on a button is in its name", async ({ open, bot }) => {
  await bot("Ada");
  for (const locale of ["en", "de", "ar"]) {
    const page = await open({ locale, search: { name: "Me" } });
    await expect(boxOf(page, "Ada").or(page.locator(".box")).first()).toBeVisible();
    await page.locator("[data-view-to=captions]").click();
    await page.locator("#to-settings").click();
    const { violations } = await new AxeBuilder({ page }).withRules(["label-content-name-mismatch", "heading-order", "target-size"]).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`)).toEqual([]);
  }
  const page = await open({ search: { view: "captions" } });
  await expect(page.getByRole("button", { name: "A− Smaller text" })).toBeVisible();
  await expect(page.getByRole("button", { name: "A+ Larger text" })).toBeVisible();
});
