// The keys that lead from one item of a list to another.

/**
 * Where a key leads; -1 if it leads nowhere. Arrow keys go round.
 *
 * @param {string} key
 * @param {number} current
 * @param {number} count
 */
export function nextItem(key, current, count) {
  switch (key) {
    case "ArrowDown":
      return (current + 1) % count;
    case "ArrowUp":
      return (current - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
  }
  return -1;
}
