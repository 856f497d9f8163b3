// How the address says what the captions look like; docs/captions.md lists it. Values that are not known are ignored.

/** @typedef {Record<"fg" | "bg" | "font" | "lines" | "align" | "spacing" | "pad" | "delay", string>} CaptionLook */

/** The least and the most of each number. */
export const RANGES = { lines: [1, 30], spacing: [1, 3], pad: [0, 25], delay: [0, 60] };
export const ALIGNS = ["start", "center", "end"];

/** @type {Record<keyof CaptionLook, (value: string) => string>} */
const FORMS = {
  fg: colourIn,
  bg: colourIn,
  font: (value) => (/^[\p{L}\p{N} ._-]{1,60}$/u.test(value) ? value : ""),
  lines: (value) => numberIn(value, "lines"),
  align: (value) => (ALIGNS.includes(value) ? value : ""),
  spacing: (value) => numberIn(value, "spacing"),
  pad: (value) => numberIn(value, "pad"),
  delay: (value) => numberIn(value, "delay"),
};
export const LOOKS = /** @type {(keyof CaptionLook)[]} */ (Object.keys(FORMS));

/** @param {URLSearchParams} query */
export function captionLookIn(query) {
  const values = LOOKS.map((key) => [key, FORMS[key](query.get(key)?.trim() ?? "")]);
  return /** @type {CaptionLook} */ (Object.fromEntries(values));
}

/** The names of those whom alone the captions show. @param {URLSearchParams} query */
export function namesIn(query) {
  return query.getAll("only").map((name) => name.trim()).filter(Boolean);
}

/**
 * Writes what captions look like into an address, in place of what it says of that.
 *
 * @param {URLSearchParams} query
 * @param {{ captions: CaptionLook, only: string[], leftOut: string[] }} asked
 */
export function putCaptions(query, { captions, only, leftOut }) {
  const hide = leftOut.filter(Boolean).join(",");
  for (const [key, value] of [...LOOKS.map((name) => [name, captions[name]]), ["hide", hide]]) {
    if (!value) query.delete(key);
    else if (query.get(key)?.trim() !== value) query.set(key, value);
  }
  if (String(namesIn(query)) === String(only)) return;
  query.delete("only");
  for (const name of only) query.append("only", name);
}

/**
 * A colour by its name or as a hexadecimal number, for which an address needs no #.
 *
 * @param {string} value
 */
function colourIn(value) {
  if (/^#?([\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})$/i.test(value)) return value.replace(/^#?/, "#");
  return /^[a-z]+$/i.test(value) && globalThis.CSS?.supports("color", value) ? value.toLowerCase() : "";
}

/**
 * @param {string} value
 * @param {keyof typeof RANGES} key
 */
function numberIn(value, key) {
  const [least, most] = RANGES[key];
  const number = value === "" ? NaN : Number(value);
  return number >= least && number <= most ? String(number) : "";
}

/**
 * How bright a colour is, from 0 to 1, as WCAG counts it.
 *
 * @param {number[]} colour  red, green and blue, up to 255
 */
export function brightnessOf(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * The contrast of two colours, from 1 to 21.
 *
 * @param {number[]} one
 * @param {number[]} other
 */
export function contrastOf(one, other) {
  const [dark, bright] = [brightnessOf(one), brightnessOf(other)].sort((first, second) => first - second);
  return (bright + 0.05) / (dark + 0.05);
}
