import { expect, mine, posts, test, textOf } from "./wall.js";

const names = (bot) => bot.events.map(([event]) => event);

test("a reload keeps seat, name and text, and nobody sees a leave and a join", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await mine(ada).fill("half a sentence");
  await expect.poll(() => ben.events.at(-1)).toEqual(["text_update", expect.objectContaining({ text: "half a sentence" })]);
  const before = await ada.evaluate(() => state.you);
  const heard = ben.events.length;
  await ada.reload();
  await ada.waitForFunction(() => state.you);
  expect(await ada.evaluate(() => state.you)).toBe(before);
  await expect(mine(ada)).toHaveValue("half a sentence");
  await expect.poll(() => names(ben).slice(heard)).toContain("user_back");
  expect(names(ben).slice(heard)).not.toContain("disconnect_user");
  expect(names(ben).slice(heard)).not.toContain("new_user");
  await mine(ada).press("End");
  await ada.keyboard.type(", ended");
  await expect.poll(() => ben.events.at(-1)).toEqual(["text_update", expect.objectContaining({ text: "half a sentence, ended" })]);
});

test("a reload keeps who came in by the first screen", async ({ open }) => {
  const page = await open();
  await page.getByRole("textbox", { name: /name/i }).fill("Ada");
  await page.getByRole("button", { name: "Join" }).click();
  await page.waitForFunction(() => state.you);
  const before = await page.evaluate(() => state.you);
  await page.reload();
  await page.waitForFunction(() => state.you);
  expect(await page.evaluate(() => state.you)).toBe(before);
});

test("a tab that is opened from another one has a seat of its own", async ({ join }) => {
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  const opened = ada.waitForEvent("popup");
  await ada.evaluate(() => void open(location.href));
  const second = await opened;
  await second.waitForFunction(() => state.you);
  expect(await second.evaluate(() => state.name)).toBe("Ada 2");
  await expect(mine(second)).toHaveValue("");
  await expect(textOf(second, "Ada")).toHaveText("mine");
  await expect(ada.locator("#link-state")).toHaveText("Connected");
});

test("a copy of a tab that was out of sight finds its twin alive, and sits down elsewhere", async ({ join }) => {
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  // As in a tab that is out of sight, whose storage is copied with it.
  const storage = await ada.evaluate(() => (keepSeat(), { ...sessionStorage }));
  const copy = await ada.context().newPage();
  await copy.addInitScript((storage) => Object.assign(sessionStorage, storage), storage);
  await copy.clock.install();
  await copy.clock.pauseAt(Date.now() + 60_000); // so that it is the twin's answer that counts, however late
  await copy.goto(ada.url());
  await expect.poll(() => copy.evaluate(() => state.name)).toBe("Ada 2");
  await expect(mine(copy)).toHaveValue("");
  await expect(ada.locator("#link-state")).toHaveText("Connected");
  await expect(mine(ada)).toHaveValue("mine");
  expect(await ada.evaluate(() => state.name)).toBe("Ada");
});

test("what is not posted yet is still said to be after a reload", async ({ join }) => {
  const ada = await join("Ada");
  await ada.evaluate(() => (WebSocket.prototype.send = () => {}));
  await mine(ada).fill("not yet");
  await ada.keyboard.press("Control+Enter");
  await expect(ada.locator("#my-note")).toHaveText("Posting…");
  await ada.routeWebSocket(/\/ws/, () => {}); // the server is there and says nothing
  ada.on("dialog", (dialog) => dialog.accept());
  await ada.reload();
  await expect(ada.locator("#my-note")).toHaveText(/Posting…|Will be posted/);
  await expect(mine(ada)).toHaveValue("not yet");
});

test("who leaves by the button leaves no seat behind", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await ada.getByRole("button", { name: "Settings" }).click();
  await ada.locator("#leave").click();
  await expect.poll(() => names(ben)).toContain("disconnect_user");
  expect(names(ben)).not.toContain("user_away");
  await ada.goto(ada.url().replace(/[?&]name=[^&]*/, ""));
  await expect(ada.getByRole("button", { name: "Join" })).toBeVisible();
  expect(await ada.evaluate(() => state.you)).toBe(null);
});

test("a post that was not answered before a reload is posted once", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  // The post arrives, its answer does not.
  await ada.evaluate(() => (state.socket.onmessage = null));
  await mine(ada).fill("only once");
  await ada.getByRole("button", { name: "Post" }).click();
  await expect.poll(() => names(ben)).toContain("data");
  ada.on("dialog", (dialog) => dialog.accept());
  await ada.reload();
  await expect(posts(ada)).toHaveText(["only once"]);
  await expect(mine(ada)).toHaveValue("");
  expect(names(ben).filter((event) => event === "data")).toHaveLength(1);
});
