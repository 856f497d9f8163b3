// Starts the real binary on loopback and says where it listens, and by which key a page becomes a host.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const START_MS = 10_000;

function binary() {
  const path = process.env.TYPEWALL_BIN ?? fileURLToPath(new URL("../../target/debug/typewall", import.meta.url));
  if (!existsSync(path)) throw new Error(`There is no ${path}. Run "cargo build" first, or say in TYPEWALL_BIN where the binary is.`);
  return path;
}

// Tests post faster than people do, so only those that say so have to wait.
const UNPACED = ["--post-rate", "1000"];

// A name that a machine has in a network: unlike 127.0.0.1, it is secure over https only.
export const NETWORK_NAME = "wall.local";

// A certificate for this machine, in a folder of its own: the options that make the server use it, and its file, which
// clients may trust.
export function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), "typewall-"));
  const [certificate, key] = ["cert.pem", "key.pem"].map((name) => join(folder, name));
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
    "-subj", "/CN=Typewall", "-addext", "basicConstraints=critical,CA:FALSE",
    "-addext", `subjectAltName=DNS:${NETWORK_NAME},IP:127.0.0.1`, "-keyout", key, "-out", certificate,
  ], { stdio: "pipe" });
  const remove = () => rmSync(folder, { recursive: true });
  return { options: ["--tls-cert", certificate, "--tls-key", key], certificate, remove };
}

// `port` 0 is a free one; a server that is to come back takes the port that it had.
export async function startServer({ port = 0, options = [] } = {}) {
  const pace = options.includes("--post-rate") ? [] : UNPACED;
  const child = spawn(binary(), ["--listen", `127.0.0.1:${port}`, ...pace, ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const { scheme, address, hostKey } = await firstAddress(child, options[options.indexOf("--hosts") + 1] !== "none");
  return {
    url: `${scheme}://${address}/`,
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
      const address = printed.match(/(https?):\/\/(127\.0\.0\.1:\d+)/);
      const hostKey = printed.match(/#host=(\S+)/);
      if (!address || (!hostKey && hasHosts)) return;
      clearTimeout(late);
      resolve({ scheme: address[1], address: address[2], hostKey: hostKey?.[1] });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}: ${printed}`)));
  });
}
