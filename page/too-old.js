// Says that this browser is too old, before the page's own script, which such a browser may not even be able to read.
// It is the one file for browsers of any age: no syntax and no function from after 2012, and no module.

(function () {
  // Safari before 15.4, Firefox before 98, and Chrome and Edge before 108 lack one of these.
  var hasParts = window.HTMLDialogElement && window.BroadcastChannel;
  var isNewEnough = hasParts && "findLast" in [] && CSS.supports("block-size", "1dvh");
  /** @type {any} */ (document.getElementById("too-old")).hidden = isNewEnough;
})();
