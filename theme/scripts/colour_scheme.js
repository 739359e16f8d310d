// Light or dark, by the system or by choice. Runs before the first paint.
(function () {
  "use strict";
  const CHOICES = ["auto", "light", "dark"];
  const KEY = "colours";

  function stored() {
    try {
      const choice = localStorage.getItem(KEY);
      return CHOICES.includes(choice) ? choice : "auto";
    } catch {
      return "auto"; // no storage for this site
    }
  }

  function show(choice) {
    document.documentElement.dataset.colours = choice;
    const button = document.querySelector("button.colours");
    if (!button) return;
    button.textContent = choice;
    button.setAttribute("aria-label", `Colours: ${choice}`);
    button.hidden = false;
  }

  function next() {
    const choice = CHOICES[(CHOICES.indexOf(stored()) + 1) % CHOICES.length];
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // the choice is not stored
    }
    show(choice);
  }

  show(stored());
  addEventListener("DOMContentLoaded", () => {
    show(stored());
    document.querySelector("button.colours").addEventListener("click", next);
  });
  // A page from the back/forward cache may have an old choice.
  addEventListener("pageshow", (event) => event.persisted && show(stored()));
})();
