// Names that change: this person's, by the settings, and those of others.

import { touch } from "./changes.js";
import { send } from "./connection.js";
import { at } from "./dom.js";
import { hiddenToo } from "./hiding.js";
import { keepForDevice } from "./offer.js";
import { note } from "./own-box.js";
import { charactersIn } from "./splices.js";
import { room, seat } from "./state.js";
import { remember } from "./storage.js";
import { isolated, say } from "./words.js";

/** The settings open: whoever has a box may change the name. */
export function offerName() {
  at("rename").hidden = !room.you;
  at("new-name").value = seat.name;
  refuseNewName("");
}

/** @param {Event} event */
export function changeName(event) {
  event.preventDefault();
  const name = at("new-name").value.trim();
  const most = room.limits.name;
  if (!name) return refuseNewName(say("nameEmpty"));
  if (charactersIn(name) > most) return refuseNewName(say("nameTooLong", { n: most }));
  if (!send("change_name", { name })) return refuseNewName(say("notDone"));
  refuseNewName("");
  remember({ name });
  seat.wanted = name;
  at("settings").close();
}

/** @param {string} words */
function refuseNewName(words) {
  at("rename-error").textContent = words;
  at("new-name").setAttribute("aria-invalid", String(Boolean(words)));
}

/**
 * A user has another name, which the room does not know yet.
 *
 * @param {{ id: string, name: string }} renamed
 */
export function noticeName({ id, name }) {
  const user = room.users.get(id);
  if (!user) return;
  hiddenToo(user.name, name);
  if (id !== room.you) return;
  note(say(name === seat.wanted ? "nowNamed" : "youAre", { name: isolated(name) }));
  Object.assign(seat, { name, wanted: name });
  keepForDevice();
  touch("me");
}
