// A lesson of two people, in steps that every engine has to pass. It uses what all drivers have, and looks at nothing but
// the document.

import { enterByScript } from "./script.js";
import { until } from "./waiting.js";

const LINES = Array.from({ length: 80 }, (_, index) => `line ${index}`).join("\n");

// Functions that run in the page.
const boxText = (name) => [...document.querySelectorAll(".box")].find((box) => box.querySelector("bdi").textContent === name)?.querySelector(".text").textContent;
const isShown = (selector) => Boolean(document.querySelector(selector)?.getClientRects().length);
const hasFocus = (selector) => document.activeElement === document.querySelector(selector);
const showsEnd = () => {
  const text = document.querySelector(".box .text");
  const { bottom } = text.firstElementChild.getBoundingClientRect();
  return Math.abs(bottom - text.getBoundingClientRect().bottom) < 40;
};

// `open` gives a person with a browser; `server` may be restarted; `step` runs one step and says how it went.
export async function lesson({ open, server, step }) {
  const room = "lesson";
  const address = `${server.url}?${new URLSearchParams({ room })}`;
  const ada = await open();
  const ben = await open();
  let carol;

  const sees = (person, what, script, ...args) => until(() => person.run(script, ...args), what);
  const reads = (person, name, text) =>
    until(async () => {
      const seen = await person.run(boxText, name);
      return seen === text || seen;
    }, `${name}'s box says ${JSON.stringify(text.slice(-40))}`);
  const says = (person, selector, text) => sees(person, `${selector} says ${text}`, (selector, text) => document.querySelector(selector)?.textContent.includes(text) || document.querySelector(selector)?.textContent, selector, text);
  const posts = (person, ...texts) =>
    until(async () => {
      const seen = await person.run(() => [...document.querySelectorAll("#posts .post .body")].map((post) => post.textContent));
      return JSON.stringify(seen) === JSON.stringify(texts) || seen;
    }, `the log is ${texts}`);
  const clearMine = async (person) => {
    await person.click("#my-text");
    await person.press("Control+a");
    await person.press("Backspace");
    await sees(person, "the box is empty", () => document.querySelector("#my-text").value === "");
  };

  await step("the first screen says which room it is", async () => {
    await ada.open(address);
    await says(ada, "#door-room", room);
  });
  await step("one joins with Enter, and has the focus in the box", async () => {
    await ada.click("#name");
    await ada.type("Ada");
    await ada.press("Enter");
    await sees(ada, "the box has the focus", hasFocus, "#my-text");
  });
  await step("another joins with the button, and each sees the other", async () => {
    await ben.open(address);
    await ben.click("#name");
    await ben.type("Ben");
    await ben.click("#join button.main");
    await sees(ben, "Ada is there", (name) => [...document.querySelectorAll(".box bdi")].some((bdi) => bdi.textContent === name), "Ada");
    await sees(ada, "Ben is there", (name) => [...document.querySelectorAll(".box bdi")].some((bdi) => bdi.textContent === name), "Ben");
  });
  await step("what one types is seen as it is typed, and that one types", async () => {
    await ada.type("Helo");
    await reads(ben, "Ada", "Helo");
    await sees(ben, "Ada types", () => Boolean(document.querySelector('.box[data-state="typing"]')));
  });
  await step("a change in the middle is seen", async () => {
    await ada.press("ArrowLeft");
    await ada.type("l");
    await reads(ben, "Ada", "Hello");
    await ada.press("Backspace");
    await reads(ben, "Ada", "Helo");
    await ada.press("End");
  });
  await step("a new line is a new line", async () => {
    await ada.press("Enter");
    await ada.type("two");
    await reads(ben, "Ada", "Helo\ntwo");
  });
  await step("emoji stay whole", async () => {
    await clearMine(ada);
    await ada.type("a😀👩‍🚀b");
    await reads(ben, "Ada", "a😀👩‍🚀b");
  });
  await step("Hebrew and Arabic go from right to left", async () => {
    await clearMine(ada);
    await ada.type("שלום مرحبا");
    await reads(ben, "Ada", "שלום مرحبا");
    await sees(ben, "the text goes from right to left", () => document.querySelector(".box .text p").matches(":dir(rtl)"));
  });
  await step("while sharing is paused, others see what they saw", async () => {
    await clearMine(ada);
    await ada.type("open");
    await reads(ben, "Ada", "open");
    await ada.click("#pause");
    await ada.click("#my-text");
    await ada.type(" secret");
    await sees(ada, "the key is in the box", (text) => document.querySelector("#my-text").value === text, "open secret");
    await ben.type("while");
    await reads(ada, "Ben", "while"); // the server has had both by now
    await reads(ben, "Ada", "open");
  });
  await step("and when it goes on, they see the rest", async () => {
    await ada.click("#pause");
    await reads(ben, "Ada", "open secret");
  });
  await step("Control and Enter posts, and empties the box", async () => {
    await ada.press("Control+Enter");
    await posts(ada, "open secret");
    await posts(ben, "open secret");
    await sees(ada, "the box is empty", () => document.querySelector("#my-text").value === "");
    await reads(ben, "Ada", "");
  });
  await step("the button posts, and an address is a link", async () => {
    await ada.type("see https://example.org/a.");
    await ada.click("#post");
    await posts(ben, "open secret", "see https://example.org/a.");
    await sees(ben, "there is a link", (href) => document.querySelector("#posts a")?.href === href, "https://example.org/a");
  });
  await step("Clear empties the box for all, and undo brings the text back", async () => {
    await ada.type("not lost");
    await reads(ben, "Ada", "not lost");
    await ada.click("#clear");
    await reads(ben, "Ada", "");
    await ada.click("#my-text");
    await ada.undo();
    await reads(ben, "Ada", "not lost");
  });
  await step("a box with the pointer on it follows its text", async () => {
    carol = await enterByScript(server.url, room, "Carol");
    await ada.open(address.replace(room, "other")); // one box less, so that the first is Carol's
    await sees(ben, "Ada is gone", () => document.querySelectorAll(".box").length === 1);
    await ben.hover(".box .text");
    carol.write(LINES);
    await reads(ben, "Carol", LINES);
    await sees(ben, "the end is in sight", showsEnd);
    carol.write(`${LINES}\nhovered`);
    await reads(ben, "Carol", `${LINES}\nhovered`);
    await sees(ben, "the end is in sight", showsEnd);
  });
  await step("who has scrolled up in it is left in peace", async () => {
    await ben.run(() => (document.querySelector(".box .text").scrollTop = 0));
    await sees(ben, "the page knows", () => document.querySelector(".box .text").scrollTop === 0);
    await ben.run(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)))).then(() => null));
    carol.write(`${LINES}\nunseen`);
    await reads(ben, "Carol", `${LINES}\nunseen`);
    await sees(ben, "the start is still in sight", () => document.querySelector(".box .text").scrollTop < 5);
  });
  await step("the captions begin at the end all the same", async () => {
    await ben.click('[data-view-to="captions"]');
    await sees(ben, "the end is in sight", showsEnd);
    carol.write(`${LINES}\nin the captions`);
    await sees(ben, "the text is there", () => document.querySelector(".box .text").textContent.endsWith("in the captions"));
    await sees(ben, "the end is in sight", showsEnd);
  });
  await step("Back leads to the wall, at the end of each text", async () => {
    await ben.run(() => history.back());
    await sees(ben, "the wall is there", () => document.querySelector('[data-view-to="wall"]').getAttribute("aria-pressed") === "true");
    await sees(ben, "the end is in sight", showsEnd);
  });
  await step("a box that the pointer has only crossed shows its end", async () => {
    await ben.hover(".box .text");
    await ben.hover("#my-text");
    carol.write(`${LINES}\ncrossed`);
    await reads(ben, "Carol", `${LINES}\ncrossed`);
    await sees(ben, "the end is in sight", showsEnd);
  });
  await step("a box with the focus follows its text", async () => {
    await ben.run(() => document.querySelector(".box .text").focus());
    carol.write(`${LINES}\nfocused`);
    await reads(ben, "Carol", `${LINES}\nfocused`);
    await sees(ben, "the end is in sight", showsEnd);
  });
  await step("Enter enlarges it, and it goes on", async () => {
    await ben.press("Enter");
    await sees(ben, "the enlarged box is there", isShown, "#stage");
    carol.write("enlarged");
    await says(ben, "#stage-text", "enlarged");
  });
  await step("Escape leads back to the box, with the focus", async () => {
    await ben.press("Escape");
    await sees(ben, "it is gone", () => document.querySelector("#stage").hidden);
    await sees(ben, "the box has the focus", hasFocus, ".box .text");
  });
  await step("a click enlarges, and Back closes", async () => {
    await ben.click(".box .text");
    await sees(ben, "the enlarged box is there", isShown, "#stage");
    await ben.click("#back");
    await sees(ben, "it is gone", () => document.querySelector("#stage").hidden);
  });
  await step("one who is hidden is in no view", async () => {
    await ben.click(".box .text");
    await ben.click("#hide");
    await sees(ben, "the box is gone", () => document.querySelector(".box").hidden);
    await ben.click('[data-view-to="captions"]');
    await sees(ben, "the captions are empty", isShown, "#wall-empty");
  });
  await step("one who is shown again is there at once", async () => {
    await ben.click("#to-settings");
    await ben.click("#hidden-people button");
    await ben.click("#settings [data-close]");
    await sees(ben, "the text is in sight", isShown, ".box .text");
    await ben.click('[data-view-to="wall"]');
  });
  await step("the arrow keys go from box to box", async () => {
    await ada.open(`${address}&name=Ada`);
    await sees(ada, "Ada is back", hasFocus, "#my-text");
    await sees(ben, "there are two boxes", () => document.querySelectorAll(".box").length === 2);
    await ben.run(() => document.querySelector(".box .text").focus());
    await ben.press("ArrowRight");
    await sees(ben, "the second has the focus", () => document.activeElement === document.querySelectorAll(".box .text")[1]);
    await ben.press("ArrowLeft");
    await sees(ben, "the first has the focus", hasFocus, ".box .text");
  });
  await step("the language changes, words, direction and old news", async () => {
    await ben.run(() => {
      const select = document.querySelector("#language");
      select.value = "ar";
      select.dispatchEvent(new Event("change"));
    });
    await sees(ben, "the page goes from right to left", () => getComputedStyle(document.body).direction === "rtl");
    await sees(ben, "the news are Arabic", () => !/joined|left/.test(document.querySelector("#posts").textContent));
  });
  await step("and back again", async () => {
    await ben.run(() => {
      const select = document.querySelector("#language");
      select.value = "en";
      select.dispatchEvent(new Event("change"));
    });
    await sees(ben, "the page goes from left to right", () => getComputedStyle(document.body).direction === "ltr");
  });
  await step("dark is dark and light is light", async () => {
    for (const [theme, isDark] of [["dark", true], ["light", false]]) {
      await ben.run((theme) => {
        const select = document.querySelector("#theme");
        select.value = theme;
        select.dispatchEvent(new Event("change"));
      }, theme);
      await sees(ben, `the page is ${theme}`, (isDark) => getComputedStyle(document.body).backgroundColor.match(/\d+/)[0] < 128 === isDark, isDark);
    }
  });
  await step("a selection is translucent, so that text keeps its contrast", async () => {
    await sees(ben, "it is", () => /rgba|\/ 0\.|0\.2/.test(getComputedStyle(document.body, "::selection").backgroundColor) || getComputedStyle(document.body, "::selection").backgroundColor);
  });
  await step("text grows and shrinks", async () => {
    const before = await ben.run(() => parseFloat(getComputedStyle(document.querySelector(".box .text")).fontSize));
    await ben.click("#to-settings");
    await ben.click('#settings [data-size="1"]');
    await sees(ben, "it is larger", (before) => parseFloat(getComputedStyle(document.querySelector(".box .text")).fontSize) > before, before);
    await ben.click('#settings [data-size="-1"]');
    await ben.click("#settings [data-close]");
    await sees(ben, "the settings are closed", () => !document.querySelector("dialog[open]"));
  });
  await step("the host link makes a host", async () => {
    await ada.run((key) => void (location.hash = `host=${key}`), server.hostKey);
    await sees(ada, "the bar is there", isShown, "#host-bar");
  });
  await step("hidden answers are hidden, and that somebody wrote is told", async () => {
    await ada.click("#my-text");
    await ada.type("my answer");
    await reads(ben, "Ada", "my answer");
    await ada.click("#hide-answers");
    await reads(ben, "Ada", "");
    await says(ben, "#state", "hidden");
    await sees(ben, "Ada has written", () => Boolean(document.querySelector(".box[data-wrote]")));
  });
  await step("revealed answers are there again", async () => {
    await ada.click("#hide-answers");
    await reads(ben, "Ada", "my answer");
  });
  await step("a question is above every wall", async () => {
    await ada.click("#question");
    await ada.type("Why?");
    await ada.press("Enter");
    await says(ben, "#prompt", "Why?");
  });
  await step("in a frozen room only hosts write", async () => {
    await ada.click("#freeze");
    await sees(ben, "the box is read-only", () => document.querySelector("#my-text").readOnly);
    await ada.click("#freeze");
    await sees(ben, "the box can be written in", () => !document.querySelector("#my-text").readOnly);
  });
  await step("a menu opens with the focus in it, and Escape closes it", async () => {
    await ada.click(".box .more");
    await sees(ada, "an item has the focus", () => document.activeElement.getAttribute("role") === "menuitem");
    await ada.press("ArrowDown");
    await ada.press("Escape");
    await sees(ada, "the button has the focus", () => document.activeElement === document.querySelector(".box .more"));
    await sees(ada, "the menu is gone", () => !document.querySelector("#menu").getClientRects().length);
  });
  await step("a spotlight shows one box to everyone, and ends", async () => {
    await ada.run(() => void ([...document.querySelectorAll(".box")].find((box) => box.textContent.includes("Carol")).querySelector(".more").id = "of-carol"));
    await ada.click("#of-carol");
    await ada.click("#menu button");
    await sees(ben, "the enlarged box is there", isShown, "#stage");
    await sees(ada, "and for the host", isShown, "#stage");
    await ada.click("#end-spotlight");
    await sees(ben, "it is gone", () => document.querySelector("#stage").hidden);
  });
  await step("Enter in the box is a new line", async () => {
    await clearMine(ben);
    await ben.type("kept");
    await ben.press("Enter");
    await ben.type("text");
    await reads(ada, "Ben", "kept\ntext");
  });
  await step("a reload keeps the seat and the text", async () => {
    await ben.reload();
    await sees(ben, "the text is there", (text) => document.querySelector("#my-text")?.value === text, "kept\ntext");
    await says(ben, "#my-name", "Ben");
    await reads(ada, "Ben", "kept\ntext");
    await sees(ben, "nobody is there twice", () => document.querySelectorAll('.box:not([data-state="gone"])').length === 2);
  });
  await step("a server that restarts loses no letter", async () => {
    await server.stop();
    await sees(ben, "the page knows", () => document.querySelector("#link").dataset.up === "false");
    await ben.click("#my-text");
    await ben.press("Control+End");
    await ben.type(" offline");
    await server.restart();
    await sees(ben, "the page is back", () => document.querySelector("#link").dataset.up === "true");
    await reads(ada, "Ben", "kept\ntext offline");
    await reads(ben, "Ada", "my answer");
  });
  await step("a post that was written while the server was away comes once", async () => {
    const before = await ben.run(() => document.querySelectorAll("#posts .post").length);
    await server.stop();
    await sees(ben, "the page knows", () => document.querySelector("#link").dataset.up === "false");
    await ben.click("#my-text");
    await ben.press("Control+Enter");
    await server.restart();
    await sees(ada, "the post is there", (text) => [...document.querySelectorAll("#posts .body")].filter((post) => post.textContent === text).length === 1, "kept\ntext offline");
    await sees(ben, "the box is empty", () => document.querySelector("#my-text").value === "");
    await sees(ben, "there is one post more", (before) => document.querySelectorAll("#posts .post").length === before + 1, before);
  });
  await step("who leaves is gone from the wall, and the first screen is there", async () => {
    await ben.click("#leave");
    await sees(ben, "the first screen is there", isShown, "#door");
    await sees(ada, "Ben's box is gone", (name) => ![...document.querySelectorAll('.box:not([data-state="gone"]) bdi')].some((bdi) => bdi.textContent === name), "Ben");
  });
  await ada.close();
  await ben.close();
}
