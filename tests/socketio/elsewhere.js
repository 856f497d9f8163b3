// A site of somebody else: pages at an origin that is not the server's, with the client from node_modules.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const CLIENT = readFileSync(new URL("node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url));

export async function openSite(test) {
  let page = '<!doctype html><script src="socket.io.min.js"></script>';
  const site = createServer(({ url }, response) => {
    const isClient = url === "/socket.io.min.js";
    response.setHeader("Content-Type", isClient ? "text/javascript" : "text/html");
    response.end(isClient ? CLIENT : page);
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  test.after(() => site.closeAllConnections() ?? site.close());
  return { origin: `http://127.0.0.1:${site.address().port}`, show: (html) => (page = html) };
}
