// Marks the current section in the table of contents, and shows the current page in the lists of pages.
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

  // Scrolls only the list: `scrollIntoView` would scroll the page as well.
  function showCurrentPage(list) {
    const current = list.querySelector("[aria-current=page]");
    if (!current || !list.clientHeight) return;
    const [outer, inner] = [list.getBoundingClientRect(), current.getBoundingClientRect()];
    const below = inner.top - outer.top;
    if (below + inner.height > list.clientHeight) list.scrollTop += below - list.clientHeight / 2;
  }
  showCurrentPage(document.querySelector("nav.pages"));
  const menu = document.querySelector(".menu");
  menu.addEventListener("toggle", () => menu.open && showCurrentPage(menu.querySelector("nav")));
})();
