import { expect, mine, posts, test, textOf } from "./wall.js";

const names = (bot) => bot.events.map(([event]) => event);

test("a reload keeps seat, name and text, and nobody sees a leave and a join", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await mine(ada).fill("half a sentence");
  await expect.poll(() => ben.events.at(-1)).toEqual(["text_update", expect.objectContaining({ text: "half a sentence" })]);
  const before = await ada.evaluate(() => room.you);
  const heard = ben.events.length;
  await ada.reload();
  await ada.waitForFunction(() => room.you);
  expect(await ada.evaluate(() => room.you)).toBe(before);
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
  await page.waitForFunction(() => room.you);
  await mine(page).fill("x"); // the seat is kept for who wrote
  const before = await page.evaluate(() => room.you);
  await page.reload();
  await page.waitForFunction(() => room.you);
  expect(await page.evaluate(() => room.you)).toBe(before);
});

// The connection breaks when the server has given the seat and before the page is told: `when` it is told what.
for (const [when, told] of [["at once", "new_user"], ["just before the snapshot", "existing_users"]]) {
  test(`a connection that breaks ${when} after the seat was given makes no second Ada`, async ({ open, bot }) => {
    const ben = await bot("Ben");
    const page = await open();
    let broken = 0;
    await page.routeWebSocket(/\/ws\?/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((message) => {
        const [event, data] = JSON.parse(message);
        const isMine = event === told && (data.new_user_name === "Ada" || data.name?.startsWith("Ada"));
        if (broken || !isMine) return socket.send(message);
        broken += 1;
        server.close({ code: 3000 });
        socket.close({ code: 3000 });
      });
    });
    await page.reload(); // so that the connection is one that can break
    await page.getByLabel("Your name").fill("Ada");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => room.you);
    expect(broken).toBe(1);
    expect(await page.evaluate(() => seat.name)).toBe("Ada");
    // Ben's own, and Ada's; she had written nothing, so that her first seat is gone before she has another.
    const count = (wanted) => names(ben).filter((event) => event === wanted).length;
    await expect.poll(() => count("new_user") - count("disconnect_user")).toBe(2);
    await expect(page.locator("#people")).toHaveText("2 writing");
  });
}

test("a name said before the first snapshot keeps its session when that comes", async ({ open }) => {
  const page = await open();
  await page.waitForFunction(() => link.status === "connected");
  const sessions = await page.evaluate(() => {
    const sent = [];
    seat.wanted = "Ada";
    WebSocket.prototype.send = (json) => sent.push(JSON.parse(json)[1].session);
    join();
    receive("existing_users", { you: null, name: null, session: null, room: asked.room, users: {}, log: [] });
    join();
    return sent;
  });
  expect(sessions[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(sessions[1]).toBe(sessions[0]);
});

test("a tab that is opened from another one has a seat of its own", async ({ join }) => {
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  const opened = ada.waitForEvent("popup");
  await ada.evaluate(() => void window.open(location.href));
  const second = await opened;
  await second.waitForURL(ada.url());
  await second.waitForFunction(() => room.you);
  expect(await second.evaluate(() => seat.name)).toBe("Ada 2");
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
  await expect.poll(() => copy.evaluate(() => seat.name)).toBe("Ada 2");
  await expect(mine(copy)).toHaveValue("");
  await expect(ada.locator("#link-state")).toHaveText("Connected");
  await expect(mine(ada)).toHaveValue("mine");
  expect(await ada.evaluate(() => seat.name)).toBe("Ada");
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
  await expect(ada.locator("#my-note")).toHaveText(/Posting…|will be sent/);
  await expect(mine(ada)).toHaveValue("not yet");
});

test("who leaves by the button leaves no seat behind", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await ada.locator("#leave").click();
  await expect.poll(() => names(ben)).toContain("disconnect_user");
  expect(names(ben)).not.toContain("user_away");
  await expect(ada, "the name would join again").not.toHaveURL(/name=/);
  await ada.reload();
  await expect(ada.getByRole("button", { name: "Join" })).toBeVisible();
  expect(await ada.evaluate(() => room.you)).toBe(null);
});

test("a post that was not answered before a reload is posted once", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  // The post arrives, its answer does not.
  await ada.evaluate(() => (link.socket.onmessage = null));
  await mine(ada).fill("only once");
  await ada.getByRole("button", { name: "Post" }).click();
  await expect.poll(() => names(ben)).toContain("data");
  ada.on("dialog", (dialog) => dialog.accept());
  await ada.reload();
  await expect(posts(ada)).toHaveText(["only once"]);
  await expect(mine(ada)).toHaveValue("");
  expect(names(ben).filter((event) => event === "data")).toHaveLength(1);
});
