// Starts several nodes on a Redis of their own, and a balancer before them that sends each connection to the next one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "./server.js";

// Where the system has programs. Only root has all of them in its PATH.
const FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin"];
const START_MS = 10_000;
// Another program may take a port that was free a moment ago.
const TRIES = 5;
const POLL_MS = 20;

// The path of a program; undefined if it is not installed.
export function installed(name) {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

// The balancers are configured as in packaging/nodes, but for the addresses; each connection goes to the next node.
const CONFIGURATIONS = new URL("../../packaging/nodes/", import.meta.url);

// A configuration with this port, and with these nodes instead of its three. `hashing` are the lines that pick a node by
// the room.
function configuration(file, hashing, port, nodes, server) {
  const lines = readFileSync(new URL(file, CONFIGURATIONS), "utf8").split("\n");
  const kept = lines.filter((line) => !hashing.test(line));
  if (kept.length === lines.length) throw new Error(`${file} does not pick a node by the room.`);
  const first = kept.findIndex((line) => /^ *server node1/.test(line));
  const servers = nodes.map((node, n) => server(node, n + 1));
  const others = (line) => !/^ *server node[2-9]/.test(line);
  return [...kept.slice(0, first), ...servers, ...kept.slice(first + 1).filter(others)]
    .join("\n")
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace("bind :80", `bind 127.0.0.1:${port}`);
}

// nginx as an ordinary user in a folder, as one process. A node that was gone for a moment is tried again at once.
function nginx(port, nodes) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path temp;`);
  const server = (node) => `server 127.0.0.1:${node.port} max_fails=0;`;
  const config = configuration("nginx.conf", /hash \$arg_room/, port, nodes, server)
    .replace("http {", `http { access_log off; ${temporary.join(" ")}`)
    .replace(/^worker_.*$/gm, "")
    .replace("worker_connections 65536;", "");
  const whole = `daemon off; master_process off; pid nginx.pid;\n${config}`;
  return { config: whole, argumentsIn: (folder, file) => ["-e", "stderr", "-p", folder, "-c", file] };
}

function haproxy(port, nodes) {
  const server = (node, n) => `  server node${n} 127.0.0.1:${node.port}`;
  const config = configuration("haproxy.cfg", /txn\.room|hash-type/, port, nodes, server);
  return { config, argumentsIn: (folder, file) => ["-db", "-f", file] };
}

const BALANCERS = { nginx, haproxy };

// `count` nodes behind this balancer. A node can be stopped, and started again on its port.
export async function startCluster(balancer, count) {
  const folder = mkdtempSync(join(tmpdir(), "typewall-"));
  const redis = await startProgram("redis-server", (port) => [
    "--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--dir", folder,
  ]);
  const options = ["--redis", `redis://127.0.0.1:${redis.port}`, "--hosts", "none", "--trust-proxy"];
  const start = async (port) => startServer({ port, options });
  const nodes = [];
  for (let n = 0; n < count; n += 1) nodes.push(await start(0));
  const front = await startProgram(balancer, (port) => {
    const { config, argumentsIn } = BALANCERS[balancer](port, nodes);
    const file = join(folder, "balancer.conf");
    writeFileSync(file, config);
    return argumentsIn(folder, file);
  });
  return {
    url: `http://127.0.0.1:${front.port}/`,
    nodes,
    redis,
    start: async (n) => (nodes[n] = await start(nodes[n].port)),
    async stop() {
      await Promise.all([front.stop(), ...nodes.map((node) => node.stop())]);
      await redis.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

// Starts a program that has to be told its port. Once stopped, it can be started there again.
async function startProgram(name, argumentsFor) {
  let printed = "";
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = await freePort();
    let child;
    const start = async () => {
      child = spawn(installed(name), argumentsFor(port), { stdio: ["ignore", "pipe", "pipe"] });
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed += chunk));
      return listens(child, port);
    };
    const stop = async (signal = "SIGKILL") => {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
      child.kill("SIGCONT");
      child.kill(signal);
      await ended;
    };
    if (await start()) return { port, start, stop, signal: (signal) => child.kill(signal) };
    await stop();
  }
  throw new Error(`${name} does not start: ${printed}`);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// Waits until the program listens; false if it ends instead.
async function listens(child, port) {
  const deadline = Date.now() + START_MS;
  while (child.exitCode === null && Date.now() < deadline) {
    if (await accepts(port)) return true;
    await new Promise((wait) => setTimeout(wait, POLL_MS));
  }
  return false;
}

function accepts(port) {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    const end = (accepted) => (socket.destroy(), done(accepted));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
