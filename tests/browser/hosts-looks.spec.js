// How the page of hosts looks: nothing is cut, nothing overlaps, and axe finds nothing, in any size, language or colour.

import { PHONE, PROJECTOR, choose, confirm, expectAccessible, question, test } from "./hosting.js";
import { Bot, boxOf, expect, posts } from "./wall.js";

// A projector of 1920 × 1080 at a zoom of 200 %.
const ZOOMED = { viewport: { width: 960, height: 540 } };
const LONG_NAME = "Emma Katharina Wiśniewska-Öz";

const isCut = (part) => part.evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth);
const linesOf = (part) => part.evaluate((element) => element.getBoundingClientRect().height / parseFloat(getComputedStyle(element).lineHeight));

test.describe("in other languages and colours", () => {
  for (const [name, options] of Object.entries({
    "German, dark": { locale: "de", colorScheme: "dark" },
    "right to left, phone": { locale: "ar", ...PHONE },
    "forced colours": { forcedColors: "active" },
    "enlarged to 400 %": { viewport: { width: 320, height: 256 } },
  })) {
    test(`axe finds nothing: ${name}`, async ({ host, bot }) => {
      const ada = await bot("Ada");
      ada.write("hello");
      ada.post("a post");
      const page = await host(options);
      await expect(posts(page)).toHaveCount(1);
      await page.evaluate(() => send("set_room", { hidden: true, locked: true, frozen: true, prompt: "Why? ".repeat(90) }));
      await expect(question(page)).toContainText("Why?");
      await expectAccessible(page, name);
      await page.evaluate(() => send("set_room", { spotlight: [...room.users.keys()][0] }));
      if (name !== "enlarged to 400 %") await expect(page.locator("#end-spotlight")).toBeVisible();
      await expectAccessible(page, `${name}, spotlight`);
      await page.locator("#stage-more").click();
      await expectAccessible(page, `${name}, menu`);
    });
  }
});

for (const [size, options] of Object.entries({ phone: PHONE, "zoomed projector": ZOOMED })) {
  test(`the name in the spotlight is whole, and its buttons are in sight: ${size}`, async ({ host, join, bot }) => {
    await bot(LONG_NAME);
    const page = await host({ ...options, locale: "de" });
    const ada = await join("Ada", options);
    await page.evaluate(() => send("set_room", { spotlight: [...room.users.values()][0].id }));
    for (const [reader, buttons] of [[page, ["#end-spotlight", "#stage-more", "#back"]], [ada, ["#hide", "#back"]]]) {
      await expect(reader.locator("#stage-name")).toHaveText(LONG_NAME);
      expect(await isCut(reader.locator("#stage-name"))).toBe(false);
      for (const button of buttons) {
        await expect(reader.locator(button)).toBeInViewport({ ratio: 1 });
        expect((await reader.locator(button).boundingBox()).height, button).toBeLessThan(48); // words on one line
      }
    }
  });
}

test("at a high zoom, whoever was removed can read it", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada", { ...ZOOMED, locale: "de" });
  await choose(page, "Ada", "Remove");
  await confirm(page, "Remove");
  await expect(ada.locator("#link-state")).toHaveText("Von der Leitung entfernt.");
  expect(await linesOf(ada.locator("#link-state"))).toBeLessThan(1.5);
  expect(await isCut(ada.locator("#title"))).toBe(false);
});

test("at a high zoom, what saves is on one line with the name of the log", async ({ join, bot }) => {
  (await bot("Ben")).post("a post");
  const ada = await join("Ada", { ...ZOOMED, locale: "de" });
  await expect(posts(ada)).toHaveCount(1);
  const tops = await ada.locator("#log-head button").evaluateAll((buttons) => buttons.map((button) => button.offsetTop));
  expect(new Set(tops).size).toBe(1);
  expect((await ada.locator("#log-head").boundingBox()).height).toBeLessThan(50);
});

test("on a phone, a question has the width of the window, also when characters are counted", async ({ host }) => {
  const page = await host({ ...PHONE, locale: "de" });
  await page.locator("#to-question").click();
  const width = async () => (await page.locator("#question").boundingBox()).width;
  const before = await width();
  await page.locator("#question").fill("a".repeat(505));
  await expect(page.locator("#question-count")).toHaveText("5 Zeichen zu viel");
  expect(await width()).toBe(before);
});

test("the crown follows the name, also a short one", async ({ host, join }) => {
  const page = await host({ search: { name: "Al" } });
  const ada = await join("Ada");
  const crown = boxOf(ada, "Al").locator(".host");
  await expect(crown).toBeVisible();
  const [name, mark] = [await boxOf(ada, "Al").locator("h3 bdi").boundingBox(), await crown.boundingBox()];
  expect(mark.x - name.x - name.width).toBeLessThan(16);
  await expect(page.locator("#my-host")).toBeVisible();
});

test("without an own box, the log begins where the boxes do", async ({ open, bot }) => {
  (await bot("Ada")).post("a post");
  const { viewport } = PROJECTOR;
  for (const search of [{ hide: "me" }, { hide: "me,header", size: "150" }]) {
    const page = await open({ viewport, search });
    await expect(posts(page)).toHaveCount(1);
    const top = async (part) => (await page.locator(part).boundingBox()).y;
    expect(await top("#log")).toBe(await top(".box"));
  }
});

// True if it looks the same when nothing is clipped.
async function isWhole(page, selector) {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  const clip = { x: Math.max(0, x - 10), y, width: width + 20, height };
  const clipped = await page.screenshot({ clip });
  await page.locator(selector).evaluate(({ style }) => (style.overflow = "visible"));
  return clipped.equals(await page.screenshot({ clip }));
}

test.describe("the last letter of a name is whole", () => {
  for (const name of ["lobby", "golf", "j", "W", "ير"]) {
    test(name, async ({ open, server }) => {
      const user = await Bot.join(server.url, name, name);
      const page = await open({ ...PHONE, deviceScaleFactor: 2, search: { room: name } });
      await expect(page.locator("#door-names bdi")).toHaveText(name);
      for (const part of ["#door-room", "#door-names bdi"]) expect(await isWhole(page, part), part).toBe(true);
      await page.locator("#just-watch").click();
      for (const part of ["#title", ".box h3"]) expect(await isWhole(page, part), part).toBe(true);
      user.socket.terminate();
    });
  }
});

test("the button that removes a post is not over its text", async ({ host, bot }) => {
  (await bot("Ada")).post("https://example.org/ and more ".repeat(5));
  const page = await host();
  await expect(posts(page)).toHaveCount(1);
  const button = await page.locator(".remove").boundingBox();
  const links = await posts(page).getByRole("link").evaluateAll((all) => all.flatMap((link) => [...link.getClientRects()].map(({ top }) => top)));
  expect(Math.min(...links)).toBeGreaterThanOrEqual(button.y + button.height - 0.5);
});

test("text twice as large leaves the whole box and a part of the wall on a phone, and the question can be scrolled", async ({ host, join, bot }) => {
  (await bot("Ben")).write("hello");
  const page = await host();
  const large = { ...PHONE, locale: "de", search: { size: "200" } };
  const ada = await join("Ada", large);
  const setRoom = (change) => page.evaluate((change) => send("set_room", change), change);
  const prompt = "Warum entstehen Wolken? Ein Satz, und ein Wort, bei dem du dir nicht sicher bist.";
  await setRoom({ hidden: true, locked: true, prompt });
  await expect(question(ada)).toHaveText(prompt);
  for (const part of ["#post", "#state"]) await expect(ada.locator(part)).toBeInViewport({ ratio: 1 });
  expect((await ada.locator("#wall-area").boundingBox()).height).toBeGreaterThan(150);
  await expectAccessible(ada, "large text");
  await setRoom({ prompt: `${prompt} `.repeat(6).slice(0, 500) });
  await expect(question(ada)).toHaveAttribute("tabindex", "0");
  for (const part of ["#post", "#state"]) await expect(ada.locator(part)).toBeInViewport({ ratio: 1 });
  await expectAccessible(ada, "large text, long question");
  await setRoom({ hidden: false, locked: false, prompt: "Warum?" });
  await expect(question(ada)).not.toHaveAttribute("tabindex");
});
