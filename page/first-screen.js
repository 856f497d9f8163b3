// Shows the first screen as soon as it is there, before the rest of the page. What is clicked before the page's own
// script runs is clicked again by it.

(() => {
  const door = /** @type {HTMLElement} */ (document.getElementById("door"));
  const query = new URLSearchParams(location.search);
  const asks = (/** @type {string} */ name) => query.get(name)?.trim() ?? "";
  const primary = (/** @type {string} */ tag) => tag.split("-")[0];

  // The page's own script decides when it is not sure that the first screen comes next, and in this language.
  function isSure() {
    const { language } = JSON.parse(localStorage.getItem("typewall") ?? "{}");
    const spoken = asks("lang") || language || document.documentElement.lang;
    return (
      document.getElementById("too-old")?.hidden &&
      primary(spoken) === primary(document.documentElement.lang) &&
      (sessionStorage.getItem("typewall seat") ?? "null") === "null" &&
      !(asks("room") && asks("name")) &&
      ["", "wall"].includes(asks("view")) &&
      !/\bme\b/.test(asks("hide"))
    );
  }

  door.addEventListener("submit", (event) => event.preventDefault());
  door.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLButtonElement) Object.assign(window, { early: target });
  });
  /** @type {HTMLElement} */ (document.getElementById("door-room")).textContent = asks("room") || "lobby";
  try {
    door.hidden = !isSure();
  } catch {
    // storage is forbidden
  }
})();
