// What hosts do to boxes and to people: clear, freeze, remove.

import { PHONE, bar, board, choose, chooseAndConfirm, confirm, expectAccessible, press, test } from "./hosting.js";
import { boxOf, expect, mine, posts, textOf } from "./wall.js";

test("an author who was offline does not bring a cleared text back", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).fill("from before");
  await expect(textOf(page, "Ada")).toHaveText("from before");
  await ada.evaluate(() => {
    window.connectLater = connect;
    lose(link.socket, { code: 4001 });
  });
  await mine(ada).fill("from before, and offline");
  await expect(boxOf(page, "Ada")).toContainText("away");
  await chooseAndConfirm(page, "Ada", "Clear this box");
  await expect(textOf(page, "Ada")).toHaveText("");
  await ada.evaluate(() => connect());
  await expect(ada.locator("#my-note")).toHaveText("A host has cleared your box.");
  await expect(mine(ada)).toHaveValue("");
  await mine(ada).fill("new");
  await expect(textOf(page, "Ada")).toHaveText("new");
});

test("a clear of somebody else's box does not count for one's own, not even after a reload", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ben).fill("b");
  await expect(textOf(page, "Ben")).toHaveText("b");
  await chooseAndConfirm(page, "Ben", "Clear this box");
  await mine(ada).fill("a");
  await expect(textOf(page, "Ada")).toHaveText("a");
  await chooseAndConfirm(page, "Ada", "Clear this box");
  await expect(mine(ada)).toHaveValue("");
  await mine(ada).fill("after the clear");
  await expect(textOf(page, "Ada")).toHaveText("after the clear");
  await ada.reload();
  await ada.waitForFunction(() => room.you);
  await expect(mine(ada)).toHaveValue("after the clear");
  await expect(textOf(page, "Ada")).toHaveText("after the clear");
});

test("an author who reloads offline does not bring a cleared text back either", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).fill("from before");
  await expect(textOf(page, "Ada")).toHaveText("from before");
  await ada.evaluate(() => lose(link.socket, { code: 4001 }));
  await expect(boxOf(page, "Ada")).toContainText("away");
  await bar(page).getByRole("button", { name: "Clear all" }).click();
  await confirm(page, "Clear all");
  await expect(textOf(page, "Ada")).toHaveText("");
  await ada.reload();
  await ada.waitForFunction(() => room.you);
  await expect(mine(ada)).toHaveValue("");
  await expect(textOf(page, "Ada")).toHaveText("");
});

test("what is written when the room freezes is sent when that ends, and so are posts", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).fill("before");
  await expect(textOf(page, "Ada")).toHaveText("before");
  await press(page, "Freeze");
  await expect(mine(ada)).not.toBeEditable();
  // As if the state had come a moment later than the keys.
  await ada.evaluate(() => {
    room.state.frozen = false;
    at("my-text").value = "before, and more";
    typed();
  });
  await ada.waitForFunction(() => draft.refused);
  await ada.evaluate(() => (draft.refused = false));
  await ada.locator("#post").click();
  await ada.waitForFunction(() => draft.refused);
  await ada.evaluate(() => (room.state.frozen = true));
  await expect(posts(page)).toHaveCount(0);
  await press(page, "Freeze");
  await expect(posts(page)).toHaveText(["before, and more"]);
  await expect(mine(ada)).toHaveValue("");
  await expect(mine(ada)).toBeEditable();
  await press(page, "Freeze");
  await expect(mine(ada)).not.toBeEditable();
  const shown = await ada.evaluate(() => {
    at("my-text").value = "not yet";
    typed();
    return draft.shown;
  });
  expect(shown).toBe("");
});

test("in a frozen room, the box is kept: it says so as no error, and neither posts nor clears", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const [post, clear, note] = ["#post", "#clear", "#my-note"].map((part) => ada.locator(part));
  const colour = (part) => part.evaluate((element) => getComputedStyle(element).color);
  const background = (part) => part.evaluate((element) => getComputedStyle(element).backgroundColor);
  await mine(ada).fill("kept");
  const alarming = await colour(ada.locator(".error").first());
  const usable = await background(post);
  await post.focus();
  await press(page, "Freeze");
  await expect(note).toHaveText("Frozen: you can't write now. Your text is kept.");
  expect(await colour(note)).not.toBe(alarming);
  await expect(ada.locator("#hint")).toBeEmpty();
  for (const button of [post, clear]) await expect(button).toHaveAttribute("aria-disabled", "true");
  expect(await background(post)).not.toBe(usable);
  await expect(post).toBeFocused();
  await expectAccessible(ada, "frozen");
  await ada.keyboard.press("Enter");
  await expect(post).toBeFocused();
  await clear.click({ force: true });
  await expect(clear).toBeFocused();
  await mine(ada).focus();
  await ada.keyboard.press("Control+Enter");
  await expect(mine(ada)).toHaveValue("kept");
  expect(await ada.evaluate(() => draft.pending)).toEqual([]);
  await ada.locator("#pause").click();
  expect(await colour(note)).not.toBe(alarming);
  await ada.locator("#pause").click();

  await press(page, "Freeze");
  await expect(mine(ada)).toBeEditable();
  for (const button of [post, clear]) await expect(button).toBeEnabled();
  await expect(ada.locator("#hint")).not.toBeEmpty();
  expect(await background(post)).toBe(usable);
  await post.click();
  await expect(posts(page)).toHaveText(["kept"]);
  await mine(ada).fill("more");
  await clear.click();
  await expect(mine(ada)).toHaveValue("");
});

test("what a host cannot take back is asked about once, with the focus on Cancel", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).fill("kept");
  await expect(textOf(page, "Ada")).toHaveText("kept");
  for (const [item, asks] of [
    ["Clear this box", "Clear \u2068Ada\u2069's box? The text can't be brought back."],
    ["Make host", "Make \u2068Ada\u2069 a host? They can see hidden answers, and clear and remove people."],
  ]) {
    await choose(page, "Ada", item);
    const dialog = page.getByRole("dialog", { name: asks, exact: true });
    await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
    await expect(dialog.getByRole("button", { name: item, exact: true })).toBeVisible();
    await expectAccessible(page, item);
    await page.keyboard.press("Escape");
    await expect(boxOf(page, "Ada").locator(".more")).toBeFocused();
  }
  await press(page, "Freeze"); // its answer comes after those to what was asked before
  await expect(ada.locator("#me")).toHaveClass(/frozen/);
  await expect(mine(ada)).toHaveValue("kept");
  await expect(bar(ada)).toBeHidden();
  await chooseAndConfirm(page, "Ada", "Clear this box");
  await expect(mine(ada)).toHaveValue("");
  await expect(ada.locator("#my-note")).toHaveText("A host has cleared your box."); // nothing is kept
  await chooseAndConfirm(page, "Ada", "Make host");
  await expect(bar(ada)).toBeVisible();
});

test("whoever had paused is told that a host has cleared the box, and with the next key that sharing is paused", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const note = ada.locator("#my-note");
  await ada.locator("#pause").click();
  await mine(ada).fill("a draft");
  await expect(note).toHaveText("Paused: others can't see this.");
  await press(page, "Clear all");
  await confirm(page, "Clear all");
  await expect(mine(ada)).toHaveValue("");
  await expect(note).toHaveText("A host has cleared your box.");
  await mine(ada).pressSequentially("n");
  await expect(note).toHaveText("Paused: others can't see this.");
  await press(page, "Freeze");
  await expect(note).toHaveText("Frozen: you can't write now. Your text is kept.");
});

for (const [size, options] of Object.entries({ desktop: {}, phone: PHONE })) {
  test(`while answers are hidden, the box says that everyone sees a post: ${size}`, async ({ host, join }) => {
    const warning = "Answers are hidden, but everyone sees a post.";
    const page = await host({ search: { name: "Teacher" } });
    const ada = await join("Ada", options);
    const [hint, post] = [ada.locator("#hint"), ada.locator("#post")];
    await expect(post).not.toHaveAttribute("aria-describedby");
    await press(page, "Hide answers");
    await expect(hint).toHaveText(warning);
    await expect(hint).toBeInViewport({ ratio: 0.95 }); // of a part of a pixel, in Firefox
    for (const part of [post, mine(ada)]) await expect(part).toHaveAccessibleDescription(warning);
    await expectAccessible(ada, `${size}, hidden`);
    await expect(page.locator("#hint")).toHaveText(/ to post$/); // a host's answers are seen anyway
    await press(page, "Freeze");
    await expect(hint).toBeEmpty();
    await press(page, "Freeze");
    await expect(hint).toHaveText(warning);
    await press(page, "Reveal answers");
    await expect(hint).toHaveText(/ to post$/);
    await expect(post).not.toHaveAttribute("aria-describedby");
    if (size === "phone") await expect(hint).toBeHidden();
  });
}

test("a host writes while the room is frozen", async ({ host, bot }) => {
  const ada = await bot("Ada");
  const page = await host({ search: { name: "Teacher" } });
  await press(page, "Freeze");
  await expect(board(page)).toContainText("Frozen");
  await mine(page).fill("look here");
  await expect.poll(() => ada.texts().Teacher).toBe("look here");
});

test("a post that is refused after its box was cleared comes back", async ({ join }) => {
  const ada = await join("Ada");
  await ada.evaluate(() => {
    link.socket.send = () => {};
    at("my-text").value = "a post";
    typed();
  });
  await ada.locator("#post").click();
  await ada.evaluate(() => receive("text_cleared", { cleared: 1 }));
  await expect(mine(ada)).toHaveValue("");
  await ada.evaluate(() => receive("error", { code: "memory_full", message: "", ref: draft.pending[0].ref }));
  await expect(mine(ada)).toHaveValue("a post");
});

test("whoever is removed may watch, and does not come back by themselves", async ({ host, join, bot }) => {
  const ben = await bot("Ben");
  ben.write("still here");
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).fill("abuse");
  await choose(page, "Ada", "Remove");
  await confirm(page, "Remove");
  await expect(ada.locator("#link-state")).toHaveText("Removed by a host.");
  await expect(boxOf(page, "Ada")).toHaveCount(0);
  expect(await ada.evaluate(() => [link.socket, link.retryAt])).toEqual([null, 0]);
  await ada.getByRole("button", { name: "Watch" }).click();
  await expect(ada.locator("#link-state")).toHaveText("Connected");
  ben.write("goes on");
  await expect(textOf(ada, "Ben")).toHaveText("goes on");
  await ada.reload();
  await expect(textOf(ada, "Ben")).toHaveText("goes on");
  await expect(ada.locator("#me")).toBeHidden();
  expect(await ada.evaluate(() => room.you)).toBe(null);
  await expect(ada.locator("#to-join")).toBeHidden();
  await expect(ada.locator("#no-box-words")).toHaveText("A host has removed you. You can watch.");
  await expect(ada.locator("#no-box-words")).toBeVisible();
});
