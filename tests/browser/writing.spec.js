// The own box: how it looks, how it grows, what its line of notes says, and that leaving the page asks.

import { expect, mine, test } from "./wall.js";

const sizesOf = (page) =>
  page.evaluate(() => {
    const box = document.getElementById("my-text");
    const line = parseFloat(getComputedStyle(box).lineHeight);
    return { lines: box.clientHeight / line, over: box.scrollHeight - box.clientHeight, card: document.getElementById("me").offsetHeight };
  });

const expectWholeLines = ({ lines }) => expect(Math.abs(lines - Math.round(lines)), `${lines} lines`).toBeLessThan(0.1);

for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }, { width: 740, height: 360 }]) {
  test(`the box grows by whole lines, up to 40 % of the height: ${viewport.width} × ${viewport.height}`, async ({ join }) => {
    const page = await join("Ada", { viewport });
    const least = await sizesOf(page);
    const seen = [];
    for (let line = 1; line <= 30; line += 1) {
      await mine(page).press("Enter");
      const sizes = await sizesOf(page);
      expectWholeLines(sizes);
      seen.push(sizes.card);
      if (sizes.over > 1) break;
    }
    const most = await sizesOf(page);
    expect(most.over, "the box never ended to grow").toBeGreaterThan(1);
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    if (viewport.height > 400) expect(most.lines).toBeGreaterThan(least.lines + 1);
    if (viewport.height > 400) expect(most.card).toBeLessThanOrEqual(0.41 * viewport.height);
    await page.locator("#clear").click();
    expect((await sizesOf(page)).card).toBe(least.card);
  });
}

test("a hand sets the height of the box, which then shows whole lines and stays", async ({ join }) => {
  const page = await join("Ada");
  const drag = async (distance) => {
    const { x, y, width, height } = await page.locator("#writing").boundingBox();
    await page.mouse.move(x + width - 5, y + height - 5);
    await page.mouse.down();
    await page.mouse.move(x + width - 5, Math.max(0, y + height - 5 + distance), { steps: 5 });
    await page.mouse.up();
  };
  const before = await sizesOf(page);
  await drag(110);
  const after = await sizesOf(page);
  expect(after.lines).toBeGreaterThan(before.lines + 3);
  expectWholeLines(after);
  await mine(page).fill("a line\n".repeat(40));
  expect((await sizesOf(page)).card).toBe(after.card);
  await drag(-1_000);
  expect((await sizesOf(page)).lines).toBeCloseTo(before.lines, 1);
});

test("an empty box says that one can write in it, in the language's direction", async ({ join }) => {
  const page = await join("Ada", { search: { lang: "ar" } });
  await expect(mine(page)).toHaveAttribute("placeholder", "اكتب هنا");
  await expect(mine(page)).toHaveCSS("direction", "rtl");
  await mine(page).fill("english");
  await expect(mine(page)).toHaveCSS("direction", "ltr");
});

test("the line of notes says one thing at a time, the most urgent first", async ({ join }) => {
  const page = await join("Ada");
  const shown = () => page.locator("#notes").evaluate((notes) => [...notes.children].filter((part) => part.checkVisibility() && part.textContent).map(({ id }) => id));
  await expect.poll(shown).toEqual(["hint"]);
  await page.locator("#pause").click();
  await expect.poll(shown).toEqual(["my-note"]);
  await page.locator("#post").click();
  await expect.poll(shown).toEqual(["my-error"]);
  await mine(page).pressSequentially("x");
  await expect.poll(shown).toEqual(["my-note"]);
  await page.locator("#pause").click();
  await mine(page).fill("x".repeat(9_990));
  await expect.poll(shown).toEqual(["my-count"]);
  await page.locator("#pause").click();
  await expect.poll(shown).toEqual(["my-note"]);
});

test("Post is a plain button until there is text and somebody has posted", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const post = page.locator("#post");
  await mine(page).fill("a text");
  await expect(post).not.toHaveClass(/main/);
  ada.post("first");
  await expect(post).toHaveClass(/main/);
  await page.locator("#clear").click();
  await expect(post).not.toHaveClass(/main/);
});

test("a pause is no alarm: a dashed border, words in ink, and the ring of the focus around the card", async ({ join }) => {
  const page = await join("Ben");
  const me = page.locator("#me");
  await expect(me).toHaveCSS("outline-style", "solid");
  await page.locator("#pause").click();
  await expect(me).toHaveCSS("border-block-start-style", "dashed");
  const ink = await page.locator("body").evaluate((body) => getComputedStyle(body).color);
  await expect(page.locator("#my-note")).toHaveCSS("color", ink);
  await expect(me).toHaveCSS("outline-style", "solid");
  await page.locator("#title").focus();
  await expect(me).toHaveCSS("outline-style", "none");
});

// Tries to leave the page, and stays if it asks.
async function asksToStay(page) {
  let asked = false;
  page.once("dialog", (dialog) => {
    asked = dialog.type() === "beforeunload";
    return dialog.dismiss();
  });
  const gone = page.goto(`${new URL(page.url()).origin}/?room=elsewhere`).catch(() => {});
  await gone;
  return asked;
}

test("leaving the page asks while the box has text that is not posted", async ({ join }) => {
  const page = await join("Ben");
  await mine(page).pressSequentially("not posted");
  expect(await asksToStay(page)).toBe(true);
  await expect(mine(page)).toHaveValue("not posted");
  await page.keyboard.press("Control+Enter");
  await expect(mine(page)).toHaveValue("");
  expect(await asksToStay(page)).toBe(false);
});

test("leaving the page does not ask whoever left the room before", async ({ join }) => {
  const page = await join("Ben");
  await mine(page).pressSequentially("not posted");
  await page.locator("#leave").click();
  await page.locator("#confirm-yes").click();
  await expect(page.getByLabel("Your name")).toBeFocused();
  expect(await asksToStay(page)).toBe(false);
});
