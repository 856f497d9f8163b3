// Who is a host: the key, the first user, and rooms without one.

import { bar, chooseAndConfirm, test } from "./hosting.js";
import { boxOf, expect } from "./wall.js";

test("the key leaves the address, lasts through a reload of the tab, and is in no link", async ({ open, server, host }) => {
  const page = await host();
  expect(page.url()).not.toContain("#");
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r"] } }));
  await page.locator("#head .invites").click();
  await expect(page.locator("#address")).toHaveValue(/192/);
  expect(await page.content()).not.toContain(server.hostKey());
  await page.reload();
  await page.waitForFunction(() => room.hosting);
  await page.evaluate(() => lose(link.socket, { code: 1006 }));
  await page.waitForFunction(() => link.status === "connected");
  await page.waitForFunction(() => room.hosting);
  const another = await open();
  await another.waitForFunction(() => room.title);
  await expect(bar(another)).toBeHidden();
});

test("a wrong key is said once and forgotten", async ({ open }) => {
  const page = await open({ hash: "#host=0123" });
  await expect(page.locator("#door .notice")).toHaveText("This host link isn't valid.");
  await page.reload();
  await page.waitForFunction(() => room.title);
  await expect(page.locator("#door .notice")).toBeEmpty();
  expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain("0123");
});

test("a key that waits behind wrong ones is sent again", async ({ open, server }) => {
  const page = await open({ hash: `#host=${server.hostKey()}` });
  await page.waitForFunction(() => room.hosting);
  const sent = await page.evaluate(() => {
    const keys = [];
    const original = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
      keys.push(JSON.parse(data)[0]);
      return original.call(this, data);
    };
    receive("error", { code: "host_key_wait", message: "", wait: 0 });
    return new Promise((done) => setTimeout(done, 300, keys));
  });
  expect(sent).toEqual(["host"]);
});

test.describe("without hosts", () => {
  test.use({ options: ["--hosts", "none"] });

  test("the page says that there are none", async ({ open }) => {
    const page = await open({ hash: "#host=0123" });
    await expect(page.locator("#door .notice")).toHaveText("Hosts are turned off on this server.");
  });
});

test.describe("the first is the host", () => {
  test.use({ options: ["--hosts", "first"] });

  test("and can make another one", async ({ join }) => {
    const ada = await join("Ada");
    await expect(bar(ada)).toBeVisible();
    await expect(ada.locator("#my-host")).toBeVisible();
    const ben = await join("Ben");
    await expect(boxOf(ben, "Ada").getByRole("img", { name: "Host" })).toBeVisible();
    await expect(bar(ben)).toBeHidden();
    await chooseAndConfirm(ada, "Ben", "Make host");
    await expect(bar(ben)).toBeVisible();
    await expect(boxOf(ada, "Ben").getByRole("img", { name: "Host" })).toBeVisible();
  });
});

test("a room that no host is in has no bar, no line and no menus", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Ben");
  await expect(boxOf(page, "Ada")).toBeVisible();
  for (const part of ["#host-bar", "#board", ".box .more", ".box .host"]) await expect(page.locator(part)).toBeHidden();
});
