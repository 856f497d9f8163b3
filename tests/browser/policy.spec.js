import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

// What stands between the tags of each script, or of the one style.
function contents(html, tag) {
  const found = [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))];
  expect(found, tag).toHaveLength(tag === "script" ? 3 : 1);
  return found.map(([, content]) => content);
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const hashes = (html, tag) => contents(html, tag).map(hash).join(" ");

test("the page works under a policy that allows its scripts and its style, by their hashes", async ({ browserName, open, bot, room, server }) => {
  const html = await (await fetch(server.url)).text();
  const policy = `default-src 'none'; script-src 'self' ${hashes(html, "script")}; style-src ${hashes(html, "style")}; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'`;
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
  if (browserName === "firefox") return; // BiDi does not tell of downloads
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save", exact: true }).click()]);
  expect(await download.failure()).toBe(null);
});

test("nothing in the page's document needs more than that", async ({ server }) => {
  const html = await (await fetch(server.url)).text();
  const inside = [...contents(html, "script"), ...contents(html, "style")];
  const markup = inside.reduce((rest, content) => rest.replace(content, ""), html);
  expect(markup.match(/\s(style|on\w+)=/g), "attributes with style or script in them").toBe(null);
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|setAttribute\("style|\beval\b|new Function|javascript:/g;
  expect(html.match(forbidden)).toBe(null);
  expect(markup.match(/<link(?![^>]*href="data:)|<script\s|<iframe|<object/g)).toBe(null);
});

// The modules share the scope of one script. A module that means something of the browser's would get what another
// module has under that name.
test("no module has a top-level name that a browser has", async ({ browser }) => {
  const folder = new URL("../../page/", import.meta.url);
  const modules = readdirSync(folder).filter((file) => file.endsWith(".js"));
  const source = modules.map((file) => readFileSync(new URL(file, folder), "utf8")).join("\n");
  const declared = source.matchAll(/^(?:export )?(?:const|let|class|function|async function) (\w+)/gm);
  const names = [...declared].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(200);
  const page = await browser.newPage();
  expect(await page.evaluate((names) => names.filter((name) => name in window), names)).toEqual([]);
  await page.close();
});
