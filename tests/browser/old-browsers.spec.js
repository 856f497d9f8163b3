// Browsers that lack what newer ones have: the oldest that hold can read and write, and older ones are told so.

import { choose, test as hostTest } from "./hosting.js";
import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

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

test("a browser is told so in its language, the first that the page has", async ({ browser, server }) => {
  const page = await browser.newPage({ locale: "de-AT" });
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "languages", { get: () => ["xx-XX", "de-AT", "ar"] });
    delete window.HTMLDialogElement;
  });
  await page.goto(server.url);
  await expect(page.locator("#too-old")).toContainText("zu alt");
  await expect(page.locator("html")).toHaveAttribute("lang", "de-AT");
  await page.close();
});

test("no other browser is told so", async ({ join }) => {
  const page = await join("Ada");
  await expect(page.getByText(TOO_OLD)).toBeHidden();
});

// What Firefox 115 and Safari 15.4 lack, so far as a script can take it away.
function age() {
  for (const name of ["toWellFormed", "isWellFormed"]) delete String.prototype[name];
  for (const name of ["checkVisibility", "ariaLabel", "ariaLive", "role"]) delete Element.prototype[name];
  for (const name of ["showPopover", "hidePopover", "togglePopover", "popover", "inert"]) delete HTMLElement.prototype[name];
  for (const name of ["toSorted", "toReversed", "toSpliced", "with"]) delete Array.prototype[name];
  for (const name of ["timeout", "any"]) delete AbortSignal[name];
  for (const type of [HTMLElement, Document]) delete type.prototype.oncontentvisibilityautostatechange;
  delete window.oncontentvisibilityautostatechange;
  delete URL.canParse;
  delete URL.parse;
  delete Object.groupBy;
  delete Map.groupBy;
  delete Promise.withResolvers;
  delete Array.fromAsync;
  delete window.Iterator;
  delete Intl.Segmenter;
  delete Object.getPrototypeOf(navigator).wakeLock;
  delete Document.prototype.adoptedStyleSheets;
  delete window.requestIdleCallback;
}

// Joins as somebody whose browser is that old.
async function joinAged(open, search) {
  const page = await open();
  await page.addInitScript(age);
  await page.goto(`${page.url()}&${new URLSearchParams(search)}`);
  await page.waitForFunction(() => room.you);
  expect(await page.evaluate(() => "toWellFormed" in String.prototype || "showPopover" in document.body)).toBe(false);
  return page;
}

test("in a browser of 2022, people join, write, read, enlarge, post and follow links", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await joinAged(open, { name: "Ben" });
  ada.write("from Ada");
  await expect(textOf(page, "Ada")).toHaveText("from Ada");
  await mine(page).pressSequentially("from Ben 😀");
  await expect.poll(() => ada.texts().Ben).toBe("from Ben 😀");
  await mine(page).evaluate((box) => {
    box.value += "\ud83d";
    box.dispatchEvent(new Event("input"));
  });
  await expect.poll(() => ada.texts().Ben).toBe("from Ben 😀\ufffd");
  await mine(page).fill("https://example.org/ says Ben");
  await page.keyboard.press("Control+Enter");
  await expect(posts(page).getByRole("link")).toHaveAttribute("href", "https://example.org/");
  expect(ada.posts()).toEqual(["https://example.org/ says Ben"]);
  await textOf(page, "Ada").focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("region", { name: "Ada" })).toContainText("from Ada");
  await page.keyboard.press("Escape");
  for (const view of ["Captions", "Log", "Wall"]) await page.getByRole("button", { name: view, exact: true }).click();
  await expect(textOf(page, "Ada")).toBeVisible();
});

hostTest("in a browser without popovers, menus open, close and do what they say", async ({ open, bot, server }) => {
  const ada = await bot("Ada");
  ada.write("to be cleared");
  const page = await joinAged(open, { name: "Ben" });
  await page.evaluate((key) => (location.hash = `host=${key}`), server.hostKey());
  await page.waitForFunction(() => room.hosting);
  await page.locator("#menu").evaluate((menu) => menu.removeAttribute("popover")); // to such a browser it means nothing
  const more = boxOf(page, "Ada").locator(".more");
  await expect(page.locator("#menu")).toBeHidden();
  await more.click();
  await expect(page.getByRole("menuitem")).toHaveCount(4);
  await expect(more).toHaveAttribute("aria-expanded", "true");
  await mine(page).click();
  await expect(page.locator("#menu")).toBeHidden();
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await more.click();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await expect(page.locator("#menu")).toBeHidden();
  expect(await more.evaluate((button) => button === document.activeElement)).toBe(true);
  await choose(page, "Ada", "Clear this box");
  await page.getByRole("dialog").getByRole("button", { name: "Clear this box" }).click();
  await expect(textOf(page, "Ada")).toHaveText("");
});
