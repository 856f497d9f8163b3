import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

test("each key is seen at once, line breaks are kept, and clearing clears everywhere", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ada).pressSequentially("Hel");
  await expect(textOf(ben, "Ada")).toHaveText("Hel");
  await expect(boxOf(ben, "Ada").locator(".state")).toHaveText("typing");
  await mine(ada).press("Enter");
  await mine(ada).pressSequentially("  lo");
  await expect.poll(() => textOf(ben, "Ada").locator("p").evaluate((text) => text.innerText)).toBe("Hel\n  lo");
  await ada.getByRole("button", { name: "Clear" }).click();
  await expect(textOf(ben, "Ada")).toHaveText("");
  await expect(mine(ada)).toHaveValue("");
  await expect(mine(ada)).toBeFocused();
  await ada.keyboard.press("Control+z");
  await expect(textOf(ben, "Ada")).toHaveText("Hel lo");
  await expect(boxOf(ben, "Ada").locator(".state")).toHaveText("");
});

test("an emptied box says nothing of typing, and neither does one whose text was posted", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await page.clock.install();
  const status = boxOf(page, "Ada").locator(".state");
  for (const end of [() => ada.write(""), () => ada.post("done")]) {
    ada.write("half a thought");
    await page.clock.runFor(100);
    await expect(status).toHaveText("typing");
    end();
    await expect.poll(() => page.evaluate(() => [...room.users.values()].find(({ name }) => name === "Ada").typing)).toBe(false);
    await page.clock.runFor(100);
    await expect(status).toHaveText("");
  }
});

test("at most one text a frame is sent, and the last one always", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const frames = await page.evaluate(async () => {
    const box = document.getElementById("my-text");
    let frames = 0;
    for (let typed = 1; typed <= 200; typed += 1) {
      box.value = "x".repeat(typed);
      box.dispatchEvent(new Event("input"));
      if (typed % 20) continue;
      await new Promise((next) => requestAnimationFrame(next));
      frames += 1;
    }
    return frames;
  });
  await expect.poll(() => ada.texts().Ben).toBe("x".repeat(200));
  const sent = ada.events.filter(([event]) => event === "text_update").length;
  expect(sent).toBeLessThanOrEqual(frames + 2);
});

test("the frame of a key is not made longer by what others write, and keys in every frame hold nobody up", async ({ join, bot }) => {
  const page = await join("Ada");
  await bot("Ben");
  await expect(boxOf(page, "Ben")).toHaveCount(1);
  const shown = await page.evaluate(async () => {
    const frame = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    const ben = [...room.users.values()].find(({ name }) => name === "Ben");
    const shown = [];
    await frame();
    await frame();
    for (let key = 1; key <= 4; key += 1) {
      rewrite(ben, { text: `text ${key}` });
      typed();
      await frame();
      shown.push(document.querySelector(".box .text").textContent);
    }
    return shown;
  });
  expect(shown).toEqual(["", "text 2", "text 2", "text 4"]);
});

test("ten thousand characters can be pasted, and one more is told and not sent", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const long = "wall ".repeat(2_000);
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    window.sent = [];
    WebSocket.prototype.send = function (data) {
      window.sent.push(data);
      send.call(this, data);
    };
  });
  await mine(page).focus();
  await page.keyboard.insertText(long);
  await expect.poll(() => ada.texts().Ben).toBe(long);
  await expect(page.locator("#my-count")).toHaveText("0 characters left");
  await page.keyboard.insertText("!");
  await expect(page.locator("#my-count")).toHaveText("1 character too many");
  await expect(page.locator("#my-note")).toContainText("Too long");
  await expect(page.locator("#me")).toHaveClass(/over/);
  expect(ada.texts().Ben).toBe(long);
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#my-error")).toContainText("Too long; not accepted.");
  await expect(mine(page)).toHaveValue(long + "!");
  expect(await page.evaluate(() => window.sent.filter((data) => data.includes("!")))).toEqual([]);
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Backspace");
  await expect.poll(() => ada.texts().Ben).toBe(long.slice(0, -1));
});

test("a paste from the clipboard is seen at once", async ({ open, bot }) => {
  const ada = await bot("Ada");
  const page = await open({ search: { name: "Ben" }, permissions: ["clipboard-read", "clipboard-write"] });
  await expect(mine(page)).toBeFocused();
  const long = "0123456789".repeat(1_000);
  await page.evaluate((text) => navigator.clipboard.writeText(text), long);
  await page.keyboard.press("Control+v");
  await expect.poll(() => ada.texts().Ben).toBe(long);
});

test("the limit counts characters, as the server does, and not halves of emoji", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).fill("😀".repeat(10_000));
  await expect(page.locator("#my-count")).toHaveText("0 characters left");
  await expect.poll(() => ada.texts().Ben).toBe("😀".repeat(10_000));
});

test("emoji and right-to-left text arrive whole, and each has its own direction", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  const family = "👩‍👩‍👧‍👦 🇮🇸 ❤️";
  await mine(ada).fill(family);
  await expect(textOf(ben, "Ada")).toHaveText(family);
  await mine(ada).fill("مرحبا بالعالم");
  await expect(textOf(ben, "Ada")).toHaveText("مرحبا بالعالم");
  await expect(textOf(ben, "Ada").locator("p")).toHaveCSS("direction", "rtl");
  await expect(mine(ada)).toHaveCSS("direction", "rtl");
  await expect(boxOf(ben, "Ada").locator(".state")).toHaveCSS("direction", "ltr");
});

test("half a surrogate pair never leaves the page, neither as text nor as post", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const half = "a\ud83db";
  await page.evaluate(() => {
    const box = document.getElementById("my-text");
    box.value = "a\ud83db";
    box.dispatchEvent(new Event("input"));
  });
  await expect.poll(() => ada.texts().Ben).toBe("a\ufffdb");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => ada.posts()).toEqual(["a\ufffdb"]);
  await expect(mine(page)).toHaveValue("");
  expect(half.isWellFormed()).toBe(false);
});

test("while a word is composed it is seen, and Enter does not post it", { tag: "@chromium" }, async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await choose(page, "Press Enter to post");
  await mine(page).focus();
  const ime = await page.context().newCDPSession(page);
  const compose = (text) => ime.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  await compose("に");
  await compose("にほん");
  await expect.poll(() => ada.texts().Ben).toBe("にほん");
  await page.keyboard.down("Enter");
  await page.keyboard.up("Enter");
  await ime.send("Input.insertText", { text: "日本" });
  await expect.poll(() => ada.texts().Ben).toContain("日本");
  expect(ada.posts()).toEqual([]);
  await mine(page).fill("日本");
  await page.keyboard.press("Enter");
  await expect.poll(() => ada.posts()).toEqual(["日本"]);
});

// The order in which each browser tells of the Enter that ends a composition.
const ENDINGS = {
  Chromium: [["keydown", { isComposing: true, keyCode: 229 }], ["compositionend", {}], ["keyup", { keyCode: 13 }]],
  Firefox: [["keydown", { isComposing: true, keyCode: 229 }], ["compositionend", {}], ["keyup", { isComposing: false, keyCode: 13 }]],
  Safari: [["compositionend", {}], ["keydown", { isComposing: false, keyCode: 229 }], ["keyup", { keyCode: 13 }]],
};
for (const [browser, events] of Object.entries(ENDINGS)) {
  test(`Enter that ends a composition in the order of ${browser} does not post`, async ({ join, bot }) => {
    const ada = await bot("Ada");
    const page = await join("Ben");
    await choose(page, "Press Enter to post");
    const taken = await page.evaluate((events) => {
      const box = document.getElementById("my-text");
      const fire = (kind, data) => {
        const made = kind.startsWith("key") ? new KeyboardEvent(kind, { key: "Enter", bubbles: true, cancelable: true, ...data }) : new CompositionEvent(kind, { bubbles: true });
        return box.dispatchEvent(made);
      };
      fire("compositionstart");
      box.value = "日本";
      box.dispatchEvent(new InputEvent("input", { isComposing: true }));
      return events.filter(([kind, data]) => !fire(kind, data));
    }, events);
    expect(taken).toEqual([]);
    await expect.poll(() => ada.texts().Ben).toBe("日本");
    await mine(page).press("Enter");
    await expect.poll(() => ada.posts()).toEqual(["日本"]);
    await expect(mine(page)).toHaveValue("");
  });
}

test("a post that comes back while a word is composed does not tear the word", { tag: "@chromium" }, async ({ join, page: _, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).focus();
  const ime = await page.context().newCDPSession(page);
  await mine(page).pressSequentially("done");
  await page.evaluate(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      if (data.startsWith('["message"')) window.late = () => send.call(this, data);
      else send.call(this, data);
    };
  });
  await page.keyboard.press("Control+Enter");
  await ime.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
  await expect(mine(page)).toHaveValue("doneに");
  await page.evaluate(() => window.late());
  await expect(posts(page)).toHaveText(["done"]);
  await expect(mine(page)).toHaveValue("doneに");
  await ime.send("Input.insertText", { text: "日" });
  await expect(mine(page)).toHaveValue("日");
  await expect.poll(() => ada.texts().Ben).toBe("日");
});

test("while sharing is paused nothing is seen until it is shown", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).pressSequentially("before ");
  await expect.poll(() => ada.texts().Ben).toBe("before ");
  await page.getByRole("button", { name: "Pause sharing" }).click();
  await expect(page.locator("#my-note")).toContainText("others can't see");
  await mine(page).pressSequentially("secret");
  const later = await bot("Carol");
  expect(later.texts().Ben).toBe("before ");
  await page.getByRole("button", { name: "Share" }).click();
  await expect.poll(() => ada.texts().Ben).toBe("before secret");
  const seen = ada.events.filter(([event]) => event === "text_update").map(([, data]) => data.text);
  expect(seen.filter((text) => text.startsWith("before s"))).toEqual(["before secret"]);
});

for (const lang of ["en", "de", "ar"]) {
  test(`pausing moves no button: ${lang}`, async ({ join }) => {
    for (const viewport of [{ width: 1280, height: 800 }, { width: 320, height: 700 }]) {
      const page = await join("Ben", { viewport, search: { lang } });
      const places = () => Promise.all(["pause", "clear", "post"].map((id) => page.locator(`#${id}`).boundingBox()));
      const widths = async () => (await places()).map(({ x, width }) => [x, width]);
      const before = await widths();
      await page.locator("#pause").click();
      await expect(page.locator("#me")).toHaveClass(/paused/);
      expect(await widths()).toEqual(before);
      await page.close();
    }
  });
}

test("while sharing is paused a post is posted whole, ends the pause, and what was seen before is cleared", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await mine(page).pressSequentially("half");
  await page.getByRole("button", { name: "Pause sharing" }).click();
  await mine(page).pressSequentially(" and half");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => ada.posts()).toEqual(["half and half"]);
  await expect.poll(() => ada.texts().Ben).toBe("");
  await expect(page.getByRole("button", { name: "Pause sharing" })).toBeVisible();
  await expect(page.locator("#me")).not.toHaveClass(/paused/);
  await page.getByRole("button", { name: "Pause sharing" }).click();
  await mine(page).pressSequentially("still unseen");
  await page.getByRole("button", { name: "Clear" }).click();
  await mine(page).pressSequentially("shown");
  await page.getByRole("button", { name: "Share" }).click();
  await expect.poll(() => ada.texts().Ben).toBe("shown");
  expect(JSON.stringify(ada.events)).not.toContain("still unseen");
});

test("nothing that others do moves caret, focus, scroll or my box, and boxes keep their places", async ({ join, bot }) => {
  const page = await join("Me", { viewport: { width: 900, height: 700 } });
  const others = [];
  for (let n = 1; n <= 24; n += 1) others.push(await bot(`Other ${n}`));
  await expect(page.locator(".box")).toHaveCount(24);
  await mine(page).fill("one two three");
  await mine(page).evaluate((box) => box.setSelectionRange(4, 7));
  await page.locator("#wall").evaluate((wall) => (wall.scrollTop = 300));
  const look = () =>
    page.evaluate(() => {
      const { activeElement: box } = document;
      const place = (part) => Object.values(part.getBoundingClientRect().toJSON());
      const twentieth = [...document.querySelectorAll(".box")].find((box) => box.textContent.trim().startsWith("Other 20"));
      return [box.id, box.selectionStart, box.selectionEnd, box.value, document.getElementById("wall").scrollTop, place(document.getElementById("me")), place(twentieth)];
    });
  const before = await look();
  for (const other of others) other.write("many words\n".repeat(20));
  others[3].post("a post\n".repeat(30));
  others[1].leave();
  others[5].leave();
  await expect(page.locator(".box")).toHaveCount(22);
  await bot("Newcomer");
  await expect(page.locator(".box")).toHaveCount(23);
  await expect(textOf(page, "Other 20")).toContainText("many words");
  expect(await look()).toEqual(before);
  await expect(page.locator("#wall > *").nth(1)).toContainText("Newcomer");
});

test("a box shows the end of its text, unless its reader has scrolled up", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  const lines = (count) => Array.from({ length: count }, (_, line) => `line ${line + 1}`).join("\n");
  const box = textOf(page, "Ada");
  // How far below the box its text ends; 0 or less where the end is in sight.
  const below = () => box.evaluate((text) => Math.round(text.firstElementChild.getBoundingClientRect().bottom - text.getBoundingClientRect().bottom));
  ada.write("short");
  await expect(box).toHaveText("short");
  expect(await box.evaluate((text) => text.firstElementChild.offsetTop - text.offsetTop)).toBeLessThan(10);
  ada.write(lines(100));
  await expect(box).toContainText("line 100");
  expect(await below()).toBeLessThanOrEqual(0);
  await box.hover();
  expect(await below()).toBeLessThanOrEqual(0);
  await page.mouse.wheel(0, -400);
  await expect.poll(below).toBeGreaterThan(200);
  await page.locator("#title").hover();
  const top = await box.evaluate((text) => text.scrollTop);
  ada.write(lines(120));
  await expect(box).toContainText("line 120");
  expect(await box.evaluate((text) => text.scrollTop)).toBe(top);
  await box.hover();
  await page.mouse.wheel(0, 9_000);
  await expect.poll(below).toBeLessThanOrEqual(0);
  ada.write(lines(140));
  await expect(box).toContainText("line 140");
  await expect.poll(below).toBeLessThanOrEqual(0);
  await page.locator("#title").hover();
  await expect(boxOf(page, "Ada")).not.toHaveAttribute("data-read", "");
  expect(await below()).toBeLessThanOrEqual(0);
  await box.focus();
  await page.keyboard.press("PageUp");
  await expect.poll(below).toBeGreaterThan(0);
});

test("a selection in somebody's text stays while they write on", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  ada.write("select this");
  await expect(textOf(page, "Ada")).toHaveText("select this");
  await textOf(page, "Ada").evaluate((text) => getSelection().setBaseAndExtent(text.querySelector("p").firstChild, 0, text.querySelector("p").firstChild, 6));
  ada.write("select this and more");
  await expect(textOf(page, "Ada")).toHaveText("select this and more");
  expect(await page.evaluate(() => String(getSelection()))).toBe("select");
});

async function choose(page, label) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel(label).check();
  await page.keyboard.press("Escape");
}
