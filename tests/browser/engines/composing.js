// Text from an input method, a real one of each engine: the page never tears a word, and the Enter that ends it is no post.

import { enterByScript } from "./script.js";
import { until } from "./waiting.js";

export async function composing({ open, server, step }) {
  const room = "composing";
  const reader = await enterByScript(server.url, room, "Reader");
  const writer = await open();
  const value = () => writer.run(() => document.querySelector("#my-text").value);
  const reads = (text) => until(() => reader.texts().at(-1) === text || reader.texts(), `the reader sees ${text}`);
  let preedit;

  await step("one joins, with Enter as the key that posts", async () => {
    await writer.open(`${server.url}?${new URLSearchParams({ room, name: "Writer" })}`);
    await until(() => writer.run(() => document.activeElement === document.querySelector("#my-text")), "the box has the focus");
    await writer.run(() => {
      const box = document.querySelector("#enter-posts");
      box.checked = true;
      box.dispatchEvent(new Event("change"));
    });
    await writer.run(() => {
      window.compositions = [];
      for (const event of ["compositionstart", "compositionend"]) document.addEventListener(event, () => void window.compositions.push(event));
    });
    await writer.type("a");
    await reads("a");
  });
  await step("what is being composed is seen as it is", async () => {
    preedit = await writer.compose("か");
    await reads(`a${preedit}`);
  });
  await step("what others do meanwhile does not end it", async () => {
    reader.write("in between");
    await until(() => writer.run(() => document.querySelector(".box .text").textContent === "in between"), "the other text is there");
    await until(() => writer.run(() => window.compositions.join() === "compositionstart" || window.compositions), "it goes on");
    await until(async () => (await value()) === `a${preedit}`, "it is in the box");
  });
  await step("the Enter that ends it gives the word, once, and posts nothing", async () => {
    await writer.commit();
    await until(async () => (await value()) === "aか" || (await value()), "the word is in the box");
    await reads("aか");
    await writer.type("!");
    await reads("aか!");
    if (reader.posts().length) throw new Error(`posted: ${reader.posts()}`);
  });
  await step("the next Enter posts", async () => {
    await writer.press("Enter");
    await until(() => reader.posts().join() === "aか!" || reader.posts(), "the post is there");
    await until(async () => (await value()) === "" || (await value()), "the box is empty");
  });
  reader.leave();
  await writer.close();
}
