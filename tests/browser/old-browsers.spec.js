// Browsers that lack what newer ones have: the oldest that hold can read and write, and older ones are told so.

import { parse } from "espree";
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

test("a browser is told so in its language", async ({ browser, server }) => {
  const page = await browser.newPage({ locale: "de-AT" });
  await page.addInitScript(() => delete window.HTMLDialogElement);
  await page.goto(server.url);
  await expect(page.locator("#too-old")).toContainText("zu alt");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await page.close();
});

test("the script that tells it, as it is served, is one that any browser can read", async ({ server }) => {
  const html = await (await fetch(server.url)).text();
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script);
  const telling = scripts.filter((script) => script.includes("HTMLDialogElement"));
  expect(telling).toHaveLength(1);
  expect(parse(telling[0], { ecmaVersion: 5 }).body.length).toBeGreaterThan(0);
  expect(html.indexOf(telling[0])).toBeLessThan(html.indexOf(scripts.find((script) => script !== telling[0])));
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

// The styles as Firefox 115 reads them: without what stands in @supports, and without declarations and rules that it does
// not know.
function agedStyles(css) {
  let rest = css;
  for (let at = rest.indexOf("@supports"); at !== -1; at = rest.indexOf("@supports")) {
    let end = rest.indexOf("{", at) + 1;
    for (let depth = 1; depth > 0; end += 1) depth += { "{": 1, "}": -1 }[rest[end]] ?? 0;
    rest = rest.slice(0, at) + rest.slice(end);
  }
  const withoutRules = rest.replace(/[^{}]*:has\([^{}]*\{[^{}]*\}/g, "");
  return withoutRules.replace(/[\w-]+:[^;{}]*(?:\blight-dark\(|\bround\(|\dlh\b|content-visibility|reading-flow)[^;}]*;?/g, "");
}

test("with the styles of a browser of 2022, colours, boxes and the own box are as they should be", { tag: "@chromium" }, async ({ browser, server, room, bot }) => {
  const ada = await bot("Ada");
  ada.write("a text");
  const context = await browser.newContext({ bypassCSP: true, permissions: ["local-network-access"], viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.route((url) => url.pathname === "/", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/<style>(.*?)<\/style>/s, (_, css) => `<style>${agedStyles(css)}</style>`);
    expect(body).not.toMatch(/<style>[^<]*(@supports|\dlh)/);
    await route.fulfill({ response, body });
  });
  for (const [theme, colour] of [["light", "rgb(243, 240, 233)"], ["dark", "rgb(19, 20, 21)"]]) {
    await page.goto(`${server.url}?${new URLSearchParams({ room, name: "Ben", theme })}`);
    await expect(textOf(page, "Ada")).toHaveText("a text");
    await expect(page.locator("body")).toHaveCSS("background-color", colour);
    await expect(boxOf(page, "Ada").locator(".mark")).not.toHaveCSS("background-color", "rgba(0, 0, 0, 0)");
    const heights = await Promise.all([textOf(page, "Ada"), mine(page)].map(async (part) => (await part.boundingBox()).height));
    expect(Math.min(...heights)).toBeGreaterThan(20);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  }
  await context.close();
});
