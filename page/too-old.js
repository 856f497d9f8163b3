// Says that this browser is too old, before the page's own script, which such a browser may not even be able to read.
// It is the one file for browsers of any age: no syntax and no function from after 2012, and no module.

(function () {
  var sentence = /** @type {any} */ (document.getElementById("too-old"));
  var languages = navigator.languages || [navigator.language || "en"];

  // Safari before 15.4, Firefox before 98, and Chrome and Edge before 108 lack one of these.
  function isNewEnough() {
    var hasParts = window.HTMLDialogElement && window.BroadcastChannel;
    return hasParts && "findLast" in [] && CSS.supports("block-size", "1dvh");
  }

  // English stands in the document. The words of other languages are fetched by the first name that the server knows.
  /** @param {number} at */
  function speak(at) {
    var language = languages[at];
    var asked = new XMLHttpRequest();
    if (!language || language.slice(0, 2) === "en") return;
    asked.onload = function () {
      if (asked.status !== 200) return speak(at + 1);
      sentence.textContent = JSON.parse(asked.responseText).tooOld;
      document.documentElement.lang = language;
    };
    asked.open("GET", "words/" + language.split("-")[0] + ".json");
    asked.send();
  }

  if (isNewEnough()) return;
  sentence.hidden = false;
  speak(0);
})();
