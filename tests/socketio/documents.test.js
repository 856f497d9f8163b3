// The page and the script of docs/socketio.md, as they stand there, in one room with each other and with Typewall's page.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createInterface } from "node:readline";
import { mine } from "../browser/locators.js";
import { openSite } from "./elsewhere.js";
import { Events } from "./events.js";
import { newPage, openPlace, untilPosted, untilShown } from "./place.js";
import { PYTHON } from "./venv.js";

const DOCUMENT = readFileSync(new URL("../../docs/socketio.md", import.meta.url), "utf8");
const ADDRESS = "http://127.0.0.1:8080";
const ROOM = "physics";

// The example in this language, with the address of a server.
function example(language, mostLines, url) {
  const [[, code], ...others] = DOCUMENT.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"));
  assert.deepEqual(others, [], "one example");
  assert.ok(code.trimEnd().split("\n").length <= mostLines, `at most ${mostLines} lines of ${language}`);
  assert.equal(code.split(ADDRESS).length, 2, "the address is there once");
  return code.replace(ADDRESS, url.replace(/\/$/, ""));
}

const untilListed = (page, list, text) => page.locator(`#${list} li`).getByText(text, { exact: true }).waitFor();

// Starts a Python program. Each line that it prints is an event.
function startPython(test, code) {
  const child = spawn(PYTHON, ["-c", code], { stdio: ["ignore", "pipe", "inherit"] });
  test.after(() => child.kill("SIGKILL"));
  const printed = new Events();
  createInterface({ input: child.stdout }).on("line", (line) => printed.take(line));
  return printed;
}

async function openExamplePage(test, site, place, name) {
  site.show(example("html", 40, place.url));
  const page = await newPage(test);
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(site.origin);
  await page.locator("#name").fill(name);
  await page.getByRole("button", { name: "Join" }).click();
  return page;
}

test("the page and the script of docs/socketio.md are in one room with Typewall's page", async (t) => {
  const site = await openSite(t);
  const place = await openPlace(t, { room: ROOM, options: ["--allow-origin", site.origin] });
  const wall = await place.page("Paula");
  const printed = startPython(t, example("python", 15, place.url));
  await untilShown(wall, "Counter", "");
  const page = await openExamplePage(t, site, place, "Ada");
  await untilListed(page, "wall", "Counter:");

  await page.locator("#mine").pressSequentially("Hello");
  await untilShown(wall, "Ada", "Hello");
  await mine(wall).pressSequentially("Hi Ada");
  await untilListed(page, "wall", "Paula: Hi Ada");
  await page.getByRole("button", { name: "Post" }).click();
  await page.getByText("Posted.").waitFor();
  await untilPosted(wall, "Hello");
  await untilListed(page, "log", "Ada: Hello");
  await printed.untilTold("Ada: Hello");
  await untilListed(page, "wall", "Counter: 1 posts so far");
  await untilShown(wall, "Counter", "1 posts so far");
  if (process.env.PICTURES) {
    await page.screenshot({ path: `${process.env.PICTURES}/example.png` });
    await wall.screenshot({ path: `${process.env.PICTURES}/wall.png` });
  }
  await wall.close();
  await page.locator("#wall li").getByText("Paula").waitFor({ state: "detached" });
});

test("the page of docs/socketio.md comes back after a restart, with what was typed meanwhile", async (t) => {
  const site = await openSite(t);
  const place = await openPlace(t, { room: ROOM, options: ["--allow-origin", site.origin] });
  const page = await openExamplePage(t, site, place, "Ada");
  const bo = place.plain("Bo");
  await untilListed(page, "wall", "Bo:");
  await bo.untilTold("existing_users");
  await place.stop();
  await page.getByText("Closed: stopping").waitFor();
  await page.locator("#mine").fill("typed meanwhile");
  await page.getByRole("button", { name: "Post" }).click();
  await place.restart();
  const wall = await place.page("Paula");
  await untilShown(wall, "Ada", "typed meanwhile");
  await untilPosted(wall, "typed meanwhile");
  assert.deepEqual(await wall.locator("#posts .post").count(), 1, "what was posted meanwhile, once");
});
