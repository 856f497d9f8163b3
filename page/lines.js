// Lines of text in saved files, without what could deceive whoever reads them.

/** Characters that a terminal could obey. */
const CONTROLS = /(?!\t)\p{Cc}/gu;
/** Characters that turn the direction of the text around them. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;
/** What ends a line, for any program that may read the file. */
const LINE_ENDS = /[\n\v\f\r\u0085\u2028\u2029]/;

/** @param {string} text */
export function linesOf(text) {
  return text.split(LINE_ENDS).map(visible);
}

/** @param {string} line */
export function visible(line) {
  return line.replace(CONTROLS, "\ufffd").replace(DIRECTIONS, asCode);
}

/** @param {string} character */
function asCode(character) {
  return `<U+${character.charCodeAt(0).toString(16).toUpperCase()}>`;
}
