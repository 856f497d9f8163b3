// WebKitGTK: its own MiniBrowser on an X server without a screen, driven by raw WebDriver over HTTP.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { before, end, until } from "./waiting.js";
import { Person } from "./webdriver.js";

const START_MS = 20_000;

// The paths of the commands.
const PATHS = {
  "WebDriver:Navigate": () => "/url",
  "WebDriver:Refresh": () => "/refresh",
  "WebDriver:ExecuteScript": () => "/execute/sync",
  "WebDriver:FindElement": () => "/element",
  "WebDriver:ElementClick": ({ id }) => `/element/${id}/click`,
  "WebDriver:PerformActions": () => "/actions",
  "WebDriver:SetWindowRect": () => "/window/rect",
};

// An X server; it chooses the number of its display itself, so that several can run at once.
export async function startDisplay() {
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await before(START_MS, "The X server did not start.", once(createInterface({ input: server.stdio[3] }), "line"));
  return { display: `:${number}`, stop: () => end(server) };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function call(url, method, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } });
  const { value } = await answer.json();
  if (value?.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

// A person has a browser of their own, because windows of one browser hide each other.
export async function openWebKit({ display }) {
  const port = await freePort();
  const env = { ...process.env, DISPLAY: display, LANG: "C.UTF-8", GTK_IM_MODULE: "gtk-im-context-simple" };
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], { env, stdio: "ignore" });
  const root = `http://127.0.0.1:${port}`;
  await until(() => fetch(`${root}/status`).then((answer) => answer.ok, () => false), "WebKitWebDriver answers");
  const { sessionId } = await call(`${root}/session`, "POST", { capabilities: { alwaysMatch: {} } });
  const person = new WebKitPerson(`${root}/session/${sessionId}`, driver);
  await person.send("WebDriver:SetWindowRect", { x: 0, y: 0, width: 1280, height: 860 });
  return person;
}

class WebKitPerson extends Person {
  constructor(session, driver) {
    super((command, parameters = {}) => call(session + PATHS[command](parameters), "POST", parameters));
    Object.assign(this, { session, driver });
  }

  // The application, and not the engine, has the key for it, and MiniBrowser has none.
  undo() {
    return this.run(() => document.execCommand("undo"));
  }

  // GTK's own input method takes the number of a character in hexadecimal digits.
  async compose(text) {
    const digits = text.codePointAt(0).toString(16);
    await this.press("Control+Shift+u");
    await this.type(digits);
    return `u${digits}`;
  }

  commit() {
    return this.press("Enter");
  }

  async close() {
    await call(this.session, "DELETE");
    await end(this.driver);
  }
}
