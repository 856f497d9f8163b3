import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { Bot, boxOf, expect, mine, posts, test, textOf } from "./wall.js";

// What the browser says about a server that is gone is no fault of the page.
// A server that comes back while the page asks why it was silent takes no POST (405).
const mortal = test.extend({ excused: /WebSocket connection to|ERR_CONNECTION_REFUSED|status of 405/ });

// And about one that refuses the page's WebSocket.
const foreign = test.extend({ excused: /WebSocket connection to|ERR_CONNECTION_REFUSED|status of 403/ });

// A proxy that nobody has told the server of: it names the server by its own address, and leaves the page's origin as it is.
async function startProxy(url) {
  const { hostname, port, host } = new URL(url);
  const ask = ({ method, url: path, headers }) => request({ hostname, port, method, path, headers: { ...headers, host } });
  const proxy = createServer((from, to) => {
    from.pipe(ask(from).on("response", (answer) => answer.pipe(to.writeHead(answer.statusCode, answer.headers))));
  });
  proxy.on("upgrade", (from, socket) => {
    ask(from).on("response", ({ statusCode }) => socket.end(`HTTP/1.1 ${statusCode} Refused\r\n\r\n`)).end();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const stop = () => (proxy.close(), proxy.closeAllConnections());
  return { url: `http://localhost:${proxy.address().port}/`, stop };
}

foreign("a server that refuses the page's address says so, and is told apart from one that is gone", async ({ server, open }) => {
  const proxy = await startProxy(server.url);
  const page = await open({ at: proxy, clock: true });
  // The page's clock runs, so on a slow machine the page may have asked already.
  await expect.poll(() => page.evaluate(() => link.status)).toMatch(/^(lost|refused)$/);
  await page.clock.runFor(4_100);
  await expect.poll(() => page.evaluate(() => link.status)).toBe("refused");
  await page.clock.runFor(20);
  await expect(page.locator("#door-link")).toHaveText("This server does not accept this address.");
  proxy.stop();
  await page.clock.runFor(8_100);
  await expect.poll(() => page.evaluate(() => link.status)).toBe("silent");
});

mortal("a killed server is told, the text stays and can be written on, and all is back when the server is", async ({ server, join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ada).fill("before the fall");
  await expect(textOf(ben, "Ada")).toHaveText("before the fall");
  await mine(ben).fill("Ben was here");
  await expect(textOf(ada, "Ben")).toHaveText("Ben was here");
  await expect(ada.locator("#link-state")).toHaveText("Connected");
  const seen = async () => (await ada.locator("#link").boundingBox()).width > 1;
  expect(await seen(), "only trouble is shown").toBe(false);
  await server.stop("SIGKILL");
  await expect(ada.locator("#link-state")).toHaveText(/Connection lost|Can't reach the server/);
  expect(await seen()).toBe(true);
  await expect(ada.locator("#link-wait")).toHaveText(/Retrying in \d+ s/);
  await expect(textOf(ada, "Ben")).toHaveText("Ben was here");
  await expect(mine(ada)).toBeFocused().catch(() => mine(ada).focus());
  await mine(ada).press("End");
  await ada.keyboard.type(", and after");
  await expect(mine(ada)).toHaveValue("before the fall, and after");
  await server.restart();
  for (const page of [ada, ben]) {
    const now = page.getByRole("button", { name: "Retry now" });
    if (await now.isVisible()) await now.click().catch(() => {});
    await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  }
  await expect(textOf(ben, "Ada")).toHaveText("before the fall, and after");
  await expect(textOf(ada, "Ben")).toHaveText("Ben was here");
  await expect(mine(ada)).toHaveValue("before the fall, and after");
});

mortal("a server that stops in order is told apart from one that is gone, and the page comes back by itself", async ({ server, join, bot }) => {
  const page = await join("Ada");
  await mine(page).fill("kept");
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  await server.stop("SIGTERM");
  await expect.poll(() => page.evaluate(() => link.status)).toBe("stopping");
  await page.clock.runFor(20);
  await expect(page.locator("#link-state")).toHaveText("The server is restarting.");
  await page.clock.runFor(4_000);
  await expect.poll(() => page.evaluate(() => link.status)).toBe("silent");
  await server.restart();
  await page.clock.resume();
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  const ben = await bot("Ben");
  expect(ben.texts().Ada).toBe("kept");
});

for (const [what, code, failures] of [["that says that it restarts", 1001, 1], ["that was killed and does not answer the first time", 1006, 2]]) {
  test(`a room comes back to a server ${what} within four seconds, and not in one moment`, async ({ join }) => {
    const page = await join("Ada");
    const waits = await page.evaluate(([code, failures]) => {
      link.failures = failures;
      const wait = () => (retryLater(code), link.retryAt - Date.now());
      const waits = Array.from({ length: 400 }, wait);
      Object.assign(link, { retryAt: 0, failures: 0 });
      return waits;
    }, [code, failures]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(4_000);
    for (const second of [0, 1, 2, 3]) expect(waits.filter((wait) => Math.floor(wait / 1_000) === second).length).toBeGreaterThan(40);
  });
}

test("a connection that breaks alone is tried again within half a second", async ({ join }) => {
  const page = await join("Ada");
  const wait = await page.evaluate(() => ((link.failures = 1), retryLater(1006), link.retryAt - Date.now()));
  expect(wait).toBeLessThanOrEqual(500);
});

mortal("without a network one writes on, and is heard as soon as it is there again", async ({ join, bot }) => {
  const ada = await bot("Ada");
  const page = await join("Ben");
  await page.clock.install();
  await page.context().setOffline(true);
  await page.evaluate(() => lose(link.socket)); // Chromium leaves open sockets open
  await page.clock.runFor(20);
  await expect(page.locator("#link-state")).toHaveText("This device is offline.");
  await mine(page).fill("written offline");
  await page.clock.runFor(9_000);
  await expect(page.locator("#link")).toHaveAttribute("data-up", "false");
  expect(ada.texts().Ben).not.toBe("written offline");
  await page.context().setOffline(false);
  await expect.poll(() => page.evaluate(() => link.status)).toBe("connected");
  await expect.poll(() => ada.texts().Ben).toBe("written offline");
});

test("losing the network makes the page ask whether its connection lives", async ({ open }) => {
  const page = await open();
  let asked = 0;
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.onMessage(() => {
      asked += 1;
      if (asked === 1) socket.send(JSON.stringify(["existing_users", { you: null, name: null, room: "r", users: {}, log: [] }]));
    });
  });
  await page.clock.install();
  await page.reload();
  await expect.poll(() => asked).toBe(1);
  await page.context().setOffline(true);
  await expect.poll(() => asked).toBe(2);
  await page.clock.runFor(4_100);
  await expect(page.locator("#door-link")).toHaveText("This device is offline.");
});

mortal("a tab that slept through a restart has its text and its place again when it wakes", { tag: "@chromium" }, async ({ server, join, bot }) => {
  const page = await join("Ada");
  await mine(page).fill("before the nap");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await server.stop();
  await server.restart();
  const ben = await bot("Ben");
  ben.write("while you slept");
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  await expect(textOf(page, "Ben")).toHaveText("while you slept");
  await expect(mine(page)).toHaveValue("before the nap");
  await expect.poll(() => ben.texts().Ada).toBe("before the nap");
});

mortal("what is posted while the server is away is posted when it is back, once", async ({ server, join, bot }) => {
  const page = await join("Ada");
  await server.stop();
  await expect(page.locator("#link")).toHaveAttribute("data-up", "false");
  await mine(page).fill("kept for later");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
  await expect(mine(page)).toHaveValue("kept for later");
  await server.restart();
  await expect(posts(page)).toHaveText(["kept for later"], { timeout: 20_000 });
  await expect(mine(page)).toHaveValue("");
  const later = await bot("Ben");
  expect(later.events.find(([event]) => event === "existing_users")[1].log).toHaveLength(1);
});

mortal("while sharing is paused, a reconnection shows what was shown and no more", async ({ server, join, bot }) => {
  const page = await join("Ada");
  await mine(page).fill("shown ");
  await page.getByRole("button", { name: "Pause sharing" }).click();
  await mine(page).press("End");
  await page.keyboard.type("hidden");
  await server.stop();
  await server.restart();
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  const ben = await bot("Ben");
  await expect.poll(() => ben.texts().Ada).toBe("shown ");
  await expect(mine(page)).toHaveValue("shown hidden");
});

mortal("after a restart without a store the posts stay to be read and saved, and a line says where the server's log begins", { tag: "@chromium" }, async ({ server, join, bot }) => {
  const page = await join("Ada");
  (await bot("Ben")).post("before");
  await expect(posts(page)).toHaveText(["before"]);
  await server.stop();
  await server.restart();
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  const entries = page.locator("#posts > .post, #posts > .seam");
  await expect(entries).toHaveText([/before/, "The server no longer has the posts above."]);
  (await bot("Ben")).post("after");
  await expect(entries).toHaveText([/before/, /no longer has/, /after/]);
  await page.evaluate(() => lose(link.socket));
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  await expect(entries).toHaveText([/before/, /no longer has/, /after/]);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
  expect(await readFile(await download.path(), "utf8")).toMatch(/^20\S+Z Ben: before\n20\S+Z Ben: after\n$/);
});

mortal("the places of those who do not come back after a restart are closed", async ({ server, join, bot }) => {
  const page = await join("Ada");
  await bot("Ben");
  await bot("Carol");
  await expect(page.locator(".box")).toHaveCount(2);
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000); // the page comes back when Carol has
  await server.stop();
  await expect.poll(() => page.evaluate(() => link.socket)).toBe(null);
  await server.restart();
  await bot("Carol");
  await page.clock.runFor(4_100);
  await expect.poll(() => page.evaluate(() => link.status)).toBe("connected");
  await page.clock.runFor(100);
  await expect(page.locator("#wall > *")).toHaveCount(2);
  await expect(page.locator("#wall > *").nth(1)).toContainText("Carol");
  await page.clock.runFor(31_000);
  await expect(page.locator("#wall > *")).toHaveCount(1);
  await expect(page.locator("#wall > *")).toContainText("Carol");
});

mortal("the focus and the place of a box survive a reconnection, even to a server that gives new ids", async ({ server, open, bot }) => {
  await bot("Zoe");
  await bot("Ada");
  await bot("Ben");
  const page = await open({ search: { hide: "me" } });
  await textOf(page, "Ada").focus();
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000); // the page comes back when all others have
  await server.stop();
  await server.restart();
  const ben = await bot("Ben"); // gets the id that was Zoe's
  await bot("Ada");
  await page.clock.resume();
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  await expect(page.locator(".box")).toHaveCount(2);
  await expect(textOf(page, "Ada")).toBeFocused();
  await expect(page.locator("#wall > *")).toHaveCount(3);
  await expect(page.locator("#wall > *").nth(1)).toContainText("Ada");
  await expect(page.locator("#wall > *").nth(2)).toContainText("Ben");
  ben.write("still heard");
  await expect(textOf(page, "Ben")).toHaveText("still heard");
});

test("a connection that only looks alive is found out when the page is seen again", async ({ open }) => {
  const page = await open();
  let sockets = 0;
  await page.routeWebSocket(/\/ws/, (socket) => {
    sockets += 1;
    const dead = sockets === 1;
    let told = 0;
    socket.onMessage(() => {
      told += 1;
      if (dead && told > 1) return;
      socket.send(JSON.stringify(["existing_users", { you: null, name: null, room: "r", users: {}, log: [] }]));
    });
  });
  await page.clock.install();
  await page.reload();
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(page.locator("#link-state")).toHaveText("Connected");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.clock.runFor(4_100);
  await expect(page.locator("#link")).toHaveAttribute("data-up", "false");
  await page.clock.runFor(1_000);
  await expect(page.locator("#link-state")).toHaveText("Connected");
  expect(sockets).toBe(2);
});

test("a cable that was pulled is noticed after 14 seconds of silence, and a quiet room is not taken for one", async ({ open }) => {
  const page = await open();
  const sockets = [];
  await page.routeWebSocket(/\/ws/, (socket) => {
    const pings = sockets.push(0) - 1;
    socket.onMessage((message) => {
      if (JSON.parse(message)[0] !== "ping") {
        return socket.send(JSON.stringify(["existing_users", { you: null, name: null, room: "r", users: {}, log: [] }]));
      }
      sockets[pings] += 1;
      if (sockets[pings] < 3) socket.send('["pong",{}]');
    });
  });
  await page.clock.install();
  await page.reload();
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(page.locator("#link-state")).toHaveText("Connected");
  await page.clock.runFor(4_000);
  for (const asked of [1, 2]) {
    await page.clock.runFor(6_000);
    await expect.poll(() => sockets).toEqual([asked]);
    await expect.poll(() => page.evaluate(() => link.heard)).toBe(1 + asked);
    await page.clock.runFor(4_000);
    await expect(page.locator("#link")).toHaveAttribute("data-up", "true");
  }
  await page.clock.runFor(6_000);
  await expect.poll(() => sockets).toEqual([3]);
  await expect(page.locator("#link")).toHaveAttribute("data-up", "true");
  await page.clock.runFor(4_100);
  await expect(page.locator("#link")).toHaveAttribute("data-up", "false");
  await page.clock.runFor(1_000);
  await expect(page.locator("#link-state")).toHaveText("Connected");
  expect(sockets).toEqual([3, 0]);
});

for (const event of ["visibilitychange", "online", "pageshow"]) {
  mortal(`${event} tries again at once`, async ({ server, join }) => {
    const page = await join("Ada");
    await server.stop();
    await expect(page.locator("#link")).toHaveAttribute("data-up", "false");
    await page.evaluate(() => {
      Math.random = () => 0.9; // of the longest wait, which is drawn by lot
      link.failures = 8;
    });
    await expect.poll(() => page.evaluate(() => link.retryAt - Date.now())).toBeGreaterThan(5_000);
    await server.restart();
    await page.evaluate((event) => {
      const made = event === "pageshow" ? new PageTransitionEvent("pageshow", { persisted: true }) : new Event(event);
      (event === "visibilitychange" ? document : window).dispatchEvent(made);
    }, event);
    await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 5_000 }); // the next attempt by itself is later
  });
}

test("while a server is cut off from the others, the page says so once, and keeps what is posted until it is stored", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const sent = [];
  let say;
  await page.routeWebSocket(/\/ws/, (socket) => {
    say = (event, data) => socket.send(JSON.stringify([event, data]));
    socket.onMessage((message) => {
      const [event, data] = JSON.parse(message);
      if (event === "got_a_new_user") say("existing_users", { you: "1", name: "Ada", session: "s", room: "r", users: { 1: { name: "Ada", text: "" }, 2: { name: "Ben", text: "" } }, log: [] });
      if (event !== "message") return;
      sent.push(data);
      say("data", { n: sent.length, id: "1", name: "Ada", text: data.text, at: 1, ref: data.ref });
    });
  });
  await page.reload();
  await expect(page.locator("#link-state")).toHaveText("Connected");
  const before = await page.evaluate(() => {
    window.said = [];
    new MutationObserver(() => window.said.push(at("link-state").textContent)).observe(at("link-state"), { childList: true });
    return document.querySelectorAll(".box").length;
  });
  say("user_away", { id: "2" });
  say("linked", { linked: false });
  await expect(page.locator("#link-state")).toHaveText("Reconnecting to the others…");
  await expect(page.locator("#link-state")).toBeInViewport();
  await expect(page.getByRole("button", { name: "Retry now" })).toBeHidden();
  await expect(boxOf(page, "Ben")).toHaveAttribute("data-state", "away");
  await mine(page).fill("kept until then");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
  await expect(page.locator("#my-error")).toBeEmpty();
  await expect(mine(page)).toHaveValue("kept until then");
  expect(sent).toEqual([]);
  say("linked", { linked: false }); // says nothing again
  say("user_back", { id: "2" });
  say("linked", { linked: true });
  await expect(posts(page)).toHaveText(["kept until then"]);
  await expect(mine(page)).toHaveValue("");
  await expect(page.locator("#link")).toHaveAttribute("data-up", "true");
  say("linked", { linked: true }); // nothing is left to be sent
  await mine(page).fill("next");
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => sent.map(({ text }) => text)).toEqual(["kept until then", "next"]);
  expect(await page.evaluate(() => [window.said, document.querySelectorAll(".box").length])).toEqual([["Reconnecting to the others…", "Connected"], before]);
});

// The longest pause before a post is sent again. After a longer silence, a page would take the connection for dead.
const LONGEST_PAUSE_MS = 8_000;

// A server that stores posts once `sent.works`; `sent` has the refs and texts that came.
async function serverThatStoresLater(page) {
  const sent = [];
  const tell = {};
  await page.routeWebSocket(/\/ws/, (socket) => {
    tell.say = (event, data) => socket.send(JSON.stringify([event, data]));
    tell.store = ({ text, ref }) => tell.say("data", { n: (tell.n = (tell.n ?? 0) + 1), id: "1", name: "Ada", text, at: 1, ref });
    socket.onMessage((message) => {
      const [event, data] = JSON.parse(message);
      if (event === "got_a_new_user") tell.say("existing_users", { you: "1", name: "Ada", session: "s", room: "r", users: { 1: { name: "Ada", text: "" } }, log: [] });
      if (event !== "message") return;
      sent.push(data);
      if (sent.works) tell.store(data);
      else tell.say("error", { code: "not_stored", message: "No.", ref: data.ref });
    });
  });
  await page.clock.install();
  await page.reload();
  await expect(page.locator("#link-state")).toHaveText("Connected");
  return { sent, tell };
}

async function postNow(page, text) {
  await mine(page).fill(text);
  await page.keyboard.press("Control+Enter");
}

test("a post that is refused before the server says that it is cut off is sent again, before the next one", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const { sent, tell } = await serverThatStoresLater(page);
  await postNow(page, "one ");
  await expect(page.locator("#my-note")).toHaveText("Not stored yet. The page tries again by itself.");
  await postNow(page, "one two");
  await expect(page.locator("#my-error")).toBeEmpty();
  await expect(mine(page)).toHaveValue("one two");
  tell.say("linked", { linked: false });
  await expect(page.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
  await page.clock.runFor(LONGEST_PAUSE_MS);
  expect(sent.map(({ text }) => text)).toEqual(["one"]);
  sent.works = true;
  tell.say("linked", { linked: true });
  await expect(posts(page)).toHaveText(["one", "two"]);
  await expect(mine(page)).toHaveValue("");
  await expect(page.locator("#my-note")).toBeEmpty();
  expect(sent.map(({ text }) => text)).toEqual(["one", "one", "two"]);
  expect(sent[0].ref).toBe(sent[1].ref);
});

test("a post that a server cannot store is sent again a few times, and then the person is told", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const { sent } = await serverThatStoresLater(page);
  await postNow(page, "on a full disk");
  await expect(page.locator("#my-note")).toHaveText("Not stored yet. The page tries again by itself.");
  for (const refusals of [1, 2, 3, 4]) {
    await expect.poll(() => page.evaluate(() => draft.refusals)).toBe(refusals);
    await page.clock.runFor(LONGEST_PAUSE_MS);
  }
  await expect(page.locator("#my-error")).toHaveText("The server can't store posts right now. Please try again.");
  await expect(mine(page)).toHaveValue("on a full disk");
  await page.clock.runFor(LONGEST_PAUSE_MS);
  expect(sent.map(({ ref }) => ref)).toEqual(Array(5).fill(sent[0].ref));
  sent.works = true;
  await page.keyboard.press("Control+Enter");
  await expect(posts(page)).toHaveText(["on a full disk"]);
  await expect(page.locator("#my-error")).toBeEmpty();
});

test("a post that is not stored yet is taken back by changing its text, and sent by a page that reconnects", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const { sent } = await serverThatStoresLater(page);
  await postNow(page, "a mistake");
  await expect(page.locator("#my-note")).toHaveText("Not stored yet. The page tries again by itself.");
  await mine(page).fill("no mistake");
  await expect(page.locator("#my-note")).toBeEmpty();
  await page.clock.runFor(LONGEST_PAUSE_MS);
  expect(sent.length).toBe(1);
  await page.keyboard.press("Control+Enter");
  await expect.poll(() => sent.length).toBe(2);
  sent.works = true;
  await page.evaluate(() => lose(link.socket));
  await page.clock.runFor(1_000);
  await expect(posts(page)).toHaveText(["no mistake"]);
  await expect(mine(page)).toHaveValue("");
  expect(sent[2]).toEqual(sent[1]);
});

test("a page that comes to a server that is cut off says so, and posts through the next one", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const sent = [];
  let connections = 0;
  await page.routeWebSocket(/\/ws/, (socket) => {
    connections += 1;
    const linked = connections > 1;
    const say = (event, data) => socket.send(JSON.stringify([event, data]));
    socket.onMessage((message) => {
      const [event, data] = JSON.parse(message);
      if (event === "got_a_new_user") say("existing_users", { you: "1", name: "Ada", session: "s", ...(linked ? {} : { linked }), room: "r", users: { 1: { name: "Ada", text: "" } }, log: [] });
      if (event !== "message") return;
      sent.push(data.ref);
      say("data", { n: 1, id: "1", name: "Ada", text: data.text, at: 1, ref: data.ref });
    });
  });
  await page.reload();
  await expect(page.locator("#link-state")).toHaveText("Reconnecting to the others…");
  await mine(page).fill("kept");
  await page.keyboard.press("Control+Enter");
  await expect(page.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
  await page.evaluate(() => lose(link.socket));
  await expect(page.locator("#link-state")).toHaveText("Connected");
  await expect(posts(page)).toHaveText(["kept"]);
  await expect(mine(page)).toHaveValue("");
  expect(sent.length).toBe(1);
});

test("what is typed and posted before a server has given the seat back goes out once it has, the text as a whole", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  const sent = [];
  let give;
  await page.routeWebSocket(/\/ws/, (socket) => {
    const snapshot = { you: "1", name: "Ada", session: "s", room: "r", users: { 1: { name: "Ada", text: "first" } }, log: [] };
    give = () => socket.send(JSON.stringify(["existing_users", snapshot]));
    socket.onMessage((message) => sent.push(JSON.parse(message)));
  });
  const joins = () => sent.filter(([event]) => event === "got_a_new_user").length;
  await page.reload();
  await expect.poll(joins).toBe(1);
  give();
  await page.waitForFunction(() => link.status === "connected");
  await mine(page).fill("second");
  await expect.poll(() => sent.at(-1)?.[1]).toEqual({ at: 0, cut: 0, put: "second", length: 6 });
  await page.evaluate(() => lose(link.socket));
  await expect.poll(joins).toBe(2);
  sent.length = 0;
  await mine(page).fill("second, then");
  await page.keyboard.press("Control+Enter");
  await page.evaluate(() => send("ping", {}));
  await expect.poll(() => sent).toEqual([["ping", {}]]);
  give();
  const post = ["message", { text: "second, then", ref: expect.any(String) }];
  await expect.poll(() => sent.slice(1)).toEqual([post, ["updated_text", { text: "second, then" }]]);
});

test("a seat taken in another window is not fought over", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  let sockets = 0;
  await page.clock.install();
  await page.routeWebSocket(/\/ws/, (socket) => {
    sockets += 1;
    socket.onMessage(() => {
      socket.send(JSON.stringify(["existing_users", { you: "1", name: "Ada", session: "s", room: "r", users: { 1: { name: "Ada", text: "", away: false } }, log: [] }]));
      if (sockets === 1) socket.close({ code: 4001, reason: "taken" });
    });
  });
  await page.reload();
  await expect(page.locator("#link-state")).toHaveText("Your box is open in another window.");
  await page.clock.runFor(60_000);
  expect(sockets).toBe(1);
});

test("who lost the seat to another window takes another one with one button, and keeps the text", async ({ join, bot }) => {
  const ben = await bot("Ben");
  const ada = await join("Ada");
  await mine(ada).fill("mine");
  const session = await ada.evaluate(() => seat.session);
  const twin = await Bot.join(ada.url(), new URL(ada.url()).searchParams.get("room"), "Ada", { session });
  await expect(ada.locator("#link-state")).toHaveText("Your box is open in another window.");
  await ada.getByRole("button", { name: "Get a new box" }).click();
  await expect(ada.locator("#link-state")).toHaveText("Connected");
  await expect(ada.locator("#my-note")).toContainText("Ada 2");
  await expect(mine(ada)).toHaveValue("mine");
  await expect.poll(() => ben.texts()["Ada 2"]).toBe("mine");
  expect(twin.socket.readyState).toBe(twin.socket.OPEN);
  twin.socket.terminate();
});

test("limits come from the server", async ({ open }) => {
  const page = await open();
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.onMessage((message) => {
      if (message.includes("updated_text")) return;
      const you = message.includes("got_a_new_user") ? "1" : null;
      socket.send(JSON.stringify(["existing_users", { you, name: you && "Ada", room: "r", users: { 1: { name: "Ada", text: "" } }, log: [], limits: { text: 20, name: 5 } }]));
    });
  });
  await page.reload();
  await page.getByLabel("Your name").fill("Ada");
  await page.keyboard.press("Enter");
  await mine(page).fill("x".repeat(19));
  await expect(page.locator("#my-count")).toHaveText("1 character left");
  await expect(boxOf(page, "Ada")).toHaveCount(0);
});
