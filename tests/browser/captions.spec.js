import { boxOf, expect, test, textOf } from "./wall.js";

const atTop = (text) => text.evaluate((text) => text.scrollTop);
const lines = (from, to) => Array.from({ length: to - from }, (_, index) => `Line ${from + index}`).join("\n");

test("a reader scrolls back through all that was said, nothing slides, and Latest leads to the end again", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  const text = textOf(page, "Ada");
  await expect(text).toHaveText("Live");
  for (let part = 0; part < 10; part += 1) ada.post(`${lines(part * 30, part * 30 + 30)}`);
  await expect(text).toContainText("Line 299");
  await expect.poll(() => text.evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight)).toBeLessThan(2);
  await expect(page.locator(".latest")).toHaveCount(0);

  await text.hover();
  await page.mouse.wheel(0, -4_000);
  await expect(page.getByRole("button", { name: "Latest" })).toBeVisible();
  const [seen, first] = [await atTop(text), await text.locator("span").first().elementHandle()];
  ada.write(`Live\n${lines(300, 340)}`);
  ada.post("Another post");
  await expect(text).toContainText("Another post");
  await expect(text).toContainText("Line 339");
  expect(await atTop(text)).toBe(seen);
  expect(await first.evaluate((span) => span.isConnected && span.textContent.startsWith("Line 0\n"))).toBe(true);

  await page.getByRole("button", { name: "Latest" }).click();
  await expect(page.getByRole("button", { name: "Latest" })).toBeHidden();
  await expect.poll(() => text.evaluate((text) => text.scrollHeight - text.scrollTop - text.clientHeight)).toBeLessThan(2);
  await expect(text).toBeFocused();
});

test("the oldest posts go only when the reader is at the end", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  const text = textOf(page, "Ada");
  await expect(text).toHaveText("Live");
  // The server would let so many long posts wait.
  const post = (from, to) => page.evaluate(({ id, from, to }) => {
    for (let n = from; n < to; n += 1) receive("data", { n, id, name: "Ada", text: `Post ${n} ${"word ".repeat(1_950)}end`, at: n });
  }, { id: ada.id, from, to });
  await post(10, 30);
  await expect(text.locator("span")).toHaveCount(20);
  await text.hover();
  await page.mouse.wheel(0, -4_000);
  await expect(page.getByRole("button", { name: "Latest" })).toBeVisible();
  await post(30, 35);
  await expect(text.locator("span")).toHaveCount(25);
  await page.getByRole("button", { name: "Latest" }).click();
  await post(35, 36);
  await expect(text.locator("span")).toHaveCount(20);
  await expect(text.locator("span").first()).toContainText("Post 16");
});

test("a post that is removed leaves the captions, and the wall shows the text of the box alone", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const ada = await bot("Ada");
  ada.write("Live");
  for (const post of ["First", "Second"]) ada.post(post);
  await expect(textOf(page, "Ada")).toHaveText("First Second Live");
  ada.send("remove_post", { n: 1 });
  await expect(textOf(page, "Ada")).toHaveText("Second Live");
  await page.getByRole("button", { name: "Wall", exact: true }).click();
  await expect(textOf(page, "Ada")).toHaveText("Live");
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  await expect(textOf(page, "Ada")).toHaveText("Second Live");
});

test("panes are as high as their text, at the foot; the one of somebody who takes everything back goes at once", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const [ada, ben, carol] = [await bot("Ada"), await bot("Ben"), await bot("Carol")];
  ada.write("short");
  await expect(textOf(page, "Ada")).toBeVisible();
  const wall = await page.locator("#wall").boundingBox();
  const pane = async (name) => boxOf(page, name).boundingBox();
  const one = await pane("Ada");
  expect(one.height).toBeLessThan(wall.height / 3);
  expect(wall.y + wall.height - one.y - one.height).toBeLessThan(12); // the margin

  ada.write(lines(0, 60));
  ben.write(lines(0, 40));
  carol.write(lines(0, 40));
  await expect(textOf(page, "Carol")).toBeVisible();
  await expect.poll(async () => (await pane("Ada")).height).toBeGreaterThan(wall.height * 0.44);
  for (const name of ["Ben", "Carol"]) {
    const { height } = await pane(name);
    expect(height).toBeGreaterThan(60);
    expect(height).toBeLessThan(wall.height * 0.26);
  }
  ben.write("");
  carol.write("");
  await expect(boxOf(page, "Ben")).toBeHidden();
  await expect(boxOf(page, "Carol")).toBeHidden();
  await expect.poll(async () => (await pane("Ada")).height).toBeGreaterThan(wall.height * 0.95);
});

// For each pane, the lines of its text, those in sight, and how far it is above the end.
const panesOf = (page) => page.locator("[data-speaks] .text").evaluateAll((texts) => texts.map((text) => {
  const line = parseFloat(getComputedStyle(text).lineHeight);
  const { scrollHeight, scrollTop, clientHeight } = text;
  return { lines: Math.round(scrollHeight / line), seen: clientHeight / line, above: scrollHeight - scrollTop - clientHeight };
}));
const atEnd = async (page) => (await panesOf(page)).every(({ above }) => above < 2);

test("a speaker's last line stays in sight when others write, and when the window or the room around it changes", async ({ open, bot, server }) => {
  const page = await open({ search: { view: "captions" }, hash: `#host=${server.hostKey()}`, viewport: { width: 390, height: 844 } });
  await page.waitForFunction(() => room.hosting);
  const [ada, ben, carol] = [await bot("Ada"), await bot("Ben"), await bot("Carol")];
  ada.write(lines(0, 60));
  await expect(textOf(page, "Ada")).toContainText("Line 59");
  for (const text of ["short", lines(0, 40)]) {
    for (const other of [ben, carol]) {
      other.write(text);
      await expect(textOf(page, other.name)).toContainText(text.slice(-7));
      await expect.poll(() => atEnd(page)).toBe(true);
    }
  }
  await page.setViewportSize({ width: 390, height: 600 });
  await expect.poll(() => atEnd(page)).toBe(true);
  await page.evaluate(() => send("set_room", { prompt: "What is it about? ".repeat(6) }));
  await expect(page.locator("#prompt")).toBeVisible();
  await expect.poll(() => atEnd(page)).toBe(true);
  await expect(page.getByRole("button", { name: "Latest" })).toHaveCount(0);
});

test("a pane shows whole lines, and all of a text that the others leave space for", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions" } });
  const [ada, ben, carol] = [await bot("Ada"), await bot("Ben"), await bot("Carol")];
  ada.write("First\nSecond\nThird, which is much longer than those before it");
  ben.write("First\nSecond\nThird");
  carol.write("First");
  await expect(textOf(page, "Carol")).toBeVisible();
  await expect.poll(async () => (await panesOf(page)).every(({ lines, seen }) => Math.abs(lines - seen) < 0.1)).toBe(true);
  ada.write(lines(0, 60));
  ben.write(lines(0, 40));
  carol.write(lines(0, 40));
  const isWhole = ({ seen }) => seen > 0.9 && Math.abs(seen - Math.round(seen)) < 0.06;
  for (const height of [800, 640, 555]) {
    await page.setViewportSize({ width: 1280, height });
    await expect.poll(async () => (await panesOf(page)).every((pane) => pane.lines > 30 && isWhole(pane))).toBe(true);
    await expect.poll(() => atEnd(page)).toBe(true);
  }
});

test("in a low window, with a header or an own box, the captions show their end, and names stand beside the texts", async ({ open, bot }) => {
  const [ada, ben] = [await bot("Ada"), await bot("Ben")];
  ada.write(lines(0, 60));
  ben.write(lines(0, 40));
  for (const [search, hasTouch] of [[{}, false], [{}, true], [{ name: "Eve" }, true]]) {
    const page = await open({ search: { view: "captions", ...search }, viewport: { width: 740, height: 360 }, hasTouch });
    await expect(textOf(page, "Ben")).toBeVisible();
    await expect.poll(() => atEnd(page)).toBe(true);
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight)); // with a mouse, past an own box
    const edges = await page.locator("[data-speaks] .text").evaluateAll((texts) => texts.map((text) => text.getBoundingClientRect().bottom));
    for (const edge of edges) expect(edge).toBeLessThanOrEqual(360);
    expect((await panesOf(page)).reduce((sum, { seen }) => sum + seen, 0)).toBeGreaterThan(2.9);
    const [name, text] = [await boxOf(page, "Ada").locator("h3").boundingBox(), await textOf(page, "Ada").boundingBox()];
    expect(name.x + name.width).toBeLessThanOrEqual(text.x);
    await page.close();
  }
});

test("when the one in the spotlight leaves, the captions show the speakers again", async ({ open, bot, server }) => {
  const host = await open({ search: { view: "captions" }, hash: `#host=${server.hostKey()}` });
  await host.waitForFunction(() => room.hosting);
  const [ada, ben] = [await bot("Ada"), await bot("Ben")];
  ada.write("first");
  ben.write("second");
  await expect(textOf(host, "Ben")).toBeVisible();
  await host.evaluate((id) => send("set_room", { spotlight: id }), ben.id);
  await expect(textOf(host, "Ada")).toBeHidden();
  ben.leave();
  await expect(textOf(host, "Ada")).toBeVisible();
});

test("a long paragraph in many posts is divided where a line begins, and no word moves", async ({ open, bot }) => {
  const sentence = (n) => `Sentence number ${n} has words as long as a few of these. `;
  for (const [dir, name] of [["ltr", "Ada"], ["rtl", "نور"]]) {
    const page = await open({ search: { view: "captions" } });
    const author = await bot(name);
    const start = dir === "rtl" ? "هذا نص عربي. " : "";
    const all = [start, ...Array.from({ length: 99 }, (_, n) => sentence(n))];
    author.write(all.slice(0, 30).join(""));
    const text = textOf(page, name);
    await expect(text).toContainText("number 28 ");
    for (let n = 0; n + 10 < all.length; n += 10) {
      author.post(all.slice(n, n + 10).join(""));
      author.write(all.slice(n + 10, n + 40).join(""));
    }
    await expect(text).toContainText("number 98 ");
    await expect(text.locator("p")).not.toHaveCount(1);
    const shown = await text.evaluate((text) => ({ words: text.textContent, height: text.scrollHeight }));
    expect(shown.words).toBe(all.join(""));
    const whole = await text.evaluate((text) => {
      text.querySelector("p").textContent = text.textContent;
      while (text.children.length > 1) text.lastChild.remove();
      return text.scrollHeight;
    });
    expect(whole).toBe(shown.height);
    await page.close();
  }
});

// Numbered words, so that each can be found, in sentences and paragraphs.
const speech = (count) =>
  Array.from({ length: count }, (_, n) => `w${n}${n % 12 === 11 ? "." : ""}${n % 240 === 239 ? "\n" : " "}`);

test("a captioner types 15,000 characters, and a reader sees each word once, in one go", async ({ join, open }) => {
  const words = speech(2_800);
  const all = words.join("");
  expect(all.length).toBeGreaterThan(15_000);
  const captioner = await join("Ada");
  const reader = await open({ search: { view: "captions" } });
  await reader.waitForFunction(() => room.title);
  await reader.evaluate((all) => {
    window.faults = [];
    const look = () => {
      const text = document.querySelector("[data-speaks] .text")?.textContent ?? "";
      if (!all.startsWith(text)) window.faults.push(text.slice(-200));
      requestAnimationFrame(look);
    };
    look();
  }, all);
  await captioner.evaluate(() => (window.full = 0));
  await captioner.locator("#my-text").focus();
  for (let n = 0; n < words.length; n += 20) {
    await captioner.keyboard.insertText(words.slice(n, n + 20).join(""));
    await captioner.evaluate(() => {
      const box = document.getElementById("my-text");
      window.full = Math.max(window.full, box.value.length);
      if (box.selectionStart !== box.value.length) throw new Error("the caret has moved");
    });
  }
  await expect(textOf(reader, "Ada")).toContainText(words.at(-1).trim());
  expect(await textOf(reader, "Ada").evaluate((text) => text.textContent)).toBe(all);
  expect(await reader.evaluate(() => window.faults)).toEqual([]);
  expect(await captioner.evaluate(() => window.full)).toBeLessThan(10_000);
  await expect(captioner.getByRole("button", { name: "Continuous" })).toHaveAttribute("aria-pressed", "true");
  const posts = await reader.evaluate(() => [...room.posts.values()].map(({ text }) => text).join(""));
  await expect(captioner.locator("#my-text")).toHaveValue(all.slice(posts.length));
  expect(all.startsWith(posts)).toBe(true);
});

test.describe("where posts have to wait and connections break", () => {
  test.use({ options: ["--post-rate", "1"] });

  test("a continuous text loses nothing and doubles nothing", async ({ join, open }) => {
    const all = speech(1_800).join("");
    const captioner = await join("Ada");
    const reader = await open({ search: { view: "captions" } });
    await reader.waitForFunction(() => room.title);
    await captioner.getByRole("button", { name: "Continuous" }).click();
    for (let n = 0; n < all.length; n += 600) {
      await captioner.keyboard.insertText(all.slice(n, n + 600));
      if (n === 3_000) await captioner.evaluate(() => lose(link.socket, { code: 1006 }));
      if (n === 6_000) await reader.evaluate(() => lose(link.socket, { code: 1006 }));
    }
    await expect.poll(() => reader.evaluate(() => document.querySelector("[data-speaks] .text")?.textContent)).toBe(all);
    await captioner.waitForFunction(() => !draft.pending.length);
    const posts = await reader.evaluate(() => [...room.posts.values()].map(({ text }) => text).join(""));
    expect(posts.length).toBeGreaterThan(1_000);
    expect(posts + (await captioner.locator("#my-text").inputValue())).toBe(all);
  });
});

test("a part of a continuous text goes to the log behind the text that it is from", async ({ join }) => {
  const captioner = await join("Ada");
  await captioner.getByRole("button", { name: "Continuous" }).click();
  const sent = await captioner.evaluate((part) => {
    const events = [];
    const { send } = WebSocket.prototype;
    link.socket.send = (frame) => {
      events.push(JSON.parse(frame)[0]);
      send.call(link.socket, frame);
    };
    const box = document.getElementById("my-text");
    for (let n = 0; n < 2; n += 1) {
      box.setRangeText(part, box.value.length, box.value.length, "end");
      box.dispatchEvent(new Event("input"));
    }
    return events;
  }, speech(240).join(""));
  expect(sent).toEqual(["updated_text", "updated_text", "message"]);
});

test("a continuous text stays in the box while sharing is paused", async ({ join }) => {
  const page = await join("Ada");
  await page.getByRole("button", { name: "Continuous" }).click();
  await page.getByRole("button", { name: "Pause sharing" }).click();
  await page.keyboard.insertText(speech(600).join(""));
  expect(await page.evaluate(() => draft.pending.length)).toBe(0);
  await page.getByRole("button", { name: "Share" }).click();
  await page.keyboard.insertText("On. ");
  await expect(page.locator("#posts .post")).toHaveCount(1);
  const post = page.getByRole("button", { name: "Post", exact: true });
  await expect(post).not.toHaveClass(/main/);
  await page.getByRole("button", { name: "Continuous" }).click();
  await expect(post).toHaveClass(/main/);
  await page.keyboard.insertText(speech(600).join(""));
  expect(await page.evaluate(() => draft.pending.length)).toBe(0);
});

test("the address chooses whom the captions show; a spotlight still shows its user alone", async ({ open, bot, server }) => {
  const page = await open({ search: { view: "captions" } });
  await page.goto(`${page.url()}&only=ada&only=Ben#host=${server.hostKey()}`);
  await page.reload();
  await page.waitForFunction(() => room.hosting);
  const [ada, ben, eve] = [await bot("Ada"), await bot("Ben"), await bot("Eve")];
  for (const one of [eve, ada, ben]) one.write("words");
  await expect(textOf(page, "Ben")).toBeVisible();
  await expect(textOf(page, "Ada")).toBeVisible();
  await expect(boxOf(page, "Eve")).toBeHidden();
  await page.evaluate((id) => send("set_room", { spotlight: id }), eve.id);
  await expect(textOf(page, "Eve")).toBeVisible();
  await expect(boxOf(page, "Ada")).toBeHidden();
});

test("the address chooses colours, font, lines, alignment, spacing and margin", async ({ open, bot }) => {
  const search = { view: "captions", bg: "003366", fg: "white", font: "mono", lines: "2", align: "center", spacing: "2", pad: "10", hide: "me,names,header" };
  const page = await open({ search, colorScheme: "light" });
  const ada = await bot("Ada");
  ada.write(lines(0, 30));
  const text = textOf(page, "Ada");
  await expect(text).toBeVisible();
  await expect(page.locator("#wall-area")).toHaveCSS("background-color", "rgb(0, 51, 102)");
  await expect(text).toHaveCSS("color", "rgb(255, 255, 255)");
  await expect(text).toHaveCSS("font-family", "monospace");
  await expect(text.locator("p")).toHaveCSS("text-align", "center");
  await expect(page.locator("#wall")).toHaveCSS("padding-left", "80px");
  const [height, size] = await text.evaluate((text) => [text.clientHeight, parseFloat(getComputedStyle(text).fontSize)]);
  expect(Math.abs(height - 4 * size)).toBeLessThan(2);
  expect((await boxOf(page, "Ada").boundingBox()).height - height).toBeLessThan(4);
  await expect(boxOf(page, "Ada").locator("h3")).toBeHidden();
  await expect(page.locator("#people")).toBeHidden();
});

// Only Chromium takes pictures without a background.
test("over a picture there is nothing but the letters, also in a low window", { tag: "@chromium" }, async ({ open, bot }) => {
  const page = await open({ search: { view: "captions", bg: "transparent", fg: "000" }, viewport: { width: 1280, height: 240 } });
  await page.waitForFunction(() => room.title);
  await expect(page.locator("#wall-empty")).toBeHidden();
  const empty = await page.screenshot({ omitBackground: true });
  const pixels = (image) => page.evaluate(async (url) => {
    const picture = document.createElement("img");
    picture.src = url;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 240 }).getContext("2d");
    canvas.drawImage(picture, 0, 0);
    return canvas.getImageData(0, 0, 1280, 240).data.filter((value, index) => index % 4 === 3 && value > 0).length;
  }, `data:image/png;base64,${image.toString("base64")}`);
  expect(await pixels(empty)).toBe(0);
  const ada = await bot("Ada");
  ada.write(lines(0, 30));
  await expect(textOf(page, "Ada")).toBeVisible();
  const some = await pixels(await page.screenshot({ omitBackground: true }));
  expect(some).toBeGreaterThan(500);
  expect(some).toBeLessThan(1280 * 240 * 0.3);
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(240);
});

test("the panel sets the look at once, writes the address, and warns of colours that are hard to tell apart", async ({ open, bot }) => {
  const page = await open({ search: { view: "captions", hide: "me" }, colorScheme: "light" });
  (await bot("Ada")).write("words");
  (await bot("Ben")).write("words");
  await expect(textOf(page, "Ben")).toBeVisible();
  await page.getByRole("button", { name: "Captions look" }).click();
  const panel = page.getByRole("dialog", { name: "Captions look" });
  await panel.getByLabel("Text colour").fill("#dddddd");
  await expect(panel.getByText("hard to tell apart")).toBeVisible();
  await panel.getByLabel("Background").fill("#000000");
  await expect(panel.getByText("hard to tell apart")).toBeHidden();
  await panel.getByLabel("Only these people").fill("Ada, Carol");
  await panel.getByLabel("Lines").fill("3");
  await panel.getByLabel("Alignment").selectOption("center");
  await panel.getByLabel("Hide names").check();
  await panel.getByLabel("Hide the header").check();
  await expect(boxOf(page, "Ben")).toBeHidden();
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
  await page.waitForFunction(() => history.state.depth === 0);
  const { searchParams } = new URL(page.url());
  expect(Object.fromEntries(searchParams)).toMatchObject({ fg: "#dddddd", bg: "#000000", lines: "3", align: "center", hide: "me,names,header" });
  expect(searchParams.getAll("only")).toEqual(["Ada", "Carol"]);
  await page.reload();
  await expect(textOf(page, "Ada")).toHaveCSS("color", "rgb(221, 221, 221)");
  await expect(page.locator("#people")).toBeHidden();
  await textOf(page, "Ada").press("Enter");
  await panel.getByRole("button", { name: "Reset" }).click();
  await expect(page.locator("#title")).toBeVisible();
  await expect(textOf(page, "Ben")).toBeVisible();
});

test.describe("in OBS", () => {
  test.use({ excused: /Content Security Policy|Content-Security-Policy/ });

  test("Custom CSS works there, and nowhere else", async ({ open, bot }) => {
    (await bot("Ada")).write("words");
    const page = await open({ search: { view: "captions", bg: "transparent" } });
    const inject = () => page.evaluate(() => {
      const style = document.createElement("style");
      style.append(":root { --caption-fg: rgb(255, 255, 0); }");
      document.head.append(style);
    });
    await expect(textOf(page, "Ada")).toHaveCSS("color", "rgb(255, 255, 255)");
    await expect(textOf(page, "Ada")).toHaveCSS("text-shadow", /^rgb\(0, 0, 0\)/);
    await inject();
    await expect(textOf(page, "Ada")).toHaveCSS("color", "rgb(255, 255, 255)");
    await page.addInitScript(() => (window.obsstudio = {}));
    await page.reload();
    await expect(textOf(page, "Ada")).toHaveCSS("color", "rgb(255, 255, 255)");
    await inject();
    await expect(textOf(page, "Ada")).toHaveCSS("color", "rgb(255, 255, 0)");
  });
});

test("captions for a late stream come late, in order", async ({ open, bot }) => {
  const ada = await bot("Ada");
  ada.write("at once");
  const page = await open({ search: { view: "captions", delay: "20" }, clock: true });
  await expect(textOf(page, "Ada")).toHaveText("at once");
  const heard = page.waitForFunction(() => later.length >= 2);
  ada.write("later");
  ada.post("later");
  await heard;
  await expect(textOf(page, "Ada")).toHaveText("at once");
  await page.clock.runFor(21_000);
  await expect(textOf(page, "Ada")).toContainText("later");
});
