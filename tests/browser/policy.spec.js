import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

const PAGE = new URL("../../index.html", import.meta.url);

// What stands between the tags of the one script, or the one style.
function only(html, tag) {
  const found = [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))];
  expect(found, tag).toHaveLength(1);
  return found[0][1];
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

test("the page works under a policy that allows its one script and its one style, by their hashes", async ({ open, bot, room, server }) => {
  const html = await (await fetch(server.url)).text();
  const policy = `default-src 'none'; script-src ${hash(only(html, "script"))}; style-src ${hash(only(html, "style"))}; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'`;
  const ada = await bot("Ada");
  ada.write("under a policy");
  ada.post("https://example.org");
  const page = await open({ permissions: ["local-network-access"] }); // a page that a test answers is of no known network
  await page.route((url) => url.pathname === "/", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
  });
  // Anything that the policy forbids is an error in the console, and each of those is a fault.
  await page.goto(`${server.url}?${new URLSearchParams({ room, name: "Ben" })}`);
  await mine(page).fill("mine");
  await expect.poll(() => ada.texts().Ben).toBe("mine");
  await page.keyboard.press("Control+Enter");
  await expect(posts(page)).toHaveCount(2);
  await expect(boxOf(page, "Ada").locator(".mark")).not.toHaveCSS("background-color", "rgba(0, 0, 0, 0)");
  await textOf(page, "Ada").click();
  await page.keyboard.press("Escape");
  for (const button of ["Captions", "Wall"]) await page.getByRole("button", { name: button, exact: true }).click();
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links: ["http://192.168.1.20:8080/?room=r"] } }));
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
  await page.getByRole("button", { name: "Close" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save" }).click()]);
  expect(await download.failure()).toBe(null);
});

test("nothing in the page's own file needs more than that", async () => {
  const html = await readFile(PAGE, "utf8");
  const markup = html.replace(only(html, "script"), "").replace(only(html, "style"), "");
  expect(markup.match(/\s(style|on\w+)=/g), "attributes with style or script in them").toBe(null);
  expect(html.match(/innerHTML|outerHTML|insertAdjacentHTML|setAttribute\("style|\beval\b|new Function|javascript:/g)).toBe(null);
  expect(markup.match(/<link(?![^>]*href="data:)|<script\s|<iframe|<object/g)).toBe(null);
});
