// WebKitGTK, driven by raw WebDriver over HTTP: its own MiniBrowser on an X server without a screen.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { before, until } from "./waiting.js";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const KEYS = {
  Backspace: "\ue003", Tab: "\ue004", Enter: "\ue007", Shift: "\ue008", Control: "\ue009", Escape: "\ue00c", End: "\ue010",
  Home: "\ue011", ArrowLeft: "\ue012", ArrowUp: "\ue013", ArrowRight: "\ue014", ArrowDown: "\ue015",
};

// An X server; `display` is its name. It chooses the number itself, so that several can run at once.
export async function startDisplay() {
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await before(10_000, "The X server did not start", once(createInterface({ input: server.stdio[3] }), "line"));
  return { display: `:${number}`, stop: () => end(server) };
}

async function end(child) {
  const ended = once(child, "exit");
  child.kill();
  await ended;
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

// One person: a browser of their own, because windows of one browser hide each other.
export async function openWebKit({ display }) {
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], { env: { ...process.env, DISPLAY: display, LANG: "C.UTF-8" }, stdio: "ignore" });
  const root = `http://127.0.0.1:${port}`;
  await until(() => fetch(`${root}/status`).then((answer) => answer.ok, () => false), "WebKitWebDriver answers");
  const { sessionId } = await call(`${root}/session`, "POST", { capabilities: { alwaysMatch: {} } });
  const person = new Person(`${root}/session/${sessionId}`, driver, display);
  await person.post("/window/rect", { x: 0, y: 0, width: 1280, height: 860 });
  return person;
}

class Person {
  constructor(session, driver, display) {
    Object.assign(this, { session, driver, display });
  }

  post(path, body = {}) {
    return call(this.session + path, "POST", body);
  }

  open(url) {
    return this.post("/url", { url });
  }

  reload() {
    return this.post("/refresh");
  }

  run(script, ...args) {
    return this.post("/execute/sync", { script: `return (${script})(...arguments)`, args });
  }

  async find(selector) {
    return { [ELEMENT]: (await this.post("/element", { using: "css selector", value: selector }))[ELEMENT] };
  }

  async click(selector) {
    await this.post(`/element/${(await this.find(selector))[ELEMENT]}/click`);
  }

  async hover(selector) {
    const move = { type: "pointerMove", duration: 0, x: 0, y: 0, origin: await this.find(selector) };
    await this.post("/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [move] }] });
  }

  // Types each character as a key.
  async type(text) {
    const actions = [...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    await this.post("/actions", { actions: [{ type: "key", id: "keys", actions }] });
  }

  // A key, or several that are held down together, such as "Control+Enter".
  async press(keys) {
    const values = keys.split("+").map((key) => KEYS[key] ?? key);
    const down = values.map((value) => ({ type: "keyDown", value }));
    const up = [...values].reverse().map((value) => ({ type: "keyUp", value }));
    await this.post("/actions", { actions: [{ type: "key", id: "keys", actions: [...down, ...up] }] });
  }

  // The application, and not the engine, has the key for it, and MiniBrowser has none.
  undo() {
    return this.run(() => document.execCommand("undo"));
  }

  async close() {
    await call(this.session, "DELETE");
    await end(this.driver);
  }
}
