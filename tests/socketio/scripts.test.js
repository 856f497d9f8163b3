// The Python script and the OBS link of docs/scripts.md, as they stand there. tests/program runs its shell scripts.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Events } from "./events.js";
import { newPage, openPlace } from "./place.js";
import { PYTHON } from "./venv.js";

const DOCUMENT = readFileSync(new URL("../../docs/scripts.md", import.meta.url), "utf8");

// The only example in this language that has this in it, with the address of a server.
function example(language, part, url) {
  const examples = [...DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, code]) => code);
  const found = examples.filter((code) => code.includes(part));
  assert.equal(found.length, 1, `one example with ${part}`);
  assert.ok(found[0].includes("127.0.0.1:8080"));
  return found[0].replace("127.0.0.1:8080", new URL(url).host);
}

test("the Python script of docs/scripts.md counts posts", async (t) => {
  const place = await openPlace(t, { room: "incident" });
  const ada = place.plain("Ada");
  await ada.untilTold("existing_users");
  const child = spawn(PYTHON, ["-c", example("python", "websockets", place.url)], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const printed = new Events();
  createInterface({ input: child.stdout }).on("line", (line) => printed.take(line));
  await ada.until((event, data) => event === "new_user" && data.new_user_name === "Counter");
  ada.post("Hello");
  await printed.untilTold("Ada: Hello");
  await ada.until((event, data) => event === "text_update" && data.text === "1 posts so far");
  // Before the server, so that it ends without a word.
  child.kill("SIGKILL");
  await once(child, "exit");
});

test("the OBS link of docs/scripts.md shows what the user Captioner writes, and nothing of others", async (t) => {
  const place = await openPlace(t, { room: "hall" });
  const [captioner, ada] = [place.plain("Captioner"), place.plain("Ada")];
  const page = await newPage(t);
  await page.goto(example("text", "view=captions", place.url).trim());
  captioner.write("Good evening.");
  ada.write("Hello");
  await page.getByText("Good evening.").filter({ visible: true }).waitFor();
  assert.equal(await page.getByText("Hello").filter({ visible: true }).count(), 0);
});
