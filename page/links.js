// Links in posts: only http and https addresses become links.

import { element } from "./dom.js";
import { isAddress } from "./older.js";

const ADDRESS = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]}»”])/i;

/**
 * The parts of a text, each with whether it is an address.
 *
 * @param {string} text
 */
export function partsOf(text) {
  return text.split(ADDRESS).map((part, index) => ({ part, isLink: index % 2 === 1 && isAddress(part) }));
}

/**
 * A text as nodes, in which addresses can be followed.
 *
 * @param {string} text
 */
export function withLinks(text) {
  return partsOf(text).map(({ part, isLink }) => (isLink ? newLink(part) : part));
}

/** @param {string} address */
export function newLink(address) {
  const link = element("a", "", address);
  Object.assign(link, { href: address, rel: "noopener noreferrer", target: "_blank" });
  return link;
}
