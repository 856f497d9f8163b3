// Read aloud: which sentences are there to say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { hear, newHearing, sentencesIn } from "../../../page/aloud.js";

/** Types texts one after the other; the result is what was said after each. */
function said(hearing, ...texts) {
  return texts.map((text) => hear(hearing, text, "en", false).join(" "));
}

/** Each prefix of a text, as somebody types it. */
const typed = (text) => [...text].map((_, index) => text.slice(0, index + 1));

const { Segmenter } = Intl;
for (const how of ["with Intl.Segmenter", "without"]) {
  test(`a text is cut into sentences, and the last one may go on: ${how}`, (t) => {
    if (how === "without") delete Intl.Segmenter;
    t.after(() => (Intl.Segmenter = Segmenter));
    for (const [text, whole, rest] of [
      ["", [], ""],
      ["Hello", [], "Hello"],
      ["Hello.", [], "Hello."], // it may become Hello.txt
      ["Hello. ", ["Hello."], ""],
      ["Hello. How are you? I'm", ["Hello.", "How are you?"], "I'm"],
      ["Really?! \"Yes.\" Good", ["Really?!", "\"Yes.\""], "Good"],
      ["Version 3.5 is out. ", ["Version 3.5 is out."], ""],
      ["a line\nanother\n\nlast", ["a line", "another"], "last"],
      ["你好。我是", ["你好。"], "我是"],
      ["你好！", ["你好！"], ""],
      ["كيف حالك؟ بخير", ["كيف حالك؟"], "بخير"],
      ["नमस्ते। आप", ["नमस्ते।"], "आप"],
    ]) {
      assert.deepEqual(sentencesIn(text, "en"), { whole, rest }, text);
    }
  });
}

test("as somebody types, each sentence is said once, when it is whole", () => {
  const text = "Hello all. How are you? I am fine.\nGood. ";
  assert.equal(said(newHearing(""), ...typed(text)).filter(Boolean).join("|"), "Hello all.|How are you?|I am fine.|Good.");
});

test("what is taken back after it was said is not said again when it comes back", () => {
  const hearing = newHearing("");
  const forth = typed("Hello all. Goodbye. ");
  assert.equal(said(hearing, ...forth, ...forth.toReversed(), "", ...forth).filter(Boolean).join("|"), "Hello all.|Goodbye.");
  assert.deepEqual(said(hearing, "Hello everyone. "), ["Hello everyone."]);
  assert.deepEqual(said(hearing, "Hello all. "), [""]);
});

test("a sentence that is written twice is said twice", () => {
  assert.deepEqual(said(newHearing(""), "No. ", "No. No. ", "No. No. No. "), ["No.", "No.", "No."]);
});

test("a correction further up says only the sentence that has changed", () => {
  assert.deepEqual(said(newHearing(""), "Helo all. Bye. ", "Hello all. Bye. "), ["Helo all. Bye.", "Hello all."]);
});

test("after a rest the last sentence is said too, and later only the rest of it", () => {
  const hearing = newHearing("");
  assert.deepEqual(hear(hearing, "we could meet", "en", true), ["we could meet"]);
  assert.deepEqual(hear(hearing, "we could meet", "en", true), []);
  assert.deepEqual(hear(hearing, "we could meet at noon. ", "en", false), ["at noon."]);
  assert.deepEqual(hear(hearing, "we could meet at noon. ", "en", true), []);
  const other = newHearing("");
  hear(other, "I", "en", true);
  assert.deepEqual(hear(other, "It rains. ", "en", false), ["It rains."], "a word is not torn");
});

test("what was there before is not said, and what was begun is said whole", () => {
  assert.deepEqual(said(newHearing("Before. Be"), "Before. Begun. "), ["Begun."]);
});

test("a post says what was not heard of it yet, and the same may be said again afterwards", () => {
  const hearing = newHearing("");
  assert.deepEqual(said(hearing, "Yes. I thi"), ["Yes."]);
  hearing.posts.push("Yes. I think so");
  assert.deepEqual(said(hearing, "Yes. I think so"), ["I think so"], "the post still stands in the box");
  assert.deepEqual(said(hearing, "", "Yes. "), ["", "Yes."]);
});

test("a text that comes behind its post is not said again while it catches up", () => {
  const hearing = newHearing("");
  assert.deepEqual(said(hearing, "Yes. I"), ["Yes."]);
  hearing.posts.push("Yes. I think so");
  assert.deepEqual(said(hearing, "Yes. I", "Yes. I think so", "", "Yes. "), ["I think so", "", "", "Yes."]);
});

test("a post that is written, posted and gone between two looks is said", () => {
  const hearing = newHearing("");
  hearing.posts.push("Yes!", "No!");
  assert.deepEqual(said(hearing, "And"), ["Yes! No!"]);
});

test("when the first sentences of a text are posted, the others are not said again", () => {
  const hearing = newHearing("");
  assert.deepEqual(said(hearing, "One. Two. Three. Fo"), ["One. Two. Three."]);
  hearing.posts.push("One. Two. ");
  assert.deepEqual(said(hearing, "One. Two. Three. Four", "Three. Four. "), ["", "Four."]);
  assert.deepEqual(said(hearing, "Three. Four. One. "), ["One."]);
});

test("a long text costs no more memory than its bound", () => {
  const hearing = newHearing("");
  for (let n = 0; n < 2_000; n += 1) hear(hearing, `Sentence ${n}. `, "en", false);
  assert.ok(hearing.heard.length <= 500);
});

test("a text with more sentences than are remembered is said once", () => {
  const lines = (count) => Array.from({ length: count }, (_, n) => `Line ${n}\n`).join("");
  const hearing = newHearing(lines(700));
  assert.deepEqual(said(hearing, lines(700), lines(701), lines(702), lines(702)), ["", "Line 700", "Line 701", ""]);
});

test("of a sentence that was said, a full stop is not said later, but other marks are", () => {
  for (const [end, news] of [[". ", []], ["。", []], ["? ", ["?"]]]) {
    const hearing = newHearing("");
    assert.deepEqual(hear(hearing, "You go", "en", true), ["You go"]);
    assert.deepEqual(hear(hearing, `You go${end}`, "en", false), news);
  }
});

test("whoever writes without full stops is heard all the same, each word once", () => {
  const words = Array.from({ length: 150 }, (_, n) => `word${n}`);
  const text = words.join(" ");
  const hearing = newHearing("");
  const parts = said(hearing, ...typed(text), text.slice(0, 790), text, `${text}. `).filter(Boolean);
  assert.ok(parts.length > 4);
  assert.equal(parts.join(" "), `${text}.`);
  assert.ok(parts.every((part) => words.includes(part.split(" ")[0])), "a word was torn");
});
