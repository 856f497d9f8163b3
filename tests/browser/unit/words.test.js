// The words: complete in every language, with all their plural forms.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { afterEach, test } from "node:test";
import { languageFor, listed, say, tongue, useWords, wordsOf } from "../../../page/words.js";

const FOLDER = new URL("../../../page/words/", import.meta.url);
const read = (language) => JSON.parse(readFileSync(new URL(`${language}.json`, FOLDER), "utf8"));
const ENGLISH = read("en");
const LANGUAGES = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ""));
/** More numbers than any language tells apart. */
const NUMBERS = [...Array.from({ length: 121 }, (_, n) => n), 1_000, 1_000_000];

afterEach(() => useWords("en", ENGLISH));

const forms = (word) => (typeof word === "string" ? [word] : Object.values(word));
const fields = (form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, field]) => field).sort();
const allFields = (word) => [...new Set(forms(word).flatMap(fields))].sort();

for (const language of LANGUAGES) {
  const words = read(language);
  const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;

  test(`${language} has every word, in the same order, and no other`, () => {
    assert.deepEqual(Object.keys(words), Object.keys(ENGLISH));
    assert.match(words.direction, /^(ltr|rtl)$/);
    for (const [key, word] of Object.entries(words)) {
      assert.ok(forms(word).every((form) => form.trim() === form && form !== "" || key === "ofThemHidden"), key);
    }
  });

  test(`${language} has the same fields as English in every word`, () => {
    for (const [key, word] of Object.entries(words)) {
      assert.deepEqual(allFields(word), allFields(ENGLISH[key]), key);
    }
  });

  test(`${language} has a form for every number`, () => {
    for (const [key, word] of Object.entries(words)) {
      if (typeof word === "string") continue;
      assert.ok("other" in word, key);
      assert.deepEqual(fields(word.other), allFields(word), key);
      for (const category of Object.keys(word)) assert.ok(categories.includes(category), `${key}: ${category}`);
    }
    const needed = new Set(NUMBERS.map((n) => new Intl.PluralRules(language).select(n)));
    // In some languages, such as Ukrainian, only fractions are `other`; there it is the form of `many`.
    if (!needed.has("other")) needed.add("other").delete("many");
    const used = new Set(Object.values(words).flatMap((word) => (typeof word === "string" ? [] : Object.keys(word))));
    assert.deepEqual(used, needed, "each category is in some word");
    useWords(language, words);
    for (const n of NUMBERS) assert.doesNotMatch(say("people", { n }), /[{}]|undefined/);
  });
}

test("plural forms are those of the language", () => {
  const here = (...counts) => counts.map((n) => say("here", { n }));
  assert.deepEqual(here(0, 1, 2), ["0 people are here", "1 person is here", "2 people are here"]);
  useWords("ar", read("ar"));
  assert.deepEqual(here(1, 2), ["شخص واحد هنا", "شخصان هنا"]);
  assert.match(here(3)[0], /أشخاص هنا$/);
  assert.match(here(11)[0], /شخصًا هنا$/);
  assert.equal(tongue.direction, "rtl");
  useWords("uk", read("uk"));
  assert.deepEqual(here(1, 22, 11, 25), ["Тут 1 людина", "Тут 22 людини", "Тут 11 людей", "Тут 25 людей"]);
});

test("a word that a language lacks is said in English, and numbers are written as the language does", () => {
  useWords("de", { left: "noch {n} Zeichen" });
  assert.equal(say("join"), "Join");
  assert.equal(say("left", { n: 10_000 }), "noch 10.000 Zeichen");
});

test("long lists of names are cut short and counted", () => {
  assert.equal(listed(["Ada", "Ben"]), "\u2068Ada\u2069 and \u2068Ben\u2069");
  const many = Array.from({ length: 11 }, (_, index) => `P${index}`);
  assert.match(listed(many), /P7\u2069, and 3 others$/);
});

test("a language is chosen by the first wish that the page has", () => {
  const languages = ["ar", "de", "en", "pt-BR", "zh-Hans"];
  assert.equal(languageFor([null, "fi", "de-AT", "ar"], languages), "de");
  assert.equal(languageFor(["AR"], languages), "ar");
  assert.equal(languageFor(["pt-PT"], languages), "pt-BR");
  assert.equal(languageFor(["zh"], languages), "zh-Hans");
  assert.equal(languageFor(["fi", undefined, ""], languages), "en");
});

test("words that cannot be fetched are none", async (t) => {
  assert.deepEqual(await wordsOf("en"), ENGLISH);
  for (const answer of [
    () => Promise.reject(new Error("offline")),
    () => Promise.resolve(new Response("Not found", { status: 404 })),
    () => Promise.resolve(new Response("<p>Please log in")),
    () => Promise.resolve(new Response("[]")),
    () => Promise.resolve(new Response("null")),
  ]) {
    const { mock } = t.mock.method(globalThis, "fetch", answer);
    assert.equal(await wordsOf("de"), null);
    assert.deepEqual(mock.calls[0].arguments, ["words/de.json"]);
    mock.restore();
  }
  t.mock.method(globalThis, "fetch", () => Promise.resolve(new Response('{"join":"Mitmachen"}')));
  assert.deepEqual(await wordsOf("de"), { join: "Mitmachen" });
});
