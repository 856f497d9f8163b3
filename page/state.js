// The state of the page, split by owner. Nothing here touches the document. Each part names the modules that change it
// once the page has started; all others only read.

import { captionLookIn } from "./caption-address.js";

/**
 * @typedef {object} User  Somebody with a box in the room.
 * @property {string} id
 * @property {string} name
 * @property {string} text
 * @property {boolean} wrote  the box has a text, which this page may not see while answers are hidden
 * @property {boolean} away
 * @property {import("./marks.js").Look} look
 * @property {Post[]} said  the latest posts, for the captions
 * @property {string[]} posted  texts of posts with which the box still begins
 * @property {boolean} typing  the text changed since the last post and is not empty
 * @property {number} typedAt  when it changed, on the clock of performance.now()
 * @property {boolean} gone  has left, while the page may still show the box
 * @property {boolean} missing  was not there after a reconnection, and is likely to come back
 */

/**
 * @typedef {object} Post
 * @property {number} n
 * @property {string} id
 * @property {string} name
 * @property {string} text  empty once the post is removed
 * @property {number} at  in milliseconds since 1970
 * @property {string} [ref]  of the author's own page
 * @property {import("./marks.js").Look} [look]  the author's, when the post came
 * @property {boolean} [old]  was there before this page
 * @property {boolean} [lost]  the server no longer has it
 * @property {boolean} [runsOn]  what its author said next stands in the same line
 */

/**
 * @typedef {object} News  Who came and went between two posts.
 * @property {string[]} came
 * @property {string[]} went
 */

/**
 * @typedef {object} RoomState  What hosts have set.
 * @property {boolean} locked
 * @property {boolean} hidden
 * @property {boolean} frozen
 * @property {string} prompt
 * @property {string | null} spotlight  the id of a user
 */

/** @typedef {{ seam: "seam" | "gap" }} Seam  A line in the log that says what is missing. */
/** @typedef {Post | News | Seam} Entry */
/**
 * @typedef {object} Pending  A post that the server has not confirmed.
 * @property {string} text
 * @property {string} ref
 * @property {boolean} [sent]  the server may have it
 * @property {number} [extent]  of a part of a continuous text: how much of the box it is, with what was put into it
 * @property {boolean} [out]  a host has cleared the box since, so the post does not stand in it
 */

/** Characters in a question, as the server limits them. */
export const PROMPT_CHARACTERS = 500;

/** A user counts as typing for this long after the last change. */
export const TYPING_MS = 2_000;

/** Tells this tab apart from all others. */
export const tab = Math.random().toString(36).slice(2);

/** What the address asks for; it lasts as long as the page. */
export const asked = {
  room: "",
  /** Equal for all spellings of the room's name. */
  roomKey: "lobby",
  /** @type {string | null} */
  name: null,
  leftOut: /** @type {string[]} */ ([]),
  /** Whom alone the captions show, by name; everyone if there are none. @type {string[]} */
  only: [],
  captions: captionLookIn(new URLSearchParams()),
  showsCode: false,
};

/** The room as the server describes it: events.js with room-state.js, and captions.js for the speakers. */
export const room = newRoom();

/** A room that nobody has described yet. */
export function newRoom() {
  return {
    title: "",
    /** The id of this page's own user, while it has a box. @type {string | null} */
    you: null,
    /** @type {Map<string, User>} */
    users: new Map(),
    /** How many watch without a box. */
    viewers: 0,
    /** The server is linked to the others that serve the room, or there are none. */
    linked: true,
    /** Ids of the users whose lines the captions show. @type {string[]} */
    speakers: [],
    /** The log, by keyOf(post). @type {Map<string, Post>} */
    posts: new Map(),
    /** The comings and goings since the last post. @type {News | null} */
    news: null,
    /** @type {RoomState} */
    state: { locked: false, hidden: false, frozen: false, prompt: "", spotlight: null },
    /** Ids of the users who are hosts. @type {Set<string>} */
    hosts: new Set(),
    /** This page is a host's, with or without a box. */
    hosting: false,
    limits: { text: 10_000, name: 40 },
  };
}

/** This person's seat: seat.js and entry.js, and events.js with room-state.js for what the server says of it. */
export const seat = {
  /** Past the first screen. */
  inside: false,
  /** With a box. */
  welcomed: false,
  /** The name that was asked for; empty for somebody who only watches. */
  wanted: "",
  /** The name that the server gave. */
  name: "",
  /** @type {string | undefined} */
  session: undefined,
  /** When a host last cleared this box, by the server's clock; null if it is not known. @type {number | null} */
  cleared: null,
  /** A host has cleared the box, and the text in it is still to be dropped. */
  emptied: false,
  /** A host has removed this person. */
  removed: false,
  /** The first screen says that the room is locked. */
  lockedOut: false,
  /** The text of the seat is still on the server alone. */
  returning: false,
  /** Left with the button; the name in the address must not join again. */
  left: false,
};

/** The text in this person's own box: text.js, posting.js with queue.js, and own-box.js for the note. */
export const draft = {
  /** Posts that are not confirmed; their texts stand at the start of the box. @type {Pending[]} */
  pending: [],
  /** The ref of the one that was sent on this connection, and is not answered. @type {string | null} */
  underWay: null,
  /** How often in a row the server could not store the first of them. */
  refusals: 0,
  /** The timer until it is sent again; 0 for none. */
  pause: 0,
  /** The server lets some of them wait, because they came too fast. */
  slowed: false,
  /** The server has refused a text or a post, because the room was frozen. */
  refused: false,
  /** A continuous text stays in the box until then, on the clock of performance.now(). */
  heldUntil: 0,
  /** The text of the box before the next change, and by how much the last one has made it longer. */
  seen: "",
  grew: 0,
  /** How many posts were sent, to number them. */
  refs: 0,
  /** The text of the box as the server has it. */
  shown: "",
  /** It was sent on this connection, so the next change may be a splice. */
  inStep: false,
  /** A text was sent in this frame. */
  resting: false,
  composing: false,
  /** The text that others see while sharing is paused; null while it is not. @type {string | null} */
  paused: null,
  /** What is said beside the name until the next key. */
  note: "",
  /** The note says that a host has cleared the box: a freeze does not replace it, because no text is kept then. */
  cleared: false,
};

/** The connection: connection.js. */
export const link = {
  /** @type {WebSocket | null} */
  socket: null,
  /** @type {import("./words.js").WordKey} */
  status: "connecting",
  /** When the next attempt is, in milliseconds since 1970; 0 for none. */
  retryAt: 0,
  /** Attempts since the last connection that worked. */
  failures: 0,
  /** How many events have come. */
  heard: 0,
  /** When the last one came, on the clock of performance.now(). */
  heardAt: 0,
  /** The next snapshot was asked for because a splice did not fit. */
  resyncing: false,
};

/** The passphrase: passphrase.js. */
export const gate = {
  passphrase: "",
  /** From the server, once it has let this page in: with it the page need not wait for others' guesses. */
  token: "",
  locked: false,
  /** The server refused what was sent after the passphrase, because it has not looked at that yet. */
  unheard: false,
  timer: 0,
};

/** The host key: host-key.js. */
export const hostKey = {
  /** Empty for whoever has none. */
  key: "",
  /** From the server, once it has accepted the key: with it the page need not wait for others' guesses. */
  token: "",
  timer: 0,
};

/** What is looked at: views.js, projector.js, spotlight.js and history.js. */
export const look = {
  /** @type {import("./address.js").View} */
  view: "wall",
  /** The view that Back does not leave. @type {import("./address.js").View} */
  home: "wall",
  /** The user whose box is enlarged. @type {User | null} */
  large: null,
  /** It is enlarged because a host has put it in the spotlight. */
  bySpotlight: false,
  largeAtEnd: true,
  /** The page itself is going back in the history. */
  returning: false,
  /** Only the boxes are shown, as large as they fit, for a projector. */
  projecting: false,
};

/** How the log is read: log.js. */
export const reading = {
  atEnd: true,
  /** Posts that came while the end of the log was out of sight. */
  below: 0,
  /** Posts that came while the tab was out of sight. */
  unread: 0,
};

/** What this person has chosen: settings.js. */
export const choices = {
  /** @type {import("./address.js").Theme} */
  theme: "auto",
  size: 100,
  /** The text of the wall is as large as it fits; the size is for the rest. */
  fits: false,
  enterPosts: false,
  /** What tells of posts by others. @type {import("./alerts.js").Alert} */
  alert: "nothing",
  /** The start of a long text goes to the log by itself; null without a choice. @type {boolean | null} */
  continuous: null,
  /** The language that is wanted; words.js says which one is in use. */
  language: "en",
};

/** Names of people whom this person has hidden: hiding.js. @type {Set<string>} */
export const hidden = new Set();

/** The room's name: the server's, or until that is known the one in the address. */
export function roomTitle() {
  return room.title || asked.room || "lobby";
}

/**
 * What a user is doing.
 *
 * @param {User} user
 */
export function presenceOf(user, now = performance.now()) {
  if (user.gone) return "gone";
  if (user.away) return "away";
  return user.typing && now - user.typedAt < TYPING_MS ? "typing" : "idle";
}

/**
 * A key that no other post has, not even one of a server that counts from 1 again.
 *
 * @param {Post} post
 */
export function keyOf(post) {
  return `${post.n}:${post.at}`;
}

/** True if the text of the wall is as large as it fits. */
export function isFitting() {
  return look.view === "wall" && (choices.fits || look.projecting);
}

/** True if this page may not show the texts of others. */
export function isBlind() {
  return room.state.hidden && (!room.hosting || look.projecting);
}

/** True if this person may neither write nor post. */
export function isFrozen() {
  return room.state.frozen && !room.hosting;
}
