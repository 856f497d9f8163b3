// What is kept: posts that can be removed, and the saved wall.

import { readFile } from "node:fs/promises";
import { confirm, press, test } from "./hosting.js";
import { expect, mine, posts, textOf } from "./wall.js";

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

test("hidden answers are not saved by a pupil, and are by a host", async ({ host, join, bot }) => {
  const ben = await bot("Ben");
  const page = await host();
  await press(page, "Hide answers");
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  ben.write("=secret");
  await expect(textOf(page, "Ben")).toHaveText("=secret");
  const save = async (from) => {
    const download = from.waitForEvent("download");
    await from.locator("#log-head .saves-wall").click();
    await from.getByRole("button", { name: "Text", exact: true }).click();
    return readFile(await (await download).path(), "utf8");
  };
  expect(await save(ada)).toMatch(/Ben\n\nAda\n {4}mine\n$/);
  expect(await save(page)).toMatch(/Ben\n {4}=secret\n/);
});
