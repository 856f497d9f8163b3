// How the page shows what hosts set, and the controls with which they do.

import { PHONE, ask, board, choose, chooseAndConfirm, confirm, expectAccessible, press, question, test } from "./hosting.js";
import { boxOf, expect, mine, textOf } from "./wall.js";

test("the menu of a box, with the keyboard alone", async ({ host, bot }) => {
  await bot("Ada");
  await bot("Ben");
  const page = await host();
  await textOf(page, "Ada").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Shift+Tab");
  const more = boxOf(page, "Ada").locator(".more");
  await more.focus();
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await page.keyboard.press("Enter");
  await expect(more).toHaveAttribute("aria-expanded", "true");
  const item = (name) => page.getByRole("menuitem", { name });
  await expect(item("Spotlight")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(item("Remove")).toBeFocused();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await expect(item("Clear this box")).toBeFocused();
  await page.keyboard.press("End");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toBeHidden();
  await expect(more).toBeFocused();
  await more.click();
  await expect(page.getByRole("menu")).toBeVisible();
  await more.click();
  await expect(page.getByRole("menu")).toBeHidden();
  await expect(more).toHaveAttribute("aria-expanded", "false");
  await expect(more).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog").getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(more).toBeFocused();
  await expect(boxOf(page, "Ada")).toBeVisible();
});

test("buttons of hosts are large enough for a finger", async ({ host, bot }) => {
  await bot("Ada");
  const page = await host(PHONE);
  const sizes = (selector) => page.locator(selector).evaluateAll((buttons) =>
    buttons.filter((button) => button.checkVisibility()).map((button) => {
      const { width, height } = button.getBoundingClientRect();
      return Math.min(width, height);
    }));
  const inBar = await sizes("#host-bar button, .box .more");
  expect(inBar.length).toBe(6);
  for (const size of inBar) expect(size).toBeGreaterThanOrEqual(44);
  await boxOf(page, "Ada").locator(".more").click();
  for (const size of await sizes("#menu button")) expect(size).toBeGreaterThanOrEqual(44);
});

test("in a low window, all of a menu is in sight", async ({ host, bot }) => {
  await bot("Ada");
  const page = await host({ ...PHONE, viewport: { width: 740, height: 360 } });
  await page.evaluate(() => send("set_room", { locked: true, prompt: "Why?" }));
  await expect(page.locator("#state")).toHaveText("The room is locked.");
  await boxOf(page, "Ada").locator(".more").click();
  for (const item of await page.getByRole("menuitem").all()) await expect(item).toBeInViewport({ ratio: 1 });
});

test("in the captions, the spotlight shows its speaker alone", async ({ host, open, bot }) => {
  const [ada, ben] = [await bot("Ada"), await bot("Ben")];
  const page = await host();
  const captions = await open({ search: { view: "captions" } });
  await captions.waitForFunction(() => room.title);
  ada.write("heckling");
  ben.write("the talk");
  await expect(textOf(captions, "Ada")).toBeVisible();
  await choose(page, "Ben", "Spotlight");
  await expect(textOf(captions, "Ada")).toBeHidden();
  await expect(textOf(captions, "Ben")).toHaveText("the talk");
  await ask(page, "سؤال");
  await expect(question(captions)).toHaveText("سؤال");
  await expect(question(captions)).toHaveCSS("direction", "rtl");
  await expectAccessible(captions, "captions");
});

test("a new spotlight shows again to somebody who went back from the last one, and Back leaves no trace", async ({ host, join, bot }) => {
  await bot("Ben");
  await bot("Carl");
  const page = await host();
  const ada = await join("Ada");
  await choose(page, "Ben", "Spotlight");
  await expect(ada.locator("#stage-name")).toHaveText("Ben");
  await ada.keyboard.press("Escape");
  await expect(ada.locator("#stage")).toBeHidden();
  await page.getByRole("button", { name: "Back" }).click();
  await choose(page, "Carl", "Spotlight");
  await expect(ada.locator("#stage-name")).toHaveText("Carl");
  expect(await ada.evaluate(() => history.state.depth)).toBe(0);
  await ada.locator("[data-view-to=log]").click();
  await expect(question(ada)).toBeHidden();
  await ada.goBack();
  await expect(ada.locator("#stage-name")).toHaveText("Carl");
});

test("what a host is refused is said above the wall, and changes nothing else, until the next command", async ({ host, bot }) => {
  await bot("Ada");
  const page = await host();
  await page.evaluate(() => send("remove_user", { id: "0" }));
  const notice = page.locator("#board .notice");
  await expect(notice).toHaveText("This person has left.");
  await page.evaluate(() => receive("error", { code: "something_new", message: "A sentence of the server." }));
  await expect(notice).toHaveText("A sentence of the server.");
  await expect(boxOf(page, "Ada")).toBeVisible();
  await press(page, "Lock");
  await expect(notice).toBeEmpty();
  await expect(page.locator("#announcement")).toHaveText("The room is locked.");
});

test("a command without a connection says that it was not done", async ({ host, bot }) => {
  await bot("Ada");
  const page = await host();
  await page.evaluate(() => lose(link.socket, { code: 4001 }));
  await press(page, "Lock");
  await expect(page.locator("#board .notice")).toHaveText("Not done: the connection is lost.");
  await expect(page.locator("#announcement")).toHaveText("Not done: the connection is lost.");
  await expect(page.locator("#lock")).toHaveAttribute("aria-pressed", "false");
  await chooseAndConfirm(page, "Ada", "Remove");
  await expect(page.locator("#board .notice")).toHaveText("Not done: the connection is lost.");
});

test("the state of the room is told in whole sentences, and nobody is counted where only hosts are", async ({ host, join }) => {
  const page = await host({ search: { name: "Teacher" } });
  await press(page, "Hide answers");
  await press(page, "Lock");
  await expect(page.locator("#state span")).toHaveText(["Answers are hidden until a host reveals them.", "The room is locked."]);
  await press(page, "Lock");
  await join("Ada");
  await expect(page.locator("#state span")).toHaveText(["Answers are hidden until a host reveals them.", "0 of 1 have written."]);
  await chooseAndConfirm(page, "Ada", "Make host");
  await expect(board(page)).toHaveText("Answers are hidden until a host reveals them.");
});

test("once the room is open again, the first screen no longer says that it is locked", async ({ host, open }) => {
  const page = await host();
  await press(page, "Lock");
  const [hal, ida] = [await open({ search: { name: "Hal" } }), await open({ search: { name: "Ida" } })];
  const error = (reader) => reader.locator("#join-error");
  for (const reader of [hal, ida]) await expect(error(reader)).toHaveText("The room is locked. You can watch.");
  await ask(page, "Why?");
  await expect(question(page)).toHaveText("Why?");
  await hal.waitForFunction(() => room.state.prompt);
  await expect(error(hal)).toHaveText("The room is locked. You can watch.");
  await ida.locator("#just-watch").click();
  // One hears of it, the other finds it out when it is connected again.
  await ida.evaluate(() => {
    window.connectLater = connect;
    lose(link.socket, { code: 4001 });
  });
  await press(page, "Lock");
  await expect(error(hal)).toBeEmpty();
  await expect(hal.locator("#name")).toHaveAttribute("aria-invalid", "false");
  await ida.evaluate(() => connect());
  await ida.waitForFunction(() => link.status === "connected");
  await ida.locator("#to-join").click();
  await expect(error(ida)).toBeEmpty();
  await ida.locator("#name").fill("Ida");
  await ida.locator("#name").press("Enter");
  await expect(boxOf(page, "Ida")).toBeVisible();
});

test("another refusal of the first screen stays when the room is open again", async ({ host, open }) => {
  const page = await host();
  await press(page, "Lock");
  const hal = await open({ search: { name: "Hal" } });
  await expect(hal.locator("#join-error")).toHaveText("The room is locked. You can watch.");
  await hal.locator("#name").fill("");
  await hal.locator("#name").press("Enter");
  await expect(hal.locator("#join-error")).toHaveText("Please enter a name.");
  await press(page, "Lock");
  await hal.waitForFunction(() => !room.state.locked);
  await expect(hal.locator("#join-error")).toHaveText("Please enter a name.");
});

test("a hidden answer in the spotlight is covered lines, for those who may not see it", async ({ host, open, join, bot }) => {
  const ben = await bot("Ben");
  await bot("Cem");
  const page = await host();
  const pupil = await join("Ada");
  const projector = await open({ search: { hide: "me,header,log", view: "wall" } });
  await press(page, "Hide answers");
  ben.write("secret");
  await choose(page, "Ben", "Spotlight");
  const cover = (reader) => reader.locator("#stage-text").evaluate((text) => getComputedStyle(text).backgroundImage);
  for (const reader of [pupil, projector]) {
    await expect(reader.locator("#stage-state")).toHaveText("has written");
    expect(await cover(reader)).toContain("repeating-linear-gradient");
    await expectAccessible(reader, "hidden, spotlight");
  }
  await expect(page.locator("#stage-text")).toHaveText("secret");
  expect(await cover(page)).toBe("none");
  await press(page, "Reveal answers");
  await expect(pupil.locator("#stage-text")).toHaveText("secret");
  expect(await cover(pupil)).toBe("none");
  await press(page, "Hide answers");
  await page.evaluate(() => send("set_room", { spotlight: [...room.users.values()].find(({ name }) => name === "Cem").id }));
  await expect(pupil.locator("#stage-name")).toHaveText("Cem");
  expect(await cover(pupil)).toBe("none"); // has written nothing
});

// Notes everything that is announced from now on.
async function listen(page) {
  await page.evaluate(() => {
    window.heard = [];
    new MutationObserver(() => window.heard.push(at("announcement").textContent)).observe(at("announcement"), { childList: true });
  });
  return () => page.evaluate(() => window.heard);
}

test("what hosts do is announced once", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const heard = await listen(ada);
  await press(page, "Hide answers");
  await expect.poll(heard).toEqual(["Answers are hidden until a host reveals them."]);
  await press(page, "Reveal answers");
  await expect.poll(heard).toHaveLength(2);
  await ask(page, "Why?");
  await expect.poll(heard).toHaveLength(3);
  expect((await heard()).slice(1)).toEqual(["The answers are revealed.", "Question: \u2068Why?\u2069"]);
  await page.evaluate(() => lose(link.socket, { code: 1006 }));
  await page.waitForFunction(() => link.status === "connected" && room.hosting);
  await expect(question(page)).toHaveText("Why?");
  await expect(page.locator("#question")).toHaveValue("Why?");
  expect(await heard()).toHaveLength(3);
});

test("a question is counted as the server counts it, and says when it is full", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  const field = page.locator("#question");
  const count = page.locator("#question-count");
  await field.fill("😀".repeat(449));
  await expect(count).toBeEmpty();
  await field.fill("😀".repeat(450));
  await expect(count).toHaveText("50 characters left");
  await field.fill("😀".repeat(499));
  await field.press("End");
  await page.keyboard.insertText("😀");
  await expect(count).toHaveText("0 characters left");
  await expect(page.locator("#announcement")).toHaveText("A question can have at most 500 characters.");
  await field.press("Enter");
  await expect(question(ada)).toHaveText("😀".repeat(500));

  await field.fill(`${"a".repeat(501)}`);
  await expect(count).toHaveText("1 character too many");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription("1 character too many");
  await field.press("Enter");
  await expect(page.locator("#board .notice")).toHaveText("A question can have at most 500 characters.");
  await expect(field).toHaveValue("a".repeat(501));
  await expectAccessible(page, "too long a question");
  await field.fill(`  ${"a".repeat(500)}  `); // the server counts without the white space around it
  await expect(count).toHaveText("0 characters left");
  await expect(field).not.toHaveAttribute("aria-invalid", "true");
  await field.press("Enter");
  await expect(question(ada)).toHaveText("a".repeat(500));
  await expect(page.locator("#board .notice")).toBeEmpty();
  await ask(page, "Why?");
  await expect(count).toBeEmpty();
});

test("a question that is too long stays open on a phone", async ({ host }) => {
  const page = await host(PHONE);
  await ask(page, "a".repeat(501));
  await expect(page.locator("#question")).toBeFocused();
  await expect(page.locator("#question-count")).toHaveText("1 character too many");
  await expectAccessible(page, "too long a question, phone");
});

test("in the captions, a host reaches the menu of each box with the keyboard", async ({ host, bot }) => {
  for (const name of ["Ada", "Ben"]) (await bot(name)).write(`I am ${name}`);
  const page = await host();
  await page.locator("[data-view-to=captions]").click();
  for (const name of ["Ada", "Ben"]) {
    await expect(boxOf(page, name).locator(".more")).toBeVisible(); // whoever has said nothing yet is not on air
    await expect(boxOf(page, name).locator(".more")).toHaveAttribute("tabindex", "0");
  }
  await boxOf(page, "Ben").locator(".more").press("Enter");
  await expect(page.getByRole("menuitem", { name: "Spotlight" })).toBeFocused();
});

test("whoever becomes a host hears it, once", async ({ host, join, server }) => {
  const words = "You are a host: you can run this room.";
  const page = await host();
  const [ada, teacher] = [await join("Ada"), await join("Teacher")];
  const [heardByAda, heardByTeacher] = [await listen(ada), await listen(teacher)];
  await chooseAndConfirm(page, "Ada", "Make host");
  await expect.poll(heardByAda).toEqual([words]);

  await teacher.evaluate((key) => (location.hash = `host=${key}`), server.hostKey());
  await teacher.waitForFunction(() => hostKey.token);
  await expect.poll(heardByTeacher).toEqual([words]);
  const token = await teacher.evaluate(() => hostKey.token);
  await teacher.evaluate(() => lose(link.socket, { code: 1006 }));
  await teacher.waitForFunction((before) => hostKey.token !== before, token); // accepted on the new connection
  await ask(page, "Why?");
  await expect.poll(heardByTeacher).toEqual([words, "Question: \u2068Why?\u2069"]);
  await expect.poll(heardByAda).toEqual([words, "Question: \u2068Why?\u2069"]);
});

test("whoever opens the host link with a name hears it, too", async ({ host }) => {
  const teacher = await host({ search: { name: "Teacher" } });
  await expect(teacher.locator("#announcement")).toHaveText("You are a host: you can run this room.");
});

test("whoever wrote when they were removed has the focus on the title, beside what tells of it", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await mine(ada).focus();
  await choose(page, "Ada", "Remove");
  await confirm(page, "Remove");
  await expect(ada.locator("#link-state")).toHaveText("Removed by a host.");
  await expect(ada.locator("#title")).toBeFocused();
});
