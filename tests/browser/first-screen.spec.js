// The first screen stands in the document, in the visitor's language, before any module runs.

import { expect, test } from "./wall.js";

// Without its modules, the page is what the document and its small scripts make of it.
async function withoutModules(page) {
  await page.route((url) => url.pathname === "/", async (route) => {
    const response = await route.fetch();
    const html = (await response.text()).replace(/<script>\n"use strict".*?<\/script>/s, "");
    await route.fulfill({ response, body: html });
  });
}

const unscripted = test.extend({
  bare: async ({ browser, server }, use) => {
    const contexts = [];
    await use(async (search, options = {}) => {
      const context = await browser.newContext({ permissions: ["local-network-access"], ...options });
      contexts.push(context);
      const page = await context.newPage();
      await withoutModules(page);
      await page.goto(`${server.url}?${new URLSearchParams(search)}`);
      return page;
    });
    for (const context of contexts) await context.close();
  },
});

for (const [locale, lang, dir, join] of [["en-GB", "en", "ltr", "Join"], ["de-AT", "de", "ltr", "Mitmachen"], ["ar", "ar", "rtl", "انضمام"]]) {
  unscripted(`the first screen is drawn without the modules: ${locale}`, async ({ bare }) => {
    const page = await bare({ room: "physics" }, { locale });
    await expect(page.getByRole("button", { name: join, exact: true })).toBeVisible();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("physics");
    await expect(page.locator("html")).toHaveAttribute("lang", lang);
    await expect(page.locator("html")).toHaveAttribute("dir", dir);
    await expect(page.locator("#gate")).toBeHidden();
  });
}

unscripted("the language of the address comes first", async ({ bare }) => {
  const page = await bare({ lang: "ar" }, { locale: "de" });
  await expect(page.getByRole("button", { name: "انضمام", exact: true })).toBeVisible();
});

unscripted("where the first screen may not come next, it waits for the modules", async ({ bare }) => {
  for (const search of [{ room: "r", name: "Ada" }, { view: "captions" }, { view: "log" }, { hide: "header,me" }]) {
    const page = await bare(search);
    await expect(page.locator("#door-room")).toHaveText(search.room ?? "lobby");
    await expect(page.locator("#door")).toBeHidden();
  }
});

// Notes each time that the first screen comes or goes.
function watchDoor() {
  window.changes = [];
  new MutationObserver((records) => {
    for (const { target } of records) if (target.id === "door") window.changes.push(target.hidden);
  }).observe(document, { attributes: true, attributeFilter: ["hidden"], subtree: true });
}

for (const [search, shown] of [[{}, true], [{ name: "Ada" }, false], [{ view: "captions" }, false], [{ hide: "me" }, false], [{ hide: "log" }, true]]) {
  test(`the first screen does not come and go: ${JSON.stringify(search)}`, async ({ open }) => {
    const page = await open({ search: { room: "" } });
    await page.addInitScript(watchDoor);
    await page.goto(`${page.url().split("?")[0]}?${new URLSearchParams({ room: "r", ...search })}`);
    await page.waitForFunction(() => link.status === "connected");
    await expect(page.locator("#door")).toBeVisible({ visible: shown });
    const states = await page.evaluate(() => window.changes);
    expect(states.slice(1)).toEqual(states.slice(0, -1)); // it has had one state
  });
}

test("a remembered language is fetched, and the first screen waits for it", async ({ open }) => {
  const page = await open();
  await page.evaluate(() => localStorage.setItem("typewall", JSON.stringify({ language: "de" })));
  await page.addInitScript(watchDoor);
  await page.reload();
  await expect(page.getByRole("button", { name: "Mitmachen", exact: true })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
});

test("what is typed and clicked before the modules run is not lost", async ({ open }) => {
  const page = await open();
  // The modules are the last script; here the document stops before it, as on a slow network.
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      const name = document.getElementById("name");
      if (!document.getElementById("new-box") || !name) return;
      observer.disconnect();
      name.value = "Ada";
      document.querySelector("#join button.main").click();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.reload();
  await page.waitForFunction(() => room.you);
  await expect(page.locator("#my-name")).toHaveText("Ada");
});
