// Hosts: who is one, what they can do, and what everyone else sees of it.

import AxeBuilder from "@axe-core/playwright";
import { readFile } from "node:fs/promises";
import { boxOf, expect, mine, posts, test as base, textOf } from "./wall.js";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const PROJECTOR = { viewport: { width: 1920, height: 1080 }, search: { hide: "me,header,log", size: "150" } };

const test = base.extend({
  // A page with the host link; a viewer without a name.
  host: async ({ open, server }, use) => {
    await use(async ({ search, ...options } = {}) => {
      const page = await open({ hash: `#host=${server.hostKey()}`, search, ...options });
      await page.waitForFunction(() => room.hosting);
      if (!search?.name) await page.locator("#just-watch").click();
      return page;
    });
  },
});

const bar = (page) => page.getByRole("region", { name: "Host controls" });
const press = (page, name) => bar(page).getByRole("button", { name, exact: true }).click();
const board = (page) => page.locator("#state");
const question = (page) => page.locator("#prompt");

async function ask(page, text) {
  if (await page.locator("#to-question").isVisible()) await press(page, "Question");
  await page.locator("#question").fill(text);
  await page.locator("#question").press("Enter");
}

async function choose(page, name, item) {
  await boxOf(page, name).locator(".more").click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

const confirm = (page, verb) => page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();

async function expectAccessible(page, state) {
  // `hide=header` leaves the heading out on request.
  const { violations } = await new AxeBuilder({ page }).disableRules("page-has-heading-one").analyze();
  expect(violations.map(({ id, nodes }) => `${state}: ${id}: ${nodes.map(({ html }) => html).join("\n  ")}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), state).toBeLessThanOrEqual(0);
}

test("a lesson: a teacher with a phone, a projector, six pages and 24 more", async ({ open, join, host, bot }) => {
  test.setTimeout(240_000);
  const teacher = await host(PHONE);
  const projector = await open(PROJECTOR);
  await projector.waitForFunction(() => room.title);
  const frames = [];
  const pupils = [];
  for (const name of ["Ada", "Ben", "Cem", "Dora", "Efua", "Finn"]) pupils.push(await join(name, { frames }));
  const [ada, ben, cem] = pupils;
  const others = [];
  for (let n = 1; n <= 24; n += 1) others.push(await bot(`Pupil ${n}`));

  await ask(teacher, "Why is the sky blue? https://example.org/sky");
  for (const page of [teacher, projector, ...pupils]) await expect(question(page)).toContainText("Why is the sky blue?");
  await expect(question(projector).getByRole("link")).toHaveAttribute("href", "https://example.org/sky");
  await expectAccessible(teacher, "question, host");

  await press(teacher, "Hide answers");
  for (const page of [projector, ...pupils]) await expect(board(page)).toContainText("Answers are hidden until a host reveals them.");
  await expect(board(projector)).toContainText("0 of 30 have written");
  const before = frames.length;
  await mine(ada).pressSequentially("secret of Ada");
  await mine(ben).fill("secret of Ben");
  for (const other of others.slice(0, 10)) other.write(`secret of ${other.name}`);
  for (const page of [projector, teacher, cem]) await expect(board(page)).toContainText("12 of 30 have written");
  await expect(textOf(teacher, "Ada")).toHaveText("secret of Ada");
  await expect(boxOf(projector, "Ada")).toContainText("has written");
  await expect(boxOf(projector, "Cem")).not.toContainText("has written");
  await expect(textOf(projector, "Ada")).toHaveText("");
  await expect(textOf(cem, "Pupil 3")).toHaveText("");
  await expectAccessible(projector, "hidden, projector");
  await expectAccessible(cem, "hidden, pupil");
  await ben.evaluate(() => lose(link.socket, { code: 1006 }));
  await ben.waitForFunction(() => link.status === "connected");
  await expect(mine(ben)).toHaveValue("secret of Ben");
  await expect(board(ben)).toContainText("12 of 30 have written");
  const late = await join("Gus", { frames });
  await expect(boxOf(late, "Ada")).toContainText("has written");
  expect(frames.slice(before).length).toBeGreaterThan(20);
  for (const frame of frames) expect(frame.replace('"text":"secret of Ben"', "")).not.toContain("secret"); // Ben's own
  for (const other of others) expect(JSON.stringify(other.events)).not.toContain("secret");

  await press(teacher, "Reveal answers");
  await expect(textOf(projector, "Ada")).toHaveText("secret of Ada");
  await expect(textOf(cem, "Pupil 3")).toHaveText("secret of Pupil 3");
  await expect(board(projector)).toBeEmpty();

  await choose(teacher, "Ben", "Spotlight");
  await expect(projector.locator("#stage-text")).toHaveText("secret of Ben");
  await expect(board(ben)).toHaveText("You are in the spotlight.");
  await expect(ada.locator("#stage-name")).toHaveText("Ben");
  await expect(mine(ada)).toBeFocused();
  await expectAccessible(teacher, "spotlight, host");
  await expectAccessible(projector, "spotlight, projector");
  await ada.getByRole("button", { name: "Back" }).click();
  await expect(ada.locator("#stage")).toBeHidden();
  await teacher.getByRole("button", { name: "End spotlight" }).click();
  await expect(projector.locator("#stage")).toBeHidden();

  await choose(teacher, "Cem", "Remove");
  await expectAccessible(teacher, "asks before it removes");
  await confirm(teacher, "Remove");
  await expect(boxOf(projector, "Cem")).toHaveCount(0);
  await expect(cem.locator("#link-state")).toHaveText("Removed by a host.");
  await expect(cem.locator("#me")).toBeHidden();
  await expectAccessible(cem, "removed");

  await press(teacher, "Lock");
  await expect(board(projector)).toHaveText("The room is locked.");
  const outside = await open({ search: { name: "Hal" } });
  await expect(outside.locator("#join-error")).toHaveText("The room is locked. You can watch.");
  await expectAccessible(outside, "locked");

  await press(teacher, "Freeze");
  await expect(mine(ada)).not.toBeEditable();
  await expect(ada.locator("#my-note")).toContainText("Frozen");
  await expectAccessible(ada, "frozen");
  await press(teacher, "Freeze");
  await expect(mine(ada)).toBeEditable();

  await teacher.locator("#host-more").click();
  await teacher.getByRole("menuitem", { name: "Clear all" }).click();
  await confirm(teacher, "Clear all");
  await expect(mine(ada)).toHaveValue("");
  await expect(ada.locator("#my-note")).toHaveText("A host has cleared your box.");
  await expect(textOf(projector, "Pupil 3")).toHaveText("");

  await mine(ada).fill("kept for later");
  await expect(textOf(teacher, "Ada")).toHaveText("kept for later");
  const download = teacher.waitForEvent("download");
  await teacher.locator("#host-more").click();
  await teacher.getByRole("menuitem", { name: "Save the wall" }).click();
  await expectAccessible(teacher, "saves the wall");
  await teacher.getByRole("button", { name: "Spreadsheet (CSV)" }).click();
  const file = await readFile(await (await download).path(), "utf8");
  expect(file).toContain(",Why is the sky blue? https://example.org/sky\r\nName,Text\r\n");
  expect(file).toContain("\r\nAda,kept for later\r\n");
});

test("the key leaves the address, lasts through a reload of the tab, and is in no link", async ({ open, server, host }) => {
  const page = await host();
  expect(page.url()).not.toContain("#");
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r"] } }));
  await page.locator("#head .invites").click();
  await expect(page.locator("#address")).toHaveValue(/192/);
  expect(await page.content()).not.toContain(server.hostKey());
  await page.reload();
  await page.waitForFunction(() => room.hosting);
  await page.evaluate(() => lose(link.socket, { code: 1006 }));
  await page.waitForFunction(() => link.status === "connected");
  await page.waitForFunction(() => room.hosting);
  const another = await open();
  await another.waitForFunction(() => room.title);
  await expect(bar(another)).toBeHidden();
});

test("a wrong key is said once and forgotten", async ({ open }) => {
  const page = await open({ hash: "#host=0123" });
  await expect(page.locator("#door .notice")).toHaveText("This host link is no longer valid.");
  await page.reload();
  await page.waitForFunction(() => room.title);
  await expect(page.locator("#door .notice")).toBeEmpty();
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("0123");
});

test("a key that waits behind wrong ones is sent again", async ({ open, server }) => {
  const page = await open({ hash: `#host=${server.hostKey()}` });
  await page.waitForFunction(() => room.hosting);
  const sent = await page.evaluate(() => {
    const keys = [];
    const original = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      keys.push(JSON.parse(data)[0]);
      return original.call(this, data);
    };
    receive("error", { code: "host_key_wait", message: "", wait: 0 });
    return new Promise((done) => setTimeout(done, 300, keys));
  });
  expect(sent).toEqual(["host"]);
});

test.describe("without hosts", () => {
  test.use({ options: ["--hosts", "none"] });

  test("the page says that there are none", async ({ open }) => {
    const page = await open({ hash: "#host=0123" });
    await expect(page.locator("#door .notice")).toHaveText("There are no hosts on this server.");
  });
});

test.describe("the first is the host", () => {
  test.use({ options: ["--hosts", "first"] });

  test("and can make another one", async ({ join }) => {
    const ada = await join("Ada");
    await expect(bar(ada)).toBeVisible();
    await expect(ada.locator("#my-host")).toBeVisible();
    const ben = await join("Ben");
    await expect(boxOf(ben, "Ada").getByRole("img", { name: "Host" })).toBeVisible();
    await expect(bar(ben)).toBeHidden();
    await choose(ada, "Ben", "Make host");
    await expect(bar(ben)).toBeVisible();
    await expect(boxOf(ada, "Ben").getByRole("img", { name: "Host" })).toBeVisible();
  });
});

test("a room that no host is in has no bar, no line and no menus", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  await expect(boxOf(page, "Ada")).toBeVisible();
  for (const part of ["#host-bar", "#board", ".box .more", ".box .host"]) await expect(page.locator(part)).toBeHidden();
});

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
  await choose(page, "Ada", "Clear this box");
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
  await choose(page, "Ben", "Clear this box");
  await mine(ada).fill("a");
  await expect(textOf(page, "Ada")).toHaveText("a");
  await choose(page, "Ada", "Clear this box");
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
  await ada.evaluate(() => (room.state.frozen = true));
  await ada.locator("#post").click();
  await expect(ada.locator("#my-note")).toContainText("Frozen");
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
  await ada.evaluate(() => receive("error", { code: "not_stored", message: "", ref: draft.pending[0].ref }));
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
  await ada.locator("#to-join").click();
  await ada.locator("#name").fill("Somebody else");
  await ada.locator("#name").press("Enter");
  await expect(ada.locator("#join-error")).toHaveText("A host has removed you. You can watch.");
});

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

test("what hosts do is announced once", async ({ host, join }) => {
  const page = await host();
  const ada = await join("Ada");
  await ada.evaluate(() => {
    window.heard = [];
    new MutationObserver(() => window.heard.push(at("announcement").textContent)).observe(at("announcement"), { childList: true });
  });
  const heard = () => ada.evaluate(() => window.heard);
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

test.describe("in other languages and colours", () => {
  for (const [name, options] of Object.entries({
    "German, dark": { locale: "de", colorScheme: "dark" },
    "right to left, phone": { locale: "ar", ...PHONE },
    "forced colours": { forcedColors: "active" },
    "enlarged to 400 %": { viewport: { width: 320, height: 256 } },
  })) {
    test(`axe finds nothing: ${name}`, async ({ host, bot }) => {
      const ada = await bot("Ada");
      ada.write("hello");
      ada.post("a post");
      const page = await host(options);
      await expect(posts(page)).toHaveCount(1);
      await page.evaluate(() => send("set_room", { hidden: true, locked: true, frozen: true, prompt: "Why? ".repeat(90) }));
      await expect(question(page)).toContainText("Why?");
      await expectAccessible(page, name);
      await page.evaluate(() => send("set_room", { spotlight: [...room.users.keys()][0] }));
      if (name !== "enlarged to 400 %") await expect(page.locator("#end-spotlight")).toBeVisible();
      await expectAccessible(page, `${name}, spotlight`);
      await page.locator("#stage-more").click();
      await expectAccessible(page, `${name}, menu`);
    });
  }
});
