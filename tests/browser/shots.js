// Takes the screenshots of docs/: `npm run shots -- FOLDER`.

import { chromium } from "@playwright/test";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { launchOptions } from "./chromium.js";
import { startServer } from "./server.js";

const folder = resolve(process.env.INIT_CWD ?? ".", process.argv[2] ?? "docs");
mkdirSync(folder, { recursive: true });

const CLASS = [
  ["Ada", "A plant is green because chlorophyll takes in red and blue light\nand leaves the green."],
  ["Ben", "it reflects green, so most of the energy must come from red + blue? then why are some algae red"],
  ["Chiara", "Because of the chlorophyll!\n\n…and in autumn it goes, and we see the yellow that was there all along"],
  ["Dmitri", "потому что зелёный свет отражается"],
  ["Efua", ""],
  ["שרה", "כי הכלורופיל מחזיר את האור הירוק"],
  ["Grace", "green light is not used (much)"],
  ["Hiro", "Not sure. I think the wavelength around 550 nm is reflected, the rest absorbed"],
];
const POSTS = [
  ["Ada", "Question 1: why are plants green?"],
  ["Hiro", "There is a good graph here: https://example.org/absorption-spectrum"],
  ["Chiara", "So the leaf keeps what it can use and throws the rest back at us."],
];
const ARABIC = [
  ["ليلى", "النباتات خضراء لأن الكلوروفيل يعكس الضوء الأخضر"],
  ["Omar", "I write in English, and the wall keeps up"],
  ["نور", "نعم، ويمتص الأحمر والأزرق"],
  ["سامي", ""],
];

const PHONE = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

// Without a grace, so that who was in one picture is not away in the next.
const server = await startServer({ options: ["--grace", "0"] });
const browser = await chromium.launch(launchOptions);

async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(error));
  await page.goto(server.url + address);
  return page;
}

// One page holds any number of bare sockets, so that a crowd costs no crowd of pages.
async function crowd(room, people, posts = []) {
  const page = await open(`?view=log&room=${room}-empty`);
  await page.evaluate(async ({ room, people, posts }) => {
    window.sockets = new Map();
    for (const [name, text] of people) {
      const url = new URL(`ws?room=${room}`, location.href);
      const socket = new WebSocket(url.href.replace("http", "ws"));
      await new Promise((open) => (socket.onopen = open));
      const joined = new Promise((done) => (socket.onmessage = ({ data }) => JSON.parse(data)[0] === "existing_users" && done()));
      socket.send(JSON.stringify(["got_a_new_user", { name }]));
      await joined;
      window.sockets.set(name, socket);
      if (text) socket.send(JSON.stringify(["updated_text", { text }]));
    }
    for (const [name, text] of posts) {
      const socket = window.sockets.get(name);
      const posted = new Promise((done) => (socket.onmessage = ({ data }) => JSON.parse(data)[1].text === text && done()));
      socket.send(JSON.stringify(["message", { text }]));
      await posted;
    }
  }, { room, people, posts });
  const type = (name, text) =>
    page.evaluate(([name, text]) => window.sockets.get(name).send(JSON.stringify(["updated_text", { text }])), [name, text]);
  return { type, close: () => page.context().close() };
}

async function shot(page, name) {
  await page.screenshot({ path: `${folder}/${name}.png` });
  console.log(`${folder}/${name}.png`);
}

async function done(...pages) {
  for (const page of pages) await page.context().close();
}

async function write(page, text) {
  await page.getByRole("textbox").fill(text);
}

const physics = await crowd("physics", CLASS, POSTS);
// Only a text that changes is one that is typed.
let isMore = false;
const typing = async () => {
  isMore = !isMore;
  await physics.type("Ben", CLASS[1][1] + (isMore ? "?" : ""));
  await physics.type("Grace", CLASS[6][1] + (isMore ? ", is it" : ""));
};

for (const [name, options] of [
  ["phone", PHONE],
  ["wall", {}],
  ["dark", { colorScheme: "dark" }],
]) {
  const page = await open("?room=physics&name=Ines", options);
  await page.getByText("keeps what it can use").first().waitFor({ state: "attached" });
  await write(page, "Chlorophyll absorbs red and blue, so what reaches us is green");
  await typing();
  await page.locator("[data-state=typing]").first().waitFor();
  await shot(page, name);
  await done(page);
}

const projector = await open("?room=physics&size=fit&hide=me,header,log", { viewport: { width: 1920, height: 1080 } });
await projector.locator(".box").nth(7).waitFor();
await typing();
await projector.locator("[data-state=typing]").first().waitFor();
await shot(projector, "projector");
await done(projector);

const door = await open("?room=physics");
await door.getByText("are here").waitFor();
await shot(door, "first-screen");
await done(door);

const captions = await open("?room=hall&view=captions", { viewport: { width: 1280, height: 720 }, colorScheme: "dark" });
const hall = await crowd("hall", [["Captioner", ""]], [["Captioner", "Good morning, and welcome to everyone who reads along."]]);
await hall.type("Captioner", "Today we look at how a wall of text boxes can carry a whole lecture, word by w");
await captions.getByText("word by w").waitFor();
await shot(captions, "captions");
const reader = await open("?room=hall&view=captions&hide=me&only=Captioner", PHONE);
await reader.getByText("word by w").waitFor();
await shot(reader, "captions-phone");
await done(captions, reader);

const arabic = await crowd("العلوم", ARABIC, [["ليلى", "السؤال الأول: لماذا النباتات خضراء؟"]]);
const rtl = await open("?room=العلوم&name=هدى", { locale: "ar" });
await rtl.getByText("السؤال الأول").waitFor();
await write(rtl, "لأنها تعكس اللون الأخضر");
await arabic.type("نور", "نعم، ويمتص الأحمر والأزرق.");
await rtl.locator("[data-state=typing]").first().waitFor();
await shot(rtl, "right-to-left");
await done(rtl);

const words = CLASS.map(([, text]) => text.split("\n")[0]).filter(Boolean);
const many = Array.from({ length: 99 }, (_, index) => [`Student ${index + 1}`, index % 7 === 3 ? "" : words[index % words.length]]);
await crowd("hundred", many);
const hundred = await open("?room=hundred&name=Ines", { viewport: { width: 1920, height: 1080 } });
await hundred.getByText("100 writing").waitFor();
await write(hundred, "There are a hundred of us");
await hundred.locator(".box").nth(20).waitFor();
await shot(hundred, "100-boxes");

// A lesson: the projector beside the teacher's phone.
const pupils = ["Ada", "Ben", "Chiara", "Dmitri", "Efua", "שרה", "Grace", "Hiro", "Ines", "Jonas", "Kemal", "Lena", "Mia", "Noor", "Omar",
  "Pia", "Quentin", "Rosa", "Sami", "Tara", "Uma", "Viktor", "Wanda", "Xenia", "Yara", "Zoe", "Liam", "Nina", "Otto", "Paul"];
await crowd("biology", pupils.map((name, index) => [name, index % 7 === 4 ? "" : words[index % words.length]]));
const teacher = await open(`?room=biology#host=${server.hostKey}`, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
await teacher.locator("#just-watch").click();
await teacher.locator("#host-bar").waitFor();
await teacher.evaluate(() => send("set_room", { hidden: true, prompt: "Why are plants green?" }));
await teacher.getByText("26 of 30 have written").waitFor();
const lesson = await open("?room=biology&size=fit&hide=me,header,log", { viewport: { width: 1500, height: 844 } });
await lesson.getByText("26 of 30 have written").waitFor();
await teacher.waitForTimeout(2_500); // until nobody types any more
const both = await browser.newPage({ viewport: { width: 1954, height: 884 } }); // without the server's policy for styles
const pictures = [];
for (const page of [lesson, teacher]) pictures.push(`data:image/png;base64,${(await page.screenshot()).toString("base64")}`);
const picture = (source) => `<img src="${source}" height="844" style="outline: 1px solid #7d786b">`;
await both.setContent(`<body style="margin: 20px; display: flex; gap: 24px; background: #ffffff">${pictures.map(picture).join("")}`);
await both.waitForTimeout(200);
await shot(both, "hosting");
await done(teacher, lesson, both);

await browser.close();
await server.stop();
