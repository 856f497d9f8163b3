import { boxOf, expect, test, textOf } from "./wall.js";

const atTop = (text) => text.evaluate((text) => text.scrollTop);
const lines = (from, to) => Array.from({ length: to - from }, (_, index) => `Line ${from + index}`).join("\n");

test("a reader scrolls back through all that was said, nothing slides, and Latest leads to the end again", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  const text = textOf(page, "Ada");
  await expect(text).toHaveText("Live");
  for (let part = 0; part < 10; part += 1) ada.post(`${lines(part * 30, part * 30 + 30)}`);
  await expect(text).toContainText("Line 299");
  await expect.poll(() => text.evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight)).toBeLessThan(2);
  await expect(page.locator(".latest")).toHaveCount(0);

  await text.hover();
  await page.mouse.wheel(0, -4_000);
  await expect(page.getByRole("button", { name: "Latest" })).toBeVisible();
  const [seen, first] = [await atTop(text), await text.locator("span").first().elementHandle()];
  ada.write(`Live\n${lines(300, 340)}`);
  ada.post("Another post");
  await expect(text).toContainText("Another post");
  await expect(text).toContainText("Line 339");
  expect(await atTop(text)).toBe(seen);
  expect(await first.evaluate((span) => span.isConnected && span.textContent.startsWith("Line 0\n"))).toBe(true);

  await page.getByRole("button", { name: "Latest" }).click();
  await expect(page.getByRole("button", { name: "Latest" })).toBeHidden();
  await expect.poll(() => text.evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight)).toBeLessThan(2);
  await expect(text).toBeFocused();
});

test("the oldest posts go only when the reader is at the end", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  const text = textOf(page, "Ada");
  for (let n = 10; n < 30; n += 1) ada.post(`Post ${n} ${"word ".repeat(1_950)}end`);
  await expect(text.locator("span")).toHaveCount(20);
  await text.hover();
  await page.mouse.wheel(0, -4_000);
  await expect(page.getByRole("button", { name: "Latest" })).toBeVisible();
  for (let n = 30; n < 35; n += 1) ada.post(`Post ${n} ${"word ".repeat(1_950)}end`);
  await expect(text.locator("span")).toHaveCount(25);
  await page.getByRole("button", { name: "Latest" }).click();
  ada.post("the end");
  await expect(text.locator("span")).toHaveCount(21);
  await expect(text.locator("span").first()).toContainText("Post 15");
});

test("a post that is removed leaves the captions, and the wall shows the text of the box alone", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  for (const post of ["First", "Second"]) ada.post(post);
  await expect(textOf(page, "Ada")).toHaveText("First Second Live");
  ada.send("remove_post", { n: 1 });
  await expect(textOf(page, "Ada")).toHaveText("Second Live");
  await page.getByRole("button", { name: "Wall", exact: true }).click();
  await expect(textOf(page, "Ada")).toHaveText("Live");
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  await expect(textOf(page, "Ada")).toHaveText("Second Live");
});

test("panes are as high as their text, at the foot; the one of somebody who takes everything back goes at once", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const [ada, ben, carol] = [await bot("Ada"), await bot("Ben"), await bot("Carol")];
  ada.write("short");
  await expect(textOf(page, "Ada")).toBeVisible();
  const wall = await page.locator("#wall").boundingBox();
  const pane = async (name) => boxOf(page, name).boundingBox();
  const one = await pane("Ada");
  expect(one.height).toBeLessThan(wall.height / 3);
  expect(one.y + one.height).toBeCloseTo(wall.y + wall.height, 0);

  ada.write(lines(0, 60));
  ben.write(lines(0, 40));
  carol.write(lines(0, 40));
  await expect(textOf(page, "Carol")).toBeVisible();
  await expect.poll(async () => (await pane("Ada")).height).toBeGreaterThan(wall.height * 0.44);
  for (const name of ["Ben", "Carol"]) {
    const { height } = await pane(name);
    expect(height).toBeGreaterThan(60);
    expect(height).toBeLessThan(wall.height * 0.26);
  }
  ben.write("");
  carol.write("");
  await expect(boxOf(page, "Ben")).toBeHidden();
  await expect(boxOf(page, "Carol")).toBeHidden();
  await expect.poll(async () => (await pane("Ada")).height).toBeGreaterThan(wall.height * 0.95);
});

test("when the one in the spotlight leaves, the captions show the speakers again", async ({ open, bot, server }) => {
  const host = await open({ search: { view: "captions" }, hash: `#host=${server.hostKey()}` });
  await host.waitForFunction(() => room.hosting);
  const [ada, ben] = [await bot("Ada"), await bot("Ben")];
  ada.write("first");
  ben.write("second");
  await expect(textOf(host, "Ben")).toBeVisible();
  await host.evaluate((id) => send("set_room", { spotlight: id }), ben.id);
  await expect(textOf(host, "Ada")).toBeHidden();
  ben.leave();
  await expect(textOf(host, "Ada")).toBeVisible();
});

test("a long paragraph in many posts is divided where a line begins, and no word moves", async ({ open, bot }) => {
  const sentence = (n) => `Sentence number ${n} has words as long as a few of these. `;
  for (const [dir, name] of [["ltr", "Ada"], ["rtl", "نور"]]) {
    const page = await open({ search: { view: "captions" } });
    const author = await bot(name);
    const start = dir === "rtl" ? "هذا نص عربي. " : "";
    const all = [start, ...Array.from({ length: 99 }, (_, n) => sentence(n))];
    author.write(all.slice(0, 30).join(""));
    const text = textOf(page, name);
    await expect(text).toContainText("number 28 ");
    for (let n = 0; n + 10 < all.length; n += 10) {
      author.post(all.slice(n, n + 10).join(""));
      author.write(all.slice(n + 10, n + 40).join(""));
    }
    await expect(text).toContainText("number 98 ");
    await expect(text.locator("p")).not.toHaveCount(1);
    const shown = await text.evaluate((text) => ({ words: text.textContent, height: text.scrollHeight }));
    expect(shown.words).toBe(all.join(""));
    const whole = await text.evaluate((text) => {
      text.querySelector("p").textContent = text.textContent;
      while (text.children.length > 1) text.lastChild.remove();
      return text.scrollHeight;
    });
    expect(whole).toBe(shown.height);
    await page.close();
  }
});
