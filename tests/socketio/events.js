// What somebody was told, and waiting for what they will be told.

// More than a server gives clients to enter a room (20 s), and they need to come back.
export const WAIT_MS = 40_000;

export class Events {
  events = [];
  #waiting = new Set();

  take(event, data) {
    this.events.push([event, data]);
    for (const check of [...this.#waiting]) check();
  }

  // The first event for which `isWanted`, from number `from` on.
  until(isWanted, from = 0) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => finish(reject, new Error(this.#missing(isWanted))), WAIT_MS);
      const finish = (settle, value) => {
        clearTimeout(late);
        this.#waiting.delete(check);
        settle(value);
      };
      const check = () => {
        const found = this.events.slice(from).find(([event, data]) => isWanted(event, data));
        if (found) finish(resolve, found[1]);
      };
      this.#waiting.add(check);
      check();
    });
  }

  #missing(isWanted) {
    return `Not told in ${WAIT_MS} ms: ${isWanted}\nbut ${JSON.stringify(this.events.slice(-20))}`;
  }

  // The data of each event of this name.
  all(name) {
    return this.events.filter(([event]) => event === name).map(([, data]) => data);
  }

  untilTold(name, from) {
    return this.until((event) => event === name, from);
  }

  // The last texts by name, as a page would show them.
  texts() {
    const texts = new Map();
    const names = new Map();
    for (const [event, data] of this.events) {
      if (event === "existing_users") {
        texts.clear();
        for (const [id, { name, text }] of Object.entries(data.users)) names.set(id, name) && texts.set(name, text);
      }
      if (event === "new_user") names.set(data.id, data.new_user_name) && texts.set(data.new_user_name, "");
      if (event === "text_update") texts.set(names.get(data.id), data.text);
      if (event === "disconnect_user") texts.delete(data.name);
    }
    return Object.fromEntries(texts);
  }

  untilText(name, text) {
    return this.until(() => this.texts()[name] === text);
  }

  // The texts of all posts that are known: those of the last snapshot, and those since.
  posts() {
    const last = this.events.findLastIndex(([event]) => event === "existing_users");
    const log = last < 0 ? [] : this.events[last][1].log;
    const since = this.events.slice(last + 1).filter(([event]) => event === "data");
    return [...log, ...since.map(([, post]) => post)].filter((post) => post.n).map((post) => post.text);
  }

  untilPost(text) {
    return this.until(() => this.posts().includes(text));
  }
}
