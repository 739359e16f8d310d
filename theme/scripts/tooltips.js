// Without a mouse, the first tap on a link with a tooltip shows the tooltip, the second follows it.
(function () {
  "use strict";
  let shown = null;
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".bound > a");
    if (link && link !== shown && matchMedia("(hover: none)").matches) {
      event.preventDefault();
      link.focus();
    }
    shown = link;
  });
})();
