// Codes of the server and what the page says for them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isAboutEntry, isAboutHosting, isAboutKey, wordForEnd, wordForError } from "../../../page/codes.js";

const WORDS = JSON.parse(readFileSync(new URL("../../../page/words/en.json", import.meta.url), "utf8"));
const end = (code, reason = "", more = {}) => wordForEnd({ code, reason, failures: 1, isOffline: false, ...more });

test("each reason for which the server turns somebody away has a word", () => {
  const reasons = ["server_full", "address_full", "rooms_full", "server_busy", "room_full"];
  const words = reasons.map((reason) => end(1013, reason));
  assert.deepEqual(words, ["serverFull", "addressFull", "roomsFull", "serverBusy", "roomFull"]);
  for (const word of words) assert.ok(word in WORDS);
});

test("a reason that is not known, whatever it says, is that the server is busy", () => {
  for (const reason of ["", "The server is full.", "rooms", "constructor"]) assert.equal(end(1013, reason), "serverBusy");
});

test("each close code of the server has a word, and any other end has one by what else is known", () => {
  assert.deepEqual([1001, 4001, 4002, 4003, 4004].map((code) => end(code)), ["stopping", "taken", "tooSlow", "needsPassphrase", "removed"]);
  assert.equal(end(1006), "lost");
  assert.equal(end(1006, "", { failures: 2 }), "silent");
  assert.equal(end(1006, "", { failures: 2, isOffline: true }), "offline");
  assert.equal(end(4001, "", { isOffline: true }), "taken");
});

test("errors have words by their codes, and none where the page knows no better than the server", () => {
  for (const code of ["room_full", "name_empty", "name_too_long", "text_too_long", "not_stored", "post_empty"]) {
    assert.ok(wordForError(code) in WORDS, code);
  }
  for (const code of ["passphrase_wrong", "passphrase_wait"]) assert.ok(wordForError(code) in WORDS, code);
  for (const code of ["bad_ref", "toString", "", "passphrase_needed"]) assert.equal(wordForError(code), undefined);
});

test("each refusal that has to do with hosts has a word, and goes to one place", () => {
  const key = ["host_key_wrong", "host_key_wait", "no_hosts"];
  const hosting = ["not_host", "unknown_user", "unknown_post", "prompt_too_long", "hosts_full", "state_not_stored"];
  const entry = ["locked", "removed"];
  for (const code of [...key, ...hosting, ...entry]) {
    assert.ok(wordForError(code) in WORDS, code);
    const places = [isAboutKey, isAboutHosting, isAboutEntry].map((isAbout) => isAbout(code));
    assert.deepEqual(places, [key, hosting, entry].map((codes) => codes.includes(code)), code);
  }
});
