// What the address asks for, and what is remembered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { askedIn, choicesIn, nextSize, secretsIn, viewIn } from "../../../page/address.js";

const query = (text) => new URLSearchParams(text);

test("room, name and the parts to leave out", () => {
  const asked = (text) => {
    const { only, captions, ...rest } = askedIn(query(text));
    assert.deepEqual([only, Object.values(captions).join("")], [[], ""]);
    return rest;
  };
  assert.deepEqual(asked("room= physics &name=Ada&hide=log, me"), {
    room: "physics",
    roomKey: "physics",
    name: "Ada",
    leftOut: ["log", "me"],
    showsCode: false,
  });
  assert.deepEqual(asked(""), { room: "", roomKey: "lobby", name: null, leftOut: [""], showsCode: false });
  assert.ok(askedIn(query("show=qr")).showsCode);
});

test("a view that is not known is the wall", () => {
  assert.deepEqual(["view=captions", "view=log", "view=x", ""].map((text) => viewIn(query(text))), [
    "captions",
    "log",
    "wall",
    "wall",
  ]);
});

test("the address wins over what is remembered, and nonsense in either over nothing", () => {
  const usual = { theme: "auto", size: 100, fits: false, enterPosts: false, alert: "nothing", continuous: null };
  assert.deepEqual(choicesIn(query(""), {}), usual);
  const saved = { theme: "dark", size: 150, enterPosts: true, alert: "sound", continuous: true };
  assert.deepEqual(choicesIn(query(""), saved), { ...saved, fits: false });
  assert.deepEqual(choicesIn(query("theme=light&size=200"), saved), { ...saved, theme: "light", size: 200, fits: false });
  assert.deepEqual(choicesIn(query("size=fit"), saved), { ...saved, fits: true });
  assert.deepEqual(choicesIn(query("theme=pink&size=x"), {}), usual);
  assert.deepEqual([1, 1_000, 120].map((size) => choicesIn(query(`size=${size}`), {}).size), [50, 400, 120]);
});

test("sizes go up and down in steps, and stay at the ends", () => {
  assert.deepEqual([[100, 1], [100, -1], [120, 1], [120, -1], [400, 1], [50, -1]].map((step) => nextSize(...step)), [
    125, 75, 125, 100, 400, 50,
  ]);
});

test("the secrets of a link, in any order, and nothing else", () => {
  const secrets = (hash) => Object.values(((({ passphrase, host }) => ({ passphrase, host }))(secretsIn(hash))));
  assert.deepEqual(secrets("#key=correct%20horse"), ["correct horse", undefined]);
  assert.deepEqual(secrets("#host=0f0f"), [undefined, "0f0f"]);
  assert.deepEqual(secrets("#key=a%26b&host=0f"), ["a&b", "0f"]);
  assert.deepEqual(secrets("#host=0f&key=a&b"), ["a&b", "0f"]);
  assert.deepEqual(secrets("#host=a+b%2Bc"), [undefined, "a b+c"]);
  assert.deepEqual(secrets("#key=50%"), ["50%", undefined]);
  for (const hash of ["", "#", "#key=", "#host=", "#posts-area", "#ahost=1"]) {
    assert.deepEqual(secrets(hash), [undefined, undefined], hash);
  }
});
