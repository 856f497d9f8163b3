import { expect, mine, test } from "./wall.js";

const LINKS = ["http://192.168.1.20:8080/?room=physics", "http://10.0.0.7:8080/?room=physics"];

// An address whose requests this test answers itself.
const proxied = test.extend({ excused: /wall\.example/ });

async function invited(page, links) {
  const codes = [];
  // The tests' server is on loopback and has no such links; the codes are its own.
  await page.route(/\/invite\?/, (route) => route.fulfill({ json: { links } }));
  page.on("response", (response) => {
    if (response.url().endsWith("/qr.svg?") && response.ok()) codes.push(response.request().headers()["typewall-link"]);
  });
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  return codes;
}

test("an invitation shows an address that a phone can reach, with its code", async ({ join }) => {
  const page = await join("Ada");
  const codes = await invited(page, LINKS);
  await expect(page.getByRole("dialog")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Link" })).toHaveValue(LINKS[0]);
  const code = page.getByRole("img", { name: `QR code for ${LINKS[0]}` });
  await expect(code).toBeVisible();
  await expect.poll(() => code.evaluate((image) => image.naturalWidth)).toBeGreaterThan(0);
  await page.getByRole("combobox", { name: "Link" }).selectOption(LINKS[1]);
  await expect(page.getByRole("textbox", { name: "Link" })).toHaveValue(LINKS[1]);
  await expect(page.getByRole("img", { name: `QR code for ${LINKS[1]}` })).toBeVisible();
  expect(codes).toEqual(LINKS);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByRole("banner").getByRole("button", { name: "Invite" })).toBeFocused();
});

test("a server that only its own machine reaches says so, and what changes it", async ({ join }) => {
  const page = await join("Ada");
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  await expect(page.getByText(`--listen 0.0.0.0:${new URL(page.url()).port}.`)).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Link" })).toBeHidden();
});

proxied("an address that is none of this machine's is an invitation itself, whatever the server knows", async ({ join, server }) => {
  const page = await join("Ada");
  const own = "http://wall.example/below/?room=physics";
  await page.route("http://wall.example/**", async (route) => {
    const { pathname, search } = new URL(route.request().url());
    if (pathname === "/below/invite") return route.fulfill({ json: { links: LINKS } });
    const headers = { ...route.request().headers(), origin: server.url }; // a proxy of this address would be allowed
    return route.fulfill({ response: await route.fetch({ url: server.url + pathname.slice("/below/".length) + search, headers }) });
  });
  await page.routeWebSocket(/wall\.example/, () => {});
  await page.goto(`${own}&view=log`);
  await page.getByRole("banner").getByRole("button", { name: "Invite" }).click();
  await expect(page.getByRole("textbox", { name: "Link" })).toHaveValue(own);
  await expect(page.locator("#addresses option")).toHaveText([own, ...LINKS].map((link) => new URL(link).host));
  await expect(page.getByRole("img", { name: `QR code for ${own}` })).toBeVisible(); // no request is left open
});

test("the link is copied, with the clipboard or without it", async ({ join }) => {
  for (const permissions of [["clipboard-read", "clipboard-write"], []]) {
    const page = await join("Ada", { permissions });
    if (!permissions.length) await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await invited(page, LINKS.slice(0, 1));
    await page.getByRole("button", { name: "Copy" }).click();
    await expect(page.locator("#copied")).toHaveText("Copied.");
    await page.keyboard.press("Escape");
    await mine(page).focus();
    await page.keyboard.press("Control+v");
    await expect(mine(page)).toHaveValue(LINKS[0]);
  }
});

test("where nothing may copy, the link is selected and the keys are named", async ({ join }) => {
  const page = await join("Ada");
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.execCommand = () => false;
  });
  await invited(page, LINKS.slice(0, 1));
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.locator("#copied")).toContainText("+ C to copy");
  expect(await page.evaluate(() => String(getSelection()))).toBe(LINKS[0]);
});

test("storage that is forbidden is no reason to fail", async ({ open }) => {
  const page = await open();
  await page.addInitScript(() => Object.defineProperty(window, "localStorage", { get: () => { throw new Error("forbidden"); } }));
  await page.reload();
  await page.getByLabel("Your name").fill("Ada");
  await page.keyboard.press("Enter");
  await expect(mine(page)).toBeFocused();
});

test("the code fills the screen, and Escape leads back to the invitation", async ({ join }) => {
  const page = await join("Ada", { viewport: { width: 1920, height: 1080 } });
  await invited(page, LINKS);
  await expect(page.locator("#qr")).toBeVisible();
  for (const larger of [page.locator("#qr"), page.getByRole("button", { name: "Full screen" })]) {
    await larger.click();
    const large = page.locator("#poster img");
    const { width, height } = await large.boundingBox();
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(1_000);
    await expect(page.locator("#poster-link")).toHaveText(LINKS[0].replace("http://", ""));
    await page.keyboard.press("Escape");
    await expect(large).toBeHidden();
    await expect(page.getByRole("dialog", { name: /Invite/ })).toBeVisible();
    await page.waitForFunction(() => history.state.depth === 1);
  }
  await page.locator("#qr").click();
  await page.goBack();
  await expect(page.locator("#poster")).toBeHidden();
  await expect(page.locator("#invite")).toBeVisible();
});
