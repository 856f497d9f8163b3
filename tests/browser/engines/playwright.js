// Chromium and Firefox, driven by Playwright, with the same few calls as WebKitGTK (webdriver.js).

import { chromium, firefox } from "@playwright/test";
import { launchOptions } from "../chromium.js";
import { firefoxOptions } from "../firefox.js";

const VIEWPORT = { width: 1280, height: 800 };

export const startChromium = () => chromium.launch(launchOptions);
export const startFirefox = () => firefox.launch({ channel: firefoxOptions.channel, ...firefoxOptions.launchOptions });

// One person: a context of their own.
export async function openPerson(browser) {
  const context = await browser.newContext({ locale: "en", viewport: VIEWPORT });
  return new Person(await context.newPage());
}

class Person {
  constructor(page) {
    this.page = page;
  }

  open(url) {
    return this.page.goto(url);
  }

  reload() {
    return this.page.reload();
  }

  // As WebDriver has it: the function's source with its arguments.
  run(script, ...args) {
    return this.page.evaluate(`(${script})(...${JSON.stringify(args)})`);
  }

  click(selector) {
    return this.page.locator(selector).first().click();
  }

  hover(selector) {
    return this.page.locator(selector).first().hover();
  }

  type(text) {
    return this.page.keyboard.type(text);
  }

  press(keys) {
    return this.page.keyboard.press(keys);
  }

  undo() {
    return this.press("Control+z");
  }

  // Only Chromium; Firefox has marionette.js.
  async compose(text) {
    this.protocol ??= await this.page.context().newCDPSession(this.page);
    this.composed = text;
    const key = { type: "rawKeyDown", windowsVirtualKeyCode: 229, code: "KeyK", key: "Process" };
    await this.protocol.send("Input.dispatchKeyEvent", key);
    await this.protocol.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
    return text;
  }

  async commit() {
    const key = { type: "rawKeyDown", windowsVirtualKeyCode: 229, code: "Enter", key: "Process" };
    await this.protocol.send("Input.dispatchKeyEvent", key);
    await this.protocol.send("Input.insertText", { text: this.composed });
  }

  close() {
    return this.page.context().close();
  }
}
