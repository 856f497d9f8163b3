// Starts the real binary on loopback and says where it listens, and by which key a page becomes a host.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const START_MS = 10_000;

function binary() {
  const path = process.env.TYPEWALL_BIN ?? fileURLToPath(new URL("../../target/debug/typewall", import.meta.url));
  if (!existsSync(path)) throw new Error(`There is no ${path}. Run "cargo build" first, or say in TYPEWALL_BIN where the binary is.`);
  return path;
}

// Tests post faster than people do, so only those that say so have to wait.
const UNPACED = ["--post-rate", "1000"];

// `port` 0 is a free one; a server that is to come back takes the port that it had.
export async function startServer({ port = 0, options = [] } = {}) {
  const pace = options.includes("--post-rate") ? [] : UNPACED;
  const child = spawn(binary(), ["--listen", `127.0.0.1:${port}`, ...pace, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const { address, hostKey } = await firstAddress(child, options[options.indexOf("--hosts") + 1] !== "none");
  return {
    url: `http://${address}/`,
    hostKey,
    port: Number(address.split(":").at(-1)),
    async stop(signal = "SIGKILL") {
      child.kill(signal);
      await ended;
    },
  };
}

function firstAddress(child, hasHosts) {
  return new Promise((resolve, reject) => {
    let printed = "";
    const late = setTimeout(() => reject(new Error(`The server did not say where it listens: ${printed}`)), START_MS);
    const read = (chunk) => {
      printed += chunk;
      const address = printed.match(/127\.0\.0\.1:\d+/);
      const hostKey = printed.match(/#host=(\S+)/);
      if (!address || (!hostKey && hasHosts)) return;
      clearTimeout(late);
      resolve({ address: address[0], hostKey: hostKey?.[1] });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}: ${printed}`)));
  });
}
