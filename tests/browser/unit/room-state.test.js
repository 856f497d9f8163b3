// What hosts set and do, as the page notes it from the events of the server.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { captionOf, isOnAir } from "../../../page/captions.js";
import { changes, takeChanges, takeEntries } from "../../../page/changes.js";
import { applyEvent } from "../../../page/events.js";
import { countAnswers } from "../../../page/room-state.js";
import { hidden, isBlind, isFrozen, newRoom, presenceOf, room, seat } from "../../../page/state.js";

const OPEN = { locked: false, hidden: false, frozen: false, prompt: "", spotlight: null, hosts: [] };

beforeEach(() => {
  Object.assign(room, newRoom());
  Object.assign(seat, { name: "", session: undefined, wanted: "", welcomed: false, cleared: null, emptied: false });
  hidden.clear();
  takeChanges();
  takeEntries();
});

function snapshot(users, more = {}) {
  const usual = { you: null, name: null, session: null, cleared: null, room: "physics", state: OPEN, log: [] };
  applyEvent("existing_users", { ...usual, users, ...more }, 0);
}

const user = (name, text = "", more = {}) => ({ name, text, away: false, ...more });
const state = (change) => applyEvent("room_state", { ...OPEN, ...change });
const texts = () => Object.fromEntries([...room.users.values()].map(({ name, text }) => [name, text]));
const wrote = () => [...room.users.values()].filter((other) => other.wrote).map(({ name }) => name);
const CLASS = { 1: user("Ada", "a"), 2: user("Ben"), 3: user("Me", "mine") };
const ME = { you: "3", name: "Me", session: "s", cleared: 0 };

test("a room whose server says nothing of hosts is as it always was", () => {
  snapshot(CLASS, { state: undefined, cleared: undefined, ...{ you: "3", name: "Me" } });
  assert.deepEqual([room.state, room.hosting, isBlind(), isFrozen()], [newRoom().state, false, false, false]);
  assert.equal(seat.emptied, false);
});

test("while answers are hidden, a page that is no host keeps its own text alone, and who has written", () => {
  snapshot(CLASS, ME);
  state({ hidden: true });
  assert.deepEqual(texts(), { Ada: "", Ben: "", Me: "mine" });
  assert.deepEqual(wrote(), ["Ada", "Me"]);
  applyEvent("user_wrote", { id: "2", wrote: true });
  applyEvent("user_wrote", { id: "1", wrote: false });
  assert.deepEqual(wrote(), ["Ben", "Me"]);
  assert.ok(isBlind());
});

test("a host keeps the texts, by the key or by being made one", () => {
  snapshot(CLASS, ME);
  applyEvent("hosting", {});
  state({ hidden: true });
  assert.equal(texts().Ada, "a");
  snapshot(CLASS, ME);
  assert.equal(room.hosting, false);
  state({ hidden: true, hosts: ["3"] });
  assert.deepEqual([texts().Ada, room.hosting], ["a", true]);
  snapshot(CLASS, { ...ME, host: true, state: { ...OPEN, hidden: true } });
  assert.deepEqual([texts().Ada, isBlind()], ["a", false]);
});

test("a snapshot of hidden answers says who has written", () => {
  const users = { 1: user("Ada", "", { wrote: true }), 2: user("Ben", "", { wrote: false }), 3: user("Me", "mine") };
  snapshot(users, { ...ME, state: { ...OPEN, hidden: true } });
  assert.deepEqual([wrote(), texts().Me], [["Ada", "Me"], "mine"]);
});

test("a text that is revealed is not one that is being typed", () => {
  snapshot(CLASS, ME);
  state({ hidden: true });
  state({});
  applyEvent("text_update", { id: "1", text: "revealed" }, 10);
  assert.equal(presenceOf(room.users.get("1"), 20), "idle");
  applyEvent("text_update", { id: "2", text: "typed" }, 10);
  assert.equal(presenceOf(room.users.get("2"), 20), "typing");
});

test("hosts do not count among those who have written", () => {
  snapshot(CLASS, { ...ME, state: { ...OPEN, hosts: ["1"] } });
  assert.deepEqual(countAnswers(true), { wrote: 1, people: 2 });
  assert.deepEqual(countAnswers(false), { wrote: 0, people: 2 });
});

test("a user who leaves is no host and in no spotlight any more, without another state", () => {
  snapshot(CLASS, { ...ME, state: { ...OPEN, hosts: ["1", "2"], spotlight: "1" } });
  applyEvent("disconnect_user", { id: "1", name: "Ada", removed: true });
  assert.deepEqual([[...room.hosts], room.state.spotlight], [["2"], null]);
  assert.ok(changes.parts.has("spotlight") && changes.parts.has("board"));
});

test("frozen is for all but hosts", () => {
  snapshot(CLASS, ME);
  state({ frozen: true });
  assert.ok(isFrozen());
  applyEvent("hosting", {});
  assert.equal(isFrozen(), false);
});

test("a cleared box is to be emptied once, whether the page heard of it or finds it out later", () => {
  snapshot(CLASS, { ...ME, cleared: 2 });
  assert.deepEqual([seat.cleared, seat.emptied], [2, false]);
  applyEvent("text_cleared", { cleared: 5 });
  assert.deepEqual([seat.cleared, seat.emptied], [5, true]);
  seat.emptied = false;
  snapshot(CLASS, { ...ME, cleared: 5 });
  assert.equal(seat.emptied, false);
  snapshot(CLASS, { ...ME, cleared: 6 });
  assert.deepEqual([seat.cleared, seat.emptied], [6, true]);
});

test("a server that forgot when it last cleared a box empties nothing", () => {
  snapshot(CLASS, { ...ME, cleared: 7 });
  snapshot(CLASS, { ...ME, cleared: 0 });
  assert.deepEqual([seat.cleared, seat.emptied], [0, false]);
  applyEvent("text_cleared", { cleared: 1 });
  assert.deepEqual([seat.cleared, seat.emptied], [1, true]);
});

test("somebody who watches has no box to empty", () => {
  snapshot(CLASS);
  applyEvent("text_cleared", { cleared: 1 });
  assert.deepEqual([seat.cleared, seat.emptied], [null, false]);
});

test("in a spotlight, the captions show that user alone", () => {
  snapshot(CLASS, ME);
  const [ada, ben] = [room.users.get("1"), room.users.get("2")];
  assert.deepEqual([isOnAir(ada), isOnAir(ben)], [true, false]);
  state({ spotlight: "2" });
  assert.deepEqual([isOnAir(ada), isOnAir(ben)], [false, true]);
  state({ spotlight: "3" });
  assert.deepEqual([isOnAir(ada), isOnAir(ben)], [true, false]);
  hidden.add("Ben");
  state({ spotlight: "2" });
  assert.equal(isOnAir(ada), true);
});

const post = (n, text = `post ${n}`) => ({ n, id: "1", name: "Ada", text, at: 1_000 + n });
const postTexts = () => [...room.posts.values()].map(({ text }) => text);

test("the text of a removed post is gone from the log and the captions, and its number stays", () => {
  snapshot(CLASS, { log: [post(1), post(2)] });
  takeEntries();
  applyEvent("post_removed", { n: 1 });
  assert.deepEqual(postTexts(), ["", "post 2"]);
  assert.equal(captionOf(room.users.get("1")), "post 2\na");
  assert.deepEqual(changes.entries.map(({ n }) => n), [1]);
  applyEvent("post_removed", { n: 1 });
  applyEvent("post_removed", { n: 9 });
  assert.equal(changes.entries.length, 1);
});

test("a post that was removed while the page was away is removed in it too", () => {
  snapshot(CLASS, { log: [post(1), post(2)] });
  snapshot(CLASS, { log: [post(1, ""), post(2)] });
  assert.deepEqual(postTexts(), ["", "post 2"]);
});

test("a post that the server has lost keeps its text when a new one of that number is removed", () => {
  snapshot(CLASS, { log: [post(1)] });
  snapshot(CLASS, { log: [{ ...post(1, "anew"), at: 9_000 }] });
  applyEvent("post_removed", { n: 1 });
  assert.deepEqual(postTexts(), ["post 1", ""]);
});
