// A page of another origin, with the stock client in Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSite } from "./elsewhere.js";
import { newPage, openPlace, untilPosted } from "./place.js";

// Connects in the page, and posts. Returns how that went.
const connectAndPost = ([url, options]) =>
  new Promise((resolve) => {
    const socket = globalThis.io(url, options);
    socket.on("connect_error", () => resolve("refused"));
    socket.on("connect", () => socket.emit("message", "from elsewhere", resolve));
  });

for (const transports of [["polling", "websocket"], ["websocket"], ["polling"]]) {
  test(`a page of another origin, ${transports}: only with --allow-origin`, async (t) => {
    const site = await openSite(t);
    for (const options of [[], ["--allow-origin", site.origin]]) {
      const place = await openPlace(t, { options });
      const wall = await place.page("Paula");
      const page = await newPage(t);
      await page.goto(site.origin);
      const outcome = await page.evaluate(connectAndPost, [place.url, { transports, query: { room: place.room } }]);
      if (options.length) await untilPosted(wall, "from elsewhere");
      assert.deepEqual(outcome, options.length ? {} : "refused");
    }
  });
}
