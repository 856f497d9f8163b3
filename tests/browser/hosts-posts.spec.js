// What is kept: posts that can be removed, and the saved wall.

import { readFile } from "node:fs/promises";
import { PHONE, bar, confirm, expectAccessible, press, test } from "./hosting.js";
import { boxOf, expect, mine, posts, textOf } from "./wall.js";

const savesWall = (page) => page.getByRole("button", { name: "Save the wall", exact: true });

test("a host removes any post, its author their own, nobody else, and each is asked once", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const ben = await join("Ben");
  for (const text of ["one", "two"]) {
    await mine(ada).fill(text);
    await ada.locator("#post").click();
    await expect(mine(ada)).toHaveValue("");
  }
  await expect(posts(ben)).toHaveText(["one", "two"]);
  await expect(ben.locator(".remove")).toHaveCount(0);
  await ada.locator(".remove").first().click();
  await confirm(ada, "Cancel");
  await expect(posts(ada)).toHaveText(["one", "two"]);
  await ada.locator(".remove").first().click();
  await confirm(ada, "Remove");
  await expect(posts(ben)).toHaveText(["Removed", "two"]);
  await page.locator(".remove").click();
  await confirm(page, "Remove");
  for (const other of [page, ada, ben]) await expect(posts(other)).toHaveText(["Removed", "Removed"]);
  await expect(page.locator(".remove")).toHaveCount(0);
  const late = await join("Carl");
  await expect(posts(late)).toHaveText(["Removed", "Removed"]);
});

test("hidden answers are not saved by a pupil, and are by a host", { tag: "@chromium" }, async ({ host, join, bot }) => {
  const ben = await bot("Ben");
  const page = await host();
  await press(page, "Hide answers");
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  await bot("Cem"); // has written nothing that could be hidden
  ben.write("=secret");
  await expect(textOf(page, "Ben")).toHaveText("=secret");
  await expect(boxOf(ada, "Ben")).toContainText("has written");
  const save = async (from, format = "Text") => {
    const download = from.waitForEvent("download");
    await savesWall(from).click();
    await from.getByRole("button", { name: format, exact: true }).click();
    return readFile(await (await download).path(), "utf8");
  };
  expect(await save(ada)).toMatch(/Ben\n {4}\(hidden\)\n\nAda\n {4}mine\n\nCem\n$/);
  expect(await save(ada, "Markdown")).toMatch(/## Ben\n\n> \\\(hidden\\\)\n\n## Ada\n\n> mine\n\n## Cem\n$/);
  expect(await save(ada, "Spreadsheet (CSV)")).toMatch(/\r\nBen,\(hidden\)\r\nAda,mine\r\nCem,\r\n$/);
  expect(await save(page)).toMatch(/Ben\n {4}=secret\n/);
});

test("the wall is saved from one place: the bar for hosts, the log for everyone else", async ({ host, join }) => {
  const formats = ["Text", "Markdown", "Spreadsheet (CSV)"];
  const desk = await host();
  const phone = await host(PHONE);
  const ada = await join("Ada");
  await expect(savesWall(desk)).toHaveCount(1);
  await expect(bar(desk).getByRole("button", { name: "Save the wall" })).toBeVisible();
  await expect(savesWall(ada)).toHaveCount(1);
  await expect(ada.locator("#log").getByRole("button", { name: "Save the wall" })).toBeVisible();
  for (const page of [desk, ada]) {
    await savesWall(page).click();
    await expect(page.locator("#save-wall [data-format]")).toHaveText(formats);
    await page.keyboard.press("Escape");
  }
  await phone.locator("[data-view-to=log]").click();
  await expect(savesWall(phone)).toHaveCount(0);
  await phone.locator("#host-more").click();
  await phone.getByRole("menuitem", { name: "Save the wall" }).click();
  await expect(phone.locator("#save-wall [data-format]")).toHaveText(formats);
});

test("the buttons that remove posts are one stop for the keyboard, and say which post they remove", { tag: "@chromium" }, async ({ host, bot }) => {
  const ada = await bot("Ada");
  for (let n = 1; n <= 100; n += 1) ada.post(`post ${n}`);
  await expect.poll(() => ada.posts().length).toBe(100);
  const page = await host();
  await expect(posts(page)).toHaveCount(100);
  const stops = page.locator('.remove[tabindex="0"]');
  const remover = (n) => page.getByRole("button", { name: `Remove post ${n} by \u2068Ada\u2069`, exact: true });
  await expect(page.locator(".remove")).toHaveCount(100);
  await expect(stops).toHaveCount(1);
  await page.locator("#posts-area").focus();
  await page.keyboard.press("Tab");
  await expect(remover(100)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(remover(100)).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(remover(99)).toBeFocused();
  await page.keyboard.press("Home");
  await expect(remover(1)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(remover(2)).toBeFocused();
  await expect(remover(2)).toBeInViewport();
  await expect(stops).toHaveCount(1);
  await page.keyboard.press("Tab");
  await expect(page.locator(".remove:focus")).toHaveCount(0);
  await page.keyboard.press("Shift+Tab");
  await expect(remover(2)).toBeFocused();
  // It stays the stop while somebody is there, whatever is posted.
  ada.post("post 101");
  await expect(posts(page)).toHaveCount(101);
  await expect(stops).toHaveCount(1);
  await expect(remover(2)).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(posts(page).nth(1)).toHaveText("Removed");
  await expect(remover(2)).toHaveCount(0);
  await expect(remover(3)).toBeFocused();
  await page.keyboard.press("End");
  await expect(remover(101)).toBeFocused();
  await page.keyboard.press("Enter");
  await confirm(page, "Remove");
  await expect(remover(100)).toBeFocused();
  await expect(stops).toHaveCount(1);
  await expectAccessible(page, "a log of a host");
});

test("the last post that could be removed leaves the focus in the log", async ({ join }) => {
  const ada = await join("Ada");
  await mine(ada).fill("one");
  await ada.locator("#post").click();
  await expect(posts(ada)).toHaveText(["one"]);
  await ada.locator(".remove").focus();
  await ada.keyboard.press("Enter");
  await confirm(ada, "Remove");
  await expect(posts(ada)).toHaveText(["Removed"]);
  await expect(ada.locator("#posts-area")).toBeFocused();
});

test("the buttons that remove posts are large enough for a finger, and speak the language in use", async ({ host, bot }) => {
  const ada = await bot("Ada");
  ada.post("one");
  ada.post("two");
  const page = await host(PHONE);
  await page.locator("[data-view-to=log]").click();
  await expect(page.locator(".remove")).toHaveCount(2);
  for (const button of await page.locator(".remove").all()) {
    const { width, height } = await button.boundingBox();
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
    await button.click();
    await confirm(page, "Cancel");
  }
  await page.locator("#to-settings").click();
  await page.locator("#language").selectOption("de");
  await expect(page.locator(".remove").first()).toHaveAttribute("aria-label", "Beitrag 1 von \u2068Ada\u2069 entfernen");
});
