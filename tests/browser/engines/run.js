// The lesson, and text from an input method, in each engine that is named, or in all three. Says how each step went; ends with 1 if one failed.

import { startServer } from "../server.js";
import { composing } from "./composing.js";
import { lesson } from "./lesson.js";
import { openFirefox } from "./marionette.js";
import { openPerson, startChromium, startFirefox } from "./playwright.js";
import { openWebKit, startDisplay } from "./webkit.js";

/** After so many failures, an engine's other steps say nothing new. */
const MOST_FAILURES = 3;

const ENGINES = {
  async chromium() {
    const browser = await startChromium();
    return { open: () => openPerson(browser), stop: () => browser.close() };
  },
  async firefox() {
    const browser = await startFirefox();
    return { open: () => openPerson(browser), openToCompose: openFirefox, stop: () => browser.close() };
  },
  async webkit() {
    const screen = await startDisplay();
    return { open: () => openWebKit(screen), stop: screen.stop };
  },
};

async function restartableServer() {
  let running = await startServer();
  const { url, hostKey, port } = running;
  return {
    url,
    hostKey,
    stop: () => running.stop("SIGTERM"),
    restart: async () => (running = await startServer({ port })),
  };
}

async function runEngine(name) {
  const engine = await ENGINES[name]();
  const server = await restartableServer();
  const count = { steps: 0, failed: 0 };
  const step = async (what, act) => {
    if (count.failed >= MOST_FAILURES) return;
    count.steps += 1;
    try {
      await act();
      console.log(`ok ${count.steps} ${name}: ${what}`);
    } catch (error) {
      count.failed += 1;
      console.log(`not ok ${count.steps} ${name}: ${what}\n  ${error.message}`);
    }
  };
  try {
    await lesson({ open: engine.open, server, step });
    await composing({ open: engine.openToCompose ?? engine.open, server, step });
  } finally {
    await engine.stop();
    await server.stop();
  }
  console.log(`${name}: ${count.steps - count.failed} of ${count.steps} steps passed`);
  return count.failed;
}

// A shared machine can hold a browser up for seconds; an engine that needed its second try is reported as flaky.
async function passes(name) {
  if (!(await runEngine(name))) return true;
  if (!process.env.CI || (await runEngine(name))) return false;
  console.log(`${name}: flaky`);
  return true;
}

const wanted = process.argv.slice(2);
for (const name of wanted.length ? wanted : Object.keys(ENGINES)) if (!(await passes(name))) process.exitCode = 1;
