// Several nodes on a Redis behind a balancer: what people see when a node is killed, when all are restarted, and when
// Redis stops.

import { installed, startCluster } from "./nodes.js";
import { boxOf, expect, mine, posts, test as base, textOf } from "./wall.js";

const WORDS = "every word arrives ".repeat(8);
// As fast as somebody types in a hurry.
const TYPING = { delay: 25, timeout: 60_000 };

const test = base.extend({
  balancer: ["nginx", { option: true }],
  count: [2, { option: true }],
  cluster: async ({ balancer, count }, use) => {
    const missing = ["redis-server", balancer].filter((program) => !installed(program));
    test.skip(missing.length > 0, `${missing} is not installed`);
    const cluster = await startCluster(balancer, count);
    await use(cluster);
    await cluster.stop();
  },
  server: async ({ cluster }, use) => use({ url: cluster.url }),
  // What the browser says about a node that is gone is no fault of the page.
  excused: /WebSocket connection to|ERR_CONNECTION_REFUSED|status of (405|502|503)/,
});

async function clientsOf(node) {
  const answer = await fetch(`${node.url}healthz`);
  return (await answer.json()).clients;
}

// The number of the node that a page is on, if nobody else is on one but `others`, by node.
async function nodeOf(cluster, others = []) {
  let found = [];
  await expect.poll(async () => {
    const clients = await Promise.all(cluster.nodes.map(clientsOf));
    found = clients.flatMap((count, n) => (count === (others[n] ?? 0) + 1 ? [n] : []));
    return found.length === 1 && clients.reduce((sum, count) => sum + count) === others.reduce((sum, count) => sum + count, 1);
  }).toBe(true);
  return found[0];
}

// Notes what a page shows of somebody else: every text of the box, how many boxes there are at most, boxes that go, and
// who is said to have come or gone.
const watchFor = (page, name) =>
  page.evaluate((name) => {
    const seen = { texts: [], boxes: 0, gone: [], news: [] };
    Object.assign(window, { seen });
    const labelOf = (box) => box.querySelector("h3 button")?.getAttribute("aria-label");
    const look = (records = []) => {
      const boxes = [...document.querySelectorAll("#wall .box")].filter((box) => !box.hidden);
      seen.boxes = Math.max(seen.boxes, boxes.length);
      const box = boxes.find((one) => labelOf(one) === `Enlarge ${name}`);
      const text = box?.querySelector(".text").textContent ?? null;
      if (text !== seen.texts.at(-1)) seen.texts.push(text);
      for (const { removedNodes } of records) {
        seen.gone.push(...[...removedNodes].filter((node) => node.matches?.(".box")).map(labelOf));
      }
      const news = [...document.querySelectorAll("#posts .news")].map((line) => line.textContent).join("\n");
      if (news !== (seen.news.at(-1) ?? "")) seen.news.push(news);
    };
    look();
    const options = { childList: true, subtree: true, characterData: true };
    for (const id of ["wall", "posts"]) new MutationObserver(look).observe(at(id), options);
  }, name);

async function expectNoFlash(page, text, newsBefore) {
  const { texts, boxes, gone, news } = await page.evaluate(() => window.seen);
  expect(texts.filter((seen) => seen === null || !text.startsWith(seen))).toEqual([]);
  const first = texts.findIndex((seen) => seen !== "");
  expect(texts.slice(first).filter((seen) => seen === "")).toEqual([]);
  expect(texts.at(-1)).toBe(text);
  expect({ boxes, gone, news }).toEqual({ boxes: 1, gone: [], news: newsBefore ? [newsBefore] : [] });
}

const comingsAndGoings = (frames) =>
  frames.map((frame) => JSON.parse(frame)[0]).filter((event) => ["new_user", "disconnect_user"].includes(event));

const newsOf = (page) => page.locator("#posts").evaluate((log) => [...log.querySelectorAll(".news")].map((line) => line.textContent).join("\n"));

const seatOf = (page) => page.evaluate(() => [room.you, seat.name]);

async function post(page, text) {
  await mine(page).fill(text);
  await page.keyboard.press("Control+Enter");
}

// Posts the first text of the room, and waits until each page has it in the log and no longer in the author's box, which
// is emptied a moment later.
async function postFirst(text, author, pages) {
  await post(author, text);
  for (const page of pages) {
    await expect(posts(page)).toHaveText([text]);
    for (const shown of await page.locator("#wall .box .text").all()) await expect(shown).toBeEmpty();
  }
}

// Moves a page to another node until it is on this one, whichever the balancer chooses.
async function moveTo(wanted, page, cluster, others) {
  while ((await nodeOf(cluster, others)) !== wanted) {
    await page.evaluate(() => lose(link.socket));
    await expect(page.locator("#link-state")).toHaveText("Connected");
  }
}

// Waits until a page shows the whole text of whom it watches.
async function expectAll(text, page) {
  await expect.poll(() => page.evaluate(() => window.seen.texts.at(-1)), { timeout: 20_000 }).toBe(text);
}

// Waits until somebody is typing, so that the seat is kept.
async function expectSome(page) {
  await expect.poll(() => page.evaluate(() => window.seen.texts.length)).toBeGreaterThan(10);
}

// Whoever is there first has a room opened on the own node, which owns it then.
const KILLS = [
  ["nginx", "owns the room", async (cluster, join, frames) => {
    const ada = await join("Ada");
    const home = await nodeOf(cluster);
    const ben = await join("Ben", { at: cluster.nodes[1 - home], frames });
    return { ada, ben, home };
  }],
  ["haproxy", "mirrors it", async (cluster, join, frames) => {
    const ben = await join("Ben", { at: cluster.nodes[1], frames });
    const ada = await join("Ada");
    await moveTo(0, ada, cluster, [0, 1]);
    return { ada, ben, home: 0 };
  }],
];

for (const [balancer, role, enter] of KILLS) {
  test.describe(balancer, () => {
    test.use({ balancer });

    test(`nobody loses a word behind ${balancer} when the node that ${role} is killed, and nobody seems to leave`, async ({ cluster, join }) => {
      const frames = [];
      const { ada, ben, home } = await enter(cluster, join, frames);
      await postFirst("posted before", ada, [ben]);
      const seat = await seatOf(ada);
      const news = await newsOf(ben);
      await watchFor(ben, "Ada");
      frames.length = 0;
      const typing = mine(ada).pressSequentially(WORDS, TYPING);
      await expectSome(ben);
      await cluster.nodes[home].stop("SIGKILL");
      await typing;
      await expectAll(WORDS, ben);
      await expectNoFlash(ben, WORDS, news);
      expect(comingsAndGoings(frames)).toEqual([]);
      expect(await seatOf(ada)).toEqual(seat);
      await post(ada, "posted after");
      for (const page of [ada, ben]) await expect(posts(page)).toHaveText(["posted before", "posted after"]);
    });
  });
}

// Restarts nodes, one after another, while two people type, and finds that neither page shows that.
async function expectUnseen(restart, ada, ben, frames) {
  const pages = [ada, ben];
  const texts = [`Ada: ${WORDS}`, `Ben: ${WORDS}`];
  await postFirst("posted before", ada, pages);
  const seats = await Promise.all(pages.map(seatOf));
  const news = await Promise.all(pages.map(newsOf));
  await watchFor(ada, "Ben");
  await watchFor(ben, "Ada");
  frames.length = 0;
  const typing = Promise.all(pages.map((page, n) => mine(page).pressSequentially(texts[n], TYPING)));
  for (const page of pages) await expectSome(page);
  await restart();
  await typing;
  await expectAll(texts[1], ada);
  await expectAll(texts[0], ben);
  expect(await Promise.all(pages.map(seatOf))).toEqual(seats);
  expect(comingsAndGoings(frames)).toEqual([]);
  await expectNoFlash(ada, texts[1], news[0]);
  await expectNoFlash(ben, texts[0], news[1]);
  await post(ada, "posted after");
  for (const page of pages) await expect(posts(page)).toHaveText(["posted before", "posted after"]);
}

test.describe("three nodes", () => {
  test.use({ count: 3 });

  test("nobody loses a word or a post, and nobody seems to leave, while three nodes are restarted", async ({ cluster, join }) => {
    const frames = [];
    const ada = await join("Ada");
    const ben = await join("Ben", { frames });
    const restart = async () => {
      for (const n of [0, 1, 2]) {
        await cluster.nodes[n].stop("SIGTERM");
        await cluster.start(n);
      }
    };
    await expectUnseen(restart, ada, ben, frames);
  });
});

test("nobody seems to leave when the only node that has the room is stopped", async ({ cluster, join }) => {
  const frames = [];
  const ada = await join("Ada");
  await moveTo(0, ada, cluster, [0, 0]);
  const ben = await join("Ben", { frames });
  await moveTo(0, ben, cluster, [1, 0]);
  await expectUnseen(() => cluster.nodes[0].stop("SIGTERM"), ada, ben, frames);
});

test("whoever comes to a node that did not have the room yet is told of nobody who has come", async ({ cluster, join }) => {
  const ada = await join("Ada", { at: cluster.nodes[0] });
  await post(ada, "posted before");
  await expect(posts(ada)).toHaveText(["posted before"]);
  const frames = [];
  const ben = await join("Ben", { at: cluster.nodes[1], frames });
  await expect(posts(ben)).toHaveText(["posted before"]);
  expect(await newsOf(ben)).toBe("");
  expect(comingsAndGoings(frames)).toEqual(["new_user"]); // Ben's own
});

test("what is posted in the first moment without Redis is stored once when it is back, also of a page that reconnects", async ({ cluster, join }) => {
  const [here, there] = cluster.nodes;
  const ada = await join("Ada", { at: here });
  const ben = await join("Ben", { at: there });
  for (const page of [ada, ben]) await post(page, "before");
  for (const page of [ada, ben]) await expect(posts(page)).toHaveText(["before", "before"]);
  await cluster.redis.stop();
  const both = [["Ada", ada], ["Ben", ben]];
  for (const [name, page] of both) {
    await post(page, `${name}: one `);
    await mine(page).pressSequentially(`${name}: two`);
    await page.keyboard.press("Control+Enter");
  }
  await ben.evaluate(() => lose(link.socket));
  for (const [, page] of both) {
    await expect(page.locator("#link-state")).toHaveText("Reconnecting to the others…");
    await expect(page.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
    await expect(page.locator("#my-error")).toBeEmpty();
  }
  await cluster.redis.start();
  for (const [, page] of both) {
    await expect(posts(page)).toHaveCount(6);
    await expect(mine(page)).toHaveValue("");
    await expect(page.locator("#my-note")).toBeEmpty();
    const texts = await posts(page).allTextContents();
    for (const [name] of both) {
      expect(texts.filter((text) => text.startsWith(name))).toEqual([`${name}: one`, `${name}: two`]);
    }
  }
});

test("while Redis stands still, people see those on the same node, and what they post is stored once afterwards", async ({ cluster, join }) => {
  const frames = [];
  const [here, there] = cluster.nodes;
  const ada = await join("Ada", { at: here, frames });
  const cem = await join("Cem", { at: here });
  const ben = await join("Ben", { at: there });
  await mine(cem).fill("here too"); // whoever wrote keeps the seat
  await mine(ada).fill("before");
  await expect(textOf(ben, "Ada")).toHaveText("before");
  await expect(boxOf(ada, "Ben")).toHaveAttribute("data-state", "idle");
  frames.length = 0;
  cluster.redis.signal("SIGSTOP");
  for (const page of [ada, ben, cem]) await expect(page.locator("#link-state")).toHaveText("Reconnecting to the others…");
  await expect(boxOf(ada, "Ben")).toHaveAttribute("data-state", "away");
  await expect(boxOf(ben, "Ada")).toHaveAttribute("data-state", "away");
  await mine(ada).fill("posted meanwhile");
  await expect(textOf(cem, "Ada")).toHaveText("posted meanwhile");
  await ada.keyboard.press("Control+Enter");
  await expect(ada.locator("#my-note")).toHaveText("Your post will be sent when the connection is back.");
  const seat = await seatOf(cem);
  await cem.evaluate(() => lose(link.socket));
  await cem.waitForFunction(() => link.status === "connected");
  await expect(cem.locator("#link-state")).toHaveText("Reconnecting to the others…");
  expect(await seatOf(cem)).toEqual(seat);
  await expect(boxOf(ada, "Cem")).not.toHaveAttribute("data-state", "away");
  cluster.redis.signal("SIGCONT");
  for (const page of [ada, ben, cem]) {
    await expect(page.locator("#link-state")).toHaveText("Connected");
    await expect(posts(page)).toHaveText(["posted meanwhile"]);
  }
  await expect(boxOf(ada, "Ben")).toHaveAttribute("data-state", "idle");
  await mine(ada).fill("after");
  await expect(textOf(ben, "Ada")).toHaveText("after");
  expect(comingsAndGoings(frames)).toEqual([]);
});
