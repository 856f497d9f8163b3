// Who somebody is: another name without leaving, and the seat from before on the same device.

import { boxOf, expect, mine, posts, test, textOf } from "./wall.js";

async function rename(page, name) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator("#new-name").fill(name);
  await page.keyboard.press("Enter");
}

test("a name is changed without leaving: box, posts and seat stay, and the new name is remembered", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await mine(ada).fill("a post");
  await ada.getByRole("button", { name: "Post", exact: true }).click();
  await mine(ada).fill("still mine");
  await expect(textOf(ben, "Ada")).toHaveText("still mine");
  await rename(ada, " Eve ");
  await expect(textOf(ben, "Eve")).toHaveText("still mine");
  await expect(boxOf(ben, "Ada")).toHaveCount(0);
  await expect(ada.locator("#my-name")).toHaveText("Eve");
  await expect(ada.locator("#my-note")).toContainText("Eve");
  await expect(posts(ben).first()).toHaveText("a post");
  await expect(ben.locator("#posts .name bdi")).toHaveText(["Ada"]);
  await ada.reload();
  await expect(ada.locator("#my-name")).toHaveText("Eve");
  await expect(mine(ada)).toHaveValue("still mine");
  const door = await ada.context().newPage();
  await door.goto(`${new URL(ada.url()).origin}/?room=elsewhere`);
  await expect(door.getByLabel("Your name")).toHaveValue("Eve");
});

test("a name that is taken or none at all says so, and whoever is hidden stays hidden under another name", async ({ join }) => {
  const ada = await join("Ada");
  const ben = await join("Ben");
  await rename(ben, "Ada");
  await expect(ben.locator("#my-note")).toContainText("That name was taken");
  await expect(ben.locator("#my-name")).toHaveText("Ada 2");
  await textOf(ada, "Ada 2").click();
  await ada.getByRole("button", { name: "Hide" }).click();
  await expect(boxOf(ada, "Ada 2")).toBeHidden();
  await rename(ben, "Cem");
  await expect(ben.locator("#my-name")).toHaveText("Cem");
  await expect(boxOf(ada, "Cem")).toHaveCount(1);
  await expect(boxOf(ada, "Cem")).toBeHidden();
  for (const [name, error] of [[" ", "Please enter a name."], ["x".repeat(41), "A name can have at most 40 characters."]]) {
    await rename(ben, name);
    await expect(ben.locator("#rename-error")).toHaveText(error);
    await ben.keyboard.press("Escape");
  }
  await expect(ben.locator("#my-name")).toHaveText("Cem");
});

test("whoever comes back on the same device is offered the seat that is away, with its text", async ({ open, join }) => {
  const ben = await join("Ben");
  const first = await open();
  await first.getByLabel("Your name").fill("Ada");
  await first.keyboard.press("Enter");
  await mine(first).fill("written before");
  await expect(textOf(ben, "Ada")).toHaveText("written before");
  const again = await first.context().newPage();
  await again.goto(first.url());
  await expect(again.locator("#door-names li")).toHaveCount(2);
  await expect(again.getByRole("button", { name: "Come back as" })).toBeHidden();
  await again.close();
  await first.evaluate(() => (retryLater = () => {}, lose(link.socket)));
  await expect(boxOf(ben, "Ada")).toHaveAttribute("data-state", "away");
  const context = first.context();
  await first.close();
  const idle = await context.newPage();
  const later = await context.newPage();
  const address = new URL(ben.url());
  const spelling = String(address.searchParams.get("room")).toUpperCase();
  for (const page of [idle, later]) await page.goto(`${address.origin}/?${new URLSearchParams({ room: spelling })}`);
  await idle.getByRole("button", { name: "Come back as" }).focus();
  await later.getByRole("button", { name: "Come back as" }).click();
  await expect(idle.getByLabel("Your name")).toBeFocused(); // the offer is gone there
  await expect(later.locator("#my-name")).toHaveText("Ada");
  await expect(mine(later)).toHaveValue("written before");
  await expect(boxOf(ben, "Ada")).toHaveAttribute("data-state", "idle");
  await expect(textOf(ben, "Ada")).toHaveText("written before");
  await expect(ben.locator(".box")).toHaveCount(1);
});
