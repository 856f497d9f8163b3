// Measures the page in a room of 1,000 people who write 400 updates a second in all: `npm run bench`.

import { chromium } from "@playwright/test";
import { cpus } from "node:os";
import { WebSocket } from "ws";
import { launchOptions } from "./chromium.js";
import { startServer } from "./server.js";

const PEOPLE = Number(process.env.PEOPLE ?? 1_000);
const UPDATES_PER_SECOND = Number(process.env.UPDATES ?? 400);
const SECONDS = Number(process.env.SECONDS ?? 10);
const TICK_MS = 25;
const KEY_EVERY_MS = 200;

const WORDS = "the quick brown fox jumps over the lazy dog while everyone in the room can read along".split(" ");

async function join(url, name) {
  const socket = new WebSocket(url);
  socket.on("message", () => {});
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.send(JSON.stringify(["got_a_new_user", { name }]));
  return { socket, words: [] };
}

function write(user) {
  if (user.words.length > 60) user.words = [];
  user.words.push(WORDS[Math.floor(Math.random() * WORDS.length)]);
  user.socket.send(JSON.stringify(["updated_text", { text: user.words.join(" ") }]));
}

// A quarter of the people write, each a few times a second, as people do.
function startWriting(users) {
  const writers = users.slice(0, Math.ceil(users.length / 4));
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1_000) * UPDATES_PER_SECOND;
    for (; sent < due; sent += 1) write(writers[Math.floor(Math.random() * writers.length)]);
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    return sent / ((performance.now() - started) / 1_000);
  };
}

// In the page: long tasks, frames, and from each key to the frame after the one that shows it.
function watch() {
  const seen = { longTasks: [], frames: 0, keys: [], gaps: [], updates: 0, started: performance.now() };
  new PerformanceObserver((list) => seen.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now) => {
    seen.frames += 1;
    seen.gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  document.getElementById("my-text").addEventListener("keydown", ({ timeStamp }) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => seen.keys.push(performance.now() - timeStamp);
      port2.postMessage(0);
    });
  });
  window.seen = seen;
}

const share = (values, part) => [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) * part)] ?? 0;
const ms = (value) => `${value.toFixed(1)} ms`;

async function measure(page, devtools, users) {
  const stop = startWriting(users);
  const metrics = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  await page.evaluate(watch);
  const before = await metrics();
  const started = performance.now();
  for (let key = 0; performance.now() - started < SECONDS * 1_000; key += 1) {
    await page.keyboard.press("abcdefghij"[key % 10]);
    await new Promise((resolve) => setTimeout(resolve, KEY_EVERY_MS));
  }
  const after = await metrics();
  const seconds = (performance.now() - started) / 1_000;
  const seen = await page.evaluate(() => window.seen);
  const rate = stop();
  const perSecond = (name) => ms(((after[name] - before[name]) * 1_000) / seconds);
  return {
    "updates a second": rate.toFixed(0),
    "long tasks (over 50 ms)": `${seen.longTasks.length}, the longest ${ms(Math.max(0, ...seen.longTasks))}`,
    "frames a second": (seen.frames / seconds).toFixed(1),
    "between frames, p99": ms(share(seen.gaps, 0.99)),
    "script a second": perSecond("ScriptDuration"),
    "layout a second": perSecond("LayoutDuration"),
    "style a second": perSecond("RecalcStyleDuration"),
    "all tasks a second": perSecond("TaskDuration"),
    "key to paint, p50": ms(share(seen.keys, 0.5)),
    "key to paint, p99": ms(share(seen.keys, 0.99)),
    "boxes": String(await page.locator(".box").count()),
  };
}

const server = await startServer({ build: "release" });
const browser = await chromium.launch(launchOptions);
const url = `${server.url.replace("http", "ws")}ws?room=bench`;
const users = [];
while (users.length < PEOPLE - 1) users.push(await join(url, `Person ${users.length + 1}`));
for (const user of users) write(user);

console.log(`${PEOPLE} people, ${SECONDS} s, Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0].model}`);
for (const [view, search] of [["wall", ""], ["captions", "&view=captions"]]) {
  const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await page.goto(`${server.url}?room=bench&name=Watcher%20${view}${search}`);
  await page.locator("#my-text").waitFor();
  await page.waitForFunction((people) => state.users.size >= people, PEOPLE);
  await page.locator("#my-text").focus();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const figures = await measure(page, devtools, users);
  console.log(`\n${view}`);
  for (const [name, figure] of Object.entries(figures)) console.log(`# ${name.padEnd(24)} ${figure}`);
  await page.close();
}

for (const { socket } of users) socket.terminate();
await browser.close();
await server.stop();
