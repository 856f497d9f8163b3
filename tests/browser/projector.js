// A crowd for a wall on a projector, and what can be measured of that wall.

import { Bot } from "./wall.js";

const ANSWERS = [
  "A plant is green because chlorophyll takes in red and blue light and leaves the green.",
  "it reflects green",
  "because of the chlorophyll!",
  "потому что зелёный свет отражается",
  "Green light is not used, so it comes back to us",
  "כי הכלורופיל מחזיר את האור הירוק",
  "the wavelength around 550 nm is reflected, the rest is absorbed",
  "I think the leaf keeps what it can use",
  "not sure…",
  "Chlorophyll a and b absorb at 430 and 660 nm; between them nothing does",
];
const NAMES = ["Ada", "Ben", "Chiara", "Dmitri", "Efua", "שרה", "Grace", "Hiro", "Ines", "Jonas", "Kemal", "Lena", "Mia", "Noor", "Omar"];

export const nameOf = (index) => NAMES[index] ?? `Student ${index + 1}`;

// So many people in a room, each of whom has written an answer.
export async function crowdOf(url, room, count, answerOf = (index) => ANSWERS[index % ANSWERS.length]) {
  const bots = [];
  for (let index = 0; index < count; index += 1) {
    const bot = await Bot.join(url, room, nameOf(index));
    if (answerOf(index)) bot.write(answerOf(index));
    bots.push(bot);
  }
  return { bots, leave: () => bots.forEach((bot) => bot.socket.terminate()) };
}

// What the wall of a page shows, once it has so many boxes and rests.
export async function measureWall(page, count) {
  await page.waitForFunction((count) => document.querySelectorAll(".box").length === count, count);
  await page.waitForFunction(() => !document.querySelector('[data-state="typing"]'));
  // What finds the size is fetched first.
  await page.waitForFunction(() => document.getElementById("wall").style.getPropertyValue("--columns"));
  return page.evaluate(() => {
    const wall = document.getElementById("wall").getBoundingClientRect();
    const boxes = [...document.querySelectorAll(".box")].filter((box) => box.offsetHeight);
    const isBetween = (outer, { top, bottom }) => top >= outer.top - 1 && bottom <= outer.bottom + 1;
    const isInside = (outer, part) => isBetween(outer, part) && part.left >= outer.left - 1 && part.right <= outer.right + 1;
    const style = getComputedStyle(boxes[0].querySelector(".text"));
    // A browser may give a line more height than its letters need.
    const lettersOf = ({ top, bottom }) => {
      const [middle, half] = [(top + bottom) / 2, 0.45 * parseFloat(style.fontSize)];
      return { top: middle - half, bottom: middle + half };
    };
    const isWhole = (box) => {
      const frame = box.getBoundingClientRect();
      const words = document.createRange();
      words.selectNodeContents(box.querySelector(".text p"));
      const text = box.querySelector(".text").getBoundingClientRect();
      // The space at the end of a line hangs out of it; for no text at all, Firefox has a rectangle without a size.
      const lines = [...words.getClientRects()].filter(({ width }) => width);
      return isInside(wall, frame) && isInside(frame, text) && lines.every((line) => isBetween(text, lettersOf(line)));
    };
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.font = `${style.fontSize} ${style.fontFamily}`;
    return {
      shown: boxes.length,
      cut: boxes.filter((box) => !isWhole(box)).length,
      size: Math.round(parseFloat(style.fontSize)),
      xHeight: Math.round(canvas.measureText("x").actualBoundingBoxAscent),
      range: document.getElementById("pages").hidden ? "" : document.getElementById("page-range").textContent,
    };
  });
}
