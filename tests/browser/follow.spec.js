// Live text is followed wherever its reader is, unless they have scrolled up; and what was said in one language or
// hidden comes back as it should.

import { boxOf, expect, posts, test, textOf } from "./wall.js";

const LINES = Array.from({ length: 80 }, (_, index) => `line ${index}`).join("\n");
const toEnd = (page, name) => () => textOf(page, name).evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight);
// The last line is in sight.
const showsEnd = (page, name) => () =>
  textOf(page, name).evaluate((text) => {
    const frame = text.getBoundingClientRect();
    const { bottom } = text.firstElementChild.getBoundingClientRect();
    return Math.abs(bottom - frame.bottom) < 30;
  });

test("a box with the pointer on it follows its text, and so does one with the focus", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write(LINES);
  await expect(textOf(page, "Ada")).toContainText("line 79");
  await textOf(page, "Ada").hover();
  await expect.poll(toEnd(page, "Ada")).toBeLessThan(9);
  ada.write(`${LINES}\nmore\nwhile hovered`);
  await expect(textOf(page, "Ada")).toContainText("while hovered");
  await expect.poll(toEnd(page, "Ada")).toBeLessThan(9);
  await page.locator("#title").hover();
  await textOf(page, "Ada").focus();
  ada.write(`${LINES}\nmore\nand more\nwhile focused`);
  await expect(textOf(page, "Ada")).toContainText("while focused");
  await expect.poll(toEnd(page, "Ada")).toBeLessThan(9);
});

test("a box that the pointer has only crossed shows the end of its text", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write("short");
  await expect(textOf(page, "Ada")).toContainText("short");
  await textOf(page, "Ada").hover();
  await expect(boxOf(page, "Ada")).toHaveAttribute("data-read", "");
  await page.locator("#my-text").hover();
  await expect(boxOf(page, "Ada")).not.toHaveAttribute("data-read");
  ada.write(LINES);
  await expect(textOf(page, "Ada")).toContainText("line 79");
  await expect.poll(showsEnd(page, "Ada")).toBe(true);
});

test("a box that was scrolled up on the wall is at its end in the captions, and again on the wall", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write(LINES);
  await expect(textOf(page, "Ada")).toContainText("line 79");
  await textOf(page, "Ada").hover();
  await textOf(page, "Ada").evaluate((text) => (text.scrollTop = 0));
  await page.waitForFunction(() => document.querySelector(".box .text").scrollTop === 0);
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  ada.write(`${LINES}\nthe end`);
  await expect(textOf(page, "Ada")).toContainText("the end");
  await expect.poll(showsEnd(page, "Ada")).toBe(true);
  await page.getByRole("button", { name: "Wall", exact: true }).click();
  await expect(boxOf(page, "Ada")).not.toHaveAttribute("data-read");
  await expect.poll(showsEnd(page, "Ada")).toBe(true);
});

test("a speaker who is shown again is in the captions at once, without another key", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write("still here");
  await textOf(page, "Ada").click();
  await page.getByRole("button", { name: "Hide" }).click();
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  await expect(textOf(page, "Ada")).toBeHidden();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: /Show .*Ada.* again/ }).click();
  await page.keyboard.press("Escape");
  await expect(textOf(page, "Ada")).toBeVisible();
  await expect(textOf(page, "Ada")).toHaveText("still here");
});

test("news and times that are in the log already are said in a new language", async ({ join, bot }) => {
  const page = await join("Ben", { search: { lang: "ar" } });
  const ada = await bot("Ada");
  await expect(page.locator(".news")).toContainText("انضم");
  ada.post("a post");
  await expect(posts(page)).toHaveText("a post");
  const before = await page.locator(".post time").textContent();
  await page.locator("#to-settings").click();
  await page.locator("#language").selectOption("en");
  await page.keyboard.press("Escape");
  await expect(page.locator(".news")).toContainText("Ada");
  await expect(page.locator(".news")).toContainText("joined");
  await expect(page.locator(".post time")).not.toHaveText(before);
});

test("a wide and low window has no empty column", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben", { viewport: { width: 1280, height: 300 } });
  const columns = () => page.locator("#main").evaluate((main) => getComputedStyle(main).gridTemplateColumns.split(" ").length);
  await expect.poll(columns).toBe(1);
  const [wall, log] = [await page.locator("#wall-area").boundingBox(), await page.locator("#log").boundingBox()];
  expect(log.y).toBeGreaterThanOrEqual(wall.y + wall.height);
});
