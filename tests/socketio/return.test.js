// Clients whose connection breaks, whose server is started again, or whom a host removes: their own reconnection.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CLIENTS, JS_WEBSOCKET } from "./people.js";
import { openPlace, openProxy, untilPosted, untilShown } from "./place.js";

// Waits until somebody was told why they were disconnected, and that they are. The Python client handles each event in a
// thread of its own, so these two come in either order.
const untilClosed = (person, from) => Promise.all(["closed", "disconnect"].map((event) => person.untilTold(event, from)));

for (const client of CLIENTS) {
  test(`${client.title}: takes its seat again after its connection broke`, async (t) => {
    const place = await openPlace(t);
    const proxy = await openProxy(t, place.port);
    const bo = place.plain("Bo");
    const ada = place.person(client, { name: "Ada", url: place.address(proxy.url) });
    await Promise.all([ada.untilTold("ready"), ada.untilTold("existing_users"), bo.untilTold("existing_users")]);
    ada.write("before");
    await bo.untilText("Ada", "before");

    const { id, events: { length } } = ada;
    proxy.cut();
    await ada.untilTold("disconnect", length);
    ada.write("meanwhile");
    ada.post("posted meanwhile");
    proxy.mend();
    const { you } = await ada.untilTold("existing_users", length);
    assert.equal(you, id, "the same seat");
    await bo.untilText("Ada", "meanwhile");
    await bo.untilPost("posted meanwhile");
    await ada.untilPost("posted meanwhile");
    assert.deepEqual(bo.posts(), ["posted meanwhile"], "once");
    assert.deepEqual([...bo.all("disconnect_user"), ...ada.all("closed"), ...ada.all("error")], []);
  });

  test(`${client.title}: comes back by itself after the server was started again, and nothing is lost`, async (t) => {
    const store = join(mkdtempSync(join(tmpdir(), "typewall-socketio-")), "wall.db");
    const place = await openPlace(t, { options: ["--store", store] });
    const page = await place.page("Paula");
    const ada = place.person(client, { name: "Ada" });
    await Promise.all([ada.untilTold("ready"), ada.untilTold("existing_users")]);
    ada.post("before");
    await untilPosted(page, "before");
    ada.write("still writing");
    await untilShown(page, "Ada", "still writing");

    const { length } = ada.events;
    await place.stop();
    await untilClosed(ada, length);
    assert.deepEqual(ada.all("closed"), [{ code: 1001, reason: "stopping" }]);
    ada.post("meanwhile");
    await place.restart();
    await ada.untilTold("existing_users", length);
    await untilShown(page, "Ada", "still writing");
    await untilPosted(page, "meanwhile");
    await ada.untilPost("meanwhile");
    assert.deepEqual(ada.posts(), ["before", "meanwhile"]);
    assert.equal(await ada.untilTold("ready", length), client.transport);
  });

  test(`${client.title}: stays away when a host has removed it`, async (t) => {
    const place = await openPlace(t);
    const bo = place.plain("Bo");
    const ada = place.person(client, { name: "Ada" });
    await Promise.all([ada.untilTold("ready"), ada.untilTold("existing_users"), bo.untilTold("existing_users")]);
    bo.emit("host", { key: place.hostKey() });
    await bo.untilTold("hosting");
    bo.emit("remove_user", { id: ada.id });
    await untilClosed(ada);
    assert.deepEqual(ada.all("closed"), [{ code: 4004, reason: "removed" }]);
    assert.equal(ada.isComingBack(await ada.untilTold("disconnect")), false);

    // Somebody who comes back would have done so by the time at which a client does whose connection broke.
    const proxy = await openProxy(t, place.port);
    const other = place.person(client, { name: "Cleo", url: place.address(proxy.url) });
    await Promise.all([other.untilTold("ready"), other.untilTold("existing_users")]);
    const { length } = other.events;
    proxy.cut();
    await other.untilTold("disconnect", length);
    proxy.mend();
    await other.untilTold("existing_users", length);
    assert.equal(ada.all("connect").length, 1);
  });

  test(`${client.title}: leaves its seat to a later connection with the session`, async (t) => {
    const place = await openPlace(t);
    const first = place.person(client, { name: "Ada" });
    await Promise.all([first.untilTold("ready"), first.untilTold("existing_users")]);
    const second = place.plain("Ada");
    second.session = first.session;
    const { you } = await second.untilTold("existing_users");
    assert.equal(you, first.id);
    await untilClosed(first);
    assert.equal(first.isComingBack(await first.untilTold("disconnect")), false);
    assert.deepEqual(first.all("closed"), [{ code: 4001, reason: "seat_taken" }]);
  });
}

// Not for Python, whose client may take itself for connected if it is closed before its `connect` has returned.
for (const client of CLIENTS.slice(0, 3)) {
  test(`${client.title}: comes back by itself after it found no place`, async (t) => {
    const place = await openPlace(t, { options: ["--max-rooms", "1"] });
    const bo = place.plain("Bo");
    await bo.untilTold("existing_users");
    const ada = place.person(client, { name: "Ada", url: `${place.url}?room=another` });
    assert.deepEqual(await ada.untilTold("closed"), { code: 1013, reason: "rooms_full" });
    await ada.untilTold("disconnect");
    bo.socket.close(1000);
    await ada.untilTold("existing_users");
  });
}

// socket.io-client keeps what is emitted while it is not connected, and sends it before it calls its `connect` handler.
for (const client of CLIENTS.slice(0, 3)) {
  test(`${client.title}: posts kept while it was away come in order and once, from its own seat`, async (t) => {
    const place = await openPlace(t);
    const proxy = await openProxy(t, place.port);
    const bo = place.plain("Bo");
    const auth = { name: "Ada", session: randomBytes(16).toString("hex") };
    const ada = place.person(client, { auth, url: place.address(proxy.url) });
    await Promise.all([ada.untilTold("ready"), ada.untilTold("existing_users"), bo.untilTold("existing_users")]);
    const { id, events: { length } } = ada;
    assert.equal(ada.all("existing_users")[0].name, "Ada");
    ada.write("before"); // the seat of somebody who has written nothing is not kept
    await bo.untilText("Ada", "before");
    proxy.cut();
    await ada.untilTold("disconnect", length);
    const kept = Array.from({ length: 5 }, (_, number) => `kept ${number}`);
    for (const text of kept) ada.emit("message", text);
    proxy.mend();
    const { you } = await ada.untilTold("existing_users", length);
    assert.equal(you, id, "the same seat");
    await bo.untilPost(kept.at(-1));
    assert.deepEqual(bo.posts(), kept);
    assert.ok(bo.all("data").every((post) => post.name === "Ada"));
    assert.deepEqual([...bo.all("disconnect_user"), ...ada.all("error")], []);
  });
}

// All at once, because the server gives each of them 20 s.
test("clients that enter no room in time come back by themselves, however they are connected", async (t) => {
  const place = await openPlace(t);
  const people = CLIENTS.map((client) => place.person(client, { name: client.title, isLate: true }));
  await Promise.all(people.map((person) => person.untilTold("asked")));
  // Its connection is younger than theirs. When the server has ended it, theirs have ended too.
  const last = place.person(JS_WEBSOCKET, { name: "Zoe", isLate: true });
  await last.untilTold("disconnect");
  for (const person of people) person.answer();
  await Promise.all([...people, last].map((person) => person.untilTold("existing_users")));
  last.answer(); // as somebody who was asked twice
  assert.deepEqual(await last.ask("ping", {}), {});
  assert.equal(last.all("disconnect").length, 1);
});
