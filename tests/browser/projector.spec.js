import { crowdOf, measureWall } from "./projector.js";
import { boxOf, expect, test, textOf } from "./wall.js";

const FIT = { size: "fit", hide: "me,header,log" };
const PROJECTOR = { width: 1920, height: 1080 };
const LONG = "a long text that goes on ".repeat(120);

const sizeOf = (page) => page.locator(".box .text").first().evaluate((text) => parseFloat(getComputedStyle(text).fontSize));
const range = (page) => page.locator("#page-range");

test("with size=fit all boxes are wholly visible, from 2 to 60, in a text as large as possible", async ({ open, server, room }) => {
  const sizes = [];
  for (const [count, least] of [[2, 100], [5, 60], [12, 40], [30, 25], [60, 18]]) {
    const crowd = await crowdOf(server.url, room, count);
    const page = await open({ search: FIT, viewport: PROJECTOR });
    const { shown, cut, size, xHeight } = await measureWall(page, count);
    console.log(`${count} boxes: text ${size} px, x-height ${xHeight} px`);
    expect([shown, cut]).toEqual([count, 0]);
    expect(size).toBeGreaterThanOrEqual(least);
    sizes.push(size);
    crowd.bots.forEach((bot) => bot.leave());
    await page.close();
  }
  expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
});

test("two short texts are as large as a seventh of the window", async ({ open, bot }) => {
  for (const name of ["Ada", "Ben"]) (await bot(name)).write("Yes, it is.");
  const page = await open({ search: FIT, viewport: PROJECTOR });
  await expect(textOf(page, "Ben")).toHaveText("Yes, it is.");
  await expect.poll(() => sizeOf(page)).toBe(144);
});

test("the text shrinks when one would be cut off, grows again, and follows the window", async ({ open, bot }) => {
  const ada = await bot("Ada");
  await bot("Ben");
  const page = await open({ search: FIT, viewport: PROJECTOR });
  await expect.poll(() => sizeOf(page)).toBe(144);
  ada.write("one sentence after the other ".repeat(12));
  await expect.poll(() => sizeOf(page)).toBeLessThan(100);
  expect((await measureWall(page, 2)).cut).toBe(0);
  await page.setViewportSize({ width: 960, height: 540 });
  await expect.poll(() => sizeOf(page)).toBeLessThan(50);
  expect((await measureWall(page, 2)).cut).toBe(0);
  await page.setViewportSize(PROJECTOR);
  ada.write("short");
  await expect.poll(() => sizeOf(page)).toBe(144);
});

test("a place that was left is free for a while only", async ({ open, bot }) => {
  const [ada] = [await bot("Ada"), await bot("Ben"), await bot("Carol")];
  const page = await open({ search: FIT, viewport: PROJECTOR, clock: true });
  await expect(page.locator(".box")).toHaveCount(3);
  ada.leave();
  await expect(page.locator(".free")).toHaveCount(1);
  await page.clock.fastForward(31_000);
  await expect(page.locator(".free")).toHaveCount(0);
  await expect.poll(() => page.locator("#wall").evaluate((wall) => getComputedStyle(wall).gridTemplateRows.split(" ").length)).toBe(2);
});

test("a text that is far too long does not make all others small, and says that there is more", async ({ open, server, room }) => {
  await crowdOf(server.url, room, 30, (index) => (index === 3 ? LONG : "a usual answer"));
  const page = await open({ search: FIT, viewport: PROJECTOR, clock: true });
  const { shown, cut } = await measureWall(page, 30);
  expect([shown, cut]).toEqual([30, 1]);
  expect(await sizeOf(page)).toBeGreaterThan(25);
  const long = boxOf(page, "Dmitri");
  const more = () => long.locator(".state").evaluate((state) => getComputedStyle(state, "::before").content);
  await expect(long).toHaveAttribute("data-cut", "above");
  expect(await more()).toContain("More");
});

test("a long text shows its start when its user rests, but not while somebody reads in it", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open({ search: { hide: "me,header,log" }, clock: true });
  const start = () => textOf(page, "Ada").evaluate((text) => Math.round(text.firstElementChild.getBoundingClientRect().top - text.getBoundingClientRect().top));
  ada.write(LONG.repeat(3));
  await expect(boxOf(page, "Ada")).toHaveAttribute("data-cut", "above");
  expect(await start()).toBeLessThan(-100);
  await textOf(page, "Ada").hover();
  await page.clock.fastForward(30_000);
  await expect(boxOf(page, "Ada")).toHaveAttribute("data-cut", "above");
  await page.mouse.move(0, 0);
  await expect(boxOf(page, "Ada")).not.toHaveAttribute("data-read", "");
  await page.clock.fastForward(30_000);
  await expect(boxOf(page, "Ada")).toHaveAttribute("data-cut", "below");
  expect(await start()).toBe(0);
  await textOf(page, "Ada").hover();
  expect(await start()).toBe(0);
  await page.mouse.move(0, 0);
  await expect(boxOf(page, "Ada")).not.toHaveAttribute("data-read", "");
  await page.evaluate(() => lose(link.socket)); // the next text comes with a snapshot
  for (const [text, cut] of [[LONG.repeat(3) + "!", "above"], ["short", null]]) {
    ada.write(text);
    await page.waitForFunction((text) => [...room.users.values()].some((user) => user.text === text), text);
    await page.clock.runFor(1_000); // after a jump, the clock of the test may stand still
    await expect.poll(() => boxOf(page, "Ada").getAttribute("data-cut")).toBe(cut);
  }
});

test("more boxes than can be read are pages, which turn by themselves, by key and by button", async ({ open, server, room }) => {
  await crowdOf(server.url, room, 61);
  const page = await open({ search: FIT, viewport: PROJECTOR, clock: true });
  const seen = await measureWall(page, 61);
  expect([seen.shown, seen.cut, seen.range]).toEqual([31, 0, "1–31 of 61"]);
  await page.clock.fastForward(8_000);
  await expect(range(page)).toHaveText("32–61 of 61");
  expect((await measureWall(page, 61)).cut).toBe(0);
  await page.keyboard.press("PageDown");
  await expect(range(page)).toHaveText("1–31 of 61");
  await page.keyboard.press("PageUp");
  await expect(range(page)).toHaveText("32–61 of 61");
  await page.getByRole("button", { name: "Next page" }).click();
  await expect(range(page)).toHaveText("1–31 of 61");
});

for (const [what, stop] of [
  ["somebody has stopped them", (page) => page.getByRole("button", { name: "Stop turning pages" }).click().then(() => page.locator("#wall").focus())],
  ["the focus is in a box", (page) => page.locator(".box .text").first().focus()],
  ["the pointer is on a box", (page) => page.locator(".box .text").first().hover()],
  ["motion is reduced", (page) => page.emulateMedia({ reducedMotion: "reduce" })],
]) {
  test(`pages do not turn by themselves while ${what}`, async ({ open, server, room }) => {
    await crowdOf(server.url, room, 61, () => "");
    const page = await open({ search: FIT, viewport: PROJECTOR, clock: true });
    await measureWall(page, 61);
    const first = "1–31 of 61";
    await expect(range(page)).toHaveText(first);
    await stop(page);
    await page.clock.fastForward(9_000);
    await page.clock.fastForward(9_000);
    await expect(range(page)).toHaveText(first);
    await page.locator('[data-turn="1"]').dispatchEvent("click");
    await expect(range(page)).not.toHaveText(first);
  });
}

test("the focus in a box goes along to the next page", async ({ open, server, room }) => {
  await crowdOf(server.url, room, 61, () => "");
  const page = await open({ search: FIT, viewport: PROJECTOR });
  await measureWall(page, 61);
  await page.locator(".box .text").first().focus();
  await page.keyboard.press("PageDown");
  await expect(range(page)).toHaveText("32–61 of 61");
  await expect(textOf(page, "Student 32")).toBeFocused();
});

test("empty boxes can be left out, and come as soon as somebody writes in them", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const ben = await bot("Ben");
  ada.write("here");
  const page = await open({ search: { size: "fit", hide: "me,header,log,empty" }, viewport: PROJECTOR });
  await expect(boxOf(page, "Ada")).toBeVisible();
  await expect(boxOf(page, "Ben")).toBeHidden();
  await expect.poll(() => sizeOf(page)).toBe(144);
  ben.write("me too");
  await expect(boxOf(page, "Ben")).toBeVisible();
  ada.write("");
  ben.write("");
  await expect(page.locator(".box:visible")).toHaveCount(0);
  await expect(page.getByText("Nobody has written anything yet.")).toBeVisible();
});

test("the projector shows only the boxes, in full screen, and Escape goes back", async ({ join, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await join("Ben");
  const parts = ["#head .tools", "#log", "#me"].map((part) => page.locator(part));
  await page.getByRole("button", { name: "Projector" }).click();
  for (const part of parts) await expect(part).toBeHidden();
  await page.waitForFunction(() => document.fullscreenElement);
  await expect.poll(() => sizeOf(page)).toBeGreaterThan(80);
  await page.evaluate(() => document.exitFullscreen()); // as Escape does in full screen
  for (const part of parts) await expect(part).toBeVisible();
  await expect(page.getByRole("button", { name: "Projector" })).toBeFocused();
  await expect.poll(() => sizeOf(page)).toBe(16);
});

test("the projector does without full screen: Escape, the button and Back go back", async ({ join, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await join("Ben");
  await page.evaluate(() => (Element.prototype.requestFullscreen = () => Promise.reject(new Error("not allowed"))));
  await page.getByRole("button", { name: "Captions" }).click();
  const back = page.locator("#from-projector");
  for (const leave of [
    () => page.keyboard.press("Escape"),
    () => page.mouse.move(500, 400).then(() => back.click()),
    () => page.goBack(),
  ]) {
    await page.getByRole("button", { name: "Projector" }).click();
    await expect(page.locator("#me")).toBeHidden();
    await page.waitForFunction(() => history.state.depth === 1);
    await leave();
    await expect(page.locator("#me")).toBeVisible();
    await page.waitForFunction(() => history.state.depth === 0);
  }
  await expect(page.getByRole("button", { name: "Wall", exact: true })).toHaveAttribute("aria-pressed", "true");
});

test("the way back from the projector is seen when the pointer moves, and with the keyboard", async ({ join }) => {
  const page = await join("Ben", { clock: true });
  await page.evaluate(() => (Element.prototype.requestFullscreen = undefined));
  const back = page.locator("#from-projector");
  await page.getByRole("button", { name: "Projector" }).click();
  await page.clock.fastForward(5_000);
  await expect(back).toHaveCSS("opacity", "0");
  // As a hand does, not once: a move may be lost while the browser is still drawing.
  let x = 300;
  await expect(async () => {
    await page.mouse.move((x += 10), 300);
    await expect(back).toHaveCSS("opacity", "1", { timeout: 1_000 });
  }).toPass();
  await page.keyboard.press("Escape");
  await page.clock.fastForward(5_000);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Projector" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(back).toBeFocused();
  await expect(back).toHaveCSS("opacity", "1");
  await page.keyboard.press("Enter");
  await expect(page.locator("#me")).toBeVisible();
});

test("a host's bar is not on the projector, and comes back", async ({ open, server }) => {
  const page = await open({ search: { name: "Ada" }, hash: `#host=${server.hostKey()}` });
  await expect(page.locator("#host-bar")).toBeVisible();
  await page.getByRole("button", { name: "Projector" }).click();
  await expect(page.locator("#host-bar")).toBeHidden();
  await page.evaluate(() => project(false));
  await expect(page.locator("#host-bar")).toBeVisible();
});

test("on a projector nothing offers to join or to run the room, and the boxes have the whole window", async ({ open, bot, server }) => {
  (await bot("Ben")).write("hello");
  const page = await open({ hash: `#host=${server.hostKey()}`, viewport: PROJECTOR });
  await page.waitForFunction(() => room.hosting);
  await page.locator("#just-watch").click();
  await expect(page.locator("#to-join")).toBeVisible();
  await expect(boxOf(page, "Ben").locator(".more")).toBeVisible();
  await page.getByRole("button", { name: "Projector" }).click();
  await expect(page.locator("#to-join")).toBeHidden();
  await expect(boxOf(page, "Ben").locator(".more")).toBeHidden();
  // Full screen may have another width than the window.
  await expect.poll(() => boxOf(page, "Ben").evaluate((box) => innerWidth - box.offsetWidth)).toBeLessThan(50);
  await textOf(page, "Ben").click();
  await expect(page.getByRole("button", { name: "Back" })).toHaveCount(1);
  await page.getByRole("button", { name: "Back" }).click();
  await expect(page.locator("#from-projector")).toBeVisible();
});

test("an empty wall says why it is empty", async ({ join, open, bot }) => {
  const viewer = await open({ search: FIT });
  await expect(viewer.locator("#wall-empty")).toContainText("Nobody is here yet.");
  const page = await join("Ada");
  await expect(page.locator("#wall-empty")).toContainText("Nobody else is here yet.");
  await bot("Ben");
  await textOf(page, "Ben").click();
  await page.getByRole("button", { name: "Hide" }).click();
  await expect(page.locator("#wall-empty-words")).toHaveText(/^Hidden people: .?Ben.?$/);
  await expect(page.locator("#wall-empty button")).toBeHidden();
  await viewer.reload();
  await expect(viewer.locator("#wall-empty")).toBeHidden();
});

test("a host's projector shows no answer while answers are hidden", async ({ open, bot, server }) => {
  (await bot("Ben")).write("my secret");
  const page = await open({ search: { name: "Ada" }, hash: `#host=${server.hostKey()}` });
  await page.getByRole("button", { name: "Hide answers" }).click();
  await expect(boxOf(page, "Ben")).toContainText("my secret");
  await page.getByRole("button", { name: "Projector" }).click();
  await expect(boxOf(page, "Ben").locator(".state")).toHaveText("has written");
  await expect(textOf(page, "Ben")).toHaveText("");
  await page.evaluate(() => project(false));
  await expect(textOf(page, "Ben")).toHaveText("my secret");
});

test("on the projector an enlarged box is as large as it fits", async ({ open, bot }) => {
  (await bot("Ada")).write("a few words");
  const page = await open({ search: FIT, viewport: PROJECTOR });
  await textOf(page, "Ada").click();
  const size = () => page.locator("#stage-text").evaluate((text) => parseFloat(getComputedStyle(text).fontSize));
  await expect.poll(size).toBe(144);
});

const LINK = "http://192.168.1.20:8080/?room=physics";

test("show=qr keeps the code beside the wall, covers no box, and fills the screen on a click", async ({ open, bot, server, room }) => {
  (await bot("Ada")).write("hello");
  const page = await open();
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: [LINK] } }));
  await page.setViewportSize(PROJECTOR);
  await page.goto(`${server.url}?${new URLSearchParams({ room, show: "qr", ...FIT })}`);
  const code = page.locator("#code");
  await expect(code).toContainText("192.168.1.20:8080/?room=physics");
  const [wall, corner] = [await page.locator("#wall").boundingBox(), await code.boundingBox()];
  expect(corner.x).toBeGreaterThanOrEqual(wall.x + wall.width);
  await expect.poll(async () => (await measureWall(page, 1)).cut).toBe(0);
  await code.getByRole("button", { name: `QR code for ${LINK}` }).click();
  const large = page.locator("#poster").getByRole("img", { name: `QR code for ${LINK}` });
  const { width, height } = await large.boundingBox();
  expect(Math.min(width, height)).toBeGreaterThanOrEqual(1_000);
  await page.keyboard.press("Escape");
  await expect(large).toBeHidden();
});

test("where nobody else reaches the server, there is no code", async ({ open }) => {
  const page = await open();
  const answered = page.waitForResponse(/\/invite\?/);
  await page.goto(`${page.url()}&${new URLSearchParams({ show: "qr", ...FIT })}`);
  expect((await (await answered).json()).links).toEqual([]);
  await expect(page.locator("#code")).toBeHidden();
});
