// Measures a wall on a projector, 1920 × 1080, for 2 to 60 boxes: `npm run fit`. Each box has to be wholly visible; the
// script prints the size of the text and of its lower-case letters, and ends with an error if a box is cut off.
// `npm run fit -- FOLDER` also takes a picture of each, light and dark, and of walls with pages.

import { chromium } from "@playwright/test";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { launchOptions } from "./chromium.js";
import { crowdOf, measureWall } from "./projector.js";
import { startServer } from "./server.js";

const WHOLE = [2, 5, 12, 30, 60];
const PAGED = [61, 100];
const folder = process.argv[2] && resolve(process.env.INIT_CWD ?? ".", process.argv[2]);
if (folder) mkdirSync(folder, { recursive: true });

const server = await startServer();
const browser = await chromium.launch(launchOptions);
let faults = 0;

async function open(count, options) {
  const page = await browser.newPage({ locale: "en", ...options });
  await page.goto(`${server.url}?room=fit ${count}&size=fit&hide=me,header,log`);
  return { page, seen: await measureWall(page, count) };
}

for (const count of process.env.COUNTS?.split(" ").map(Number) ?? [...WHOLE, ...PAGED]) {
  const crowd = await crowdOf(server.url, `fit ${count}`, count);
  for (const colorScheme of folder ? ["light", "dark"] : ["light"]) {
    const { page, seen } = await open(count, { viewport: { width: 1920, height: 1080 }, colorScheme });
    const { shown, cut, size, xHeight, range } = seen;
    console.log(`${String(count).padStart(3)} boxes: ${shown - cut} of ${shown} shown are whole, text ${size} px, x-height ${xHeight} px ${range}`);
    if (WHOLE.includes(count) && (cut || shown < count)) faults += 1;
    if (folder) await page.screenshot({ path: `${folder}/fit-${count}-${colorScheme}.png` });
    await page.close();
  }
  if (folder) {
    const { page } = await open(count, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
    await page.screenshot({ path: `${folder}/fit-${count}-phone.png` });
    await page.close();
  }
  crowd.leave();
}

await browser.close();
await server.stop();
process.exitCode = faults ? 1 : 0;
