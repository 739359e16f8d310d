// The search box, with the pagefind index of the site.
(function () {
  "use strict";
  const PAGES = 6;
  const SECTIONS = 3; // per page
  const box = document.querySelector("search");
  const input = box.querySelector("input");
  const found = box.querySelector(".found");
  const status = found.querySelector("[role=status]");
  const list = found.querySelector("ol");
  const bundle = new URL(box.dataset.bundle, document.baseURI);
  let engine = null;
  let origin = null; // scroll position and focus before "/"

  // Opened from a folder, a page may import no module and start no worker, but may run a script.
  function runScript(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${address} is missing`)));
      document.head.append(script);
    });
  }

  async function openFolder() {
    await runScript(new URL("pagefind-files.js", bundle).href);
    return window.openPagefind(bundle.href);
  }

  async function load() {
    const folder = location.protocol === "file:";
    const pagefind = folder ? await openFolder() : await import(bundle.href);
    await pagefind.options({ baseUrl: new URL("..", bundle).pathname, noWorker: folder });
    await pagefind.init();
    return pagefind;
  }

  // Pagefind marks matches with <mark>. Only text and these marks are kept, no other elements.
  function excerpt(html) {
    const paragraph = document.createElement("p");
    for (const part of new DOMParser().parseFromString(html, "text/html").body.childNodes) {
      const marked = part.nodeName === "MARK";
      const piece = marked ? document.createElement("mark") : document.createTextNode("");
      piece.textContent = part.textContent;
      paragraph.append(piece);
    }
    return paragraph;
  }

  function entry(page, section) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = section.url;
    link.textContent = page.meta.title;
    if (section.title !== page.meta.title) {
      const heading = document.createElement("span");
      heading.textContent = section.title;
      link.append(": ", heading);
    }
    item.append(link, excerpt(section.excerpt));
    return item;
  }

  function showStatus(text, items = []) {
    status.textContent = text;
    list.replaceChildren(...items);
    found.hidden = false;
  }

  async function search() {
    const query = input.value.trim();
    found.hidden = !query;
    if (!query) return;
    try {
      engine = engine || load();
      const response = await (await engine).debouncedSearch(query, {}, 150);
      if (!response) return; // superseded by newer input
      const pages = await Promise.all(response.results.slice(0, PAGES).map((page) => page.data()));
      if (query !== input.value.trim()) return;
      const items = pages.flatMap((page) =>
        page.sub_results.slice(0, SECTIONS).map((section) => entry(page, section)),
      );
      const count = response.results.length;
      showStatus(count ? `Found on ${count} ${count > 1 ? "pages" : "page"}` : "Nothing found", items);
    } catch (error) {
      engine = null;
      showStatus(`The search index cannot be read: ${error.message}`);
    }
  }

  function close() {
    found.hidden = true;
  }

  box.hidden = false;
  input.addEventListener("input", search);
  input.addEventListener("focus", search);
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || close());
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    input.value = "";
    if (!origin) return;
    input.blur();
    scrollTo({ top: origin.top, behavior: "instant" });
    if (origin.element) origin.element.focus({ preventScroll: true });
    origin = null;
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
    event.preventDefault();
    origin = { top: scrollY, element: document.activeElement };
    input.focus();
  });
})();
