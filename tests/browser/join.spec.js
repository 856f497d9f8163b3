import { boxOf, expect, mine, test, textOf } from "./wall.js";

test("the first screen says which room it is, who is there and that what one types is seen", async ({ open, bot, room }) => {
  await bot("Ada");
  const page = await open();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(room);
  await expect(page).toHaveTitle(`${room} · Typewall`);
  await expect(page.getByRole("listitem")).toHaveText(["Ada"]);
  await expect(page.locator("#what")).toHaveText("Write in your own box; everyone sees it as you type.");
  await expect(page.locator("#what")).toBeVisible();
  const ben = await bot("Ben");
  await expect(page.getByRole("listitem")).toHaveText(["Ada", "Ben"]);
  ben.leave();
  await expect(page.getByRole("listitem")).toHaveText(["Ada"]);
});

test("where no room is named it is the lobby", async ({ open }) => {
  const page = await open({ search: { room: "" } });
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("lobby");
});

test("joining gives a box with the focus in it, and everyone sees it", async ({ open, join }) => {
  const ada = await join("Ada");
  const ben = await open();
  await ben.getByLabel("Your name").fill("Ben");
  await ben.getByRole("button", { name: "Join" }).click();
  await expect(mine(ben)).toBeFocused();
  await expect(ben.getByRole("textbox", { name: "Ben Your box" })).toBeVisible();
  await expect(boxOf(ada, "Ben")).toBeVisible();
  await expect(boxOf(ben, "Ada")).toBeVisible();
  await expect(ben.locator("#people")).toHaveText("2 writing");
  await expect(ada.locator(".box")).toHaveCount(1);
});

test("the name is remembered", async ({ open }) => {
  const page = await open();
  await page.getByLabel("Your name").fill("Ada");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
  const another = await page.context().newPage();
  await another.goto(page.url());
  await expect(another.getByLabel("Your name")).toHaveValue("Ada");
  await expect(another.getByLabel("Your name")).toBeFocused();
});

test("a taken name gets a number and a word about it", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("ada");
  await expect(page.getByRole("textbox", { name: "ada 2 Your box" })).toBeVisible();
  await expect(page.locator("#my-note")).toContainText("That name was taken; you're");
});

for (const [name, reason] of [
  ["  ", "Please enter a name."],
  ["\u200b\u2060", "Please enter a name."],
  ["x".repeat(41), "A name can have at most 40 characters."],
  ["e\u0301".repeat(39) + "\u200b\u2060\u200b", null],
]) {
  test(`the name ${JSON.stringify(name.slice(0, 5))}… is ${reason ? "refused beside the field and kept in it" : "taken"}`, async ({ open }) => {
    const page = await open();
    const field = page.getByLabel("Your name");
    await field.fill(name);
    await page.keyboard.press("Enter");
    if (!reason) return expect(mine(page)).toBeFocused();
    await expect(page.getByRole("alert")).toHaveText(reason);
    await expect(field).toHaveValue(name);
    await expect(field).toBeFocused();
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(field).toHaveAccessibleDescription(new RegExp(reason.replace(/\./g, "\\.")));
    await field.fill("Ada");
    await page.keyboard.press("Enter");
    await expect(mine(page)).toBeFocused();
  });
}

test("a name in the address that the server refuses leads to the first screen, with the reason and the name", async ({ open }) => {
  const page = await open({ search: { name: "y".repeat(41) } });
  await expect(page.getByRole("alert")).toHaveText("A name can have at most 40 characters.");
  await expect(page.getByLabel("Your name")).toHaveValue("y".repeat(41));
});

test("just watching shows all and writes nothing, and joining is still offered", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open();
  await page.getByRole("button", { name: "Just watch" }).click();
  ada.write("seen by a viewer");
  await expect(boxOf(page, "Ada")).toContainText("seen by a viewer");
  await expect(mine(page)).toBeHidden();
  await expect(page.locator("#people")).toHaveText("1 writing · 1 watching");
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByLabel("Your name").fill("Ben");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
});

test("leaving goes back to the first screen, and the box is gone everywhere", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ben).fill("soon gone");
  await expect(boxOf(ada, "Ben")).toContainText("soon gone");
  await ben.getByRole("button", { name: "Leave the room" }).click();
  await expect(ben.getByRole("dialog")).toContainText("What you have not posted will be lost");
  await ben.keyboard.press("Escape");
  await expect(mine(ben)).toHaveValue("soon gone");
  await ben.getByRole("button", { name: "Leave the room" }).click();
  await ben.getByRole("dialog").getByRole("button", { name: "Leave the room" }).click();
  await expect(boxOf(ada, "Ben")).toHaveCount(0);
  await expect(ben.getByLabel("Your name")).toBeFocused();
  await expect(ben).not.toHaveURL(/name=/);
  await ben.reload();
  await expect(ben.getByLabel("Your name"), "a name in the address joined again").toBeVisible();
  await ben.getByLabel("Your name").press("Enter");
  await expect(mine(ben)).toHaveValue("");
});

test("a closed tab takes its box with it", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await expect(boxOf(ada, "Ben")).toBeVisible();
  await ben.close();
  await expect(boxOf(ada, "Ben")).toHaveCount(0, { timeout: 15_000 });
});

test("the name of a room may have 64 characters and not one more", async ({ open }) => {
  const just = await open({ search: { room: "r".repeat(64) } });
  await expect(just.locator("#door-count")).toHaveText("Nobody is here yet.");
  const over = await open({ search: { room: "r".repeat(65) } });
  await expect(over.getByText("The room name in this link is too long; the limit is 64 characters.")).toBeVisible();
  await expect(over.getByLabel("Your name")).toBeHidden();
});

test("each bound that turns somebody away has a sentence", async ({ open }) => {
  for (const [reason, sentence] of [
    ["server_full", "The server is full."],
    ["address_full", "Too many connections from your network."],
    ["rooms_full", "No more rooms available."],
    ["server_busy", "The server is busy."],
    ["The server is full, said in a sentence.", "The server is busy."],
  ]) {
    const page = await open({ search: { room: "" } });
    await page.routeWebSocket(/\/ws/, (socket) => socket.close({ code: 1013, reason }));
    await page.reload();
    await expect(page.locator("#door-link")).toHaveText(sentence);
    await expect(page.locator("#door-wait")).toContainText("Retrying in");
  }
});

test.describe("in a room for one", () => {
  test.use({ options: ["--max-users", "1"] });
  test("the next is told beside the field that it is full, and may watch", async ({ open, bot }) => {
    const ada = await bot("Ada");
    ada.write("the only one");
    const page = await open();
    await page.getByLabel("Your name").fill("Ben");
    await page.keyboard.press("Enter");
    await expect(page.locator("#join-error")).toHaveText("The room is full. You can watch, or try again later.");
    await expect(page.getByLabel("Your name")).toHaveValue("Ben");
    await page.getByRole("button", { name: "Just watch" }).click();
    await expect(textOf(page, "Ada")).toHaveText("the only one");
  });

  test("a name in the address that is refused leaves somebody who sees the room", async ({ open, bot }) => {
    const ada = await bot("Ada");
    ada.write("the only one");
    const page = await open({ search: { name: "Ben" } });
    await expect(page.locator("#join-error")).toHaveText("The room is full. You can watch, or try again later.");
    await expect(page.getByRole("listitem")).toHaveText(["Ada"]);
    await page.getByRole("button", { name: "Just watch" }).click();
    await expect(textOf(page, "Ada")).toHaveText("the only one");
  });

  test("a seat that is lost while the room is full is asked for again and again", async ({ join }) => {
    const ada = await join("Ada");
    await mine(ada).fill("still here");
    await ada.evaluate(() => receive("error", { code: "room_full", message: "a sentence that nobody parses" }));
    await expect(ada.locator("#link-state")).toContainText("The room is full.");
    await expect(ada.locator("#link-state")).toHaveText("Connected");
    await expect(mine(ada)).toHaveValue("still here");
  });
});

test("without a script the page says so", { tag: "@chromium" }, async ({ open }) => {
  const page = await open({ javaScriptEnabled: false });
  await expect(page.locator("noscript p").first()).toBeVisible();
});

test("the address chooses view, theme, size and what is left out", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.post("hello");
  const projected = await open({ search: { view: "wall", theme: "dark", size: "200", hide: "log,header,me" } });
  await expect(boxOf(projected, "Ada")).toBeVisible();
  for (const id of ["log", "views", "people", "me"]) await expect(projected.locator(`#${id}`)).toBeHidden();
  await expect(projected.locator("body")).toHaveCSS("background-color", "rgb(19, 20, 21)");
  await expect(boxOf(projected, "Ada").locator(".text")).toHaveCSS("font-size", "32px");
  const log = await open({ search: { view: "log", theme: "light" }, colorScheme: "dark" });
  await expect(log.locator("#posts")).toContainText("hello");
  await expect(log.locator("#wall")).toBeHidden();
  await expect(log.locator("body")).toHaveCSS("background-color", "rgb(243, 240, 233)");
});

test("where the header is left out, a connection that is lost is still told", async ({ open }) => {
  const page = await open({ search: { hide: "log,header,me" } });
  await page.waitForFunction(() => link.status === "connected");
  await expect(page.locator("#wall-empty")).toBeVisible();
  expect((await page.locator("#head").boundingBox())?.height ?? 0).toBe(0);
  await page.evaluate(() => lose(link.socket, { code: 4001 }));
  await expect(page.locator("#link-state")).toBeVisible();
  await expect(page.getByRole("button", { name: "Get a new box" })).toBeVisible();
  await expect(page.locator("#views")).toBeHidden();
});

test("all addresses are relative, so that a page below a path works", async ({ open, server }) => {
  const page = await open();
  const asked = page.waitForRequest(/invite\?/);
  const paths = [];
  await page.route(/\/deep\//, async (route) => {
    const url = route.request().url();
    paths.push(new URL(url).pathname);
    return url.includes("invite?") ? route.fulfill({ json: { links: [] } }) : route.fulfill({ response: await route.fetch({ url: url.replace("deep/path/", "") }) });
  });
  let reached = false;
  await page.routeWebSocket(/\/deep\/path\/ws/, () => (reached = true));
  await page.goto(server.url + "deep/path/?room=x&view=log");
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  expect(new URL((await asked).url()).pathname).toBe("/deep/path/invite");
  expect(paths.filter((path) => path.startsWith("/deep/path/parts/invite-"))).toHaveLength(1);
  await expect.poll(() => reached).toBe(true);
});
