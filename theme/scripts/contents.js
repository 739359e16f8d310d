// Marks the current section in the table of contents.
(function () {
  "use strict";
  const links = new Map();
  for (const link of document.querySelectorAll("aside.contents a")) {
    links.set(document.getElementById(decodeURIComponent(link.hash.slice(1))), link);
  }
  const passed = new Set();

  // The current section is the last one whose heading is above the middle of the window.
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) passed.add(target);
        else passed.delete(target);
      }
      const current = [...links.keys()].filter((heading) => passed.has(heading)).pop();
      for (const [heading, link] of links) {
        if (heading === current) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "9999999px 0px -50% 0px" },
  );
  for (const heading of links.keys()) observer.observe(heading);
})();
