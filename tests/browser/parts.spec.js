// Parts of the page that are fetched when they are first used.

import { expect, test } from "./wall.js";

const ofParts = (requests) => requests.filter((url) => url.includes("/parts/"));
const inviting = (page) => page.getByRole("banner").getByRole("button", { name: "Invite" });

test("a part is fetched when it is first used, and only once", async ({ join }) => {
  const page = await join("Ada");
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  for (let i = 0; i < 2; i += 1) {
    await inviting(page).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
  }
  expect(ofParts(requests)).toHaveLength(1);
  expect(ofParts(requests)[0]).toMatch(/\/parts\/invite-[0-9a-f]{16}\.js$/);
});

const broken = test.extend({ excused: /Failed to load resource|Loading module from .* was blocked/ });

// Each on a page of its own, where what is said cannot be of another try.
for (const [what, failing] of Object.entries({
  "cannot be fetched": (route) => route.abort(),
  "is not there": (route) => route.fulfill({ status: 404 }),
})) {
  broken(`a part that ${what} is told, and the next use tries again`, async ({ join }) => {
    const page = await join("Ada");
    await page.route(/\/parts\//, failing);
    await inviting(page).click();
    await expect(page.locator("#board .notice")).toContainText("could not be loaded");
    await expect(page.locator("#announcement")).toContainText("could not be loaded");
    await expect(page.getByRole("dialog")).toBeHidden();
    await page.unroute(/\/parts\//, failing);
    await inviting(page).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await expect(page.locator("#board .notice")).toBeEmpty();
  });
}

broken("without its part, reading aloud is off again, and a sound is not chosen", async ({ join }) => {
  const page = await join("Ada");
  await page.route(/\/parts\//, (route) => route.abort());
  await page.locator("#to-settings").click();
  await page.locator("#read-aloud").click();
  await expect(page.locator("#announcement")).toContainText("could not be loaded");
  await expect(page.locator("#read-aloud")).not.toBeChecked();
  await page.locator("#alert").selectOption("sound");
  await expect(page.locator("#alert")).toHaveValue("nothing");
  await page.unroute(/\/parts\//);
  await page.locator("#read-aloud").check();
  await page.locator("#alert").selectOption("sound");
  await page.waitForFunction(() => choices.alert === "sound");
  await expect(page.locator("#read-aloud")).toBeChecked();
});
