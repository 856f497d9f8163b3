// How Firefox is started: the system's own, over WebDriver BiDi, with nothing that talks to elsewhere.

export const firefoxOptions = {
  browserName: "firefox",
  channel: "moz-firefox",
  launchOptions: {
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    firefoxUserPrefs: {
      "general.smoothScroll": false,
      // A mouse, which a machine without a screen lacks: it hovers (4) and is fine (2).
      "ui.primaryPointerCapabilities": 6,
      "ui.allPointerCapabilities": 6,
    },
  },
};
