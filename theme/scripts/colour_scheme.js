// Light or dark: as the system has it, or as the reader chose. Runs before the page is drawn.
(function () {
  "use strict";
  const CHOICES = ["auto", "light", "dark"];
  const KEY = "colours";

  function stored() {
    try {
      const choice = localStorage.getItem(KEY);
      return CHOICES.includes(choice) ? choice : "auto";
    } catch {
      return "auto"; // the browser keeps nothing for this site
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
      // the choice holds for this page only
    }
    show(choice);
  }

  show(stored());
  addEventListener("DOMContentLoaded", () => {
    show(stored());
    document.querySelector("button.colours").addEventListener("click", next);
  });
  // A page that the browser kept may be older than the choice.
  addEventListener("pageshow", (event) => event.persisted && show(stored()));
})();
