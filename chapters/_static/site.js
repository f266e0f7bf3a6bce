// What the theme leaves out for readers who use a keyboard, a screen reader or paper.

function tidy() {
  // Names for the two side columns.
  const names = { ".sidebar-drawer": "All pages", ".toc-drawer": "On this page" };
  for (const [place, name] of Object.entries(names)) {
    document.querySelector(place)?.setAttribute("aria-label", name);
  }
  // The theme's page of search has no heading.
  if (!document.querySelector("h1")) {
    const heading = document.createElement("h1");
    heading.textContent = "Search";
    document.querySelector("article")?.prepend(heading);
  }
  // What scrolls sideways can be reached, and scrolled, with the keyboard.
  for (const box of document.querySelectorAll("pre, div.math, .table-wrapper, .cell_output")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

window.addEventListener("load", () => {
  tidy();
  window.MathJax?.startup?.promise?.then(tidy); // formulas have their width only now
});
window.addEventListener("resize", tidy);
document.addEventListener("toggle", tidy, true); // a fold was opened

// Folds are printed open, and closed again afterwards.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("article details:not([open])")];
  for (const fold of opened) fold.open = true;
});
window.addEventListener("afterprint", () => {
  for (const fold of opened) fold.open = false;
});
