import { readFile } from "node:fs/promises";
import { boxOf, expect, mine, posts, test } from "./wall.js";

const log = test.extend({ excused: /ERR_FAILED/ });

test("a post goes to everyone's log, and only then out of the box", async ({ join, bot }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ada).fill("first\nsecond");
  await ada.getByRole("button", { name: "Post", exact: true }).click();
  await expect(posts(ben)).toHaveText(["first\nsecond"]);
  await expect(posts(ada)).toHaveText(["first\nsecond"]);
  await expect(mine(ada)).toHaveValue("");
  await expect(mine(ada)).toBeFocused();
  await expect(boxOf(ben, "Ada").locator(".text")).toHaveText("");
  const post = ben.locator(".post").first();
  await expect(post).toContainText("Ada");
  const time = await post.locator("time").getAttribute("datetime");
  expect(Math.abs(Date.now() - Date.parse(time))).toBeLessThan(60_000);
  const later = await bot("Carol");
  expect(later.events.find(([event]) => event === "existing_users")[1].log.map(({ text }) => text)).toEqual(["first\nsecond"]);
});

test("a post that the connection swallowed stays in the box and says so", async ({ join }) => {
  const page = await join("Ada");
  await page.evaluate(() => (WebSocket.prototype.send = () => {}));
  await mine(page).fill("not gone");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#my-note")).toHaveText("Posting…");
  await expect(mine(page)).toHaveValue("not gone");
});

test("two posts in a row, faster than the server, are two posts", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).focus();
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    const late = [];
    WebSocket.prototype.send = function (data) {
      late.push(() => send.call(this, data));
    };
    window.release = () => {
      WebSocket.prototype.send = send;
      late.forEach((sendLate) => sendLate());
    };
  });
  await page.keyboard.type("one");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.type("two");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.type("three");
  await expect(mine(page)).toHaveValue("onetwothree");
  await page.evaluate(() => window.release());
  await expect.poll(() => ada.posts()).toEqual(["one", "two"]);
  await expect(mine(page)).toHaveValue("three");
});

test("nothing is posted where nothing is written", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).fill(" \n ");
  await page.getByRole("button", { name: "Post", exact: true }).click();
  await expect(page.locator("#my-error")).toHaveText("There is nothing to post yet.");
  await mine(page).fill("now");
  await expect(page.locator("#my-error")).toHaveText("");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => ada.posts()).toEqual(["now"]);
});

test("the hint names the key that the device has", async ({ join }) => {
  const page = await join("Ben");
  await expect(page.locator("#hint")).toHaveText("Press Ctrl + Enter to post");
  await page.addInitScript(() => Object.defineProperty(navigator, "platform", { value: "MacIntel" }));
  await page.reload();
  await expect(page.locator("#hint")).toHaveText("Press ⌘ + Enter to post");
});

test("whether Enter posts is a choice, and it is remembered", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).pressSequentially("a\nb");
  await expect.poll(() => ada.texts().Ben).toBe("a\nb");
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Press Enter to post").check();
  await page.keyboard.press("Escape");
  await expect(page.locator("#hint")).toContainText("Shift + Enter");
  await mine(page).press("Shift+Enter");
  await mine(page).press("c");
  await mine(page).press("Enter");
  await expect.poll(() => ada.posts()).toEqual(["a\nb\nc"]);
  await page.reload();
  await mine(page).pressSequentially("d\n");
  await expect.poll(() => ada.posts()).toEqual(["a\nb\nc", "d"]);
});

test("only posts are announced: no text in the making, no coming and going, no posts from before", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("from before");
  const page = await join("Ben");
  const log = page.getByRole("log", { name: "Log" });
  await expect(log).toContainText("from before");
  await expect(log).toHaveAttribute("aria-live", "off");
  await expect(log).not.toHaveAttribute("aria-live", "off");
  ada.write("half a thou");
  await expect(boxOf(page, "Ada")).toContainText("half a thou");
  await expect(page.locator("[aria-live], [role=status], [role=alert], [role=log]").filter({ hasText: "half a thou" })).toHaveCount(0);
  await bot("Carol");
  const news = page.locator(".news").last();
  await expect(news).toContainText(/Carol.* joined/);
  await expect(news).toHaveAttribute("aria-live", "off");
});

test("comings and goings between two posts are one line, and who comes back leaves no trace", async ({ join, bot }) => {
  const page = await join("Ada");
  const ben = await bot("Ben");
  const carol = await bot("Carol");
  await expect(page.locator(".news")).toHaveText(["\u2068Ben\u2069 and \u2068Carol\u2069 joined"]);
  carol.leave();
  await expect(page.locator(".news")).toHaveText(["\u2068Ben\u2069 joined"]);
  ben.post("hello");
  await expect(posts(page)).toHaveText(["hello"]);
  ben.leave();
  await expect(page.locator("#posts > *")).toHaveText([/Ben.* joined/, /hello/, /Ben.* left/]);
});

test("reading above is never yanked down: a button tells what is new", async ({ join, bot }) => {
  const ada = await bot("Ada");
  for (let n = 1; n <= 40; n += 1) ada.post(`old ${n}`);
  const page = await join("Ben");
  const area = page.locator("#posts-area");
  const fromEnd = () => area.evaluate((area) => area.scrollHeight - area.scrollTop - area.clientHeight);
  await expect(posts(page)).toHaveCount(40);
  await expect.poll(fromEnd).toBeLessThan(2);
  ada.post("followed");
  await expect(posts(page)).toHaveCount(41);
  await expect.poll(fromEnd).toBeLessThan(2);
  await area.hover();
  await page.mouse.wheel(0, -600);
  await expect.poll(fromEnd).toBeGreaterThan(300);
  const top = await area.evaluate((area) => area.scrollTop);
  for (const text of ["x", "y", "z"]) ada.post(text);
  const newer = page.getByRole("button", { name: "3 new" });
  await expect(newer).toBeVisible();
  expect(await area.evaluate((area) => area.scrollTop)).toBe(top);
  await newer.click();
  await expect.poll(fromEnd).toBeLessThan(2);
  await expect(newer).toBeHidden();
  await expect(area).toBeFocused();
});

test("a post that comes before the snapshot stands in its place among the others", async ({ open }) => {
  const page = await open();
  const post = (n) => ({ n, id: "1", name: "Ada", text: `post ${n}`, at: n });
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.onMessage((message) => {
      if (JSON.parse(message)[0] !== "watch") return;
      socket.send(JSON.stringify(["data", post(3)]));
      const users = { 1: { name: "Ada", text: "" } };
      socket.send(JSON.stringify(["existing_users", { you: null, name: null, room: "r", users, log: [1, 2, 3].map(post) }]));
    });
  });
  await page.reload();
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(posts(page)).toHaveText(["post 1", "post 2", "post 3"]);
});

test("posts that come while the tab is hidden are counted in its title", async ({ join, bot, room }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const show = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  ada.post("seen");
  await expect(posts(page)).toHaveCount(1);
  await expect(page).toHaveTitle(`${room} · Typewall`);
  await show(true);
  ada.post("unseen");
  ada.post("unseen too");
  await expect(page).toHaveTitle(`(2) ${room} · Typewall`);
  await show(false);
  await expect(page).toHaveTitle(`${room} · Typewall`);
});

test("links can be followed safely, and only http ones are links", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.post('see (https://example.org/a_b?c=d&e=f#g), HTTP://EXAMPLE.ORG/x. not javascript:alert(1) or ftp://x.y "https://example.com"');
  await expect(posts(page)).toHaveCount(1);
  const links = posts(page).first().getByRole("link");
  await expect(links).toHaveText(["https://example.org/a_b?c=d&e=f#g", "HTTP://EXAMPLE.ORG/x", "https://example.com"]);
  for (const link of await links.all()) {
    await expect(link).toHaveAttribute("rel", "noopener noreferrer");
    await expect(link).toHaveAttribute("href", /^https?:/i);
  }
});

log("the log can be saved as text, with the server and without", { tag: "@chromium" }, async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await expect(page.getByRole("button", { name: "Save", exact: true })).toBeHidden();
  ada.post("one\ntwo");
  ada.post("שלום 😀");
  await expect(posts(page)).toHaveCount(2);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
  expect(download.suggestedFilename()).toMatch(/^typewall-room-[0-9a-f]+-\d{4}-\d\d-\d\d\.txt$/);
  const text = await readFile(await download.path(), "utf8");
  expect(text).toMatch(/^20\S+Z Ada: one\n    two\n20\S+Z Ada: שלום 😀\n$/);
  // Without the server it is written from what the page has, in the same form.
  await page.route(/\/log\?/, (route) => route.abort());
  const [again] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
  expect(await readFile(await again.path(), "utf8")).toBe(text);
});

log.describe("with a log of three posts", () => {
  log.use({ options: ["--log-length", "3"] });

  log("posts that were missed because there were too many are told of", async ({ join, bot }) => {
    const ada = await bot("Ada");
    const page = await join("Ben");
    ada.post("seen");
    await expect(posts(page)).toHaveText(["seen"]);
    // The page would come back by itself, too early on a busy machine.
    await page.evaluate(async () => {
      const closed = new Promise((resolve) => link.socket.addEventListener("close", resolve));
      link.socket.close();
      await closed;
      link.retryAt = 0;
    });
    for (const text of ["missed", "one", "two", "three"]) ada.post(text);
    await expect.poll(() => ada.posts().length).toBe(5);
    await page.evaluate(() => connect());
    await expect(page.locator("#posts > :not(.news:not(.seam))")).toHaveText([/seen/, /Some posts are missing here/, /one/, /two/, /three/]);
  });
});

test.describe("when posts have to wait", () => {
  test.use({ options: ["--post-rate", "1"] });

  test("whoever posts too fast is told so, and loses nothing", async ({ join, bot }) => {
    const ada = await bot("Ada");
    const page = await join("Ben");
    await mine(page).focus();
    const posts = Array.from({ length: 8 }, (_, n) => `post ${n}`);
    for (const text of posts) {
      await page.keyboard.type(text);
      await page.keyboard.press("Control+Enter");
    }
    await expect(page.locator("#my-note")).toHaveText("You post too fast; wait a moment. This post goes out by itself.");
    await expect(mine(page)).toHaveValue("");
    await expect(page.locator("#my-note")).toHaveText("");
    await expect.poll(() => ada.events.filter(([event]) => event === "data").map(([, { text }]) => text)).toEqual(posts);
  });
});
