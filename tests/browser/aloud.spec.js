// Read aloud: what the live region says of an enlarged box and of the captions. The clock is the test's.

import { boxOf, expect, test } from "./wall.js";

const said = (page) => page.locator("#aloud p");
const button = (page) => page.getByRole("button", { name: "Read aloud" });

// What reads is fetched first.
async function turnOn(page) {
  await button(page).click();
  await page.waitForFunction(() => aloud.part);
}

// Somebody else writes, and the page has it.
async function write(page, bot, text) {
  bot.write(text);
  await page.waitForFunction(([name, text]) => [...room.users.values()].some((user) => user.name === name && user.text === text), [bot.name, text]);
}

async function post(page, bot, text) {
  bot.post(text);
  await page.waitForFunction((text) => [...room.posts.values()].some((post) => post.text === text), text);
}

test("an enlarged box is read by sentence when that is asked for, and nothing is said twice", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.write("From before. ");
  const page = await open({ clock: true, search: { hide: "me" } });
  await expect(boxOf(page, "Ada")).toContainText("From before.");
  await boxOf(page, "Ada").locator("h3 button").click();
  await write(page, ada, "From before. Not read. ");
  await page.clock.runFor(10_000);
  await expect(said(page)).toHaveCount(0);
  await expect(button(page)).toHaveAttribute("aria-pressed", "false");
  await turnOn(page);
  await expect(button(page)).toHaveAttribute("aria-pressed", "true");
  await write(page, ada, "From before. Not read. Hello all. How are");
  await page.clock.runFor(2_000);
  await expect(said(page)).toHaveText(["Hello all."]);
  await write(page, ada, "From before. ");
  await page.clock.runFor(2_000);
  await write(page, ada, "From before. Not read. Hello all. How are you? ");
  await page.clock.runFor(2_000);
  await expect(said(page)).toHaveText(["Hello all.", "How are you?"]);
  await button(page).click();
  await write(page, ada, "From before. Not read. Hello all. How are you? Silence. ");
  await page.clock.runFor(10_000);
  await expect(said(page)).toHaveCount(2);
});

test("there is at most one announcement in two seconds; what comes meanwhile is joined", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open({ clock: true, search: { hide: "me" } });
  await boxOf(page, "Ada").locator("h3 button").click();
  await turnOn(page);
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 1_000);
  await write(page, ada, "One. ");
  await page.clock.runFor(500);
  await expect(said(page)).toHaveText(["One."]);
  for (const text of ["One. Two. ", "One. Two. Three. "]) {
    await write(page, ada, text);
    await page.clock.runFor(700);
    await expect(said(page)).toHaveText(["One."]);
  }
  await page.clock.runFor(1_000);
  await expect(said(page)).toHaveText(["One.", "Two. Three."]);
  await write(page, ada, "One. Two. Three. no full stop");
  await page.clock.runFor(2_000);
  await expect(said(page)).toHaveCount(2);
  await page.clock.runFor(5_000);
  await expect(said(page)).toHaveText(["One.", "Two. Three.", "no full stop"]);
});

test("captions are read with the names of those who speak, and posts are not read again", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const ben = await bot("Ben");
  const page = await open({ clock: true, search: { view: "captions" } });
  await page.waitForFunction(() => room.users.size === 2);
  await turnOn(page);
  await write(page, ada, "Good morning. Let us");
  await page.clock.runFor(2_000);
  await write(page, ada, "Good morning. Let us begin. ");
  await page.clock.runFor(2_000);
  await write(page, ben, "Yes. ");
  await page.clock.runFor(2_000);
  await expect(said(page)).toHaveText(["Ada: Good morning.", "Let us begin.", "Ben: Yes."]);
  await post(page, ada, "Good morning. Let us begin. Now");
  await write(page, ada, "");
  await page.clock.runFor(2_000);
  await expect(said(page).last()).toHaveText("Ada: Now");
  await page.locator("[data-view-to=wall]").click();
  await write(page, ada, "On the wall. ");
  await page.clock.runFor(10_000);
  await expect(said(page)).toHaveCount(4);
});

test("the live region is polite, outside of what is hidden, and keeps the last announcements only", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open({ clock: true, search: { hide: "me" } });
  await boxOf(page, "Ada").locator("h3 button").click();
  await turnOn(page);
  for (let n = 1; n <= 25; n += 1) {
    await write(page, ada, `Sentence ${n}. `);
    await page.clock.runFor(2_000);
  }
  await expect(said(page)).toHaveCount(20);
  await expect(said(page).last()).toHaveText("Sentence 25.");
  const region = page.locator("#aloud");
  await expect(region).toHaveAttribute("aria-live", "polite");
  expect(await region.evaluate((region) => region.closest("[hidden], [inert], [aria-hidden]"))).toBeNull();
});

test("answers that a host's projector hides are not read there either", async ({ open, bot, server }) => {
  const ada = await bot("Ada");
  const page = await open({ clock: true, hash: `#host=${server.hostKey()}`, search: { hide: "me" } });
  await boxOf(page, "Ada").locator("h3 button").click();
  await turnOn(page);
  await page.locator("#hide-answers").click();
  await page.waitForFunction(() => room.state.hidden);
  await page.locator("#to-projector").click();
  await write(page, ada, "The answer. ");
  await page.clock.runFor(10_000);
  await expect(said(page)).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await boxOf(page, "Ada").locator("h3 button").click();
  await write(page, ada, "The answer. Seen by hosts. ");
  await page.clock.runFor(10_000);
  await expect(said(page)).toHaveText(["Seen by hosts."]);
});
