import { boxOf, expect, mine, test, textOf } from "./wall.js";

const view = (page, name) => page.getByRole("button", { name, exact: true });
const isView = (page, name) => expect(view(page, name)).toHaveAttribute("aria-pressed", "true");

test("Back leaves dialog, enlarged box and view, one at a time, and only then the page", { tag: "@chromium" }, async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.write("look");
  const page = await join("Ben");
  const address = page.url();
  await mine(page).fill("kept");
  await textOf(page, "Ada").click();
  await view(page, "Settings").click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.locator("#stage")).toBeVisible();
  await page.goBack();
  await expect(page.locator("#stage")).toBeHidden();
  await view(page, "Captions").click();
  await view(page, "Log").click();
  await page.goBack();
  await isView(page, "Wall");
  expect(page.url()).toBe(address);
  await expect(mine(page)).toHaveValue("kept");
  await page.goBack();
  expect(page.url()).toBe("about:blank");
});

test("what is left by Escape or a button is left in the history too", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  const entries = await page.evaluate(() => history.length);
  for (const leave of [() => page.keyboard.press("Escape"), () => view(page, "Back").click()]) {
    await textOf(page, "Ada").click();
    await leave();
    await expect(page.locator("#stage")).toBeHidden();
    await expect.poll(() => page.evaluate(() => history.state.depth)).toBe(0);
  }
  for (const leave of [() => page.keyboard.press("Escape"), () => page.getByRole("dialog").getByRole("button", { name: "Close" }).click()]) {
    await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
    await expect(page.getByRole("dialog")).toBeVisible(); // it is fetched first
    await leave();
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect.poll(() => page.evaluate(() => history.state.depth)).toBe(0);
  }
  expect(await page.evaluate(() => history.length)).toBe(entries + 1); // what was left lies ahead
});

test("faster than the browser goes back, one can enlarge the next box", async ({ join, bot }) => {
  await bot("Ada");
  await bot("Carol");
  const page = await join("Ben");
  await expect(page.locator(".box")).toHaveCount(2);
  await page.evaluate(() => {
    const [ada, carol] = [...room.users.values()].filter((user) => user.id !== room.you);
    enlarge(ada);
    shrink();
    enlarge(carol);
  });
  await expect.poll(() => page.evaluate(() => [history.state.depth, look.returning])).toEqual([1, false]);
  await expect(page.getByRole("region", { name: "Carol" })).toBeVisible();
  await page.goBack();
  await expect(page.locator("#stage")).toBeHidden();
  await expect(boxOf(page, "Carol")).toBeVisible();
});

test("the address is that of the view, so that it can be bookmarked and reloaded, and Back is right after that", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  await view(page, "Captions").click();
  await expect(page).toHaveURL(/view=captions/);
  await page.reload();
  await isView(page, "Captions");
  await page.goBack();
  await isView(page, "Wall");
  await page.goForward();
  await isView(page, "Captions");
  await view(page, "Wall").click();
  await isView(page, "Wall");
  await expect(page).not.toHaveURL(/view=captions/);
});

test("where the address asks for a view, Back does not leave it for another one", { tag: "@chromium" }, async ({ open }) => {
  const page = await open({ search: { view: "captions" } });
  await view(page, "Wall").click();
  await isView(page, "Wall");
  await page.goBack();
  await isView(page, "Captions");
  await page.goBack();
  expect(page.url()).toBe("about:blank");
});
