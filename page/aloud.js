// Read aloud: which sentences of a text are new to somebody who listens. Nothing here touches the document.

import { restOf } from "./said.js";

/**
 * @typedef {object} Hearing  What a listener has heard of one user.
 * @property {string[]} heard  sentences of the text, and those that were taken back after they were heard
 * @property {string[]} posts  what the user has posted since
 * @property {string} leaving  what was posted and may still stand at the start of the text, or a part of it
 * @property {string | null} before  the text from before, none of which is new; null once it has been looked at
 */

/** Sentences that are remembered of one user, unless the text has more. */
const MOST_HEARD = 500;
/** Somebody who writes without full stops is heard whenever there are so many characters more. */
const LONG_CHARACTERS = 200;
/** The end of a whole sentence: what follows begins another one. */
const END_OF_SENTENCE = /[\n。！？]["'」』）]*\s*$|[.!?…؟۔।]["')\]»”’]*\s+$/;
/** A sentence, for browsers that cannot tell sentences apart. */
const SENTENCE = /[^\n]+?(?:[。！？]["'」』）]*|[.!?…؟۔।]["')\]»”’]*\s+|\n|$)|\n/g;

/** @param {string} before @returns {Hearing} */
export function newHearing(before) {
  return { heard: [], posts: [], leaving: "", before };
}

/**
 * The sentences that are new, in what was posted and in the text. From then on all of them count as heard.
 *
 * @param {Hearing} hearing
 * @param {string} text
 * @param {string} language
 * @param {boolean} isResting  nobody has typed for a while, so the last sentence counts as whole
 */
export function hear(hearing, text, language, isResting) {
  if (hearing.before !== null) hearing.heard = sentencesIn(hearing.before, language).whole;
  hearing.before = null;
  const posts = hearing.posts.splice(0);
  const fresh = posts.flatMap((post) => hearPost(hearing, sentencesIn(post, language)));
  hearing.leaving += posts.join("");
  const left = restOf(text, [hearing.leaving]);
  if (!text || left === text) hearing.leaving = "";
  const { whole, rest } = sentencesIn(left, language);
  const part = isResting ? rest : longPart(hearing.heard, rest);
  const sentences = part ? [...whole, part] : whole;
  const { news, others } = withoutHeard(hearing.heard, sentences);
  // After a post another text begins, in which a sentence may be said again.
  const kept = posts.length ? others.filter((old) => rest.startsWith(old)) : others;
  hearing.heard = [...kept, ...sentences].slice(-Math.max(MOST_HEARD, sentences.length));
  return [...fresh, ...news];
}

/**
 * The start of a long unfinished sentence, up to the end of a word; nothing if it was heard.
 *
 * @param {string[]} heard
 * @param {string} rest
 */
function longPart(heard, rest) {
  const long = rest.length - (rest.length % LONG_CHARACTERS);
  const part = rest.slice(0, long).replace(/\S*$/, "").trim();
  return heard.some((old) => old.startsWith(part)) ? "" : part;
}

/**
 * @param {Hearing} hearing
 * @param {ReturnType<typeof sentencesIn>} post
 */
function hearPost(hearing, { whole, rest }) {
  const { news, others } = withoutHeard(hearing.heard, rest ? [...whole, rest] : whole);
  hearing.heard = others;
  return news;
}

/**
 * What of these sentences was not heard, and what was heard and is not among them. Of a sentence whose start was heard,
 * only the rest is new, and a full stop is nothing to say.
 *
 * @param {string[]} heard
 * @param {string[]} sentences
 */
function withoutHeard(heard, sentences) {
  const others = [...heard];
  const take = (/** @type {string | undefined} */ old) => {
    const place = old === undefined ? -1 : others.indexOf(old);
    if (place !== -1) others.splice(place, 1);
    return place !== -1;
  };
  const unheard = sentences.filter((sentence) => !take(sentence));
  const news = unheard.map((sentence) => {
    const [start] = others.filter((old) => isStart(old, sentence)).sort((one, other) => other.length - one.length);
    return take(start) ? sentence.slice(start.length).trim() : sentence;
  });
  return { news: news.filter((words) => !/^[.…。।۔]*$/.test(words)), others };
}

/**
 * @param {string} old
 * @param {string} sentence
 */
function isStart(old, sentence) {
  return sentence.startsWith(old) && /^[^\p{L}\p{N}]/u.test(sentence.slice(old.length));
}

/**
 * The whole sentences of a text, and the last one if more of it may come; all without the white space around them.
 *
 * @param {string} text
 * @param {string} language
 */
export function sentencesIn(text, language) {
  const parts = "Segmenter" in Intl ? segmentsOf(text, language) : (text.match(SENTENCE) ?? []);
  const isWhole = END_OF_SENTENCE.test(parts.at(-1) ?? "");
  const rest = isWhole ? "" : (parts.pop() ?? "");
  return { whole: parts.map((part) => part.trim()).filter(Boolean), rest: rest.trim() };
}

/**
 * @param {string} text
 * @param {string} language
 */
function segmentsOf(text, language) {
  const sentences = new Intl["Segmenter"](language, { granularity: "sentence" });
  return [...sentences.segment(text)].map(({ segment }) => segment);
}
