// Starts several nodes on a Redis of their own, and a balancer before them that sends each connection to the next one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

// What nginx needs besides its part in docs/operating.md: to run for an ordinary user in a folder, as one process. A node
// that was gone for a moment is tried again at once.
function nginx(port, nodes) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path temp;`);
  const servers = nodes.map((node) => `server 127.0.0.1:${node.port} max_fails=0;`);
  const config = `daemon off; master_process off; pid nginx.pid; events {}
http {
  access_log off; ${temporary.join(" ")}
  upstream typewall { ${servers.join(" ")} }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://typewall;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $http_connection;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
  return { config, argumentsIn: (folder, file) => ["-e", "stderr", "-p", folder, "-c", file] };
}

function haproxy(port, nodes) {
  const servers = nodes.map((node, n) => `  server node${n} 127.0.0.1:${node.port}`);
  const config = `defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend web
  bind 127.0.0.1:${port}
  default_backend typewall
backend typewall
  balance roundrobin
  option redispatch 1
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-For %[src]
${servers.join("\n")}
`;
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
