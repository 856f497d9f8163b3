// The page on a phone: one row for the header, boxes as high as their text, and room to write beside the keyboard.

import { readdirSync } from "node:fs";
import { boxOf, expect, mine, test, textOf } from "./wall.js";

const PHONE = { hasTouch: true, isMobile: true };
const UPRIGHT = { ...PHONE, viewport: { width: 360, height: 740 } };
const LANGUAGES = readdirSync(new URL("../../page/words/", import.meta.url)).map((file) => file.replace(/\.json$/, ""));
const LONG_NAME = "Emma Katharina Wiśniewska-Öz von der Aue";

const ANSWERS = ["It reflects green light", "42", "because of the chlorophyll, which takes in the red and the blue light", "no idea", "", "ok"];

const inPhysics = test.extend({ room: "physics" });
for (const lang of LANGUAGES) {
  inPhysics(`the header is one row, and so is the bar of hosts, and no word is cut: ${lang}`, async ({ open, bot, server }) => {
    (await bot("Ada")).write("something to read");
    for (const search of [{ name: "Ben" }, { view: "captions" }]) {
      const hash = search.name ? `#host=${server.hostKey()}` : "";
      const page = await open({ ...PHONE, viewport: { width: 320, height: 700 }, hash, search: { lang, ...search } });
      await page.waitForFunction((isHost) => link.status === "connected" && room.users.size && room.hosting === isHost, hash !== "");
      if (hash) await expect(page.locator("#host-bar")).toBeVisible(); // it is fetched first
      for (const width of [320, 360, 390]) {
        await page.setViewportSize({ width, height: 700 });
        expect((await page.locator("#head").boundingBox()).height).toBeLessThanOrEqual(52);
        if (hash) expect((await page.locator("#host-bar").boundingBox()).height, `${width}`).toBeLessThanOrEqual(64);
        const cut = await page.locator("#head :is(h1, button), #count, #buttons button, #host-bar button").evaluateAll((parts) =>
          parts.filter((part) => part.checkVisibility() && part.scrollWidth > part.clientWidth + 1).map((part) => part.outerHTML));
        expect(cut, `${width} ${JSON.stringify(search)}`).toEqual([]);
        const outside = await page.locator(":is(#head, #buttons, #host-bar) button:visible").evaluateAll((buttons) =>
          buttons.filter((button) => button.getBoundingClientRect().right > innerWidth || button.getBoundingClientRect().left < 0).length);
        expect(outside).toBe(0);
      }
    }
  });
}

test("the settings and the look of the captions are as wide as a narrow phone, in every language", async ({ open }) => {
  for (const lang of LANGUAGES) {
    const page = await open({ ...PHONE, viewport: { width: 320, height: 640 }, search: { lang, name: "Ben", view: "captions" } });
    for (const [button, dialog] of [["#to-settings", "#settings"], ["#to-caption-look", "#caption-look"]]) {
      await page.locator(button).tap();
      const parts = page.locator(dialog).locator("h2, label, p, input, select, button");
      await expect(parts.first()).toBeVisible();
      expect(await page.locator(dialog).evaluate((it) => it.scrollWidth - it.clientWidth), `${lang} ${dialog}`).toBe(0);
      await page.locator(`${dialog} [data-close]`).tap();
    }
  }
});

test("the views are icons with names, and the number of people is said in words", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben", UPRIGHT);
  for (const name of ["Captions", "Log", "Wall"]) {
    await page.getByRole("button", { name, exact: true }).tap();
    await expect(page.getByRole("button", { name, exact: true })).toHaveAttribute("aria-pressed", "true");
  }
  await expect(page.locator("#people")).toHaveText("2 writing");
  await expect(page.locator("#head-count")).toHaveText("2");
  await expect(page.locator("#watch-count")).toBeHidden();
  const viewer = await bot();
  await expect(page.locator("#watch-count")).toBeVisible();
  await expect(page.locator("#watch-count")).toHaveText("1");
  expect((await page.locator("#head").boundingBox()).height).toBeLessThanOrEqual(52);
  viewer.leave();
  await expect(page.locator("#watch-count")).toBeHidden();
});

test("six answers are in sight while one writes", async ({ join, bot }) => {
  for (const [index, text] of ANSWERS.entries()) (await bot(`Other ${index}`)).write(text);
  const page = await join("Ben", UPRIGHT);
  await expect(textOf(page, "Other 5")).toHaveText("ok");
  await mine(page).fill("my answer");
  for (const index of ANSWERS.keys()) await expect(boxOf(page, `Other ${index}`)).toBeInViewport({ ratio: 1 });
  const wall = await page.locator("#wall").boundingBox();
  const last = await boxOf(page, "Other 5").boundingBox();
  expect(last.y + last.height).toBeLessThanOrEqual(wall.y + wall.height);
});

test("a box grows by whole lines up to four, and does not shrink while its author types", async ({ join, bot }) => {
  const ada = await bot("Ada");
  for (let n = 1; n <= 8; n += 1) await bot(`Other ${n}`);
  const page = await join("Ben", { ...UPRIGHT, clock: true });
  const height = async () => (await boxOf(page, "Ada").boundingBox()).height;
  const shows = async (text) => {
    ada.write(text);
    await page.clock.runFor(100);
    await expect.poll(() => page.evaluate(() => [...room.users.values()].find(({ name }) => name === "Ada").text)).toBe(text);
    await page.clock.runFor(100);
    await expect(textOf(page, "Ada").locator("p")).toHaveText(text, { useInnerText: true });
  };
  const line = await textOf(page, "Ada").evaluate((text) => parseFloat(getComputedStyle(text).lineHeight));
  const empty = await height();
  await shows("a");
  expect(await height()).toBe(empty);
  await shows("a\nb\nc");
  expect(await height()).toBeCloseTo(empty + 2 * line, 0);
  await shows("a");
  expect(await height(), "it shrank while its author typed").toBeCloseTo(empty + 2 * line, 0);
  await shows("1\n2\n3\n4\n5\n6");
  expect(await height()).toBeCloseTo(empty + 3 * line, 0);
  await shows("a");
  await page.clock.runFor(3_000);
  await expect(boxOf(page, "Ada").locator(".state")).toHaveText("");
  await expect.poll(height).toBe(empty);
});

test("where few write, long texts have more lines", async ({ join, bot }) => {
  (await bot("Ada")).write("many words ".repeat(60));
  await bot("Cem");
  const page = await join("Ben", UPRIGHT);
  await expect(textOf(page, "Ada")).toContainText("many words");
  const lines = await textOf(page, "Ada").evaluate((text) => text.clientHeight / parseFloat(getComputedStyle(text).lineHeight));
  expect(lines).toBeGreaterThan(6);
  expect(Math.abs(lines - Math.round(lines))).toBeLessThan(0.1);
});

test("on its side with the keyboard open, a phone shows the box, Post and something of the wall", async ({ join, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await join("Ben", { ...PHONE, viewport: { width: 740, height: 360 } });
  await mine(page).fill("an answer");
  await page.setViewportSize({ width: 740, height: 170 });
  for (const part of ["#my-text", "#post"]) await expect(page.locator(part)).toBeInViewport({ ratio: 1 });
  await expect(page.locator("#head")).toBeHidden();
  expect((await page.locator("#wall").boundingBox()).height).toBeGreaterThan(40);
  await page.evaluate(() => lose(link.socket, { code: 4001 }));
  await expect(page.locator("#now")).toBeInViewport({ ratio: 1 });
});

test("captions from a link offer no way to join, and other views do", async ({ open, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await open({ ...UPRIGHT, search: { view: "captions" } });
  await expect(textOf(page, "Ada")).toHaveText("hello");
  await expect(page.getByRole("button", { name: "Join" })).toBeHidden();
  await page.getByRole("button", { name: "Wall" }).tap();
  await page.getByRole("button", { name: "Join" }).tap();
  await expect(page.getByLabel("Your name")).toBeFocused();
});

test("the name of an enlarged box is whole", async ({ join, bot }) => {
  await bot(LONG_NAME);
  const page = await join("Ben", UPRIGHT);
  await textOf(page, LONG_NAME).tap();
  const name = page.locator("#stage-name");
  await expect(name).toHaveText(LONG_NAME);
  expect(await name.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBeLessThanOrEqual(0);
  await expect(name).toBeInViewport({ ratio: 1 });
  await expect(page.getByRole("button", { name: "Back" })).toBeInViewport({ ratio: 1 });
});

for (const lang of ["en", "de", "ar"]) {
  test(`the way out stays in the row of the name, and a note that has no space there goes below: ${lang}`, async ({ join, bot }) => {
    await bot("Ben");
    const page = await join("Ben", { ...UPRIGHT, search: { lang } });
    await expect(page.locator("#my-note")).toContainText("Ben 2");
    const middle = ({ y, height }) => y + height / 2;
    const [name, leave, note] = await Promise.all(["#my-name", "#leave", "#my-note"].map((part) => page.locator(part).boundingBox()));
    expect(Math.abs(middle(name) - middle(leave))).toBeLessThan(8);
    const isBelow = note.y >= name.y + name.height;
    const isBeside = lang === "ar" ? note.x > leave.x + 24 : note.x + note.width < leave.x + 20;
    expect(isBelow || isBeside).toBe(true);
  });
}

test("on a phone, the panel of the captions has the text size", async ({ open, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await open({ ...UPRIGHT, search: { view: "captions" } });
  await expect(page.locator("#head [data-size]").first()).toBeHidden();
  await page.locator("#to-caption-look").tap();
  const panel = page.getByRole("dialog");
  await panel.getByRole("button", { name: "A+ Larger text" }).tap();
  await expect(panel.locator(".size")).toHaveText("125%");
  expect(await textOf(page, "Ada").evaluate((text) => parseFloat(getComputedStyle(text).fontSize))).toBeCloseTo(1.25 * 28, 0);
});
