// Has Lighthouse judge the first screen and a room, on a slow phone: npm run lighthouse. Every category has to be 100.
// Lighthouse is fetched when it is first used; it has more packages than everything else here.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchOptions } from "./chromium.js";
import { startServer } from "./server.js";

const LIGHTHOUSE = "lighthouse@12.8.2";
const PAGES = { "first screen": "?room=physics", "room": "?room=physics&name=Ada" };
const TIMES = ["first-contentful-paint", "largest-contentful-paint", "speed-index", "total-blocking-time", "cumulative-layout-shift"];

// The report of Lighthouse, whose phone has a slow network and a processor a quarter as fast as this one.
async function judged(url, folder) {
  const path = join(folder, "report.json");
  const flags = ["--headless=new", ...launchOptions.args].join(" ");
  const options = ["--output=json", `--output-path=${path}`, `--chrome-flags=${flags}`, "--quiet"];
  const env = { ...process.env, CHROME_PATH: launchOptions.executablePath };
  const child = spawn("npx", ["--yes", LIGHTHOUSE, url, ...options], { env, stdio: "inherit" });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`Lighthouse ended with ${status}.`);
  return JSON.parse(readFileSync(path, "utf8"));
}

function failures({ categories, audits }) {
  const counted = Object.values(categories).flatMap(({ auditRefs }) => auditRefs.filter(({ weight }) => weight > 0));
  const failed = counted.map(({ id }) => audits[id]).filter(({ score }) => score !== null && score < 0.9);
  return failed.map(({ title, displayValue = "", details }) => `  ${title} ${displayValue} ${JSON.stringify(details?.items ?? [])}`);
}

function print(name, report) {
  const scores = Object.values(report.categories).map(({ title, score }) => `${title} ${Math.round(score * 100)}`);
  const times = TIMES.map((id) => `${id} ${report.audits[id].displayValue}`);
  const requests = report.audits["network-requests"].details.items.filter(({ resourceSize }) => resourceSize);
  const weights = requests.map(({ url, transferSize }) => `${new URL(url).pathname.slice(0, 40)} ${transferSize} bytes`);
  console.log([`${name}: ${scores.join(", ")}`, `  ${times.join(", ")}`, `  ${weights.join(", ")}`, ...failures(report)].join("\n"));
  return Object.values(report.categories).every(({ score }) => score === 1);
}

const folder = mkdtempSync(join(tmpdir(), "lighthouse-"));
const server = await startServer();
try {
  for (const [name, search] of Object.entries(PAGES)) {
    if (!print(name, await judged(server.url + search, folder))) process.exitCode = 1;
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}
