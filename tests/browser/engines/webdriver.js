// A person in a browser that is driven by the commands of WebDriver, over whatever carries them: HTTP to WebKitWebDriver
// (webkit.js), or Marionette's socket to Firefox (marionette.js).

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const KEYS = {
  Backspace: "\ue003", Tab: "\ue004", Enter: "\ue007", Shift: "\ue008", Control: "\ue009", Escape: "\ue00c", End: "\ue010",
  Home: "\ue011", ArrowLeft: "\ue012", ArrowUp: "\ue013", ArrowRight: "\ue014", ArrowDown: "\ue015",
};

export class Person {
  // `send` takes a command by Marionette's name for it, and its parameters.
  constructor(send) {
    this.send = send;
  }

  open(url) {
    return this.send("WebDriver:Navigate", { url });
  }

  reload() {
    return this.send("WebDriver:Refresh");
  }

  run(script, ...args) {
    return this.send("WebDriver:ExecuteScript", { script: `return (${script})(...arguments)`, args });
  }

  async find(selector) {
    const found = await this.send("WebDriver:FindElement", { using: "css selector", value: selector });
    return (found.value ?? found)[ELEMENT];
  }

  async click(selector) {
    await this.send("WebDriver:ElementClick", { id: await this.find(selector) });
  }

  async hover(selector) {
    const origin = { [ELEMENT]: await this.find(selector) };
    const move = { type: "pointerMove", duration: 0, x: 0, y: 0, origin };
    await this.act({ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [move] });
  }

  // Types each character as a key.
  async type(text) {
    const actions = [...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    await this.act({ type: "key", id: "keys", actions });
  }

  // A key, or several that are held down together, such as "Control+Enter".
  async press(keys) {
    const values = keys.split("+").map((key) => KEYS[key] ?? key);
    const down = values.map((value) => ({ type: "keyDown", value }));
    const up = [...values].reverse().map((value) => ({ type: "keyUp", value }));
    await this.act({ type: "key", id: "keys", actions: [...down, ...up] });
  }

  act(source) {
    return this.send("WebDriver:PerformActions", { actions: [source] });
  }
}
