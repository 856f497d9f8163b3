// What hosts ask the server for, and authors for their own posts. What cannot be undone is asked about once.

import { notice } from "./board.js";
import { send } from "./connection.js";
import { at } from "./dom.js";
import { room } from "./state.js";
import { showDialog } from "./views.js";
import { isolated, say } from "./words.js";

/** @typedef {import("./state.js").User} User */

/** What happens if the question in the dialog is answered with yes. */
const asking = { action: () => {} };

/** @param {Partial<import("./state.js").RoomState>} change */
export function setRoom(change) {
  command("set_room", change);
}

/** @param {User} user */
export function toggleSpotlight({ id }) {
  setRoom({ spotlight: room.state.spotlight === id ? null : id });
}

/** @param {User} user */
export function clearBox({ id, name }) {
  askFirst(say("clearBoxAsk", { name: isolated(name) }), say("clearBox"), () => command("clear_box", { id }));
}

export function clearAll() {
  askFirst(say("clearAllAsk"), say("clearAll"), () => command("clear_box", {}));
}

/** @param {User} user */
export function makeHost({ id, name }) {
  askFirst(say("makeHostAsk", { name: isolated(name) }), say("makeHost"), () => command("make_host", { id }));
}

/** @param {User} user */
export function removeUser({ id, name }) {
  askFirst(say("removeUserAsk", { name: isolated(name) }), say("remove"), () => command("remove_user", { id }));
}

/** @param {import("./state.js").Post} post */
export function removePost({ n }) {
  askFirst(say("removePostAsk"), say("remove"), () => command("remove_post", { n }));
}

/** The person has answered yes. */
export function confirmed() {
  at("confirm").close();
  asking.action();
}

/**
 * @param {string} event
 * @param {object} data
 */
function command(event, data) {
  notice(send(event, data) ? "" : say("notDone"));
}

/**
 * Does something only if the question is answered with yes.
 *
 * @param {string} question
 * @param {string} verb  on the button that does it
 * @param {() => void} action
 */
export function askFirst(question, verb, action) {
  asking.action = action;
  at("confirm-question").textContent = question;
  at("confirm-yes").textContent = verb;
  showDialog("confirm");
}
