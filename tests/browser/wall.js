// What every test starts from: a running server, a room of its own, people who each have a browser of their own.

import { test as base, expect as baseExpect } from "@playwright/test";
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { startServer } from "./server.js";

export * from "./locators.js";

const ANSWER_MS = 15_000;

// Of several windows, Firefox says only of one that it is active; what has the focus in its own window counts here.
export const expect = baseExpect.extend({
  async toBeFocused(locator, { timeout = ANSWER_MS } = {}) {
    const isFocused = () => locator.evaluate((element) => element === element.ownerDocument.activeElement);
    const poll = baseExpect.poll(isFocused, { timeout });
    const pass = await poll.toBe(!this.isNot).then(() => !this.isNot, () => this.isNot);
    return { pass, message: () => `${locator} ${this.isNot ? "has" : "does not have"} the focus` };
  },
});

export const test = base.extend({
  // A server of the test's own, which may be stopped and started again on the same port.
  server: async ({ options }, use) => {
    let running = await startServer({ options });
    await use({
      url: running.url,
      hostKey: () => running.hostKey,
      stop: (signal) => running.stop(signal),
      restart: async () => (running = await startServer({ port: running.port, options })),
    });
    await running.stop();
  },

  options: [[], { option: true }],

  room: async ({}, use) => use(`room ${randomBytes(6).toString("hex")}`),

  // Opens the page as one person, and in the end finds fault with any error and any request to elsewhere.
  // `frames` is a list that gets what the server sends to the page. `excused` is what the console may say in this test,
  // because the test brings it about.
  open: async ({ browser, server, room, excused }, use) => {
    const faults = [];
    const contexts = [];
    const open = async ({ at = server, search = {}, hash = "", clock = false, frames, ...options } = {}) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      const page = await context.newPage();
      if (frames) page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => frames.push(payload)));
      if (clock) await page.clock.install();
      watchForFaults(page, at.url, faults);
      await page.goto(at.url + "?" + new URLSearchParams({ room, ...search }) + hash);
      return page;
    };
    await use(open);
    for (const context of contexts) await context.close();
    expect(faults.filter((fault) => !excused?.test(fault))).toEqual([]);
  },
  excused: [null, { option: true }],

  // Somebody who joins as soon as the page is there.
  join: async ({ open }, use) =>
    use(async (name, { search, ...options } = {}) => {
      const page = await open({ ...options, search: { name, ...search } });
      await page.waitForFunction(() => room.you);
      return page;
    }),

  // Somebody without a page: a bare socket that remembers what it was told.
  bot: async ({ server, room }, use) => {
    const bots = [];
    await use(async (name, at = server) => {
      const bot = await Bot.join(at.url, room, name);
      bots.push(bot);
      return bot;
    });
    for (const bot of bots) bot.socket.terminate();
  },
});

// How Firefox says that a WebSocket cannot be opened, and that one was open when the page was left.
const REFUSED = /(?:Firefox can’t establish a connection to the server at|The connection to) (ws\S+)/;

function watchForFaults(page, url, faults) {
  page.on("pageerror", (error) => faults.push(`error: ${String(error).replace(REFUSED, "WebSocket connection to $1")}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("request", (request) => isElsewhere(request.url(), url) && faults.push(`request: ${request.url()}`));
  page.on("websocket", (socket) => isElsewhere(socket.url(), url) && faults.push(`socket: ${socket.url()}`));
}

function isElsewhere(address, url) {
  const { protocol, host } = new URL(address);
  return !["blob:", "data:"].includes(protocol) && host !== new URL(url).host;
}

export class Bot {
  events = [];

  static async join(url, room, name, { passphrase, session } = {}) {
    const bot = new Bot();
    bot.socket = new WebSocket(`${new URL("ws", url.replace("http", "ws"))}?${new URLSearchParams({ room })}`);
    bot.socket.on("message", (data) => bot.events.push(JSON.parse(data)));
    await new Promise((resolve, reject) => {
      bot.socket.once("open", resolve);
      bot.socket.once("error", reject);
    });
    if (passphrase) bot.send("unlock", { passphrase });
    if (name) bot.send("got_a_new_user", { name, session });
    else bot.send("watch", {});
    const [, snapshot] = await bot.until(([event]) => event === "existing_users");
    bot.id = snapshot.you;
    bot.name = snapshot.name;
    return bot;
  }

  send(event, data) {
    this.socket.send(JSON.stringify([event, data]));
  }

  write(text) {
    this.send("updated_text", { text });
  }

  post(text) {
    this.send("message", { text });
  }

  leave() {
    this.socket.close(1000);
  }

  // The last texts that this one was sent, by name.
  texts() {
    const names = new Map();
    const texts = new Map();
    for (const [event, data] of this.events) {
      const users = event === "existing_users" ? Object.entries(data.users) : [];
      if (event === "new_user") users.push([data.id, { name: data.new_user_name, text: "" }]);
      for (const [id, { name, text }] of users) {
        names.set(id, name);
        texts.set(name, text);
      }
      if (event === "text_update") texts.set(names.get(data.id), data.text);
      if (event === "disconnect_user") texts.delete(data.name);
    }
    return Object.fromEntries(texts);
  }

  posts() {
    return this.events.filter(([event]) => event === "data").map(([, post]) => post.text);
  }

  async until(wanted) {
    await expect.poll(() => this.events.some(wanted), { timeout: ANSWER_MS }).toBe(true);
    return this.events.find(wanted);
  }
}
