// People with stock clients, in JavaScript and in Python, and somebody on the plain wire. All are told the same, so all
// have the same methods. Of the client itself, they are told "connect", "ready" with the transport that it stays with,
// "connect_error" and "disconnect" with the reason, "gave up" if it will not connect again by itself, and "asked" when
// somebody who `isLate` has to say with what they enter: for the first time, they do not answer before `answer`.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { Events } from "./events.js";
import { PYTHON } from "./venv.js";

// Somebody who joins whenever the client connects, and then writes and posts again what may have been lost: what
// docs/socketio.md tells every client to do.
class Person extends Events {
  session = randomBytes(16).toString("hex");
  #isJoined = false;
  #text = "";
  #pending = new Map();

  constructor(name) {
    super();
    this.name = name;
  }

  take(event, data) {
    if (event === "connect" && this.name) this.emit("got_a_new_user", { name: this.name, session: this.session });
    if (event === "disconnect") this.#isJoined = false;
    if (event === "data") this.#pending.delete(data.ref);
    if (event === "existing_users") {
      this.#isJoined = data.you !== null;
      this.id = data.you;
      if (this.#isJoined && data.users[data.you].text !== this.#text) this.emit("updated_text", { text: this.#text });
      for (const [ref, text] of this.#pending) this.emit("message", { text, ref });
    }
    super.take(event, data);
  }

  write(text) {
    this.#text = text;
    if (this.#isJoined) this.emit("updated_text", { text });
  }

  post(text) {
    const ref = randomBytes(8).toString("hex");
    this.#pending.set(ref, text);
    if (this.#isJoined) this.emit("message", { text, ref });
  }
}

class JavaScriptPerson extends Person {
  constructor({ name, url, isLate, auth, ca, ...options }) {
    super(name);
    const lateAuth = (answer) => {
      if (this.answer) answer(auth);
      else this.answer = () => answer(auth);
      this.take("asked");
    };
    // forceNew: else clients of one process share a connection.
    const trust = ca && { ca: readFileSync(ca) };
    this.socket = io(url, { forceNew: true, auth: isLate ? lateAuth : auth, ...trust, ...options });
    this.socket.on("connect", () => {
      this.take("connect");
      this.#tellTransport(this.socket.io.engine, options.transports?.length === 1);
    });
    this.socket.on("connect_error", ({ message, data }) => {
      this.take("connect_error", { message, data });
      if (!this.socket.active) this.take("gave up");
    });
    this.socket.on("disconnect", (reason) => this.take("disconnect", reason));
    this.socket.onAny((event, data) => this.take(event, data));
  }

  #tellTransport(engine, isFixed) {
    const tell = () => this.take("ready", engine.transport.name);
    if (isFixed || engine.transport.name === "websocket") tell();
    else engine.once("upgrade", tell);
  }

  emit(event, data) {
    this.socket.emit(event, data);
  }

  ask(event, data) {
    return this.socket.timeout(20_000).emitWithAck(event, data);
  }

  connectWith(auth) {
    this.socket.auth = auth;
    this.socket.connect();
  }

  // Whether the client will connect again by itself, after a disconnect for this reason.
  isComingBack(reason) {
    return reason !== "io server disconnect";
  }

  async end() {
    this.socket.disconnect();
  }
}

class PythonPerson extends Person {
  #acks = 0;

  constructor({ name, ...options }) {
    super(name);
    const script = fileURLToPath(new URL("client.py", import.meta.url));
    this.child = spawn(PYTHON, [script, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {}); // it has ended, which `ended` tells
    this.ended = once(this.child, "exit");
    createInterface({ input: this.child.stdout }).on("line", (line) => this.take(...JSON.parse(line)));
  }

  #command(...command) {
    this.child.stdin.write(JSON.stringify(command) + "\n");
  }

  emit(event, data) {
    this.#command(event, data, null);
  }

  async ask(event, data) {
    const number = this.#acks++;
    this.#command(event, data, number);
    const [, answer] = await this.until((name, told) => name === "ack" && told[0] === number);
    return answer;
  }

  connectWith(auth) {
    this.#command(null, auth, null);
  }

  answer() {
    this.child.stdin.write("\n");
  }

  isComingBack(reason) {
    return reason !== "server disconnect";
  }

  async end() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

// Somebody on the plain wire, as a page is.
export class PlainPerson extends Person {
  constructor({ name, url, ca }) {
    super(name);
    const { href } = new URL(url);
    const trust = ca && { ca: readFileSync(ca) };
    this.socket = new WebSocket(href.replace("http", "ws").replace("/?", "/ws?"), trust);
    this.socket.on("message", (data) => this.take(...JSON.parse(data)));
    this.socket.on("open", () => this.take("connect"));
    this.socket.on("close", (code) => this.take("disconnect", code));
    this.socket.on("error", () => {}); // the close that follows tells it
  }

  emit(event, data) {
    this.socket.send(JSON.stringify([event, data]));
  }

  async end() {
    this.socket.terminate();
  }
}

const TRANSPORTS = [undefined, ["websocket"], ["polling"]];

// Each client with each way to connect: polling and then a WebSocket, which is the default, and each of them alone.
export const CLIENTS = Object.entries({ JavaScript: JavaScriptPerson, Python: PythonPerson }).flatMap(([name, Client]) =>
  TRANSPORTS.map((transports) => ({
    title: `${name}, ${transports ?? "polling and then websocket"}`,
    transport: transports?.[0] ?? "websocket",
    start: (options) => new Client({ transports, ...options }),
  })),
);

export const [JS, JS_WEBSOCKET, JS_POLLING, PY] = CLIENTS;
