// What eslint checks in the page and in its tests, those of Socket.IO clients too. Run it in the repository's folder: `npm run lint`.

import { readFileSync } from "node:fs";

const BROWSER = [
  "AbortController", "AbortSignal", "AudioContext", "Blob", "BroadcastChannel", "CharacterData", "CSS", "CompositionEvent", "Document", "Element",
  "Event", "EventTarget", "HTMLAnchorElement", "HTMLButtonElement", "HTMLElement", "Node", "InputEvent", "KeyboardEvent", "MessageChannel", "MutationObserver", "Notification", "Option", "PageTransitionEvent",
  "PerformanceObserver", "ResizeObserver", "Response", "Text", "TextEncoder", "URL", "URLSearchParams", "WebSocket", "XMLHttpRequest",
  "btoa",   "clearTimeout", "crypto", "dispatchEvent", "document", "fetch", "getComputedStyle", "getSelection", "history",
  "innerHeight", "innerWidth", "isSecureContext", "localStorage", "location", "matchMedia", "navigator", "performance",
  "requestAnimationFrame", "sessionStorage", "setTimeout", "visualViewport", "window",
];
const NODE = ["Buffer", "console", "clearInterval", "process", "setInterval"];

// Tests reach into the page by these names, in functions that run there.
const MINIFIER = readFileSync(new URL("../../build/minify.rs", import.meta.url), "utf8");
const PAGE = [.../NAMES_IN_TESTS[^=]*= \[([^\]]*)\]/.exec(MINIFIER)[1].matchAll(/\w+/g)].map(([name]) => name);

const readonly = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

const RULES = {
  "array-callback-return": "error",
  "consistent-return": "off", // tsc checks it by types
  "curly": ["error", "multi-line"],
  "eqeqeq": "error",
  "no-alert": "error",
  "no-cond-assign": "error",
  "no-constant-condition": "error",
  "no-dupe-args": "error",
  "no-dupe-else-if": "error",
  "no-dupe-keys": "error",
  "no-duplicate-case": "error",
  "no-duplicate-imports": "error",
  "no-eval": "error",
  "no-fallthrough": ["error", { allowEmptyCase: true }],
  "no-implied-eval": "error",
  "no-loss-of-precision": "error",
  "no-new-func": "error",
  "no-redeclare": "error",
  "no-script-url": "off",
  "no-self-assign": "error",
  "no-self-compare": "error",
  "no-undef": "error",
  "no-unreachable": "error",
  "no-unsafe-finally": "error",
  "no-unused-expressions": ["error", { allowShortCircuit: true, allowTernary: true }],
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
  "no-use-before-define": "off",
  "no-var": "error",
  "object-shorthand": "error",
  "one-var": ["error", "never"],
  "prefer-const": "error",
  "prefer-template": "off",
  "use-isnan": "error",
  "valid-typeof": "error",
};

export default [
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["page/**/*.js"],
    languageOptions: { ecmaVersion: "latest", sourceType: "module", globals: readonly(BROWSER) },
    rules: {
      ...RULES,
      "complexity": ["error", 12],
      "max-depth": ["error", 3],
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", 40],
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write"].map((property) => ({ property })),
      ],
      "no-shadow": "error",
    },
  },
  {
    // The syntax that every browser reads.
    files: ["page/too-old.js"],
    languageOptions: { ecmaVersion: 5, sourceType: "script" },
    rules: { "no-var": "off", "object-shorthand": "off" },
  },
  {
    files: ["tests/browser/**/*.js", "tests/socketio/*.js"],
    languageOptions: {
      ecmaVersion: "latest",
      sourceType: "module",
      globals: { ...readonly([...BROWSER, ...NODE, ...PAGE]), look: "writable" },
    },
    rules: RULES,
  },
];
