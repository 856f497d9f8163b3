// The page over https, with a certificate of the server's own, and what only a secure page may do. Its address has a
// name, because pages of 127.0.0.1 are secure over http as well.

import { launchOptions } from "./chromium.js";
import { makeCertificate, NETWORK_NAME } from "./server.js";
import { test as base, expect, mine, textOf } from "./wall.js";

const TRUSTING = { ignoreHTTPSErrors: true };

const test = base.extend({
  isSecure: [true, { option: true }],

  options: async ({ isSecure }, use) => {
    if (!isSecure) return use(["--allow-host", NETWORK_NAME]);
    const { options, remove } = makeCertificate();
    await use(options);
    remove();
  },

  // The server under its name.
  named: async ({ server }, use) => use({ url: server.url.replace("127.0.0.1", NETWORK_NAME) }),
});

test.use({ launchOptions: { ...launchOptions, args: [...launchOptions.args, `--host-resolver-rules=MAP ${NETWORK_NAME} 127.0.0.1`] } });

// Counts how often the page keeps the screen awake.
function countLocks() {
  window.locks = 0;
  const { request } = navigator.wakeLock;
  navigator.wakeLock.request = async (type) => {
    const lock = await request.call(navigator.wakeLock, type);
    window.locks += 1;
    return lock;
  };
}

test("two people type over https", async ({ named, join }) => {
  const ada = await join("Ada", { ...TRUSTING, at: named });
  const ben = await join("Ben", { ...TRUSTING, at: named });
  expect(new URL(ada.url()).origin).toBe(new URL(named.url).origin);
  await mine(ada).fill("typed by Ada");
  await expect(textOf(ben, "Ada")).toHaveText("typed by Ada");
  await mine(ben).fill("typed by Ben");
  await expect(textOf(ada, "Ben")).toHaveText("typed by Ben");
});

test("over https, a page with captions keeps the screen awake", async ({ named, open }) => {
  const page = await open({ ...TRUSTING, at: named });
  expect(await page.evaluate(() => isSecureContext)).toBe(true);
  await page.addInitScript(countLocks);
  await page.goto(`${page.url()}&view=captions`);
  await page.waitForFunction(() => window.locks > 0);
});

test("over https, a link is copied to the clipboard by its button", async ({ named, join }) => {
  const permissions = ["clipboard-read", "clipboard-write"];
  const page = await join("Ada", { ...TRUSTING, at: named, permissions });
  // Without the clipboard of secure pages, the page would use this.
  await page.evaluate(() => (document.execCommand = () => false));
  await page.locator("#head").getByRole("button", { name: "Invite" }).click();
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.locator("#copied")).toHaveText("Copied.");
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.startsWith(named.url)).toBe(true);
});

test.describe("over http", () => {
  test.use({ isSecure: false });
  test("a page under a name has neither", async ({ named, join }) => {
    const page = await join("Ada", { at: named });
    expect(await page.evaluate(() => [isSecureContext, "wakeLock" in navigator, "clipboard" in navigator])).toEqual([false, false, false]);
  });
});
