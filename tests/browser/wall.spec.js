import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

const HOSTILE = ['<img src=x onerror="window.hit=1">', "</script><script>window.hit=1</script>", "a" + "\u0301".repeat(200), "\u202e\u2066abc", "W".repeat(5_000)];

test("a click enlarges a box, Escape and the button return to it", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write("look closer");
  await textOf(page, "Ada").click();
  const stage = page.getByRole("region", { name: "Ada" });
  await expect(stage).toContainText("look closer");
  await expect(textOf(page, "Ada")).toBeHidden();
  const size = (part) => part.evaluate((part) => parseFloat(getComputedStyle(part).fontSize));
  expect(await size(stage.locator(".text"))).toBeGreaterThan(await size(textOf(page, "Ada")));
  ada.write("look closer now");
  await expect(stage).toContainText("look closer now");
  await page.keyboard.press("Escape");
  await expect(stage).toBeHidden();
  await expect(textOf(page, "Ada")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(stage).toBeVisible();
  await stage.getByRole("button", { name: "Back" }).click();
  await expect(stage).toBeHidden();
  await expect(textOf(page, "Ada")).toBeFocused();
});

test("one who is enlarged may leave, and the reader keeps what they read", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write("my last words");
  await textOf(page, "Ada").click();
  ada.leave();
  const stage = page.getByRole("region", { name: "Ada" });
  await expect(stage.locator(".state")).toHaveText("has left");
  await expect(stage).toContainText("my last words");
  await expect(page.locator("#stage-text")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(boxOf(page, "Ada")).toHaveCount(0);
});

test("a box that has the focus goes only when the focus does", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await textOf(page, "Ada").focus();
  ada.leave();
  await expect(boxOf(page, "Ada").locator(".state")).toHaveText("has left");
  await expect(textOf(page, "Ada")).toBeFocused();
  await mine(page).focus();
  await expect(boxOf(page, "Ada")).toHaveCount(0);
});

test("a person can be hidden for oneself, box and posts, and shown again", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const carol = await join("Carol");
  ada.write("annoying");
  ada.post("annoying post");
  await expect(posts(page)).toHaveCount(1);
  await textOf(page, "Ada").click();
  await page.getByRole("button", { name: "Hide" }).click();
  await expect(boxOf(page, "Ada")).toBeHidden();
  await expect(posts(page).first()).toBeHidden();
  await expect(page.locator("#my-note")).toContainText("hidden for you");
  await expect(page.locator("#people")).toHaveText("3 writing, 1 hidden");
  await page.waitForFunction(() => history.state.depth === 0);
  await page.reload();
  await expect(page.locator("#people")).toHaveText("3 writing, 1 hidden");
  ada.write("still annoying");
  ada.post("second post");
  await expect(posts(carol)).toHaveCount(2);
  await expect(posts(page)).toHaveCount(2);
  await expect(posts(page).last()).toBeHidden();
  await expect(boxOf(page, "Ada")).toBeHidden();
  await expect(boxOf(carol, "Ada")).toContainText("still annoying");
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: /Show .*Ada.* again/ }).click();
  await page.keyboard.press("Escape");
  await expect(boxOf(page, "Ada")).toContainText("still annoying");
  await expect(posts(page).last()).toBeVisible();
});

test("each has a colour and a form of their own, the same on every screen", async ({ open, bot }) => {
  const names = ["Ada", "Ben", "Chiara", "Dmitri", "Efua", "Grace"];
  for (const name of names) await bot(name);
  const marks = async () => {
    const page = await open({ search: { hide: "me" } });
    await expect(page.locator(".box")).toHaveCount(names.length);
    return page.locator(".box .mark").evaluateAll((marks) => marks.map((mark) => [mark.dataset.form, getComputedStyle(mark).backgroundColor, getComputedStyle(mark).clipPath]));
  };
  const one = await marks();
  expect(await marks()).toEqual(one);
  expect(new Set(one.map(String)).size).toBe(names.length);
  expect(new Set(one.map(([form]) => form)).size).toBeGreaterThan(2);
});

test("a box is away when its user is, and back again", async ({ open }) => {
  const page = await open();
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.onMessage(() => {
      const tell = (...event) => socket.send(JSON.stringify(event));
      tell("existing_users", { you: null, name: null, room: "r", users: { 7: { name: "Ada", text: "here", away: false }, 8: { name: "Ben", text: "", away: true } }, log: [] });
      tell("user_away", { id: "7" });
      tell("user_back", { id: "8" });
    });
  });
  await page.reload();
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(boxOf(page, "Ada").locator(".state")).toHaveText("away");
  await expect(boxOf(page, "Ada")).toContainText("here");
  await expect(boxOf(page, "Ben").locator(".state")).toHaveText("");
});

test("captions show the latest lines of a few, large, keep what was just posted, and have buttons for the size", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  await expect(page.getByText("Nobody has written anything yet.")).toBeVisible();
  const ada = await bot("Ada");
  ada.write("the first sentence.");
  await expect(textOf(page, "Ada")).toHaveText("the first sentence.");
  await expect(page.getByText("Nobody has written anything yet.")).toBeHidden();
  ada.post("the first sentence.");
  ada.write("");
  ada.write("and the sec");
  await expect(textOf(page, "Ada")).toHaveText("the first sentence. and the sec");
  const size = () => textOf(page, "Ada").evaluate((text) => parseFloat(getComputedStyle(text).fontSize));
  const before = await size();
  expect(before).toBeGreaterThanOrEqual(28);
  await page.getByRole("button", { name: "A+ Larger text" }).first().click();
  expect(await size()).toBeGreaterThan(before);
  for (const name of ["Ben", "Carol", "Dan", "Eve"]) (await bot(name)).write(`${name} speaks`);
  await expect(page.locator(".box:visible")).toHaveCount(3);
  ada.write("line\n".repeat(80) + "the end");
  await expect(textOf(page, "Ada").locator("p").last()).toContainText("the end");
  await expect.poll(() => textOf(page, "Ada").evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight)).toBeLessThan(2);
});

test("captions are black and white in either theme", { tag: "@chromium" }, async ({ open }) => {
  for (const [colorScheme, colour] of [["light", "rgb(255, 255, 255)"], ["dark", "rgb(0, 0, 0)"]]) {
    const page = await open({ search: { view: "captions" }, colorScheme });
    await expect(page.locator("#room")).toHaveCSS("background-color", colour);
  }
});

test("views are switched without a reload and without losing what is written", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("in the log");
  const page = await join("Ben");
  await mine(page).fill("a draft");
  for (const view of ["Captions", "Log", "Wall"]) {
    await page.getByRole("button", { name: view, exact: true }).click();
    await expect(page.getByRole("button", { name: view, exact: true })).toHaveAttribute("aria-pressed", "true");
    await expect(mine(page)).toHaveValue("a draft");
  }
  await expect(page.locator("#wall")).toBeVisible();
});

test("hostile names and texts stay text and stay inside", async ({ join, bot }) => {
  const page = await join("Ben");
  const names = HOSTILE.slice(0, 3).map((name) => [...name].slice(0, 40).join(""));
  for (const [index, name] of names.entries()) {
    const one = await bot(name);
    one.write(HOSTILE.join("\n"));
    one.post(HOSTILE[index]);
  }
  await expect(posts(page)).toHaveCount(3);
  await expect(page.locator(".box")).toHaveCount(3);
  await expect(page.locator(".box .text").first()).toContainText('<img src=x onerror="window.hit=1">');
  await expect(page.locator(".box img, .post img, .box script, .post script")).toHaveCount(0);
  expect(await page.evaluate(() => window.hit)).toBe(undefined);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test("a mountain of accents paints nothing outside its box", { tag: "@chromium" }, async ({ open, bot }) => {
  const page = await open({ search: { hide: "me,log,header" }, reducedMotion: "reduce" });
  const ada = await bot("Ada");
  await bot("Below");
  const plain = await bot("Right");
  plain.write("quiet");
  await page.setViewportSize({ width: 600, height: 600 });
  await expect(page.locator(".box")).toHaveCount(3);
  await expect(boxOf(page, "Ada")).toHaveCSS("contain", /strict|content/);
  await expect(textOf(page, "Ada")).toHaveCSS("overflow-x", /clip|hidden/);
  await expect(boxOf(page, "Right").locator(".state")).toHaveText("");
  const area = await boxOf(page, "Ada").boundingBox();
  const mask = [boxOf(page, "Ada")];
  const outside = () => page.screenshot({ mask, maskColor: "#000000" });
  const before = await outside();
  ada.write(("Z" + "\u0301\u0323".repeat(100)).repeat(12));
  await expect(textOf(page, "Ada")).toContainText("Z");
  // Not every font stacks marks; this paints as far out as the worst of them.
  await textOf(page, "Ada").locator("p").evaluate((text) => (text.style.transform = "scale(30)"));
  await expect(boxOf(page, "Ada").locator(".state")).toHaveText("");
  expect(area).toEqual(await boxOf(page, "Ada").boundingBox());
  expect((await outside()).equals(before)).toBe(true);
});

test("a name of a hundred accents stays in its line, in box, log and first screen", async ({ join, bot }) => {
  const page = await join("Ben");
  const name = "x" + "\u0301".repeat(39);
  const one = await bot(name);
  one.post("hello");
  await expect(posts(page)).toHaveCount(1);
  for (const part of [".box .title h3", ".post", ".news", "#place h1"]) {
    await expect(page.locator(part).first()).toHaveCSS("overflow-y", /clip|hidden/);
  }
});

test("the colours, the direction and the words are those of the language", async ({ open, bot }) => {
  await bot("Ada");
  const arabic = await open({ search: { lang: "ar", name: "هدى" } });
  await expect(arabic.locator("html")).toHaveAttribute("dir", "rtl");
  await expect(arabic.locator("html")).toHaveAttribute("lang", "ar");
  await expect(arabic.getByRole("button", { name: "نشر" })).toBeVisible();
  await expect(arabic.locator("#people")).toHaveText("شخصان يكتبان");
  const me = await arabic.locator("#me").boundingBox();
  const log = await arabic.locator("#log").boundingBox();
  expect(log.x).toBeLessThan(me.x);
  const german = await open({ locale: "de-AT" });
  await expect(german.locator("html")).toHaveAttribute("lang", "de");
  await expect(german.getByRole("button", { name: "Mitmachen" })).toBeVisible();
  const other = await open({ locale: "fi" });
  await expect(other.locator("html")).toHaveAttribute("lang", "en");
});

test("the language can be changed in the settings, without losing a word", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  await mine(page).fill("a draft");
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Language").selectOption("de");
  await page.getByRole("button", { name: "Schließen" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(page.locator(".box .state")).toHaveText("");
  await expect(mine(page)).toHaveValue("a draft");
  await page.waitForFunction(() => history.state.depth === 0); // a reload would be lost to the way back from the settings
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
});

// Has the page of this browser remember a language.
const remember = (page, language) =>
  page.evaluate((language) => localStorage.setItem("typewall", JSON.stringify({ language })), language);

test("a language that is remembered is one request more, and that of the address none", async ({ open }) => {
  const asked = [];
  const page = await open();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname !== "/ws") asked.push(pathname); // Firefox counts the WebSocket
  });
  await page.reload();
  await expect(page.getByRole("button", { name: "Join" })).toBeVisible();
  expect(asked).toEqual(["/"]);
  await page.goto(`${page.url()}&lang=de`);
  await expect(page.getByRole("button", { name: "Mitmachen" })).toBeVisible();
  expect(asked).toEqual(["/", "/"]);
  await remember(page, "ar");
  await page.goto(page.url().replace("&lang=de", ""));
  await expect(page.locator("html")).toHaveAttribute("lang", "ar");
  expect(asked).toEqual(["/", "/", "/", "/words/ar.json"]);
});

const offline = test.extend({ excused: /ERR_FAILED|404|words/ });

for (const [what, answer] of [
  ["cannot be fetched", (route) => route.abort()],
  ["are not there", (route) => route.fulfill({ status: 404, body: "Not found" })],
  ["are a page of somebody else's", (route) => route.fulfill({ contentType: "text/html", body: "<p>Please log in" })],
]) {
  offline(`where the words of a language ${what}, the page stays in English and says so`, async ({ open }) => {
    const page = await open();
    await page.route(/words/, answer);
    await remember(page, "ar");
    await page.reload();
    await expect(page.getByRole("button", { name: "Join" })).toBeVisible();
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
    await expect(page.locator("html")).toHaveAttribute("dir", "ltr");
    await page.getByRole("button", { name: "Just watch" }).click();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Language").selectOption("de");
    await expect(page.getByLabel("Language")).toHaveValue("en");
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
  });
}

test("words that come late are said when they come, and the page is in English until then", async ({ open }) => {
  const page = await open();
  let late;
  await page.route(/words/, (route) => (late = route));
  await remember(page, "de");
  await page.goto(`${page.url()}&name=Ben`);
  await expect(page.getByRole("button", { name: "Post" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
  await late.continue();
  await expect(page.getByRole("button", { name: "Posten" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
});

test("who comes back finds their place, even where somebody reads in the box they left", async ({ join, bot }) => {
  const ada = await join("Ada");
  const ben = await bot("Ben");
  await boxOf(ada, "Ben").getByRole("button").click();
  await ada.keyboard.press("Escape");
  ben.socket.close(1000);
  await expect(boxOf(ada, "Ben")).toHaveAttribute("data-state", "gone");
  await bot("Ben");
  await expect(boxOf(ada, "Ben")).toHaveCount(1);
  await expect(boxOf(ada, "Ben")).toHaveAttribute("data-state", "idle");
  await expect(textOf(ada, "Ben")).toBeFocused();
});

test("one who was told of under a new id before the snapshot came has one box", async ({ join, bot }) => {
  const ada = await join("Ada");
  await bot("Ben");
  await expect(boxOf(ada, "Ben")).toHaveCount(1);
  // As after a restart of the server, when Ben is back before Ada.
  await ada.evaluate(() => {
    const { you, title, limits } = room;
    const { name, session } = seat;
    receive("new_user", { id: "new", new_user_name: "Ben" });
    const users = { [you]: { name, text: "" }, new: { name: "Ben", text: "back" } };
    receive("existing_users", { you, name, session, room: title, users, log: [], limits });
  });
  await expect(textOf(ada, "Ben")).toHaveText("back");
  await expect(boxOf(ada, "Ben")).toHaveCount(1);
});

test("whoever just watches reaches the boxes with the keyboard", async ({ open, bot }) => {
  (await bot("Ada")).write("hello");
  const page = await open();
  await expect(page.locator("#door-names")).toContainText("Ada");
  await page.locator("#just-watch").press("Enter");
  await expect(textOf(page, "Ada")).toHaveText("hello");
  await expect(page.locator('#wall .text[tabindex="0"]')).toHaveCount(1);
});

test("viewers are counted beside those who write, as they come and go", async ({ join, bot }) => {
  const page = await join("Ada");
  const people = page.locator("#people");
  await expect(people).toHaveText("1 writing");
  const viewers = [await bot(), await bot(), await bot()];
  await expect(people).toHaveText("1 writing · 3 watching");
  viewers[0].send("got_a_new_user", { name: "Ben" });
  viewers[1].leave();
  await expect(people).toHaveText("2 writing · 1 watching");
});

test("no two of thirty people have the same mark, and everyone sees the same ones", async ({ open, bot }) => {
  for (let n = 1; n <= 30; n += 1) await bot(`Student ${n}`);
  const looks = async () => {
    const page = await open({ search: { hide: "me" } });
    await expect(page.locator(".box")).toHaveCount(30);
    return page.locator(".box").evaluateAll((boxes) => boxes.map((box) => {
      const mark = box.querySelector(".mark");
      return `${mark.dataset.form} ${mark.style.getPropertyValue("--hue")}`;
    }));
  };
  const seen = await looks();
  expect(new Set(seen).size).toBe(30);
  expect(await looks()).toEqual(seen);
});
