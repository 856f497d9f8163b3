// Measures the page in a room of 1,000 people who write 400 updates a second in all: `npm run bench`.
//
// A stand-in serves the page and speaks the server's side of the wire to it: a thousand real sockets in this process
// would take the cores that the browser is measured on. `TRACE=1` adds where the browser's time goes.

import { chromium } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { cpus, loadavg } from "node:os";
import { WebSocketServer } from "ws";
import { launchOptions } from "./chromium.js";
import { startServer } from "./server.js";

const PEOPLE = Number(process.env.PEOPLE ?? 1_000);
const UPDATES_PER_SECOND = Number(process.env.UPDATES ?? 400);
const SECONDS = Number(process.env.SECONDS ?? 10);
const TICK_MS = 4;
const KEY_EVERY_MS = 150;
const FRAME_MS = 1_000 / 60;

const WORDS = "the quick brown fox jumps over the lazy dog while everyone in the room can read along".split(" ");

// The page as the binary has it, or the file that PAGE names.
async function builtPage() {
  if (process.env.PAGE) return readFile(process.env.PAGE);
  const server = await startServer();
  const page = await (await fetch(server.url)).text();
  await server.stop();
  return page;
}

class StandIn {
  sockets = new Set();
  writers = Array.from({ length: PEOPLE - 1 }, (_, index) => ({ id: String(index + 2), words: WORDS.slice(0, index % WORDS.length) }));

  static async start() {
    const standIn = new StandIn();
    const page = await builtPage();
    const http = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(page));
    new WebSocketServer({ server: http }).on("connection", (socket) => standIn.welcome(socket));
    await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
    standIn.url = `http://127.0.0.1:${http.address().port}/`;
    standIn.stop = () => http.close();
    return standIn;
  }

  welcome(socket) {
    const others = this.writers.map(({ id, words }) => [id, { name: `Person ${id}`, text: words.join(" "), away: false }]);
    const users = { ...Object.fromEntries(others), 1: { name: "Watcher", text: "", away: false } };
    const limits = { text: 10_000, name: 40 };
    socket.once("message", () => {
      socket.send(JSON.stringify(["existing_users", { you: "1", name: "Watcher", session: "s", room: "bench", users, log: [], limits }]));
      this.sockets.add(socket);
    });
    socket.on("close", () => this.sockets.delete(socket));
  }

  // A quarter of the people write, each a few times a second, as people do. Returns what stops them and tells the rate.
  startWriting() {
    const started = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = ((performance.now() - started) / 1_000) * UPDATES_PER_SECOND;
      for (; sent < due; sent += 1) this.write();
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      return sent / ((performance.now() - started) / 1_000);
    };
  }

  write() {
    const writer = this.writers[Math.floor((Math.random() * this.writers.length) / 4)];
    if (writer.words.length > 60) writer.words = [];
    writer.words.push(WORDS[Math.floor(Math.random() * WORDS.length)]);
    for (const socket of this.sockets) socket.send(JSON.stringify(["text_update", { id: writer.id, text: writer.words.join(" ") }]));
  }
}

// In the page: long tasks, frames, and what becomes of each key. A key is within one frame when the frame that begins
// next shows it; `done` is when the page's part of that frame is over, `shown` when the browser has presented it.
function watch() {
  const seen = { longTasks: [], frames: 0, gaps: [], next: [], done: [], shown: [], late: [] };
  const observe = (type, action, options) => new PerformanceObserver((list) => list.getEntries().forEach(action)).observe({ type, ...options });
  observe("longtask", ({ duration }) => seen.longTasks.push(duration));
  observe("event", ({ name, startTime, processingStart, duration }) => {
    if (name !== "keydown") return;
    seen.late.push(processingStart - startTime);
    seen.shown.push(duration);
  }, { durationThreshold: 16 });
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
      seen.next.push(performance.now() - timeStamp);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => seen.done.push(performance.now() - timeStamp);
      port2.postMessage(0);
    });
  });
  window.seen = seen;
}

const share = (values, part) => [...values].sort((one, other) => one - other)[Math.floor((values.length - 1) * part)] ?? 0;
const ms = (value) => `${value.toFixed(1)} ms`;
const shares = (values) => [0.5, 0.9, 0.99].map((part) => share(values, part).toFixed(1)).join(" / ") + " ms";
const within = (values, limit) => `${((100 * values.filter((value) => value <= limit).length) / values.length).toFixed(0)} %`;

async function measure(page, devtools, standIn) {
  const stop = standIn.startWriting();
  const metrics = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  await page.evaluate(watch);
  const before = await metrics();
  const started = performance.now();
  for (let key = 0; performance.now() - started < SECONDS * 1_000; key += 1) {
    await page.keyboard.press("abcdefghij"[key % 10]);
    // Not in step with the screen, or every key would meet the same part of a frame.
    await new Promise((resolve) => setTimeout(resolve, KEY_EVERY_MS + Math.random() * FRAME_MS));
  }
  const after = await metrics();
  const seconds = (performance.now() - started) / 1_000;
  const seen = await page.evaluate(() => window.seen);
  const rate = stop();
  const perSecond = (name) => ms(((after[name] - before[name]) * 1_000) / seconds);
  return {
    "boxes": String(await page.locator(".box").count()),
    "updates a second": rate.toFixed(0),
    "keys": String(seen.done.length),
    "long tasks (over 50 ms)": `${seen.longTasks.length}, the longest ${ms(Math.max(0, ...seen.longTasks))}`,
    "frames a second": (seen.frames / seconds).toFixed(1),
    "between frames, p99": ms(share(seen.gaps, 0.99)),
    "script, style, layout": ["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].map(perSecond).join(", ") + " a second",
    "all tasks": `${perSecond("TaskDuration")} a second`,
    "key to the page": `${shares(seen.late)} (p50 / p90 / p99; keys shown within 16 ms are not told of)`,
    "key to the next frame": `${shares(seen.next)}, within a frame: ${within(seen.next, FRAME_MS)}`,
    "key to that frame's end": `${shares(seen.done)}, within a frame: ${within(seen.done, FRAME_MS)}`,
    "key to the screen": `${shares(seen.shown)} (in steps of 8 ms)`,
  };
}

// Milliseconds a second of each kind of work, by thread, from the browser's own trace.
async function trace(page, devtools, standIn) {
  const stop = standIn.startWriting();
  const events = [];
  devtools.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const complete = new Promise((done) => devtools.once("Tracing.tracingComplete", done));
  await devtools.send("Tracing.start", { traceConfig: { includedCategories: ["devtools.timeline", "cc", "viz", "disabled-by-default-devtools.timeline"] } });
  await page.waitForTimeout(SECONDS * 500);
  await devtools.send("Tracing.end");
  await complete;
  stop();
  const threads = new Map(events.filter(({ name }) => name === "thread_name").map(({ pid, tid, args }) => [`${pid}.${tid}`, args.name]));
  const times = new Map();
  for (const { name, dur, pid, tid } of events) {
    const kind = `${threads.get(`${pid}.${tid}`)}: ${name}`;
    if (dur) times.set(kind, (times.get(kind) ?? 0) + dur / 1_000 / (SECONDS / 2));
  }
  for (const [kind, time] of [...times].sort(([, one], [, other]) => other - one).slice(0, 40)) console.log(`#   ${kind.padEnd(70)} ${ms(time)} a second`);
}

const standIn = await StandIn.start();
const browser = await chromium.launch(launchOptions);
const load = () => `load ${loadavg()[0].toFixed(1)}`;

console.log(`# ${PEOPLE} people, ${SECONDS} s, Chromium ${browser.version()}, ${cpus().length} × ${cpus()[0].model}, ${load()}`);
for (const view of (process.env.VIEWS ?? "wall captions").split(" ")) {
  const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } });
  await page.goto(`${standIn.url}?room=bench&name=Watcher&view=${view}`);
  await page.waitForFunction((people) => room.users.size >= people, PEOPLE);
  await page.locator("#my-text").focus();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const figures = await measure(page, devtools, standIn);
  console.log(`\n${view}`);
  for (const [name, figure] of Object.entries(figures)) console.log(`# ${name.padEnd(24)} ${figure}`);
  if (process.env.TRACE) await trace(page, devtools, standIn);
  await page.close();
}
console.log(`# ${load()}`);

await browser.close();
standIn.stop();
