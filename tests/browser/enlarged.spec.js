// What the enlarged box offers beyond the text: links, code, copying; and how posts by others make themselves noticed.

import { boxOf, expect, mine, posts, test } from "./wall.js";

const stage = (page) => page.locator("#stage-text");

async function enlarged(open, bot, options = {}) {
  const ada = await bot("Ada");
  const page = await open({ search: { hide: "me" }, ...options });
  await boxOf(page, "Ada").locator("h3 button").click();
  const write = async (text) => {
    ada.write(text);
    await expect.poll(() => stage(page).evaluate((stage) => stage.textContent.trim())).toBe(text.trim());
  };
  return { ada, page, write };
}

test("addresses can be followed and fenced lines are in monospace, while they are typed", async ({ open, bot }) => {
  const { page, write } = await enlarged(open, bot);
  const text = "See https://example.org/a and\n```\nlet a = 1;\n```\nthen more";
  for (let length = 1; length <= text.length; length += 7) await write(text.slice(0, length));
  await write(text);
  const link = stage(page).getByRole("link");
  await expect(link).toHaveAttribute("href", "https://example.org/a");
  await expect(link).toHaveAttribute("rel", "noopener noreferrer");
  expect(await stage(page).locator("code").evaluate((code) => getComputedStyle(code).fontFamily)).toContain("monospace");
  expect(await stage(page).evaluate((stage) => stage.textContent.trim())).toBe(text);
  await write("<b>no markup</b> javascript:alert(1)");
  await expect(stage(page).locator("b, a, code")).toHaveCount(0);
});

test("while the text changes, a selection, the focus on a link and the scroll position stay", async ({ open, bot }) => {
  const { page, write } = await enlarged(open, bot);
  const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`).join("\n");
  await write(`start https://example.org/ select me\n${lines}`);
  await page.evaluate(() => {
    const node = [...document.querySelector("#stage-text p").childNodes].at(-1);
    const place = node.data.indexOf("select me");
    getSelection().setBaseAndExtent(node, place + 7, node, place + 9);
    document.querySelector("#stage-text").scrollTop = 100;
  });
  await stage(page).getByRole("link").evaluate((link) => link.focus({ preventScroll: true }));
  await page.waitForFunction(() => !look.largeAtEnd);
  const before = await stage(page).evaluate((stage) => stage.scrollTop);
  await write(`start https://example.org/ select me\n${lines} and more`);
  await write(`Start https://example.org/ select me\n${lines} and more`);
  await write(`Start! https://example.org/ and select me\n${lines} and more`);
  await write(`Start! https://example.org/ and select me\n${lines}\n\`\`\`\ncode`);
  expect(await page.evaluate(() => String(getSelection()))).toBe("me");
  await expect(stage(page).getByRole("link")).toBeFocused();
  expect(await stage(page).evaluate((stage) => stage.scrollTop)).toBe(before);
});

for (const isPlain of [false, true]) {
  test(`a box is copied, and the button says so: ${isPlain ? "plain" : "secure"} page`, async ({ open, bot }) => {
    const { page, write } = await enlarged(open, bot, { permissions: ["clipboard-read", "clipboard-write"] });
    await write("two\nlines, one https://example.org/\n```\ncode\n```\nend");
    if (isPlain) await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true }));
    await page.getByRole("button", { name: "Copy" }).click();
    await expect(page.getByRole("button", { name: "Copied." })).toBeVisible();
    await expect(page.locator("#announcement")).toHaveText("Copied.");
    await page.evaluate(() => delete navigator.clipboard);
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("two\nlines, one https://example.org/\n```\ncode\n```\nend");
    await expect(page.getByRole("button", { name: "Copy", exact: true })).toBeVisible();
  });
}

test("where nothing can copy, the text is selected and the keyboard can", async ({ open, bot }) => {
  const { page, write } = await enlarged(open, bot);
  await write("by hand");
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.execCommand = () => false;
  });
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.locator("#board .notice")).toHaveText("Press Ctrl or ⌘ + C to copy.");
  expect(await page.evaluate(() => String(getSelection()).trim())).toBe("by hand");
});

// Stands in for the parts of the browser that make a noise or show something outside of the page.
function pretend() {
  const told = (window.told = []);
  class Notification {
    static permission = "default";
    static async requestPermission() {
      return (Notification.permission = window.answer ?? "granted");
    }
    constructor(title, options) {
      told.push([title, options.body]);
    }
  }
  Object.assign(window, { Notification });
  const start = window.OscillatorNode.prototype.start;
  window.OscillatorNode.prototype.start = function (...when) {
    told.push("tone");
    start.apply(this, when);
  };
}
const told = (page) => page.evaluate(() => window.told);
const goAway = (page, isHidden) =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);

async function chooseAlert(page, label) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("When somebody posts").selectOption(label);
  await page.keyboard.press("Escape");
}

test("a post by somebody else makes a sound if that is chosen, one's own and old ones do not", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("old");
  const page = await join("Me", { clock: true });
  await page.evaluate(pretend);
  await expect(posts(page)).toHaveCount(1);
  ada.post("silent");
  await expect(posts(page)).toHaveCount(2);
  expect(await told(page)).toEqual([]);
  await chooseAlert(page, "A sound");
  await expect.poll(() => told(page)).toEqual(["tone", "tone"]); // a sample
  await mine(page).fill("my own");
  await page.keyboard.press("Control+Enter");
  await expect(posts(page)).toHaveCount(3);
  expect(await told(page)).toHaveLength(2);
  await page.clock.runFor(1_500);
  ada.post("heard");
  await expect(posts(page)).toHaveCount(4);
  expect(await told(page)).toHaveLength(4);
  ada.post("too soon");
  await expect(posts(page)).toHaveCount(5);
  expect(await told(page)).toHaveLength(4);
  await page.reload();
  await page.waitForFunction(() => choices.alert === "sound");
});

test("a notification shows a post only while the page is out of sight", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Me");
  await page.evaluate(pretend);
  await chooseAlert(page, "A notification");
  await page.waitForFunction(() => choices.alert === "notification");
  ada.post("in sight");
  await expect(posts(page)).toHaveCount(1);
  await goAway(page, true);
  ada.post("out of sight");
  await expect.poll(() => told(page)).toEqual([[expect.stringContaining("Ada · room "), "out of sight"]]);
});

test("notifications that are refused are not chosen, and then not offered", async ({ join }) => {
  const page = await join("Me");
  await page.evaluate(pretend);
  await page.evaluate(() => (window.answer = "denied"));
  await chooseAlert(page, "A notification");
  await expect(page.locator("#alert")).toHaveValue("nothing");
  await expect(page.locator("#alert option").nth(2)).toHaveAttribute("disabled", "");
});

test("times are written as the browser's region writes them", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.post("a post");
  const times = {};
  for (const locale of ["en-US", "en-GB", "de-AT"]) {
    const page = await open({ locale, timezoneId: "Europe/Vienna", search: { hide: "me" } });
    times[locale] = await page.locator("#posts time").textContent();
  }
  expect(times["en-US"]).toMatch(/[AP]M$/);
  expect(times["en-GB"]).toMatch(/^\d\d:\d\d$/);
  expect(times["de-AT"]).toMatch(/^\d\d:\d\d$/);
});
