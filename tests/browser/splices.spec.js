// Splices: texts on the wire as what differs. unit/splices.test.js has what needs no browser.

import { expect, mine, test, textOf } from "./wall.js";

const LONG = "A wall of live text 😀 boxes. ".repeat(140); // some 4,000 characters, most of them one unit
const KEY_BYTES = 200;

// All that a page sends and gets on its WebSocket from now on.
async function framesOf(page) {
  const frames = [];
  await page.exposeFunction("saw", (frame) => void frames.push(frame));
  await page.evaluate(() => {
    const { socket } = link;
    socket.addEventListener("message", ({ data }) => window.saw(data));
    socket.send = (data) => {
      window.saw(data);
      WebSocket.prototype.send.call(socket, data);
    };
  });
  return frames;
}

const texts = (frames) => frames.filter((frame) => /"(updated_text|text_update)"/.test(frame));

test("a key in the middle of a long text with emoji costs a few bytes, both ways, for both", async ({ join }) => {
  const [ada, ben] = [await join("Ada"), await join("Ben")];
  for (const [page, other] of [[ada, ben], [ben, ada]]) {
    await mine(page).fill(LONG);
    await expect(textOf(other, page === ada ? "Ada" : "Ben")).toHaveText(LONG);
  }
  const frames = [await framesOf(ada), await framesOf(ben)];
  for (const page of [ada, ben]) {
    await mine(page).evaluate((box) => box.setSelectionRange(2_000, 2_000)); // right before an emoji
    await mine(page).focus();
    await page.keyboard.type("key");
    await page.keyboard.insertText("😁");
    await page.keyboard.press("Backspace");
    await page.keyboard.insertText("👩\u200d👧");
  }
  const end = LONG.slice(0, 2_000) + "key👩\u200d👧" + LONG.slice(2_000);
  for (const [page, other] of [[ada, "Ben"], [ben, "Ada"]]) {
    await expect(mine(page)).toHaveValue(end);
    await expect.poll(() => page.evaluate((other) => [...room.users.values()].find(({ name }) => name === other).text, other)).toBe(end);
  }
  for (const seen of frames) {
    await expect.poll(() => texts(seen).length).toBeGreaterThan(5);
    expect(texts(seen).filter((frame) => Buffer.byteLength(frame) >= KEY_BYTES)).toEqual([]);
    expect(seen.filter((frame) => /out_of_step|resync|existing_users/.test(frame))).toEqual([]);
  }
});

test("halves of a pair never leave the page, and the other half makes it whole", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  const frames = await framesOf(ada);
  await mine(ada).fill("one 😀 two");
  await expect.poll(() => ben.texts().Ada).toBe("one 😀 two");
  for (const [value, seen] of [["one \ud83d two", "one \ufffd two"], ["one \ude00 two", "one \ufffd two"], ["one \ude00\ud83d two", "one \ufffd\ufffd two"], ["one 😁 two", "one 😁 two"]]) {
    await mine(ada).evaluate((box, value) => ((box.value = value), box.dispatchEvent(new Event("input"))), value);
    await expect.poll(() => ben.texts().Ada).toBe(seen);
  }
  await expect.poll(() => texts(frames).length).toBeGreaterThan(3);
  expect(texts(frames).filter((frame) => !frame.isWellFormed() || /\\ud[89a-f]/i.test(frame))).toEqual([]);
});

test("a splice that does not fit asks for the room again, once until it has come", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  ben.write("the text of Ben");
  await expect(textOf(ada, "Ben")).toHaveText("the text of Ben");
  const frames = await framesOf(ada);
  const asked = () => frames.filter((frame) => frame.includes('"resync"')).length;
  const misfit = () => ada.evaluate((id) => {
    for (const at of [99, 100]) receive("text_update", { id, at, cut: 0, put: "x", length: 1 });
    at("my-text").value += "x";  // what is written meanwhile is not lost
    at("my-text").dispatchEvent(new Event("input"));
  }, ben.id);
  for (const round of [1, 2]) {
    await misfit();
    await expect.poll(() => frames.filter((frame) => frame.includes('"existing_users"')).length).toBe(round);
    expect(asked()).toBe(round);
    await expect(textOf(ada, "Ben")).toHaveText("the text of Ben");
    await expect.poll(() => ben.texts().Ada).toBe("x".repeat(round));
    await expect(mine(ada)).toHaveValue("x".repeat(round));
  }
  ben.write("the text of Ben, later");
  await expect(textOf(ada, "Ben")).toHaveText("the text of Ben, later");
});

test("a page whose splice does not fit at the server sends its whole text", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await mine(ada).fill("what the server has");
  await expect.poll(() => ben.texts().Ada).toBe("what the server has");
  const frames = await framesOf(ada);
  await ada.evaluate(() => (draft.shown = "what the page wrongly takes it to have"));
  await mine(ada).press("End");
  await ada.keyboard.type("!");
  await expect.poll(() => ben.texts().Ada).toBe("what the server has!");
  await expect.poll(() => frames.some((frame) => frame.includes("out_of_step"))).toBe(true);
  await ada.keyboard.type("?");
  await expect.poll(() => ben.texts().Ada).toBe("what the server has!?");
  await expect.poll(() => JSON.parse(texts(frames).at(-1))).toEqual(["updated_text", { at: 20, cut: 0, put: "?", length: 21 }]);
  await expect(ada.locator("#my-error")).toHaveText("");
});
