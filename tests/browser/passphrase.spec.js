// A server with a passphrase: the first screen asks for it, the tab remembers it, and no address carries it.

import AxeBuilder from "@axe-core/playwright";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { WebSocket } from "ws";
import { Bot, expect, mine, posts, test as base } from "./wall.js";

const PASSPHRASE = "grüne Wand 100% +1"; // what needs care in a fragment and in a header

const test = base.extend({
  options: async ({}, use) => {
    const folder = mkdtempSync(path(tmpdir(), "typewall-"));
    const file = path(folder, "passphrase");
    writeFileSync(file, `${PASSPHRASE}\n`);
    await use(["--passphrase-file", file]);
    rmSync(folder, { recursive: true });
  },

  // Somebody without a page, who knows the passphrase.
  insider: async ({ server, room }, use) => {
    const bots = [];
    await use(async (name) => {
      const bot = await Bot.join(server.url, room, name, { passphrase: PASSPHRASE });
      bots.push(bot);
      return bot;
    });
    for (const bot of bots) bot.socket.terminate();
  },
});
const mortal = test.extend({ excused: /WebSocket connection to|ERR_CONNECTION_REFUSED/ });

const field = (page) => page.getByRole("textbox", { name: "Passphrase" });
const give = async (page, passphrase) => {
  await field(page).fill(passphrase);
  await page.keyboard.press("Enter");
};

test("nothing is shown before the passphrase is given, and then who is there", async ({ open, insider }) => {
  await insider("Ada");
  const page = await open();
  await expect(field(page)).toBeFocused();
  await expect(page.getByLabel("Your name")).toBeHidden();
  await expect(page.getByText("Ada")).toHaveCount(0);
  await give(page, PASSPHRASE);
  await expect(page.getByLabel("Your name")).toBeFocused();
  await expect(page.getByRole("listitem")).toHaveText(["Ada"]);
  await expect(field(page)).toBeHidden();
  expect(await page.locator("#passphrase").inputValue()).toBe("");
});

test("a wrong one is told beside the field, and the field keeps it to be mended", async ({ open }) => {
  const page = await open();
  await page.getByRole("button", { name: "Continue" }).click();
  await expect(page.locator("#gate-error")).toHaveText("Please enter the passphrase.");
  await give(page, "grüne Wald");
  await expect(page.locator("#gate-error")).toHaveText("Wrong passphrase.");
  await expect(field(page)).toHaveAttribute("aria-invalid", "true");
  await expect(field(page)).toBeFocused();
  await expect(field(page)).toHaveValue("grüne Wald");
  await give(page, PASSPHRASE);
  await expect(page.getByLabel("Your name")).toBeVisible();
});

test("what is typed is hidden until it is asked to be shown", async ({ open }) => {
  const page = await open();
  const show = page.getByRole("button", { name: "Show passphrase" });
  await expect(field(page)).toHaveAttribute("type", "password");
  await show.click();
  await expect(field(page)).toHaveAttribute("type", "text");
  await expect(show).toHaveAttribute("aria-pressed", "true");
  await show.click();
  await expect(field(page)).toHaveAttribute("type", "password");
});

// Connections behind the same address that guess as fast as they can.
const guessers = async (page, server, room, count) => {
  await page.evaluate(() => {
    for (let wrong = 1; wrong <= 5; wrong += 1) send("unlock", { passphrase: "wrong" });
  });
  await expect(page.locator("#gate-error")).toHaveText("Wrong passphrase.");
  const url = `${new URL("ws", server.url.replace("http", "ws"))}?${new URLSearchParams({ room })}`;
  const sockets = Array.from({ length: count }, () => new WebSocket(url));
  for (const socket of sockets) {
    const guess = () => socket.send(JSON.stringify(["unlock", { passphrase: "wrong" }]));
    socket.on("message", guess);
    socket.on("open", guess);
  }
  await Promise.all(sockets.map((socket) => once(socket, "open")));
  return () => sockets.forEach((socket) => socket.terminate());
};

test("while others guess, the page says that it checks, and then lets in", async ({ open, server, room }) => {
  const page = await open({ search: { name: "Ada" } });
  await expect(field(page)).toBeVisible();
  const stop = await guessers(page, server, room, 4);
  await give(page, PASSPHRASE);
  await expect(page.getByText("Checking. This may take a few seconds.")).toBeVisible();
  await expect(page.locator("#gate-error")).toBeEmpty();
  await expect(mine(page)).toBeFocused({ timeout: 20_000 });
  stop();
});

test("a page that was in before comes back with its token, and does not wait for those who guess", async ({ open, server, room }) => {
  const page = await open({ search: { name: "Ada" } });
  const stranger = await open();
  await give(page, PASSPHRASE);
  await expect(mine(page)).toBeFocused();
  const token = await page.evaluate(() => gate.token);
  expect(token).toMatch(/^[0-9a-f]{96}$/);
  const stop = await guessers(stranger, server, room, 15);
  await page.addInitScript(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (frame) {
      window.firstSent ??= frame;
      send.call(this, frame);
    };
  });
  await page.reload();
  await page.waitForFunction(() => room.you, undefined, { timeout: 10_000 });
  expect(JSON.parse(await page.evaluate(() => window.firstSent))).toEqual(["unlock", { passphrase: PASSPHRASE, token }]);
  expect(await page.evaluate(() => gate.token)).not.toBe(token);
  const asking = page.waitForRequest(/\/log\?/);
  await page.evaluate(() => void fetched("log", { room: asked.room, format: "txt" }));
  expect((await asking).headers()["typewall-token"]).toBe(await page.evaluate(() => gate.token));
  stop();
});

test("one that was not looked at is tried again by itself, and the seconds are counted", async ({ open }) => {
  const page = await open();
  await expect(field(page)).toBeVisible();
  await page.evaluate((passphrase) => {
    keepPassphrase(passphrase);
    receive("error", { code: "passphrase_wait", message: "", wait: 2 });
  }, PASSPHRASE);
  await expect(page.locator("#gate-error")).toHaveText("Too many wrong passphrases from your network.");
  await expect(page.locator("#gate-wait")).toHaveText(/^Retrying in \d s$/);
  await expect(page.getByLabel("Your name")).toBeFocused();
});

test("a token is kept with its passphrase only, and nothing is checked without a connection", async ({ open }) => {
  const page = await open();
  await give(page, PASSPHRASE);
  await expect(page.getByLabel("Your name")).toBeFocused();
  expect(await page.evaluate(() => keptInTab(TOKEN))).not.toBe("");
  await page.evaluate(() => keepPassphrase("another one"));
  expect(await page.evaluate(() => [gate.token, keptInTab(TOKEN)])).toEqual(["", ""]);
  await page.evaluate(() => {
    drawChecking();
    lose(link.socket, { code: 4003 });
  });
  await expect(page.locator("#gate-busy")).toBeEmpty();
});

test("who has waited for too long outside is let in all the same", async ({ open }) => {
  const page = await open();
  await expect(field(page)).toBeVisible();
  await page.evaluate(() => lose(link.socket, { code: 4003 }));
  await expect(page.locator("#door-link")).toHaveText("");
  expect(await page.evaluate(() => [link.socket, link.retryAt])).toEqual([null, 0]);
  await give(page, PASSPHRASE);
  await expect(page.getByLabel("Your name")).toBeFocused();
});

test("a name in the address waits for the passphrase, and a reload needs neither again", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  await give(page, PASSPHRASE);
  await expect(mine(page)).toBeFocused();
  await page.keyboard.type("in");
  await page.reload();
  await page.waitForFunction(() => room.you);
  await expect(mine(page)).toHaveValue("in");
  const other = await page.context().newPage();
  await other.goto(page.url());
  await expect(field(other), "another tab has to know it itself").toBeVisible();
});

test("a link may carry it in its fragment, which leaves the address bar and is in no request", async ({ open, server, room }) => {
  const page = await open();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  for (const key of [encodeURIComponent(PASSPHRASE), "wrong%", encodeURIComponent(PASSPHRASE)]) {
    await page.goto("about:blank");
    await page.goto(`${server.url}?${new URLSearchParams({ room, name: "Ada" })}#key=${key}`);
    if (key === "wrong%") await expect(page.locator("#gate-error")).toHaveText("Wrong passphrase.");
    else await page.waitForFunction(() => room.you);
    expect(page.url()).not.toContain("#");
  }
  expect(requests.length).toBeGreaterThan(4);
  expect(requests.filter((url) => /Wand|gr%C3|100/.test(url))).toEqual([]);
});

test("a link with it that is opened in a page that asks opens that", async ({ open }) => {
  const page = await open();
  await expect(field(page)).toBeVisible();
  await page.evaluate((key) => (location.hash = `key=${key}`), encodeURIComponent(PASSPHRASE));
  await expect(page.getByLabel("Your name")).toBeVisible();
  expect(page.url()).not.toContain("#");
});

mortal("a server that comes back is given it by itself, and one with another asks; the text stays", async ({ open, server, options }) => {
  const page = await open({ search: { name: "Ada" } });
  await give(page, PASSPHRASE);
  await expect(mine(page)).toBeFocused();
  await mine(page).fill("kept");
  await server.stop();
  await server.restart();
  await expect(page.locator("#link-state")).toHaveText("Connected", { timeout: 20_000 });
  await expect(page.locator("#gate")).toBeHidden();
  await server.stop();
  writeFileSync(options[1], "another one");
  await server.restart();
  await expect(page.locator("#gate-error")).toHaveText("Wrong passphrase.", { timeout: 20_000 });
  await expect(mine(page)).toBeHidden();
  await give(page, "another one");
  await expect(mine(page)).toBeFocused();
  await expect(mine(page)).toHaveValue("kept");
});

mortal("a page that asks says when the connection is lost, and asks on when it is back", async ({ open, server }) => {
  const page = await open();
  await field(page).fill("half of i");
  await server.stop();
  await expect(page.locator("#door-link")).not.toBeEmpty();
  await server.restart();
  await expect(page.locator("#door-link")).toBeEmpty({ timeout: 30_000 });
  await expect(field(page)).toHaveValue("half of i");
});

test("the log is saved and the invitation given to who is in", async ({ browserName, open, insider }) => {
  const ada = await insider("Ada");
  ada.post("only for us");
  const page = await open();
  await give(page, PASSPHRASE);
  await page.getByRole("button", { name: "Just watch" }).click();
  await expect(posts(page)).toHaveText(["only for us"]);
  const answers = [];
  page.on("response", (response) => answers.push([new URL(response.url()).pathname, response.status()]));
  const download = browserName === "firefox" || page.waitForEvent("download"); // of which BiDi does not tell
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await download;
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  await expect.poll(() => answers).toEqual(expect.arrayContaining([["/log", 200], ["/invite", 200]]));
});

test("an invitation carries it only where that is asked for, and its code is asked for without it in an address", async ({ open }) => {
  const page = await open({ search: { name: "Ada" } });
  await give(page, PASSPHRASE);
  await expect(mine(page)).toBeFocused();
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r"] } }));
  const urls = [];
  page.on("request", (request) => urls.push(request.url()));
  const link = page.getByRole("textbox", { name: "Link" });
  const invite = () => page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  await invite();
  await expect(link).toHaveValue("http://192.168.1.20:8080/?room=r");
  await page.getByRole("checkbox", { name: /Include the passphrase/ }).check();
  const whole = `http://192.168.1.20:8080/?room=r#key=${encodeURIComponent(PASSPHRASE)}`;
  await expect(link).toHaveValue(whole);
  await expect(page.getByRole("img", { name: `QR code for ${whole}` })).toBeVisible();
  await page.getByRole("button", { name: "Close" }).click();
  await invite();
  await expect(link).toHaveValue("http://192.168.1.20:8080/?room=r");
  expect(urls.filter((url) => /qr\.svg/.test(url)).length).toBeGreaterThan(1);
  expect(urls.filter((url) => /Wand|key=/.test(url))).toEqual([]);
});

const STATES = {
  asked: async () => {},
  wrong: async (page) => {
    await page.locator("#passphrase").fill("wrong");
    await page.keyboard.press("Enter");
    await expect(page.locator("#gate-error")).not.toBeEmpty();
  },
  "shown, and waiting": async (page) => {
    await page.locator("#show-passphrase").click();
    await page.evaluate(() => receive("error", { code: "passphrase_wait", message: "", wait: 60 }));
  },
  invitation: async (page) => {
    await page.locator("#passphrase").fill(PASSPHRASE);
    await page.keyboard.press("Enter");
    await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r"] } }));
    await page.locator("#just-watch").click();
    await page.locator("#head .invites").click();
    await page.locator("#with-key").check();
    await expect(page.locator("#qr")).toBeVisible();
  },
};
const THEMES = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "forced colours": { forcedColors: "active" },
  German: { locale: "de" },
  "right to left": { locale: "ar" },
  phone: { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true },
  "enlarged to 400 %": { viewport: { width: 320, height: 256 } },
};

for (const [theme, options] of Object.entries(THEMES)) {
  test(`axe finds nothing where a passphrase is asked for: ${theme}`, async ({ open }) => {
    for (const [state, go] of Object.entries(STATES)) {
      const page = await open({ reducedMotion: "reduce", ...options });
      await expect(page.locator("#passphrase")).toBeFocused();
      await go(page);
      if (process.env.LOOK) await page.screenshot({ path: path(process.env.LOOK, `${theme} ${state}.png`.replaceAll(" ", "-")) });
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${state}: ${id} ${nodes.map(({ html }) => html)}`)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    }
  });
}

test("a link with the passphrase and the host key lets in a host, and both leave the address", async ({ open, server }) => {
  const hash = `#key=${encodeURIComponent(PASSPHRASE)}&host=${server.hostKey()}`;
  const page = await open({ search: { name: "Ada" }, hash });
  await expect(mine(page)).toBeFocused();
  await expect(page.locator("#host-bar")).toBeVisible();
  expect(page.url()).not.toContain("#");
  await page.reload();
  await expect(page.locator("#host-bar")).toBeVisible();
});

test("a host who gives the passphrase by hand is a host from then on, also where it waits", async ({ open, server, room }) => {
  const page = await open({ search: { name: "Ada" }, hash: `#host=${server.hostKey()}` });
  await expect(field(page)).toBeVisible();
  const stop = await guessers(page, server, room, 4);
  await give(page, PASSPHRASE);
  await expect(page.locator("#host-bar")).toBeVisible({ timeout: 30_000 });
  await expect(page.locator("#my-host")).toBeVisible();
  stop();
});
