// Where the people of one test meet: a server and a room of their own, and pages in one Chromium.

import { randomBytes } from "node:crypto";
import { createServer, connect } from "node:net";
import { once } from "node:events";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { launchOptions } from "../browser/chromium.js";
import { posts, textOf } from "../browser/locators.js";
import { startServer } from "../browser/server.js";
import { WAIT_MS } from "./events.js";
import { PlainPerson } from "./people.js";

let browser;
after(() => browser?.close());

export async function newPage(test, options = {}) {
  browser ??= await chromium.launch(launchOptions);
  const context = await browser.newContext({ locale: "en", ...options });
  context.setDefaultTimeout(WAIT_MS);
  test.after(() => context.close());
  return context.newPage();
}

// A server that ends with the test, and may be stopped and started again on the same port.
export async function openPlace(test, { options = [], ca, room = `room ${randomBytes(6).toString("hex")}` } = {}) {
  let server = await startServer({ options });
  test.after(() => server.stop());
  const { url, port } = server;
  // With %20 for a space: socket.io-client takes a plus for a plus.
  const address = (base = url) => `${base}?room=${encodeURIComponent(room)}`;
  const keep = (person) => {
    test.after(() => person.end());
    return person;
  };
  return {
    url,
    room,
    port,
    address,
    hostKey: () => server.hostKey,
    stop: () => server.stop("SIGTERM"),
    restart: async () => (server = await startServer({ port, options })),
    person: (client, person = {}) => keep(client.start({ url: address(), ca, ...person })),
    plain: (name, person = {}) => keep(new PlainPerson({ name, url: address(), ca, ...person })),
    page: async (name) => {
      const page = await newPage(test, { ignoreHTTPSErrors: ca !== undefined });
      await page.goto(`${address()}&${new URLSearchParams({ name })}`);
      await page.waitForFunction(() => room.you);
      return page;
    },
  };
}

// A way to the server that can be cut: `cut` ends every connection that goes through it, without a goodbye, and lets
// none through until `mend`.
export async function openProxy(test, port) {
  const sockets = new Set();
  let isCut = false;
  const proxy = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => other.destroy() && sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const cut = () => {
    isCut = true;
    sockets.forEach((socket) => socket.destroy());
  };
  const mend = () => (isCut = false);
  test.after(() => proxy.close() && cut());
  return { url: `http://127.0.0.1:${proxy.address().port}/`, cut, mend };
}

const exactly = (text) => new RegExp(`^\\s*${RegExp.escape?.(text) ?? text.replace(/[^\w\s]/g, "\\$&")}\\s*$`);

export const untilShown = (page, name, text) => textOf(page, name).filter({ hasText: exactly(text) }).waitFor();
export const untilPosted = (page, text) => posts(page).filter({ hasText: exactly(text) }).waitFor();
