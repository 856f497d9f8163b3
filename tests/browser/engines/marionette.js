// Firefox, driven over the socket of its own remote protocol, Marionette. Unlike BiDi, it also reaches the browser itself,
// which has the input method that Firefox's own tests use.

/* global Cc, Ci, Services -- of the browser itself */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firefoxOptions } from "../firefox.js";
import { end, until } from "./waiting.js";
import { Person } from "./webdriver.js";

const PREFERENCES = ['user_pref("marionette.port", 0);', 'user_pref("datareporting.policy.dataSubmissionEnabled", false);'];

export async function openFirefox() {
  const profile = mkdtempSync(join(tmpdir(), "typewall-firefox-"));
  writeFileSync(join(profile, "user.js"), PREFERENCES.join("\n"));
  const options = ["--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile];
  const browser = spawn(firefoxOptions.launchOptions.executablePath, options, { stdio: "ignore" });
  const active = join(profile, "MarionetteActivePort"); // Firefox writes it when it listens
  await until(() => existsSync(active) && readFileSync(active, "utf8") !== "", "Firefox listens");
  const socket = connect(Number(readFileSync(active, "utf8")), "127.0.0.1");
  await once(socket, "connect");
  const person = new FirefoxPerson(commandsOver(socket));
  Object.assign(person, { browser, profile, socket });
  await person.send("WebDriver:NewSession", { capabilities: { alwaysMatch: {} } });
  return person;
}

// Sends commands, one at a time, as `LENGTH:[0, ID, COMMAND, PARAMETERS]`, and reads `LENGTH:[1, ID, ERROR, RESULT]`.
function commandsOver(socket) {
  const waiting = new Map();
  let received = Buffer.alloc(0);
  let last = 0;
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
    for (let colon = received.indexOf(":"); colon !== -1; colon = received.indexOf(":")) {
      const length = Number(received.subarray(0, colon));
      if (received.length < colon + 1 + length) return;
      const message = JSON.parse(received.subarray(colon + 1, colon + 1 + length));
      received = received.subarray(colon + 1 + length);
      if (Array.isArray(message)) settle(waiting, message); // the first message is a greeting
    }
  });
  return (command, parameters = {}) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      const message = JSON.stringify([0, last, command, parameters]);
      socket.write(`${Buffer.byteLength(message)}:${message}`);
    });
}

function settle(waiting, [, id, error, result]) {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(`${error.error}: ${error.message}`));
  else resolve(result && "value" in result ? result.value : result);
}

class FirefoxPerson extends Person {
  // Runs a function in the browser itself.
  async runInBrowser(script, ...args) {
    await this.send("Marionette:SetContext", { value: "chrome" });
    await this.run(script, ...args);
    await this.send("Marionette:SetContext", { value: "content" });
  }

  async compose(text) {
    await this.runInBrowser((text) => {
      const window = Services.wm.getMostRecentWindow("navigator:browser");
      const method = Cc["@mozilla.org/text-input-processor;1"].createInstance(Ci.nsITextInputProcessor);
      window.typewallMethod = method;
      method.beginInputTransactionForTests(window);
      method.setPendingCompositionString(text);
      method.appendClauseToPendingComposition(text.length, method.ATTR_RAW_CLAUSE);
      method.setCaretInPendingComposition(text.length);
      method.flushPendingComposition(new window.KeyboardEvent("", { key: "k", code: "KeyK", keyCode: 75 }));
    }, text);
    return text;
  }

  commit() {
    return this.runInBrowser(() => {
      const window = Services.wm.getMostRecentWindow("navigator:browser");
      const enter = new window.KeyboardEvent("", { key: "Enter", code: "Enter", keyCode: 13 });
      window.typewallMethod.commitComposition(enter);
    });
  }

  async close() {
    this.socket.destroy();
    await end(this.browser);
    rmSync(this.profile, { recursive: true, force: true });
  }
}
