// Posts that are not confirmed: which is sent when, again too, and which is taken back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, keep, nextIn, noteSent, noteStored, pauseIn, renew, takeBack } from "../../../page/queue.js";

const queueOf = (...texts) => ({
  pending: texts.map((text, n) => ({ text, ref: `r${n + 1}` })),
  underWay: null,
  refusals: 0,
  pause: 0,
});
const refs = ({ pending }) => pending.map(({ ref }) => ref);

// Sends the next post, and returns its ref.
function send(queue) {
  const next = nextIn(queue);
  if (next) noteSent(queue, next);
  return next?.ref;
}

test("one post at a time is on its way, in the order in which they were posted", () => {
  const queue = queueOf("one", "two");
  assert.deepEqual([send(queue), send(queue)], ["r1", undefined]);
  assert.equal(noteStored(queue, "r9"), undefined);
  assert.equal(send(queue), undefined);
  assert.equal(noteStored(queue, "r1").text, "one");
  assert.equal(noteStored(queue, "r1"), undefined);
  assert.deepEqual([send(queue), refs(queue)], ["r2", ["r2"]]);
});

test("a post that is not stored is sent again after pauses that grow, before the next one, and given up in the end", () => {
  const queue = queueOf("one", "two");
  const pauses = [];
  for (;;) {
    assert.equal(send(queue), "r1");
    assert.ok(keep(queue, "r1"));
    const pause = pauseIn(queue);
    if (pause === undefined) break;
    queue.pause = 7;
    assert.equal(send(queue), undefined, "not before the pause is over");
    queue.pause = 0;
    pauses.push(pause);
  }
  assert.deepEqual(pauses, [...pauses].sort((a, b) => a - b));
  assert.ok(pauses.length > 1 && pauses.reduce((sum, pause) => sum + pause) <= 15_000);
  assert.deepEqual(drop(queue, "r1").map(({ ref }) => ref), ["r1", "r2"]);
  assert.deepEqual([queue.refusals, nextIn(queue)], [0, undefined]);
});

test("a post that is stored in the end has used up no attempts of the next", () => {
  const queue = queueOf("one", "two");
  send(queue);
  keep(queue, "r1");
  pauseIn(queue);
  send(queue);
  noteStored(queue, "r1");
  assert.deepEqual([queue.refusals, send(queue)], [0, "r2"]);
});

test("on a new connection, the post that was on its way is sent again at once with the same ref", () => {
  const queue = queueOf("one", "two");
  send(queue);
  renew(queue);
  assert.deepEqual([send(queue), send(queue)], ["r1", undefined]);
  keep(queue, "r1");
  queue.pause = 7;
  pauseIn(queue);
  renew(queue);
  assert.deepEqual([queue.refusals, send(queue)], [0, "r1"]);
});

test("an answer to a post that nobody wants any more changes nothing", () => {
  const queue = queueOf("one");
  send(queue);
  assert.ok(!keep(queue, "r9") && !keep(queue, undefined));
  assert.deepEqual([drop(queue, undefined), queue.underWay], [[], "r1"]);
});

test("a post that the server does not have is taken back by a change of its text, with those behind it", () => {
  const queue = queueOf("one ", "two ", "three ");
  takeBack(queue, "one two three and more");
  assert.deepEqual(refs(queue), ["r1", "r2", "r3"]);
  send(queue);
  takeBack(queue, "one to three");
  assert.deepEqual([refs(queue), queue.underWay], [["r1"], "r1"]);
  takeBack(queue, "on");
  assert.deepEqual(refs(queue), ["r1"], "the server may have it");
  renew(queue);
  takeBack(queue, "");
  assert.deepEqual(refs(queue), ["r1"], "it may also have what was sent on an earlier connection");
  send(queue);
  keep(queue, "r1");
  pauseIn(queue);
  takeBack(queue, "on");
  assert.deepEqual([refs(queue), queue.refusals], [[], 0]);
});

test("a part of a continuous text, and a post that a host has cleared, are not taken back", () => {
  const queue = queueOf("a part", "cleared", "post");
  Object.assign(queue.pending[0], { extent: 4 });
  Object.assign(queue.pending[1], { out: true });
  takeBack(queue, "partpost");
  assert.deepEqual(refs(queue), ["r1", "r2", "r3"]);
  takeBack(queue, "partpos");
  assert.deepEqual(refs(queue), ["r1", "r2"]);
});
