// What of a long text goes to the log while somebody writes continuously.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { captionOf } from "../../../page/captions.js";
import { boundaryAfter, cutFor, isNearlyFull, putInto } from "../../../page/continuous.js";
import { applyEvent } from "../../../page/events.js";
import { newRoom, room } from "../../../page/state.js";

beforeEach(() => Object.assign(room, newRoom()));

const LIMIT = 10_000;
const cutOf = (text, caret = text.length, limit = LIMIT) => text.slice(0, cutFor(text, caret, limit));
const words = (length) => "Word ".repeat(length / 5);

test("a short text stays, and of a long one what was written last", () => {
  assert.equal(cutOf(words(1_500)), "");
  assert.equal(cutOf(`${words(1_900)}end. ${words(200)}`), ""); // the only sentence ends too late
  assert.equal(cutOf(`${words(1_400)}end. ${words(800)}`), `${words(1_400)}end. `);
});

test("whole paragraphs go, otherwise whole sentences; a full stop before a small letter ends none", () => {
  const paragraph = `${words(1_100)}end.\n\n`;
  assert.equal(cutOf(`${paragraph}${words(500)}A sentence. ${words(900)}`), paragraph);
  assert.equal(cutOf(`Hi.\n${words(900)}A sentence. ${words(1_500)}`), `Hi.\n${words(900)}A sentence. `);
  assert.equal(cutOf(`${words(900)}A sentence. ${words(400)}i.e. the ${words(1_200)}`), `${words(900)}A sentence. `);
  assert.equal(cutOf(`${"これは文です。".repeat(300)}`).length % 7, 0);
  assert.equal(cutOf(`${words(900)}هل هذا سؤال؟ ${words(1_500)}`), `${words(900)}هل هذا سؤال؟ `);
});

test("nothing goes from the caret on, nor without an end, until the box is nearly full", () => {
  const text = `${words(1_400)}end. ${words(800)}`;
  assert.equal(cutOf(text, 700), "");
  assert.equal(cutOf(words(5_000)), "");
  assert.equal(isNearlyFull(words(9_000), LIMIT), true);
  assert.equal(cutOf(words(9_000), 0).length, 8_500);
  const cut = cutOf("😀".repeat(4_600), 0);
  assert.ok(cut.isWellFormed() && cut.length > 8_000);
  assert.equal(cutOf("\n".repeat(9_500)), "");
});

test("limits of other sizes hold as well", () => {
  assert.equal(cutOf("One two. Three. Four five six", undefined, 40), "One two. Three. ");
  assert.ok(cutOf(words(30_000)).length <= LIMIT);
});

test("a boundary stays where it is while others write around it", () => {
  const cases = [
    ["ab|cd", "ab|cde"],
    ["ab|cd", "abX|cd", "aXb|cd"],
    ["ab|cd", "ab|Xcd"],
    ["ab|cd", "a|cd"],
    ["abc|def", "ab|ef"],
    ["ab|cd", "|cd"],
  ];
  for (const [before, mark, after = mark] of cases) {
    const plain = (text) => text.replace("|", "");
    const at = boundaryAfter(plain(before), plain(after), before.indexOf("|"));
    assert.equal(at, after.indexOf("|"), `${before} → ${after}`);
  }
  assert.equal(putInto("The quik fox", "The quick fox"), "c");
  assert.equal(putInto("same", "same"), "");
});

/** Numbers that look random and are the same in each run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = ["word ", "a longer piece of text ", "end. ", "What? ", "\n", "\n\n", "文です。", "😀", "x".repeat(300), "ha ha ha ", "e.g. this "];

// One who writes, a server, and a reader: the box, the post that is on its way, and the events that a reader gets. The
// server sends the post at any later time, as after a lost connection or while posts have to wait.
for (const [name, limit] of [["10,000", 10_000], ["300", 300]]) {
  test(`whatever is typed with a limit of ${name}: all posts and the rest are all that was typed, and a reader sees it once`, () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      Object.assign(room, newRoom());
      applyEvent("new_user", { id: "1", new_user_name: "Ada" });
      const pick = numbers(seed);
      const seen = () => captionOf(room.users.get("1"));
      const posts = [];
      let [typed, box, moved, n] = ["", "", null, 0];
      const settle = () => {
        n += 1;
        applyEvent("data", { n, id: "1", name: "Ada", text: moved.text, at: n });
        assert.equal(seen().replace(/\n/g, ""), typed.replace(/\n/g, ""), `seed ${seed}, post ${n}`);
        posts.push(moved.text);
        box = putInto(moved.text, box.slice(0, moved.extent)) + box.slice(moved.extent);
        moved = null;
        applyEvent("text_update", { id: "1", text: box });
      };
      const move = () => {
        const cut = moved ? 0 : cutFor(box, box.length, limit);
        if (cut) moved = { text: box.slice(0, cut), extent: cut };
      };
      for (let step = 0; step < 400; step += 1) {
        const piece = PIECES[pick(PIECES.length)];
        if (box.length + piece.length > limit && moved) settle();
        typed += piece;
        if (moved) moved.extent = boundaryAfter(box, box + piece, moved.extent);
        box += piece;
        applyEvent("text_update", { id: "1", text: box });
        move();
        if (moved && pick(4) === 0) settle();
        assert.equal(posts.join("") + box, typed, `seed ${seed}, step ${step}`);
        assert.equal(seen().replace(/\n/g, ""), typed.replace(/\n/g, ""), `seed ${seed}, step ${step}`);
      }
      assert.ok(posts.length > 3);
      assert.ok(posts.every((post) => post.trim() && [...post].length <= limit));
      for (move(); moved; move()) settle();
      assert.ok(box.length < limit * 0.9);
    }
  });
}

test("what is put into a text that is on its way stays, and is typed into no post", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const pick = numbers(seed);
    const posted = `${words(200)}end. `;
    let box = `${posted}${words(100)}`;
    let [extent, inserted] = [posted.length, 0];
    for (let step = 0; step < pick(5); step += 1) {
      const at = pick(box.length + 1);
      const after = `${box.slice(0, at)}${"XYZ"[step % 3]}${box.slice(at)}`;
      extent = boundaryAfter(box, after, extent);
      box = after;
      inserted += 1;
    }
    const rest = putInto(posted, box.slice(0, extent)) + box.slice(extent);
    assert.equal(rest.replace(/[^XYZ]/g, "").length, inserted, `seed ${seed}`);
    assert.ok(rest.replace(/[XYZ]/g, "").endsWith(words(100)));
  }
});
