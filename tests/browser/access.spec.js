import AxeBuilder from "@axe-core/playwright";
import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const ENLARGED = { viewport: { width: 320, height: 256 } }; // 1280 × 1024 at 400 %

// Each state of the page, and how a person gets there.
const STATES = {
  "first screen": async () => {},
  "name refused": async (page) => page.keyboard.press("Enter"),
  "wall, watching": async (page) => page.getByRole("button", { name: /watch|مشاهدة/ }).click(),
  "wall, joined": enter,
  "sharing paused": async (page) => (await enter(page), page.locator("#pause").click()),
  "too long": async (page) => (await enter(page), mine(page).fill("x".repeat(10_010))),
  "nothing to post": async (page) => (await enter(page), page.locator("#post").click()),
  enlarged: async (page) => (await enter(page), page.locator(".box .text").first().press("Enter")),
  captions: async (page) => (await enter(page), page.locator("[data-view-to=captions]").click()),
  log: async (page) => (await enter(page), page.locator("[data-view-to=log]").click()),
  settings: async (page) => {
    await enter(page);
    await page.locator("#to-settings").click();
    await expect(page.locator("#settings")).toBeVisible();
  },
  invitation: async (page) => {
    await enter(page);
    await page.locator("#head .invites").click();
    await expect(page.locator("#qr")).toBeVisible();
  },
  "somebody hidden": async (page) => {
    await enter(page);
    await page.locator(".box .text").first().press("Enter");
    await page.locator("#hide").click();
    await page.locator("#to-settings").click();
  },
  away: async (page) => (await enter(page), page.evaluate(() => receive("user_away", { id: [...room.users.keys()][0] }))),
  "connection lost": async (page) => (await enter(page), page.evaluate(() => lose(link.socket, { code: 4001 }))),
  alone: async (page) => (await enter(page), page.evaluate(() => [...room.users.values()].filter((user) => user.id !== room.you).forEach(remove))),
};

// The layout of these is another; their colours are those of the light theme.
const LAYOUTS = ["right to left", "phone", "enlarged to 400 %"];
const STATES_OF_LAYOUTS = ["first screen", "wall, joined", "enlarged", "captions", "log", "settings", "invitation"];

const THEMES = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "forced colours": { forcedColors: "active" },
  "right to left": { locale: "ar" },
  phone: { ...PHONE },
  "enlarged to 400 %": { ...ENLARGED },
};

async function enter(page) {
  await page.locator("#name").fill("Ines");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
}

async function inRoom(open, bot, options) {
  const ada = await bot("Ada");
  const ben = await bot("Ben");
  ada.write("a long text\n".repeat(60));
  ben.write("שלום\n".repeat(60));
  ada.post("a post with a link: https://example.org/");
  for (let n = 0; n < 20; n += 1) ben.post("and one more");
  const page = await open(options);
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r", "http://10.0.0.2:8080/?room=r"] } }));
  await page.route(/\/qr\.svg\?/, (route) => route.fulfill({ contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg"/>' }));
  await expect(page.locator("#door-names li")).toHaveCount(2);
  return page;
}

for (const [theme, options] of Object.entries(THEMES)) {
  for (const [state, go] of Object.entries(STATES)) {
    if (LAYOUTS.includes(theme) && !STATES_OF_LAYOUTS.includes(state)) continue;
    test(`axe finds nothing: ${state}, ${theme}`, async ({ open, bot }) => {
      const page = await inRoom(open, bot, { reducedMotion: "reduce", ...options });
      await go(page);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("\n  ")}`);
      expect(found).toEqual([]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, "the page scrolls sideways").toBeLessThanOrEqual(0);
    });
  }
}

test("everything can be done with the keyboard alone", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.write("hello");
  const page = await open();
  await expect(page.getByLabel("Your name")).toBeFocused();
  await page.keyboard.type("Ben");
  await page.keyboard.press("Enter");
  await page.keyboard.type("typed");
  await expect.poll(() => ada.texts().Ben).toBe("typed");
  await tabTo(page, "Pause sharing");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
  await page.keyboard.type(" unseen");
  await tabTo(page, "Share");
  await page.keyboard.press("Space");
  await expect.poll(() => ada.texts().Ben).toBe("typed unseen");
  await tabTo(page, "Post");
  await page.keyboard.press("Enter");
  await expect(posts(page)).toHaveText(["typed unseen"]);
  await tabTo(page, "Ada");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Ada" })).toContainText("hello");
  await page.keyboard.press("Escape");
  await tabTo(page, "Log");
  await tabTo(page, "Skip to your box");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
  await tabTo(page, "Projector", "Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(page.locator("[data-view-to=log]")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#wall")).toBeHidden();
});

async function tabTo(page, name, key = "Tab") {
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText);
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press(key);
    if ((await focused()) === name) return;
  }
  throw new Error(`${key} never came to ${name}`);
}

test("the wall is one stop for the keyboard, and arrow keys go from box to box, by rows and columns", async ({ join, bot }) => {
  const others = [];
  for (let n = 1; n <= 12; n += 1) others.push(await bot(`Other ${n}`));
  const page = await join("Me", { search: { lang: "en" } });
  await expect(page.locator(".box")).toHaveCount(12);
  const columns = await page.locator("#wall").evaluate((wall) => getComputedStyle(wall).gridTemplateColumns.split(" ").length);
  expect(columns).toBeGreaterThan(1);
  const isAt = (n) => expect(textOf(page, `Other ${n}`)).toBeFocused();
  await tabTo(page, "Other 1");
  await page.keyboard.press("Tab");
  await expect(page.locator("#wall :focus")).toHaveCount(0);
  await page.keyboard.press("Shift+Tab");
  for (const [key, n] of [["ArrowRight", 2], ["ArrowDown", 2 + columns], ["ArrowLeft", 1 + columns], ["ArrowUp", 1], ["ArrowLeft", 1], ["End", 12], ["Home", 1], ["ArrowRight", 2]]) {
    await page.keyboard.press(key);
    await isAt(n);
  }
  await page.keyboard.press("Tab");
  await page.keyboard.press("Shift+Tab");
  await isAt(2);
  others[2].leave();
  await expect(page.locator(".free")).toHaveCount(1);
  await page.keyboard.press("ArrowRight");
  await isAt(4);
  // Whoever had the stop leaves: another box has it.
  await mine(page).focus();
  others[3].leave();
  await expect(page.locator(".box")).toHaveCount(10);
  await expect(page.locator('#wall .text[tabindex="0"]')).toHaveCount(1);
});

test("from right to left, the left arrow leads on", async ({ open, bot }) => {
  await bot("Ada");
  await bot("Ben");
  const page = await open({ search: { lang: "ar", name: "Me" } });
  const text = (n) => page.locator(".box .text").nth(n);
  await text(0).focus();
  await page.keyboard.press("ArrowLeft");
  await expect(text(1)).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(text(0)).toBeFocused();
});

test("wherever the keyboard goes, the focus is seen and not covered", async ({ join, bot }) => {
  const ada = await bot("Ada");
  for (let n = 0; n < 6; n += 1) await bot(`Other ${n}`);
  ada.post("https://example.org");
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 780 }]) {
    const page = await join("Ben", { viewport });
    await expect(page.locator(".box").nth(6)).toBeAttached();
    for (let presses = 0; presses < 30; presses += 1) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const { activeElement: focused } = document;
        if (focused === document.body) return "";
        const { left, top, width, height } = focused.getBoundingClientRect();
        const hit = document.elementFromPoint(left + width / 2, Math.min(top + height / 2, innerHeight - 2));
        const outlined = getComputedStyle(focused).outlineStyle !== "none" || focused.id === "my-text";
        return outlined && (focused.contains(hit) || hit?.contains(focused)) ? "" : focused.outerHTML.slice(0, 80);
      });
      expect(seen).toBe("");
    }
    await page.close();
  }
});

test("a phone has its box above the keyboard, nothing under it, and targets for a thumb", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open(PHONE);
  await page.locator("#name").fill("Ben");
  await page.getByRole("button", { name: "Join" }).tap();
  await page.keyboard.type("thumbs");
  await expect.poll(() => ada.texts().Ben).toBe("thumbs");
  ada.write("a phone reads this");
  await expect(textOf(page, "Ada")).toContainText("a phone reads this");
  await page.setViewportSize({ width: 390, height: 400 });
  const post = page.getByRole("button", { name: "Post", exact: true });
  await expect.poll(() => post.evaluate((button) => button.getBoundingClientRect().bottom)).toBeLessThanOrEqual(400);
  const wall = await page.locator("#wall").boundingBox();
  const me = await page.locator("#me").boundingBox();
  expect(wall.y + wall.height).toBeLessThanOrEqual(me.y);
  expect(wall.height).toBeGreaterThan(80);
  expect(me.y + me.height).toBeGreaterThan(390);
  await page.setViewportSize(PHONE.viewport);
  for (const button of await page.locator("button:visible, input:visible, textarea:visible").all()) {
    if (await button.evaluate((button) => Boolean(button.closest(".box, #writing")))) continue; // the whole box is the target
    const { width, height } = await button.boundingBox();
    expect(Math.min(width, height), await button.evaluate((button) => button.outerHTML)).toBeGreaterThanOrEqual(44);
  }
  const [name, own] = [await page.locator("#me .name").boundingBox(), await mine(page).boundingBox()];
  expect(own.y + own.height - name.y, "the own box with its name").toBeGreaterThanOrEqual(44);
  expect(name.width).toBeGreaterThan(0.75 * own.width);
  for (const field of await page.locator("input, textarea, select").all()) {
    expect(parseFloat(await field.evaluate((field) => getComputedStyle(field).fontSize))).toBeGreaterThanOrEqual(16);
  }
  await textOf(page, "Ada").tap();
  await expect(page.getByRole("region", { name: "Ada" })).toBeVisible();
  await page.getByRole("button", { name: "Back" }).tap();
  await page.getByRole("button", { name: "Log" }).tap();
  ada.post("for the log");
  await expect(posts(page)).toHaveText(["for the log"]);
});

for (const lang of ["en", "de", "ar"]) {
  test(`on a phone the head keeps its size in every view, and all of it is in reach: ${lang}`, async ({ open, bot }) => {
    (await bot("Ada")).write("something to read");
    for (const [width, search] of [[390, { name: "Ben" }], [320, { name: "Ben" }], [390, { view: "captions" }]]) {
      const page = await open({ ...PHONE, viewport: { width, height: 700 }, search: { lang, ...search } });
      await page.waitForFunction(() => link.status === "connected");
      const heights = new Set();
      for (const view of ["captions", "wall", "log"]) {
        await page.locator(`[data-view-to=${view}]`).tap();
        heights.add((await page.locator("#head").boundingBox()).height);
        for (const button of await page.locator("#head button:visible").all()) {
          await expect(button).toBeInViewport({ ratio: 1 });
          expect((await button.boundingBox()).width).toBeGreaterThanOrEqual(await button.evaluate((button) => button.scrollWidth));
        }
        await expect(page.locator("#sizes")).toBeVisible({ visible: view === "captions" });
      }
      await page.evaluate(() => lose(link.socket, { code: 1001 }));
      await expect(page.locator("#now")).toBeInViewport({ ratio: 1 });
      heights.add((await page.locator("#head").boundingBox()).height);
      expect([...heights]).toHaveLength(1);
    }
  });
}

test("on a phone the log is a view of its own, and counts what is new there", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open({ ...PHONE, search: { name: "Ben" } });
  await expect(boxOf(page, "Ada")).toBeVisible();
  ada.post("one");
  ada.post("two");
  await expect(page.locator("#log-count")).toHaveText("2");
  await page.getByRole("button", { name: "Log" }).tap();
  await expect(posts(page)).toHaveText(["one", "two"]);
  await expect(page.locator("#log-count")).toHaveText("");
});

test("where the keyboard covers the page, the page makes itself smaller", async ({ open }) => {
  const page = await open({ ...PHONE, search: { name: "Ben" } });
  await expect(mine(page)).toBeVisible();
  await page.evaluate(() => {
    Object.defineProperty(visualViewport, "height", { value: 420 });
    visualViewport.dispatchEvent(new Event("resize"));
  });
  await expect.poll(async () => (await page.locator("#me").boundingBox()).y + (await page.locator("#me").boundingBox()).height).toBeLessThanOrEqual(420);
});

test("at 400 % all is reachable by scrolling down alone", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.write("far below");
  ada.post("in the log");
  const page = await open({ ...ENLARGED, search: { name: "Ben" } });
  for (const part of [mine(page), textOf(page, "Ada"), page.getByRole("button", { name: "Settings" })]) {
    await part.scrollIntoViewIfNeeded();
    await expect(part).toBeInViewport();
  }
  await page.getByRole("button", { name: "Log" }).click();
  await posts(page).first().scrollIntoViewIfNeeded();
  await expect(posts(page).first()).toBeInViewport();
});

test("nothing moves by itself, whether or not reduced motion is asked for", async ({ open, bot }) => {
  const ada = await bot("Ada");
  for (const reducedMotion of ["reduce", "no-preference"]) {
    const page = await open({ reducedMotion, search: { hide: "me" } });
    await expect(boxOf(page, "Ada")).toBeVisible();
    ada.write(`seen with ${reducedMotion}`);
    await expect(boxOf(page, "Ada").locator(".state")).toHaveText("typing");
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    expect(await page.evaluate(() => getComputedStyle(document.querySelector("#wall")).scrollBehavior)).toBe("auto");
  }
});

test("with forced colours people are still told apart, and states are words", async ({ open, bot }) => {
  await bot("Ada");
  const page = await open({ forcedColors: "active", search: { hide: "me" } });
  const mark = boxOf(page, "Ada").locator(".mark");
  await expect(mark).toBeVisible();
  expect(await mark.evaluate((mark) => getComputedStyle(mark).backgroundColor)).not.toBe(await page.locator(".box").evaluate((box) => getComputedStyle(box).backgroundColor));
  await expect(boxOf(page, "Ada").locator(".state")).toHaveText("");
});

test("the parts of the page have names", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  await expect(page.getByRole("banner")).toBeVisible();
  await expect(page.getByRole("main")).toBeVisible();
  for (const name of ["Your box", "Boxes", "Log"]) await expect(page.getByRole("region", { name, exact: true })).toBeVisible();
  await expect(page.getByRole("group", { name: "View" })).toBeVisible();
  await expect(page.getByRole("group", { name: "Ada" })).toBeVisible();
});
