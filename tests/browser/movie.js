// Takes the moving picture at the head of README: `npm run movie -- FOLDER`. Two people type, and one posts.

import { chromium } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { launchOptions } from "./chromium.js";
import { startServer } from "./server.js";

const FRAMES_PER_SECOND = 10;
const ROOM = "?room=physics&size=125&name=";
const TEACHER = "And why are they yellow in autumn?";
const PUPIL = "Chlorophyll takes in red and blue light. Green comes back to us.";

const folder = resolve(process.env.INIT_CWD ?? ".", process.argv[2] ?? "docs");
mkdirSync(folder, { recursive: true });
const frames = mkdtempSync(join(tmpdir(), "typewall-movie-"));
const server = await startServer();
const browser = await chromium.launch(launchOptions);

async function enter(name, options) {
  const context = await browser.newContext({ locale: "en", colorScheme: "light", ...options });
  const page = await context.newPage();
  await page.goto(server.url + ROOM + name);
  await page.waitForFunction(() => room.you);
  return page;
}

const ada = await enter("Ada", { viewport: { width: 900, height: 560 } });
const ben = await enter("Ben", { viewport: { width: 360, height: 560 }, hasTouch: true, isMobile: true });
const pages = [ada, ben];
let count = 0;

// The picture stands still for so many frames.
async function take(times = 1) {
  const shots = await Promise.all(pages.map((page) => page.screenshot({ caret: "initial" })));
  for (let rest = times; rest > 0; rest -= 1, count += 1) {
    for (const [index, shot] of shots.entries()) {
      writeFileSync(join(frames, `${index}-${String(count).padStart(3, "0")}.png`), shot);
    }
  }
}

// Types a part of a text, and waits until the other page shows it.
async function type(page, other, part) {
  await page.locator("#my-text").pressSequentially(part);
  const text = await page.locator("#my-text").inputValue();
  await other.waitForFunction((text) => [...room.users.values()].some((user) => user.text === text), text);
}

async function post(page, other, text) {
  await page.getByRole("button", { name: "Post", exact: true }).click();
  await other.locator("#posts .body").getByText(text).waitFor({ state: "attached" });
}

await ada.locator("#my-text").fill("Why are plants green?");
await post(ada, ben, "Why are plants green?");
await ada.locator("#my-text").focus();
await take(8);
for (let at = 0; at < PUPIL.length; at += 2) {
  await type(ben, ada, PUPIL.slice(at, at + 2));
  const from = at - 20;
  if (from >= 0 && from < TEACHER.length) await type(ada, ben, TEACHER.slice(from, from + 2));
  await take();
}
await take(8);
await post(ben, ada, PUPIL);
await take(25);
await browser.close();
await server.stop();

const inputs = [0, 1].flatMap((index) => ["-framerate", String(FRAMES_PER_SECOND), "-i", join(frames, `${index}-%03d.png`)]);
const framed = (input, right) => `[${input}]pad=iw+4:ih+4:2:2:color=0x7d786b,pad=iw+${right}:ih:0:0:color=white`;
const filter = `${framed(0, 16)}[a];${framed(1, 0)}[b];[a][b]hstack,split[c][d];` +
  "[c]palettegen=max_colors=128[palette];[d][palette]paletteuse=dither=none:diff_mode=rectangle";
const movie = join(folder, "typewall.gif");
execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-filter_complex", filter, movie]);
rmSync(frames, { recursive: true });
console.log(movie);
