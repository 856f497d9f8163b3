// Each stock client with each transport, in a room with a page and somebody on the plain wire.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mine } from "../browser/locators.js";
import { CLIENTS } from "./people.js";
import { openPlace, untilPosted, untilShown } from "./place.js";

const PASSPHRASE = "correct horse battery staple";

function passphraseFile() {
  const file = join(mkdtempSync(join(tmpdir(), "typewall-socketio-")), "passphrase");
  writeFileSync(file, PASSPHRASE, { mode: 0o600 });
  return file;
}

for (const client of CLIENTS) {
  test(`${client.title}: text as it is typed, and posts, both ways`, async (t) => {
    const place = await openPlace(t);
    const page = await place.page("Paula");
    const ada = place.person(client, { name: "Ada" });
    assert.equal(await ada.untilTold("ready"), client.transport);
    const { you, name, session, users } = await ada.untilTold("existing_users");
    assert.deepEqual([name, session, users[you].name], ["Ada", ada.session, "Ada"]);

    for (const text of ["h", "he", "hey \u{1F600}"]) {
      ada.write(text);
      await untilShown(page, "Ada", text);
    }
    for (const text of ["o", "oh", "oh!"]) {
      await mine(page).fill(text);
      await ada.untilText("Paula", text);
    }
    ada.post("from Ada");
    await untilPosted(page, "from Ada");
    await mine(page).fill("from Paula");
    await mine(page).press("Control+Enter");
    await ada.untilPost("from Paula");
    assert.deepEqual(ada.posts(), ["from Ada", "from Paula"]);
    assert.deepEqual(ada.all("error"), []);
  });

  test(`${client.title}: a callback is called after the effect, or with the error`, async (t) => {
    const place = await openPlace(t);
    const ada = place.person(client, { name: "Ada" });
    const bo = place.plain("Bo");
    await Promise.all([ada.untilTold("existing_users"), bo.untilTold("existing_users")]);
    assert.deepEqual(await ada.ask("message", { text: "hello" }), {});
    assert.deepEqual(ada.posts(), ["hello"], "the post came before the callback");
    assert.deepEqual(await ada.ask("updated_text", "a string"), {});
    await bo.untilText("Ada", "a string");
    const { code, message } = await ada.ask("message", { text: "  " });
    assert.equal(code, "post_empty");
    assert.match(message, /\w/);
    assert.equal((await ada.ask("tell_everyone", { text: "" })).code, "unknown_event");
    assert.deepEqual(ada.all("error"), [], "the callback was told");
  });

  test(`${client.title}: enters with the passphrase only, and with the host key as a host`, async (t) => {
    const place = await openPlace(t, { options: ["--passphrase-file", passphraseFile()] });
    for (const [auth, code] of [[undefined, "passphrase_needed"], [{ passphrase: "wrong" }, "passphrase_wrong"]]) {
      const stranger = place.person(client, { name: "Eve", auth });
      const error = await stranger.untilTold("connect_error");
      assert.equal(error.data.code, code);
      await stranger.untilTold("gave up");
      assert.deepEqual(stranger.all("existing_users"), []);
      stranger.connectWith({ passphrase: PASSPHRASE });
      await stranger.untilTold("existing_users");
      await stranger.end();
    }
    const host = place.person(client, { name: "Ada", auth: { passphrase: PASSPHRASE, key: place.hostKey() } });
    await Promise.all([host.untilTold("hosting"), host.untilTold("existing_users")]);
    host.emit("set_room", { prompt: "Why?" });
    const { prompt, hosts } = await host.until((event, data) => event === "room_state" && data.prompt === "Why?");
    assert.deepEqual([prompt, hosts], ["Why?", [host.id]]);

    const guest = place.person(client, { name: "Bo", auth: { passphrase: PASSPHRASE } });
    await guest.untilTold("existing_users");
    assert.equal((await guest.ask("set_room", { prompt: "Me!" })).code, "not_host");
  });
}

test("the room in auth comes before the room in the query, and lobby is the default", async (t) => {
  const place = await openPlace(t);
  for (const client of CLIENTS.filter((_, index) => index % 3 === 0)) {
    for (const [room, url, auth] of [
      ["lobby", place.url, undefined],
      [place.room, place.address(), undefined],
      [place.room, place.url, { room: place.room }],
      ["physics", place.address(), { room: "physics" }],
    ]) {
      const person = place.person(client, { name: "Ada", url, auth });
      assert.equal((await person.untilTold("existing_users")).room, room);
      await person.end();
    }
  }
});
