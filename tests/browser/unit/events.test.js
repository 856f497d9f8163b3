// The state of the room from the events of the server, without a document.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { captionOf, mainOf } from "../../../page/captions.js";
import { changes, takeChanges, takeEntries } from "../../../page/changes.js";
import { applyEvent } from "../../../page/events.js";
import { lookOf } from "../../../page/marks.js";
import { hidden, newRoom, presenceOf, room, seat } from "../../../page/state.js";

beforeEach(() => {
  Object.assign(room, newRoom());
  Object.assign(seat, { name: "", session: undefined, wanted: "", welcomed: false });
  hidden.clear();
  takeChanges();
  takeEntries();
});

const post = (n, text = `post ${n}`, more = {}) => ({ n, id: "1", name: "Ada", text, at: 1_000 + n, ...more });

function snapshot(users = {}, more = {}, now = 0) {
  const named = Object.entries(users).map(([id, [name, text = "", away = false]]) => [id, { name, text, away }]);
  const usual = { you: null, name: null, session: null, room: "physics", log: [], limits: { text: 100, name: 20 } };
  applyEvent("existing_users", { ...usual, users: Object.fromEntries(named), ...more }, now);
}

const names = () => [...room.users.values()].map(({ name }) => name);
const texts = () => Object.fromEntries([...room.users.values()].map(({ name, text }) => [name, text]));
const shownPosts = () => [...room.posts.values()].map(({ text }) => text);

test("a snapshot is the whole room", () => {
  snapshot({ 1: ["Ada", "hello"], 2: ["Ben", "", true] }, { you: "1", name: "Ada", session: "s", log: [post(1)] });
  assert.deepEqual(texts(), { Ada: "hello", Ben: "" });
  assert.deepEqual([room.you, room.title, room.limits], ["1", "physics", { text: 100, name: 20 }]);
  assert.deepEqual([seat.name, seat.session], ["Ada", "s"]);
  assert.deepEqual(shownPosts(), ["post 1"]);
  assert.equal(presenceOf(room.users.get("2")), "away");
  assert.ok(changes.parts.has("people") && changes.parts.has("posts"));
});

test("a user who takes another name keeps box and posts, and viewers are counted", () => {
  snapshot({ 1: ["Ada", "text"] }, { you: "1", name: "Ada", session: "s", log: [post(1)], viewers: 2 });
  const user = room.users.get("1");
  assert.equal(room.viewers, 2);
  applyEvent("viewers", { count: 3 });
  applyEvent("user_renamed", { id: "1", name: "Eve" });
  assert.equal(room.viewers, 3);
  assert.deepEqual([room.users.get("1"), texts(), shownPosts()], [user, { Eve: "text" }, ["post 1"]]);
  assert.equal([...room.posts.values()][0].name, "Ada");
});

test("a server may be cut off from the others, and is linked unless it says otherwise", () => {
  snapshot({ 1: ["Ada"] }, { linked: false });
  assert.ok(!room.linked && changes.parts.has("link"));
  takeChanges();
  applyEvent("linked", { linked: true });
  assert.ok(room.linked && changes.parts.has("link") && changes.parts.has("me"));
  applyEvent("linked", { linked: false });
  assert.equal(room.linked, false);
  snapshot({ 1: ["Ada"] });
  assert.equal(room.linked, true, "another server");
});

test("a mark is the server's, and a post keeps its author's", () => {
  snapshot({ 1: ["Ada"] });
  applyEvent("new_user", { id: "2", new_user_name: "Ben", mark: 7 });
  applyEvent("data", { ...post(1), id: "2", name: "Ben" });
  const { look } = room.users.get("2");
  assert.deepEqual([room.users.get("1").look, look], [lookOf("Ada"), lookOf("Ben", 7)]);
  applyEvent("existing_users", { you: null, room: "r", log: [], users: { 9: { name: "Ben", mark: 8, text: "" } } });
  assert.deepEqual(room.users.get("9").look, lookOf("Ben", 8), "after a restart of the server");
  assert.deepEqual([...room.posts.values()][0].look, look);
});

test("a snapshot without a session leaves the one that was sent meanwhile", () => {
  seat.session = "sent";
  snapshot();
  assert.equal(seat.session, "sent");
  assert.equal(room.you, null);
});

test("users come, write, go away, come back and leave", () => {
  snapshot();
  assert.ok(applyEvent("new_user", { id: "1", new_user_name: "Ada" }));
  assert.ok(applyEvent("new_user", { id: "1", new_user_name: "Ada" }));
  assert.deepEqual(names(), ["Ada"]);
  const ada = room.users.get("1");
  applyEvent("text_update", { id: "1", text: "hi" }, 1_000);
  assert.deepEqual([ada.text, presenceOf(ada, 1_500), presenceOf(ada, 3_000)], ["hi", "typing", "idle"]);
  applyEvent("user_away", { id: "1" });
  assert.equal(presenceOf(ada, 1_500), "away");
  applyEvent("user_back", { id: "1" });
  assert.equal(presenceOf(ada, 1_500), "typing");
  applyEvent("disconnect_user", { id: "1", name: "Ada" });
  assert.deepEqual(names(), []);
  assert.deepEqual([presenceOf(ada), ada.missing], ["gone", false]);
});

test("an emptied box is not one where somebody types, nor is one whose text was posted", () => {
  snapshot({ 1: ["Ada"] });
  const ada = room.users.get("1");
  for (const end of [["text_update", { id: "1", text: "" }], ["data", post(1)]]) {
    applyEvent("text_update", { id: "1", text: "x" }, 0);
    assert.equal(presenceOf(ada, 10), "typing");
    applyEvent(...end, 20);
    assert.equal(presenceOf(ada, 30), "idle");
  }
});

test("a splice changes a text, and one that does not fit is told and changes nothing", () => {
  snapshot({ 1: ["Ada", "Hllo"] });
  assert.ok(applyEvent("text_update", { id: "1", at: 1, cut: 0, put: "e", length: 5 }));
  assert.deepEqual(texts(), { Ada: "Hello" });
  assert.equal(applyEvent("text_update", { id: "1", at: 9, cut: 0, put: "!", length: 6 }), false);
  assert.deepEqual(texts(), { Ada: "Hello" });
});

test("events of users who are not known, and events of other kinds, change nothing", () => {
  snapshot({ 1: ["Ada", "a"] });
  takeChanges();
  for (const event of ["text_update", "user_away", "user_back"]) assert.ok(applyEvent(event, { id: "9", text: "x" }));
  for (const event of ["pong", "constructor", "toString"]) assert.ok(applyEvent(event, {}));
  assert.deepEqual(texts(), { Ada: "a" });
  assert.equal(changes.users.size, 0);
});

test("a user who was here before is the same one after a restart that gave new ids", () => {
  snapshot({ 1: ["Ada", "a"], 2: ["Ben", "b"] });
  const ada = room.users.get("1");
  const ben = room.users.get("2");
  snapshot({ 2: ["Ada", "a"] });
  assert.equal(room.users.get("2"), ada);
  assert.deepEqual([ben.gone, ben.missing], [true, true]);
});

test("a text that changed while the connection was lost counts as changed when it comes, and not as being typed", () => {
  snapshot({ 1: ["Ada"], 2: ["Ben"] });
  for (const [id, text] of [["1", "two"], ["2", "same"]]) applyEvent("text_update", { id, text }, 1_000);
  snapshot({ 1: ["Ada", "three"], 2: ["Ben", "same"] }, {}, 1_500);
  const [ada, ben] = room.users.values();
  assert.deepEqual([ada.typedAt, presenceOf(ada, 1_600)], [1_500, "idle"]);
  assert.deepEqual([ben.typedAt, presenceOf(ben, 1_600)], [1_000, "typing"]);
});

test("a user who was told of under a new id before the snapshot is there once", () => {
  snapshot({ 1: ["Ben"] });
  applyEvent("new_user", { id: "new", new_user_name: "Ben" });
  snapshot({ new: ["Ben", "back"] });
  assert.deepEqual(texts(), { Ben: "back" });
});

test("a post is there once, however often it comes, and the oldest go", () => {
  snapshot();
  applyEvent("data", post(1));
  applyEvent("data", post(1));
  assert.deepEqual(shownPosts(), ["post 1"]);
  for (let n = 2; n <= 2_005; n += 1) applyEvent("data", post(n));
  assert.equal(room.posts.size, 2_000);
  assert.equal(shownPosts()[0], "post 6");
});

const seams = () => changes.entries.filter((entry) => "seam" in entry).map(({ seam }) => seam);
const waiting = () => changes.entries.filter((entry) => "text" in entry);

test("a log that goes on adds what is new", () => {
  snapshot({}, { log: [post(1), post(2)] });
  assert.deepEqual(waiting().map(({ old }) => old), [true, true]);
  changes.entries = [];
  snapshot({}, { log: [post(2), post(3)] });
  assert.deepEqual(waiting().map(({ n, old }) => [n, old]), [[3, false]]);
  assert.deepEqual(seams(), []);
});

test("posts that were missed leave a gap, and a log that begins anew a seam", () => {
  snapshot({}, { log: [post(1)] });
  snapshot({}, { log: [post(5)] });
  assert.deepEqual(seams(), ["gap"]);
  snapshot({}, { log: [post(1, "anew", { at: 9_000 })] });
  assert.deepEqual(seams(), ["gap", "seam"]);
  assert.deepEqual([...room.posts.values()].map(({ lost = false }) => lost), [true, true, false]);
  snapshot({}, { log: [] });
  assert.deepEqual(seams(), ["gap", "seam", "seam"]);
});

test("comings and goings between two posts are one entry, and a return leaves no trace", () => {
  snapshot();
  applyEvent("new_user", { id: "1", new_user_name: "Ada" });
  applyEvent("new_user", { id: "2", new_user_name: "Ben" });
  applyEvent("disconnect_user", { id: "1", name: "Ada" });
  assert.deepEqual(changes.entries, [{ came: ["Ben"], went: [] }]);
  applyEvent("data", post(1));
  applyEvent("disconnect_user", { id: "2", name: "Ben" });
  assert.deepEqual(changes.entries.at(-1), { came: [], went: ["Ben"] });
});

test("one's own arrival is no news", () => {
  snapshot();
  applyEvent("new_user", { id: "1", new_user_name: "Ada" });
  snapshot({ 1: ["Ada"] }, { you: "1", name: "Ada", session: "s" });
  assert.deepEqual(changes.entries.filter((entry) => "came" in entry), [{ came: [], went: [] }]);
});

test("captions show three speakers; a new one takes the place of the quietest, when that one has rested", () => {
  snapshot({ 1: ["Ada"], 2: ["Ben"], 3: ["Carol"], 4: ["Dan"], 5: ["Me"] }, { you: "5", name: "Me", session: "s" });
  const say = (id, text, now) => applyEvent("text_update", { id, text }, now);
  say("5", "mine", 10);
  say("1", "a", 10);
  say("2", "b", 20);
  say("3", "c", 30);
  say("4", "d", 4_000);
  assert.deepEqual(room.speakers, ["1", "2", "3"]);
  say("4", "dd", 4_010);
  assert.deepEqual(room.speakers, ["2", "3", "4"]);
  hidden.add("Ada");
  say("1", "aa", 60_000);
  assert.deepEqual(room.speakers, ["2", "3", "4"]);
});

test("captions keep what was posted, up to 200,000 characters", () => {
  snapshot({ 1: ["Ada"] });
  const ada = room.users.get("1");
  for (let n = 1; n <= 4; n += 1) applyEvent("data", post(n));
  applyEvent("text_update", { id: "1", text: "and on" });
  assert.equal(captionOf(ada), "post 1\npost 2\npost 3\npost 4\nand on");
  for (let n = 5; n <= 30; n += 1) applyEvent("data", post(n, String(n).padEnd(10_000)));
  assert.deepEqual([ada.said.length, ada.said.at(-1).n, ada.said[0].n], [20, 30, 11]);
});

test("captions show what was posted once, while the box still begins with it, and go on in the same line", () => {
  snapshot({ 1: ["Ada"] });
  const ada = room.users.get("1");
  const write = (text) => applyEvent("text_update", { id: "1", text });
  const shown = [];
  const see = () => shown.push(captionOf(ada));
  write("One. Two. Thr");
  see();
  applyEvent("data", post(1, "One. "));
  see();
  write("One. Two. Three");
  see();
  write("Two. Three");
  see();
  applyEvent("data", post(2, "Two. "));
  write("Three. ");
  see();
  const all = "One. Two. Thr";
  assert.deepEqual(shown, [all, all, "One. Two. Three", "One. Two. Three", "One. Two. Three. "]);
});

test("after a lost connection, captions show each post once and keep what was there before", () => {
  snapshot({ 1: ["Ada"] }, { log: [] });
  const ada = room.users.get("1");
  applyEvent("data", post(1));
  const long = "A sentence that nobody types twice by chance. ";
  snapshot({ 7: ["Ada", `${long}And on`] }, { log: [post(1), { ...post(2, long), id: "7" }] });
  assert.equal(captionOf(ada), `post 1\n${long}And on`);
  applyEvent("text_update", { id: "7", text: "And on" });
  assert.equal(captionOf(ada), `post 1\n${long}And on`);
});

test("whoever takes everything back leaves the captions at once", () => {
  snapshot({ 1: ["Ada"] });
  applyEvent("text_update", { id: "1", text: "oops" });
  assert.deepEqual(room.speakers, ["1"]);
  applyEvent("text_update", { id: "1", text: "" });
  assert.deepEqual(room.speakers, []);
});

test("the main speaker has most to say, and stays so until another has clearly more", () => {
  snapshot({ 1: ["Ada", "a".repeat(100)], 2: ["Ben", "b".repeat(120)], 3: ["Carol", "c".repeat(151)] });
  const [ada, ben, carol] = room.users.values();
  assert.equal(mainOf([ada, ben], undefined), ben);
  assert.equal(mainOf([ada, ben], ada), ada);
  assert.equal(mainOf([ada, ben, carol], ada), carol);
  assert.equal(mainOf([ben, carol], ada), carol);
  assert.equal(mainOf([], ada), undefined);
});
