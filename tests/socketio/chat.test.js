// The client of the chat tutorial: it connects, emits `message` with a string, and listens to `data`. Nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mine } from "../browser/locators.js";
import { CLIENTS } from "./people.js";
import { openPlace, untilPosted } from "./place.js";

for (const client of CLIENTS) {
  test(`${client.title}: the chat tutorial's client posts, and reads who comes and goes`, async (t) => {
    const place = await openPlace(t);
    const page = await place.page("Paula");
    const plain = place.plain("Bo");
    await plain.untilTold("existing_users");
    const chat = place.person(client);
    await chat.untilTold("ready");
    chat.emit("message", "hello");
    await untilPosted(page, "hello");
    await chat.untilPost("hello");
    await mine(page).fill("hello Guest");
    await mine(page).press("Control+Enter");
    const post = await chat.until((event, data) => event === "data" && data.text === "hello Guest");
    assert.deepEqual([post.name, post.n], ["Paula", 2]);

    const other = place.person(client);
    await other.untilTold("ready");
    other.emit("message", "me too");
    const me = await chat.until((event, data) => event === "data" && data.text === "me too");
    assert.equal(me.name, "Guest 2");
    const notice = await chat.until((event, data) => event === "data" && data.notice === "joined" && data.id === me.id);
    assert.deepEqual([notice.name, typeof notice.text], ["Guest 2", "string"]);
    plain.socket.close(1000);
    const left = await chat.until((event, data) => event === "data" && data.notice === "left");
    assert.equal(left.name, "Bo");
    assert.deepEqual([...plain.all("data"), ...chat.all("error")].filter(({ n }) => !n), [], "others get posts only");
  });
}
