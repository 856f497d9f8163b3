// The page for everyone: what screen readers, the keyboard and a high zoom have of it.

import AxeBuilder from "@axe-core/playwright";
import { ask, chooseAndConfirm, press, test } from "./hosting.js";
import { boxOf, expect, mine, posts, textOf } from "./wall.js";

const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
const ENLARGED = { viewport: { width: 320, height: 256 } }; // 1280 × 1024 at 400 %

// The parts that are in sight, in the order of the document, and from top to bottom.
const orders = (page) =>
  page.evaluate(() => {
    const parts = [...document.querySelectorAll("#head, #host-bar, #board, #me, #wall-area, #log")].filter((part) => part.offsetParent);
    const ids = parts.map(({ id }) => id);
    const top = (part) => part.getBoundingClientRect().top;
    const seen = [...parts].sort((one, other) => top(one) - top(other) || one.getBoundingClientRect().left - other.getBoundingClientRect().left);
    return { ids, seen: seen.map(({ id }) => id) };
  });

for (const [layout, options] of Object.entries({ desktop: {}, phone: PHONE, "400 %": ENLARGED, "right to left": { locale: "ar" } })) {
  test(`the order of the document is the one in which the page is seen: ${layout}`, async ({ open, bot }) => {
    await bot("Ada");
    const page = await open({ ...options, search: { name: "Me" } });
    await expect(page.locator(".box")).toHaveCount(1);
    for (const view of ["wall", "captions", "log", "wall"]) {
      await page.locator(`[data-view-to=${view}]`).click();
      await expect.poll(async () => {
        const { ids, seen } = await orders(page);
        // On a desktop the log is beside the own box and the wall, and comes after both.
        const last = view === "wall" && ids.includes("log") ? ["log"] : [];
        const wanted = [...seen.filter((id) => !last.includes(id)), ...last];
        return ids.join() === wanted.join() ? "" : `${ids} is seen as ${seen}`;
      }).toBe("");
    }
  });
}

test("when the layout turns, the own box keeps focus and caret, and the parts change places around it", async ({ join, bot }) => {
  await bot("Ada");
  const page = await join("Me");
  await mine(page).pressSequentially("words");
  await mine(page).press("ArrowLeft");
  for (const [width, order] of [[390, "wall-area,log,me"], [1280, "me,wall-area,log"]]) {
    await page.setViewportSize({ width, height: 800 });
    await expect.poll(() => page.evaluate(() => [...document.querySelectorAll("#main > section")].map(({ id }) => id).join())).toBe(order);
    expect(await mine(page).evaluate((box) => [document.activeElement === box, box.selectionStart])).toEqual([true, 4]);
  }
});

test("links at the top skip to the boxes, the own box and the log, from every view", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("a post");
  const page = await join("Me");
  await expect(posts(page)).toHaveCount(1);
  const skip = async (name) => {
    await page.locator("#title").focus();
    for (let presses = 0; presses < 4; presses += 1) {
      await page.keyboard.press("Shift+Tab");
      if (await page.evaluate(() => document.activeElement.textContent) !== name) continue;
      await expect(page.locator(":focus")).toBeInViewport({ ratio: 1 });
      return page.keyboard.press("Enter");
    }
    throw new Error(`no link "${name}"`);
  };
  await skip("Skip to the boxes");
  await expect(textOf(page, "Ada")).toBeFocused();
  await page.keyboard.press("Enter");
  await skip("Skip to the boxes");
  await expect(page.locator("#stage-text")).toBeFocused();
  await page.keyboard.press("Escape");
  await skip("Skip to your box");
  await expect(mine(page)).toBeFocused();
  await skip("Skip to the log");
  await expect(page.locator("#posts-area")).toBeFocused();
  await page.locator("[data-view-to=log]").click();
  await skip("Skip to the boxes");
  await expect(textOf(page, "Ada")).toBeFocused();
});

test("what is written on a button is in its name", async ({ open, bot }) => {
  await bot("Ada");
  for (const locale of ["en", "de", "ar"]) {
    const page = await open({ locale, search: { name: "Me" } });
    await expect(boxOf(page, "Ada").or(page.locator(".box")).first()).toBeVisible();
    await page.locator("[data-view-to=captions]").click();
    await page.locator("#to-settings").click();
    const { violations } = await new AxeBuilder({ page }).withRules(["label-content-name-mismatch", "heading-order", "target-size"]).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`)).toEqual([]);
  }
  const page = await open({ search: { view: "captions" } });
  await expect(page.getByRole("button", { name: "A− Smaller text" })).toBeVisible();
  await expect(page.getByRole("button", { name: "A+ Larger text" })).toBeVisible();
});

test("without its header, the page has its heading for screen readers", async ({ join }) => {
  const page = await join("Me", { search: { hide: "header" } });
  const heading = page.getByRole("heading", { level: 1 });
  await expect(heading).toHaveCount(1);
  expect((await heading.boundingBox()).height).toBeLessThanOrEqual(1);
});

test("in forced colours, a plain button has a border only below the pointer", async ({ join }) => {
  const page = await join("Me", { forcedColors: "active" });
  const leave = page.locator("#leave");
  await expect(leave).toHaveCSS("border-block-start-color", "rgba(0, 0, 0, 0)");
  await leave.hover();
  await expect(leave).not.toHaveCSS("border-block-start-color", "rgba(0, 0, 0, 0)");
});

// Each state that the tests of the wall alone do not come to, and how a person gets there.
const STATES = {
  "enlarged, with links and code, read aloud": async ({ page }) => {
    await page.locator(".box h3 button").first().click();
    await page.locator("#stage .reads-aloud").click();
    await expect(page.locator("#stage code")).toBeVisible();
  },
  "captions, read aloud": async ({ page }) => {
    await page.locator("[data-view-to=captions]").click();
    await page.locator("#to-settings").click();
    await page.locator("#read-aloud").check();
    await page.keyboard.press("Escape");
  },
  log: async ({ page }) => page.locator("[data-view-to=log]").click(),
  settings: async ({ page }) => page.locator("#to-settings").click(),
  "question before leaving": async ({ page }) => {
    await mine(page).fill("not posted");
    await page.locator("#leave").click();
    await expect(page.locator("#confirm")).toBeVisible();
  },
  "host bar": async ({ host }) => expect(host.locator("#host-bar")).toBeVisible(),
  "hidden, locked, frozen, with a question": async ({ host, page }) => {
    await ask(host, "What is a wall?");
    for (const name of ["Hide answers", "Lock", "Freeze"]) await press(host, name);
    await expect(page.locator("#state span")).toHaveCount(4);
  },
  "menu of a box": async ({ host }) => {
    await boxOf(host, "Ada").locator(".more").click();
    await expect(host.getByRole("menu")).toBeVisible();
  },
  spotlight: async ({ host, page }) => {
    await boxOf(host, "Ada").locator(".more").click();
    await host.getByRole("menuitem", { name: "Spotlight" }).click();
    await expect(page.locator("#stage")).toBeVisible();
  },
  "saving the wall": async ({ host }) => {
    await host.evaluate(() => document.querySelector("#host-bar .saves-wall").click());
    await expect(host.locator("#save-wall")).toBeVisible();
  },
  removed: async ({ host, page }) => {
    await chooseAndConfirm(host, "Me", "Remove");
    await expect(page.locator("#link-state")).toHaveText("Removed by a host.");
  },
};

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "forced colours": { forcedColors: "active" },
  phone: PHONE,
  "400 %": ENLARGED,
};

for (const [look, options] of Object.entries(LOOKS)) {
  for (const [state, go] of Object.entries(STATES)) {
    test(`axe finds nothing, and nothing is wider than the window: ${state}, ${look}`, async ({ host: openHost, open, bot }) => {
      const ada = await bot("Ada");
      ada.write("See https://example.org/ and\n```\nlet code = true;\n```\nthat.");
      ada.post("a post with a link: https://example.org/");
      const page = await open({ reducedMotion: "reduce", ...options, search: { name: "Me" } });
      await expect(boxOf(page, "Ada")).toBeVisible();
      const isHosts = /host/.test(String(go).split("=>")[0]);
      const host = isHosts ? await openHost({ reducedMotion: "reduce", ...options }) : undefined;
      await go({ page, host });
      for (const shown of host ? [page, host] : [page]) await expectFit(shown);
    });
  }
}

async function expectFit(page) {
  const rules = { "target-size": { enabled: true }, "label-content-name-mismatch": { enabled: true } };
  const { violations } = await new AxeBuilder({ page }).options({ rules }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("\n  ")}`)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

// What a screen reader is told anew in an element from now on.
const listenTo = (page, ...ids) =>
  page.evaluate((ids) => {
    window.heard = [];
    const hear = (records) => window.heard.push(...records.map(({ target }) => target.textContent));
    for (const id of ids) new MutationObserver(hear).observe(document.getElementById(id), { childList: true, characterData: true, subtree: true });
  }, ids);

test.describe("without a server", () => {
  test.use({ excused: /ERR_CONNECTION|WebSocket/ });

  test("a state is announced once, however often it is drawn", async ({ server, join }) => {
    const page = await join("Me");
    await page.locator("#pause").click();
    await expect(page.locator("#my-note")).toContainText("Paused");
    await listenTo(page, "my-note", "link-state");
    await mine(page).pressSequentially("unseen");
    await server.stop();
    const wait = page.locator("#link-wait");
    await expect(page.locator("#link-state")).toHaveText("Can't reach the server.");
    for (const seconds of [await wait.textContent(), await wait.textContent()]) await expect(wait).not.toHaveText(seconds);
    const heard = await page.evaluate(() => window.heard);
    expect(heard).toContain("Can't reach the server.");
    expect(heard).toEqual([...new Set(heard)]);
  });
});

test("the focus stays in the page when what had it goes", async ({ host: openHost, join, bot }) => {
  const ada = await bot("Ada");
  const ben = await bot("Ben");
  ada.write("hello");
  const page = await join("Me");
  await textOf(page, "Ada").press("Enter");
  await page.locator("#copy-box").focus();
  ada.write("");
  await expect(page.locator("#copy-box")).toBeHidden();
  await expect(page.locator("#stage-text")).toBeFocused();
  await page.locator("#hide").press("Enter");
  await expect(boxOf(page, "Ada")).toBeHidden();
  await expect(page.locator("#wall")).toBeFocused();
  await page.locator("#to-settings").press("Enter");
  await page.locator("#hidden-people button").press("Enter");
  await expect(page.locator("#language")).toBeFocused();
  const host = await openHost();
  await boxOf(host, "Ben").locator(".more").press("Enter");
  await expect(host.getByRole("menu")).toBeVisible();
  ben.leave();
  await expect(boxOf(host, "Ben")).toHaveCount(0);
  await host.keyboard.press("Escape");
  await expect(host.locator("#wall .text").first()).toBeFocused();
  await boxOf(host, "Ada").locator(".more").press("Enter");
  await host.getByRole("menuitem", { name: "Remove" }).press("Enter");
  await host.getByRole("dialog").getByRole("button", { name: "Remove" }).press("Enter");
  await expect(boxOf(host, "Ada")).toHaveCount(0);
  await expect(host.locator("#wall")).toBeFocused();
});

test("at 400 %, the menu of the enlarged box is in the window", async ({ host: openHost, bot }) => {
  await bot("Ada");
  for (const lang of ["en", "ar"]) {
    const host = await openHost({ ...ENLARGED, search: { lang } });
    await host.locator(".box .text").press("Enter");
    await host.locator("#stage-more").press("Enter");
    await expect(host.getByRole("menuitem").first()).toBeInViewport({ ratio: 1 });
  }
});

// The spacing that WCAG 1.4.12 names.
const SPACED = "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }";

test("with wide spacing of lines, words and letters, no word of a button is cut", async ({ open, bot }) => {
  await bot("Ada");
  for (const size of [{ width: 390, height: 844 }, ENLARGED.viewport]) {
    const page = await open({ viewport: size, search: { lang: "de", name: "Me" } });
    await expect(page.locator(".box")).toHaveCount(1);
    await page.evaluate((css) => {
      const sheet = new window.CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    }, SPACED);
    for (const view of ["captions", "log", "wall"]) {
      await page.locator(`[data-view-to=${view}]`).click();
      const cut = await page.locator("#room button:visible").evaluateAll((buttons) =>
        buttons.filter((button) => button.scrollWidth > button.clientWidth + 1).map(({ id }) => id));
      expect(cut).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    }
    await page.close();
  }
});

test("posts that are shown again, or get another language, are not announced", async ({ join, bot }) => {
  const ada = await bot("Ada");
  ada.post("a post");
  const page = await join("Me");
  await expect(posts(page)).toHaveCount(1);
  await expect(page.locator("#posts")).not.toHaveAttribute("aria-live");
  await page.evaluate(() => {
    window.lives = [];
    const note = () => window.lives.push(document.getElementById("posts").getAttribute("aria-live"));
    new MutationObserver(note).observe(document.querySelector("#posts .post"), { attributes: true, childList: true, subtree: true });
  });
  await textOf(page, "Ada").press("Enter");
  await page.locator("#hide").press("Enter");
  await page.locator("#to-settings").press("Enter");
  await expect(page.locator("#posts")).not.toHaveAttribute("aria-live");
  await page.locator("#hidden-people button").press("Enter");
  await expect(posts(page)).toBeVisible();
  await expect(page.locator("#posts")).not.toHaveAttribute("aria-live");
  await page.locator("#language").selectOption("de");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  expect(await page.evaluate(() => window.lives)).toEqual(["off", "off", "off"]);
});
