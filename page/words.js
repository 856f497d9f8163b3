// The words: everything that the page says, in one file per language in words/. Each document has the words of its own
// language; those of another are fetched when they are needed. A word that counts has `other`, and a form for each
// category of Intl.PluralRules that differs from it.

// The build puts the words of the document's language in the place of these.
import OWN_WORDS from "./words/en.json" with { type: "json" };

/** @typedef {keyof typeof OWN_WORDS} WordKey */
/** @typedef {string | { [category: string]: string }} Word */
/** @typedef {{ [key: string]: Word }} Words */
/** @typedef {{ [field: string]: string | number }} Values */

/** Names that fit in a line before the rest is only counted. */
const NAMES_IN_A_LINE = 8;

/** The language of the document. */
const own = { language: "en" };
/** The language in use: its name, its words, and how it writes numbers, lists and times. */
export const tongue = tongueOf("en", OWN_WORDS);

/**
 * @param {string} language
 * @param {Words} words
 */
function tongueOf(language, words) {
  const region = regionalOf(language);
  return {
    language,
    words,
    direction: String(words.direction ?? "ltr"),
    number: new Intl.NumberFormat(language),
    percent: new Intl.NumberFormat(language, { style: "percent" }),
    plural: new Intl.PluralRules(language),
    list: new Intl.ListFormat(language),
    time: new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit" }),
    day: new Intl.DateTimeFormat(region, { dateStyle: "short", timeStyle: "short" }),
  };
}

/**
 * The person's own variant of a language, which says how times are written: the first among those of the browser.
 *
 * @param {string} language
 */
function regionalOf(language) {
  const isOwn = (/** @type {string} */ wish) => wish === language || wish.startsWith(`${language}-`);
  try {
    return Intl.getCanonicalLocales([...(navigator.languages ?? [])]).find(isOwn) ?? language;
  } catch {
    return language; // the browser's list is not one that it understands itself
  }
}

/**
 * The document is in this language.
 *
 * @param {string} language
 */
export function useOwnWords(language) {
  own.language = language;
  useWords(language, OWN_WORDS);
}

/**
 * Speaks another language from now on.
 *
 * @param {string} language
 * @param {Words} words
 */
export function useWords(language, words) {
  Object.assign(tongue, tongueOf(language, words));
}

/**
 * The words of a language; null if the server cannot be asked for them.
 *
 * @param {string} language
 * @returns {Promise<Words | null>}
 */
export async function wordsOf(language) {
  if (language === own.language) return OWN_WORDS;
  try {
    const answer = await fetch(`words/${language}.json`);
    const words = answer.ok ? await answer.json() : null;
    return isObject(words) ? words : null;
  } catch {
    return null;
  }
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The first of these wishes that the page has, or English. Regions and scripts are no part of a wish: `de-AT` is
 * German, and `pt` is `pt-BR`.
 *
 * @param {(string | null | undefined)[]} wishes
 * @param {string[]} languages
 */
export function languageFor(wishes, languages) {
  const named = (/** @type {string | null | undefined} */ tag) => tag?.split("-")[0].toLowerCase();
  const found = wishes.map((wish) => languages.find((language) => named(language) === named(wish)));
  return found.find(Boolean) ?? "en";
}

/**
 * A word in the language in use, with its fields filled in; `n` chooses the plural form. A word that the language
 * lacks, because the server was updated since the page was loaded, is said in the document's language.
 *
 * @param {WordKey} key
 * @param {Values} [values]
 */
export function say(key, values = {}) {
  /** @type {Word} */
  const word = tongue.words[key] ?? OWN_WORDS[key];
  const form = typeof word === "string" ? word : (word[tongue.plural.select(Number(values.n))] ?? word.other);
  return form.replace(/\{(\w+)\}/g, (_, field) => written(values[field]));
}

/** @param {string | number} value */
function written(value) {
  return typeof value === "number" ? tongue.number.format(value) : value;
}

/**
 * A name within a sentence, isolated so that its direction stays its own.
 *
 * @param {string} name
 */
export function isolated(name) {
  return `\u2068${name}\u2069`;
}

/**
 * Names as a list; beyond the first few the rest is counted.
 *
 * @param {string[]} names
 */
export function listed(names) {
  const shown = names.slice(0, NAMES_IN_A_LINE).map(isolated);
  const more = names.length - shown.length;
  return tongue.list.format(more ? [...shown, say("others", { n: more })] : shown);
}
