// The words: everything that the page says, in one file per language in words/. English is part of the page; each other
// language is a response of its own, fetched when it is needed. A word that counts has `other`, and a form for each
// category of Intl.PluralRules that differs from it.

import ENGLISH from "./words/en.json" with { type: "json" };

/** @typedef {keyof typeof ENGLISH} WordKey */
/** @typedef {string | { [category: string]: string }} Word */
/** @typedef {{ [key: string]: Word }} Words */
/** @typedef {{ [field: string]: string | number }} Values */

/** Names that fit in a line before the rest is only counted. */
const NAMES_IN_A_LINE = 8;

export const LANGUAGES = ["en", "de", "ar"];
const RIGHT_TO_LEFT = ["ar"];

/** The language in use: its name, its words, and how it writes numbers, lists and times. */
export const tongue = tongueOf("en", ENGLISH);

/**
 * @param {string} language
 * @param {Words} words
 */
function tongueOf(language, words) {
  const region = regionalOf(language);
  return {
    language,
    words,
    direction: RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr",
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
  if (language === "en") return ENGLISH;
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
 * The first of these languages that the page has, or English. A wish may name a region: `de-AT` is German.
 *
 * @param {(string | null | undefined)[]} wishes
 */
export function languageFor(wishes) {
  const languages = wishes.map((wish) => wish?.split("-")[0] ?? "");
  return languages.find((language) => LANGUAGES.includes(language)) ?? "en";
}

/**
 * A word in the language in use, with its fields filled in; `n` chooses the plural form. A word that the language
 * lacks, because the server was updated since the page was loaded, is said in English.
 *
 * @param {WordKey} key
 * @param {Values} [values]
 */
export function say(key, values = {}) {
  /** @type {Word} */
  const word = tongue.words[key] ?? ENGLISH[key];
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
