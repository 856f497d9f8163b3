// A hundred clients that poll.

import assert from "node:assert/strict";
import { test } from "node:test";
import { JS_POLLING } from "./people.js";
import { openPlace, untilShown } from "./place.js";

const CROWD = 100;

test("a hundred polling clients have the last text of everyone, and each post once and in the same order", async (t) => {
  const place = await openPlace(t);
  const page = await place.page("Paula");
  const names = Array.from({ length: CROWD }, (_, number) => `Pupil ${number}`);
  const people = names.map((name) => place.person(JS_POLLING, { name }));
  await Promise.all(people.map((person) => person.untilTold("existing_users")));
  for (const person of people) for (const part of ["I", "I am", `I am ${person.name}`]) person.write(part);
  for (const person of people) person.post(`from ${person.name}`);

  for (const reader of people) {
    for (const name of names) if (name !== reader.name) await reader.untilText(name, `I am ${name}`);
    await reader.until(() => reader.posts().length >= CROWD);
  }
  const posts = people[0].posts();
  assert.deepEqual(posts.toSorted(), names.map((name) => `from ${name}`).sort());
  for (const reader of people) {
    assert.deepEqual(reader.posts(), posts);
    assert.deepEqual([...reader.all("error"), ...reader.all("disconnect"), ...reader.all("slow_down")], []);
  }
  for (const name of [names[0], names.at(-1)]) await untilShown(page, name, `I am ${name}`);
});
