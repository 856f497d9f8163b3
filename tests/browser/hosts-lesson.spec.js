// A lesson with hosts, from the first question to the saved wall.

import { readFile } from "node:fs/promises";
import { PHONE, PROJECTOR, ask, board, choose, confirm, expectAccessible, press, question, test } from "./hosting.js";
import { boxOf, expect, mine, textOf } from "./wall.js";

test("a lesson: a teacher with a phone, a projector, six pages and 24 more", async ({ open, join, host, bot }) => {
  test.setTimeout(240_000);
  const teacher = await host(PHONE);
  const projector = await open(PROJECTOR);
  await projector.waitForFunction(() => room.title);
  const frames = [];
  const pupils = [];
  for (const name of ["Ada", "Ben", "Cem", "Dora", "Efua", "Finn"]) pupils.push(await join(name, { frames }));
  const [ada, ben, cem] = pupils;
  const others = [];
  for (let n = 1; n <= 24; n += 1) others.push(await bot(`Pupil ${n}`));

  await ask(teacher, "Why is the sky blue? https://example.org/sky");
  for (const page of [teacher, projector, ...pupils]) await expect(question(page)).toContainText("Why is the sky blue?");
  await expect(question(projector).getByRole("link")).toHaveAttribute("href", "https://example.org/sky");
  await expectAccessible(teacher, "question, host");

  await press(teacher, "Hide answers");
  for (const page of [projector, ...pupils]) await expect(board(page)).toContainText("Answers are hidden until a host reveals them.");
  await expect(board(projector)).toContainText("0 of 30 have written");
  const before = frames.length;
  await mine(ada).pressSequentially("secret of Ada");
  await mine(ben).fill("secret of Ben");
  for (const other of others.slice(0, 10)) other.write(`secret of ${other.name}`);
  for (const page of [projector, teacher, cem]) await expect(board(page)).toContainText("12 of 30 have written");
  await expect(textOf(teacher, "Ada")).toHaveText("secret of Ada");
  await expect(boxOf(projector, "Ada")).toContainText("has written");
  await expect(boxOf(projector, "Cem")).not.toContainText("has written");
  await expect(textOf(projector, "Ada")).toHaveText("");
  await expect(textOf(cem, "Pupil 3")).toHaveText("");
  await expectAccessible(projector, "hidden, projector");
  await expectAccessible(cem, "hidden, pupil");
  await ben.evaluate(() => lose(link.socket, { code: 1006 }));
  await ben.waitForFunction(() => link.status === "connected");
  await expect(mine(ben)).toHaveValue("secret of Ben");
  await expect(board(ben)).toContainText("12 of 30 have written");
  const late = await join("Gus", { frames });
  await expect(boxOf(late, "Ada")).toContainText("has written");
  expect(frames.slice(before).length).toBeGreaterThan(20);
  for (const frame of frames) expect(frame.replace('"text":"secret of Ben"', "")).not.toContain("secret"); // Ben's own
  for (const other of others) expect(JSON.stringify(other.events)).not.toContain("secret");

  await press(teacher, "Reveal answers");
  await expect(textOf(projector, "Ada")).toHaveText("secret of Ada");
  await expect(textOf(cem, "Pupil 3")).toHaveText("secret of Pupil 3");
  await expect(board(projector)).toBeEmpty();

  await choose(teacher, "Ben", "Spotlight");
  await expect(projector.locator("#stage-text")).toHaveText("secret of Ben");
  await expect(board(ben)).toHaveText("You are in the spotlight.");
  await expect(ada.locator("#stage-name")).toHaveText("Ben");
  await expect(mine(ada)).toBeFocused();
  await expectAccessible(teacher, "spotlight, host");
  await expectAccessible(projector, "spotlight, projector");
  await ada.getByRole("button", { name: "Back" }).click();
  await expect(ada.locator("#stage")).toBeHidden();
  await teacher.getByRole("button", { name: "End spotlight" }).click();
  await expect(projector.locator("#stage")).toBeHidden();

  await choose(teacher, "Cem", "Remove");
  await expectAccessible(teacher, "asks before it removes");
  await confirm(teacher, "Remove");
  await expect(boxOf(projector, "Cem")).toHaveCount(0);
  await expect(cem.locator("#link-state")).toHaveText("Removed by a host.");
  await expect(cem.locator("#me")).toBeHidden();
  await expectAccessible(cem, "removed");

  await press(teacher, "Lock");
  await expect(board(projector)).toHaveText("The room is locked.");
  const outside = await open({ search: { name: "Hal" } });
  await expect(outside.locator("#join-error")).toHaveText("The room is locked. You can watch.");
  await expectAccessible(outside, "locked");

  await press(teacher, "Freeze");
  await expect(mine(ada)).not.toBeEditable();
  await expect(ada.locator("#my-note")).toContainText("Frozen");
  await expectAccessible(ada, "frozen");
  await press(teacher, "Freeze");
  await expect(mine(ada)).toBeEditable();

  await teacher.locator("#host-more").click();
  await teacher.getByRole("menuitem", { name: "Clear all" }).click();
  await confirm(teacher, "Clear all");
  await expect(mine(ada)).toHaveValue("");
  await expect(ada.locator("#my-note")).toHaveText("A host has cleared your box.");
  await expect(textOf(projector, "Pupil 3")).toHaveText("");

  await mine(ada).fill("kept for later");
  await expect(textOf(teacher, "Ada")).toHaveText("kept for later");
  const download = teacher.waitForEvent("download");
  await teacher.locator("#host-more").click();
  await teacher.getByRole("menuitem", { name: "Save the wall" }).click();
  await expectAccessible(teacher, "saves the wall");
  await teacher.getByRole("button", { name: "Spreadsheet (CSV)" }).click();
  const file = await readFile(await (await download).path(), "utf8");
  expect(file).toContain(",Why is the sky blue? https://example.org/sky\r\nName,Text\r\n");
  expect(file).toContain("\r\nAda,kept for later\r\n");
});
