// Keeps the posts of the room in the state: what comes, what is removed, and the log of a snapshot.

import { change, changes, touch } from "./changes.js";
import { lookOf } from "./marks.js";
import { holdsPost, latestOf, restOf, runsOn } from "./said.js";
import { keyOf, room } from "./state.js";

/** @typedef {import("./state.js").Post} Post */

/** Posts that the page keeps; the oldest go first. */
const POSTS_KEPT = 2_000;

/** @param {Post} post */
export function addPost(post) {
  if (room.posts.has(keyOf(post))) return; // the answer to a post that was sent again
  keepPost(post);
  room.news = null;
  rememberSaid(post);
  touch("posts");
}

/** @param {Post} post */
function keepPost(post) {
  post.look = room.users.get(post.id)?.look ?? lookOf(post.name);
  room.posts.set(keyOf(post), post);
  changes.entries.push(post);
  for (const key of room.posts.keys()) {
    if (room.posts.size <= POSTS_KEPT) break;
    room.posts.delete(key);
  }
}

/**
 * A post was removed: its number stays, its text goes.
 *
 * @param {number} n
 */
export function forgetPost(n) {
  emptyPost([...room.posts.values()].findLast((post) => post.n === n && !post.lost));
}

/** @param {Post | undefined} post */
function emptyPost(post) {
  if (!post?.text) return;
  const user = room.users.get(post.id);
  if (user) {
    user.said = user.said.filter((other) => other !== post);
    change(user);
  }
  post.text = "";
  changes.entries.push(post);
  touch("posts");
}

/** @param {Post} post @param {boolean} [isOld]  it came with a snapshot */
export function rememberSaid(post, isOld = false) {
  const user = room.users.get(post.id);
  if (!user || user.name !== post.name || !post.text) return; // another server may have given this id to somebody else
  const isHeld = holdsPost(user.text, user.posted, post.text, isOld);
  if (isHeld) user.posted.push(post.text);
  post.runsOn = runsOn(post.text, isHeld ? restOf(user.text, user.posted) : "");
  user.said = latestOf([...user.said, post]);
  if (!isOld) user.typing = false;
  change(user);
}

/**
 * Adds what is new, so that a reader further up is not disturbed. If the server's log is not the one shown, as after a
 * restart without a store, the posts shown stay, and a line says where the server's log begins.
 *
 * @param {Post[]} log
 */
export function replaceLog(log) {
  const fresh = log.filter((post) => !room.posts.has(keyOf(post)));
  const goesOn = fresh.length < log.length;
  const last = [...room.posts.values()].at(-1);
  if (last && !goesOn && !last.lost) tellSeam(last, log[0]);
  for (const post of fresh) keepPost(Object.assign(post, { old: !goesOn }));
  for (const post of log) if (!post.text) emptyPost(room.posts.get(keyOf(post)));
  room.news = null;
  touch("posts");
  return fresh;
}

/**
 * @param {Post} last  the last post that is shown
 * @param {Post | undefined} first  the first that the server has
 */
function tellSeam(last, first) {
  const isGap = first !== undefined && first.n > last.n && first.at >= last.at;
  if (!isGap) for (const post of room.posts.values()) post.lost = true;
  changes.entries.push({ seam: isGap ? "gap" : "seam" });
}
