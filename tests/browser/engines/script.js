// Somebody in the room without a page.

import { WebSocket } from "ws";
import { until } from "./waiting.js";

export async function enterByScript(url, room, name) {
  const socket = new WebSocket(`${new URL("ws", url.replace("http", "ws"))}?${new URLSearchParams({ room })}`);
  const events = [];
  socket.on("message", (data) => events.push(JSON.parse(data)));
  socket.on("error", () => {}); // the server may go away
  const send = (event, data) => socket.send(JSON.stringify([event, data]));
  socket.once("open", () => send("got_a_new_user", { name }));
  await until(() => events.some(([event]) => event === "existing_users"), `${name} is in the room`);
  return {
    write: (text) => send("updated_text", { text }),
    leave: () => socket.close(1000),
    // The texts that others had, one after the other, and the posts.
    texts: () => events.filter(([event]) => event === "text_update").map(([, { text }]) => text),
    posts: () => events.filter(([event]) => event === "data").map(([, { text }]) => text),
  };
}
